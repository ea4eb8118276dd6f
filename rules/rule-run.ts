// One run of a rule set over one message. What the message holds says which rules are tried: those whose literals occur, and
// metas that read one that hit. It stops when a slice of time is over and goes on from there; order is that of the plan.
import { filled } from './captures.js';
import type { CompiledTest, Rule, RuleSet } from './compile.js';
import type { PatternSource } from './definition.js';
import type { RuleHit, RuleResult, TimeLimit } from './evaluate.js';
import { uriDetailHits } from './evals/uri-eval.js';
import type { RuleMail } from './mail/rule-mail.js';
import { mimeHeaderCount, mimeHeaderTexts } from './mime-header.js';
import { Effort } from './pattern/effort.js';
import { Subject, type Pattern } from './pattern/pattern.js';
import { PatternError } from './pattern/syntax.js';
import { evaluationOf, nextBit, planOf, rulesWhenAbsent, setBit, type Plan, type RuleGroup } from './plan.js';
import { pointsOf } from './points.js';
import { safe } from './bytes.js';
import type { Candidates } from './scan/candidates.js';
import type { Steps } from './steps.js';
import { countIn, TextSearch } from './text-search.js';

/** Rules tried between two looks at the clock. */
const RULES_PER_LOOK = 8;
/** Bytes scanned between two looks at the clock. */
const SCANNED_PER_LOOK = 262_144;
const EMPTY = new Subject('');
/** What `shortcircuit NAME on` adds, so that the hit shows. */
const SHORTCIRCUIT_TRACE = 0.0001;

interface Found {
  readonly count: number;
  readonly evidence: string;
}

const NONE: Found = { count: 0, evidence: '' };

/** Thrown inside, when time is over. */
class OutOfTime extends Error {}

/** What a group reads of the message, and in which of it patterns may match. */
interface Opened {
  readonly texts: readonly Subject[];
  /** Null where there is nothing to read. */
  readonly candidates: Candidates | null;
}

/** Rules to run where a header is absent, by group; worked out once for each plan. */
const absentRules = new WeakMap<RuleGroup, readonly number[]>();

export class RuleRun {
  readonly counts = new Map<string, number>();
  readonly hits: RuleHit[] = [];
  readonly gaveUp: string[] = [];
  ended: RuleResult['shortcircuit'] = null;
  outOfTime = false;
  private readonly plan: Plan;
  /** Rules to be tried. */
  private readonly active: Int32Array;
  /** The same as `counts`, by number. */
  private readonly values: Float64Array;
  private readonly opened: (Opened | undefined)[];
  /** Texts that named groups took. */
  private readonly captured = new Map<string, readonly string[]>();
  private readonly effort = new Effort();
  private readonly steps: Iterator<void>;
  private sliceEnd = Infinity;
  private untilLook = 0;
  /** The search that the last slice left unfinished. */
  private search: TextSearch | null = null;

  constructor(
    set: RuleSet,
    private readonly mail: RuleMail,
    private readonly limit: TimeLimit,
  ) {
    this.plan = planOf(set);
    this.active = this.plan.always.slice();
    this.values = new Float64Array(this.plan.rules.length);
    this.opened = new Array<Opened | undefined>(this.plan.groups.length);
    for (const name of mail.dnsHits.hits.keys()) this.activateLookedUp(name);
    this.steps = this.all();
  }

  /** Goes on until all rules have run or time is over: true; or until that reading of the clock: false. */
  advance(untilMs: number): boolean {
    this.sliceEnd = untilMs;
    try {
      return this.steps.next().done === true;
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
      this.outOfTime = true;
      return true;
    }
  }

  private *all(): Steps<void> {
    for (const rests = this.mail.prepare(this.plan.readsOwnView); rests.next().done !== true;) if (this.isDue()) yield;
    for (const field of this.mail.headers.keys())
      for (const number of this.plan.existing.get(field) ?? []) setBit(this.active, number);
    for (const { from, to, groups } of this.plan.stages) {
      for (const group of groups) yield* this.open(group);
      for (let number = nextBit(this.active, from, to); number < to; number = nextBit(this.active, number + 1, to)) {
        if (--this.untilLook < 0 && this.isDue()) yield;
        while (!this.one(number)) yield;
        if (this.ended !== null) return;
      }
    }
  }

