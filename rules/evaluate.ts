// Runs a rule set over one message: hits with counts and points. It keeps nothing between messages; loops check the
// deadline and give up with what is known so far, saying so.
import type { CompiledTest, Rule, RuleSet } from './compile.js';
import { filled } from './captures.js';
import { isSubRule, type PatternSource } from './definition.js';
import type { Evaluation } from './expression.js';
import { uriDetailHits } from './evals/uri-eval.js';
import type { RuleMail } from './mail/rule-mail.js';
import { mimeHeaderCount } from './mime-header.js';
import { Effort } from './pattern/effort.js';
import { Subject, type Pattern } from './pattern/pattern.js';
import { screenFor, type Screen } from './scan/screen.js';
import { safe } from './bytes.js';

/** One rule that hit. */
export interface RuleHit {
  readonly rule: Rule;
  /** Matches counted, or a meta's value. */
  readonly count: number;
  /** Points: the score, once per match for a scored `multiple` rule. */
  readonly score: number;
  /** Where, short and safe to log; '' when there is nothing to tell. */
  readonly evidence: string;
}

export interface RuleResult {
  /** Rules that score, in name order (SpamAssassin's `tests=`). */
  readonly hits: readonly RuleHit[];
  /** Names of sub-rules that hit, in name order. */
  readonly subRules: readonly string[];
  /** Counts of everything that hit, sub-rules too. */
  readonly counts: ReadonlyMap<string, number>;
  /** Sum of points, rounded to 3 decimals. */
  readonly score: number;
  /** The rule after which the rest was not run, and what it says the message is; null when all were. */
  readonly shortcircuit: { readonly rule: string; readonly kind: 'ham' | 'spam'; readonly score: number } | null;
  /** Rules whose pattern used up its steps over some text: what is not known of them counts as no match. */
  readonly gaveUp: readonly string[];
  /** True when the deadline came first: what is here is what was found until then. */
  readonly outOfTime: boolean;
}

/** When to stop: a monotonic clock and its reading at which time is over, ms. */
export interface TimeLimit {
  readonly deadline: number;
  readonly monotonicMs: () => number;
}

/** Elements tried between two looks at the clock. */
const ELEMENTS_PER_CHECK = 64;
const EMPTY = new Subject('');
/** What `shortcircuit NAME on` adds, so that the hit shows. */
const SHORTCIRCUIT_TRACE = 0.0001;

interface Found {
  count: number;
  evidence: string;
}

const NONE: Found = { count: 0, evidence: '' };

/** Thrown inside, when time is over. */
class OutOfTime extends Error {}

/** Runs all rules. */
export function evaluateRules(set: RuleSet, mail: RuleMail, limit: TimeLimit): RuleResult {
  const run = new Run(set, mail, limit);
  let outOfTime = false;
  try {
    run.all();
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    outOfTime = true;
  }
  return {
    ...summed(run.hits, run.ended?.score ?? 0),
    counts: run.counts,
    shortcircuit: run.ended,
    gaveUp: run.gaveUp,
    outOfTime,
  };
}

/** Each counted match of a scored `multiple` rule adds its score; a meta adds it once whatever its value. */
function points(rule: Rule, count: number): number {
  return rule.test.kind === 'meta' ? rule.score : rule.score * Math.min(count, rule.countMax);
}

function summed(all: readonly RuleHit[], extra: number): Pick<RuleResult, 'hits' | 'subRules' | 'score'> {
  const byName = [...all].sort((a, b) => (a.rule.name < b.rule.name ? -1 : 1));
  const hits = byName.filter(({ rule }) => !isSubRule(rule.name));
  const subRules = byName.filter(({ rule }) => isSubRule(rule.name)).map(({ rule }) => rule.name);
  const sum = hits.reduce((total, hit) => total + hit.score, extra);
  return { hits, subRules, score: Math.round(sum * 1000) / 1000 };
}

class Run {
  readonly counts = new Map<string, number>();
  readonly hits: RuleHit[] = [];
  ended: RuleResult['shortcircuit'] = null;
  readonly gaveUp: string[] = [];
  /** Texts that named groups took. */
  private readonly captured = new Map<string, readonly string[]>();
  private untilCheck = ELEMENTS_PER_CHECK;
  private readonly effort = new Effort();
  private readonly screen: Screen;

  constructor(
    private readonly set: RuleSet,
    private readonly mail: RuleMail,
    private readonly limit: TimeLimit,
  ) {
    this.screen = screenFor(set.rules, mail);
  }

  all(): void {
    const { stages } = this.set;
    for (const { rules, metas } of stages) {
      for (const rule of rules) this.one(rule);
      for (const meta of metas) this.one(meta);
      if (this.ended !== null) return;
    }
  }

  private one(rule: Rule): void {
    if (this.ended !== null) return;
    this.checkTime();
    const before = this.effort.givenUp;
    const { count, evidence } = this.tryRule(rule);
    if (this.effort.givenUp > before) this.gaveUp.push(rule.name);
    if (count === 0) return;
    this.counts.set(rule.name, count);
    this.hits.push({ rule, count, score: points(rule, count), evidence });
    if (rule.shortcircuit !== 'off') this.ended = this.ending(rule);
  }