  /** Whether the slice is over. */
  private readonly isDue = (): boolean => {
    this.untilLook = RULES_PER_LOOK;
    const now = this.limit.monotonicMs();
    if (now >= this.limit.deadline) throw new OutOfTime();
    return now >= this.sliceEnd;
  };

  private activateLookedUp(name: string): void {
    const number = this.plan.numbering.numberOf(name);
    if (number !== undefined && this.plan.rules[number]!.test.kind === 'empty') setBit(this.active, number);
  }

  /** Reads what the group's rules read, scans it, and activates those that may match. */
  private *open(group: RuleGroup): Steps<void> {
    const texts = this.textsOf(group);
    if (texts === null) {
      this.opened[group.number] = { texts: [], candidates: null };
      for (const number of whenAbsent(this.plan, group)) setBit(this.active, number);
      return;
    }
    const candidates = group.scan.begin();
    let room = SCANNED_PER_LOOK;
    for (const subject of texts) {
      candidates.look(subject);
      if ((room -= subject.text.length) > 0) continue;
      room = SCANNED_PER_LOOK;
      if (this.isDue()) yield;
    }
    this.opened[group.number] = { texts, candidates };
    for (const number of group.always) setBit(this.active, number);
    for (const pattern of candidates.found) for (const number of group.owners[pattern]!) setBit(this.active, number);
  }

  /** Null for a header that is absent. */
  private textsOf({ source }: RuleGroup): readonly Subject[] | null {
    switch (source.kind) {
      case 'text':
        return this.mail.texts(source.input);
      case 'header': {
        const { headers } = this.mail;
        if (source.field !== null && !headers.has(source.field)) return null;
        const value = headers.subject(source.selector);
        return value === null ? null : [value];
      }
      case 'mimeheader': {
        const { rule } = source;
        return rule.test.kind === 'mimeheader' ? mimeHeaderTexts(rule.test, rule, this.mail.parts) : null;
      }
    }
  }

  /** Tries a rule; false when it is not through with it. */
  private one(number: number): boolean {
    const rule = this.plan.rules[number]!;
    const before = this.effort.givenUp;
    const found = this.tryRule(rule, number);
    if (this.effort.givenUp > before && this.gaveUp.at(-1) !== rule.name) this.gaveUp.push(rule.name);
    if (found === null) return false;
    if (found.count !== 0) this.hit(rule, number, found);
    return true;
  }

  private hit(rule: Rule, number: number, { count, evidence }: Found): void {
    this.counts.set(rule.name, count);
    this.values[number] = count;
    this.hits.push({ rule, count, score: pointsOf(rule, count), evidence });
    for (const meta of this.plan.readers[number]!) setBit(this.active, meta);
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

  /** Null while it is not through. */
  private tryRule(rule: Rule, number: number): Found | null {
    const { test } = rule;
    switch (test.kind) {
      case 'text':
        return this.tryText(rule, test, number);
      case 'header':
        return this.tryHeader(rule, test, number);
      case 'exists':
        return this.mail.headers.exists(test.name) ? { count: 1, evidence: test.name } : NONE;
      case 'mimeheader': {
        const { texts } = this.opened[this.plan.groupOf[number]!]!;
        const count = mimeHeaderCount(test, rule.countMax, texts, this.placesFor(number), this.effort, (subject) =>
          this.capture(test.pattern, subject, rule.countMax),
        );
        return count > 0 ? { count, evidence: test.name } : NONE;
      }
      case 'eval': {
        const context = { rule: rule.name, input: test.input, flags: rule.flags };
        const { count, evidence } = test.run(this.mail, test.args, context);
        return count > 0 ? { count: Math.min(count, rule.countMax), evidence: evidence ?? '' } : NONE;
      }
      case 'meta':
        return this.tryMeta(number);
      case 'uriDetail':
        return uriDetailHits(this.mail, test.criteria) ? { count: 1, evidence: 'uri' } : NONE;
      case 'empty': {
        const evidence = this.mail.dnsHits.hits.get(rule.name);
        return evidence === undefined ? NONE : { count: 1, evidence };
      }
    }
  }

  /** Indexes of the texts in which a rule's pattern may match; null for all. */
  private placesFor(number: number): readonly number[] | null {
    const pattern = this.plan.patternOf[number]!;
    const { candidates } = this.opened[this.plan.groupOf[number]!]!;
    return pattern < 0 || candidates === null ? null : candidates.placesAt(pattern);
  }

  /** The pattern to run: null where it needs a text that no rule took, or cannot run with those taken, which is told. */
  private patternOf(
    rule: Rule,
    test: { readonly pattern: Pattern; readonly template: PatternSource | null },
  ): Pattern | null {
    if (test.template === null) return test.pattern;
    try {
      return filled(test.template, this.captured);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      this.gaveUp.push(rule.name);
      return null;
    }
  }

  private capture(pattern: Pattern, subject: Subject, countMax: number): void {
    if (pattern.names.length === 0) return;
    for (const [name, texts] of pattern.captures(subject, countMax, this.effort))
      this.captured.set(name, [...new Set([...(this.captured.get(name) ?? []), ...texts])]);
  }

  private tryHeader(rule: Rule, test: Extract<CompiledTest, { kind: 'header' }>, number: number): Found {
    const { negated, template, selector } = test;
    const value = this.opened[this.plan.groupOf[number]!]!.texts[0];
    const subject = value ?? (test.ifUnset === null ? EMPTY : new Subject(test.ifUnset));
    const possible = value === undefined ? test.pattern.possibleIn(subject) : this.placesFor(number)?.length !== 0;
    const pattern = possible || template !== null ? this.patternOf(rule, test) : test.pattern;
    if (pattern === null) return NONE;
    const count = possible ? countIn(pattern, subject, negated ? 1 : rule.countMax, this.effort) : 0;
    if (count > 0) this.capture(pattern, subject, rule.countMax);
    const counted = negated ? Number(count === 0) : count;
    return counted > 0 ? { count: counted, evidence: selector.name } : NONE;
  }

  private tryText(rule: Rule, test: Extract<CompiledTest, { kind: 'text' }>, number: number): Found | null {
    const search = this.search ?? this.searchFor(rule, test, number);
    if (search === null) return NONE;
    this.search = null;
    if (!search.advance(this.isDue)) {
      this.search = search;
      return null;
    }
    const { count, first } = search;
    if (first === null) return NONE;
    return { count, evidence: test.input === 'uri' ? hostIn(first.text) : test.input };
  }

  private searchFor(rule: Rule, test: Extract<CompiledTest, { kind: 'text' }>, number: number): TextSearch | null {
    const { texts } = this.opened[this.plan.groupOf[number]!]!;
    const pattern = texts.length === 0 ? null : this.patternOf(rule, test);
    if (pattern === null) return null;
    const skipsFirst = test.input === 'body' && rule.flags.has('nosubject');
    const order = { pattern, texts, places: this.placesFor(number), skipsFirst, countMax: rule.countMax };
    return new TextSearch(order, this.effort, (found, subject) => this.capture(found, subject, rule.countMax));
  }

  private tryMeta(number: number): Found {
    const value = evaluationOf(this.plan, number)(this.values);
    if (value === 0 || !Number.isFinite(value)) return NONE;
    // A hit always counts something.
    return { count: value > 0 ? value : 1, evidence: '' };
  }
}

function whenAbsent(plan: Plan, group: RuleGroup): readonly number[] {
  let found = absentRules.get(group);
  if (found === undefined) {
    found = rulesWhenAbsent(plan, group);
    absentRules.set(group, found);
  }
  return found;
}

/** The host of an address, for evidence: never its path, which may hold what identifies a reader. */
function hostIn(uri: string): string {
  const afterScheme = uri.replace(/^[A-Za-z][A-Za-z0-9+.-]{0,20}:(?:\/\/)?/, '');
  const authority = afterScheme.split(/[/?#]/, 1)[0]!;
  return safe(authority.slice(authority.lastIndexOf('@') + 1));
}