  private ending({ name, score, shortcircuit }: Rule): RuleResult['shortcircuit'] {
    const { shortcircuitHamScore, shortcircuitSpamScore } = this.mail.settings;
    switch (shortcircuit) {
      case 'ham':
        return { rule: name, kind: 'ham', score: shortcircuitHamScore };
      case 'spam':
        return { rule: name, kind: 'spam', score: shortcircuitSpamScore };
      default:
        return score < 0
          ? { rule: name, kind: 'ham', score: -SHORTCIRCUIT_TRACE }
          : { rule: name, kind: 'spam', score: SHORTCIRCUIT_TRACE };
    }
  }

  private checkTime(): void {
    if (this.limit.monotonicMs() >= this.limit.deadline) throw new OutOfTime();
  }

  private tryRule(rule: Rule): Found {
    const { test } = rule;
    switch (test.kind) {
      case 'text':
        return this.tryText(rule, test);
      case 'header':
        return this.tryHeader(rule, test);
      case 'exists':
        return this.mail.headers.exists(test.name) ? { count: 1, evidence: test.name } : NONE;
      case 'mimeheader': {
        const count = mimeHeaderCount(test, rule, this.mail.parts);
        return count > 0 ? { count, evidence: test.name } : NONE;
      }
      case 'eval': {
        const context = { rule: rule.name, input: test.input, flags: rule.flags, hits: this.counts };
        const { count, evidence } = test.run(this.mail, test.args, context);
        return count > 0 ? { count: Math.min(count, rule.countMax), evidence: evidence ?? '' } : NONE;
      }
      case 'meta':
        return this.tryMeta(test.evaluate);
      case 'uriDetail':
        return uriDetailHits(this.mail, test.criteria) ? { count: 1, evidence: 'uri' } : NONE;
      case 'empty': {
        const evidence = this.mail.dnsHits.hits.get(rule.name);
        return evidence === undefined ? NONE : { count: 1, evidence };
      }
    }
  }

  /** The pattern to run: null where it needs a text that no rule took. */
  private patternOf(test: { readonly pattern: Pattern; readonly template: PatternSource | null }): Pattern | null {
    return test.template === null ? test.pattern : filled(test.template, this.captured);
  }

  private capture(pattern: Pattern, subject: Subject, countMax: number): void {
    if (pattern.names.length === 0) return;
    for (const [name, texts] of pattern.captures(subject, countMax, this.effort))
      this.captured.set(name, [...new Set([...(this.captured.get(name) ?? []), ...texts])]);
  }

  private tryHeader(rule: Rule, test: Extract<CompiledTest, { kind: 'header' }>): Found {
    const { selector, negated } = test;
    const value = this.mail.headers.subject(selector);
    const subject = value ?? (test.ifUnset === null ? EMPTY : new Subject(test.ifUnset));
    const possible =
      value === null ? test.pattern.possibleIn(subject) : this.screen.headerMayMatch(selector, value, test.pattern);
    const pattern = possible || test.template !== null ? this.patternOf(test) : test.pattern;
    if (pattern === null) return NONE;
    const count = possible ? this.matches(pattern, subject, negated ? 1 : rule.countMax) : 0;
    if (count > 0) this.capture(pattern, subject, rule.countMax);
    const counted = negated ? Number(count === 0) : count;
    return counted > 0 ? { count: counted, evidence: selector.name } : NONE;
  }

  private tryText(rule: Rule, test: Extract<CompiledTest, { kind: 'text' }>): Found {
    const { input } = test;
    const places = this.screen.placesOf(input, test.pattern);
    if (places?.length === 0) return NONE;
    const pattern = this.patternOf(test);
    if (pattern === null) return NONE;
    const texts = this.mail.texts(input);
    let count = 0;
    let evidence: string = input;
    for (let at = 0; at < (places ?? texts).length && count < rule.countMax; at++) {
      const index = places === null ? at : places[at]!;
      if (index === 0 && input === 'body' && rule.flags.has('nosubject')) continue;
      if (--this.untilCheck <= 0) {
        this.checkTime();
        this.untilCheck = ELEMENTS_PER_CHECK;
      }
      const subject = texts[index]!;
      const found = this.matches(pattern, subject, rule.countMax - count);
      if (found > 0) this.capture(pattern, subject, rule.countMax);
      if (found > 0 && count === 0 && input === 'uri') evidence = hostIn(subject.text);
      count += found;
    }
    return count > 0 ? { count, evidence } : NONE;
  }

  private matches(pattern: Pattern, subject: Subject, countMax: number): number {
    return countMax === 1 ? Number(pattern.test(subject, this.effort)) : pattern.count(subject, countMax, this.effort);
  }

  private tryMeta(evaluate: Evaluation): Found {
    const value = evaluate(this.counts);
    if (value === 0 || !Number.isFinite(value)) return NONE;
    // A hit always counts something.
    return { count: value > 0 ? value : 1, evidence: '' };
  }
}

/** The host of an address, for evidence: never its path, which may hold what identifies a reader. */
function hostIn(uri: string): string {
  const afterScheme = uri.replace(/^[A-Za-z][A-Za-z0-9+.-]{0,20}:(?:\/\/)?/, '');
  const authority = afterScheme.split(/[/?#]/, 1)[0]!;
  return safe(authority.slice(authority.lastIndexOf('@') + 1));
}
