// Runs a rule set over one message: hits with counts and points. It keeps nothing between messages; loops check the
// deadline and give up with what is known so far, saying so.
import type { Rule, RuleSet } from './compile.js';
import { isSubRule, type TextInput } from './definition.js';
import { runExpression } from './expression.js';
import type { RuleInputs } from './inputs.js';
import { globMatches } from './order.js';
import { Subject, type Pattern } from './pattern/pattern.js';
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
  /** Sum of points, rounded to 3 decimals. */
  readonly score: number;
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

interface Found {
  count: number;
  evidence: string;
}

const NONE: Found = { count: 0, evidence: '' };

/** Thrown inside, when time is over. */
class OutOfTime extends Error {}

/** Runs all rules. */
export function evaluateRules(set: RuleSet, inputs: RuleInputs, limit: TimeLimit): RuleResult {
  const counts = new Map<string, number>();
  const hits: RuleHit[] = [];
  const run = new Run(inputs, limit, counts);
  let outOfTime = false;
  try {
    for (const rule of [...set.rules, ...set.metas]) {
      run.checkTime();
      const found = run.tryRule(rule);
      if (found.count === 0) continue;
      counts.set(rule.name, found.count);
      hits.push({ rule, count: found.count, score: points(rule, found.count), evidence: found.evidence });
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    outOfTime = true;
  }
  return { ...summed(hits), outOfTime };
}

/** Each counted match of a scored `multiple` rule adds its score; a meta adds it once whatever its value. */
function points(rule: Rule, count: number): number {
  return rule.test.kind === 'meta' ? rule.score : rule.score * Math.min(count, rule.countMax);
}

function summed(all: readonly RuleHit[]): Omit<RuleResult, 'outOfTime'> {
  const byName = [...all].sort((a, b) => (a.rule.name < b.rule.name ? -1 : 1));
  const hits = byName.filter(({ rule }) => !isSubRule(rule.name));
  const subRules = byName.filter(({ rule }) => isSubRule(rule.name)).map(({ rule }) => rule.name);
  const sum = hits.reduce((total, hit) => total + hit.score, 0);
  return { hits, subRules, score: Math.round(sum * 1000) / 1000 };
}

class Run {
  private untilCheck = ELEMENTS_PER_CHECK;

  constructor(
    private readonly inputs: RuleInputs,
    private readonly limit: TimeLimit,
    private readonly counts: ReadonlyMap<string, number>,
  ) {}

  checkTime(): void {
    if (this.limit.monotonicMs() >= this.limit.deadline) throw new OutOfTime();
  }

  tryRule(rule: Rule): Found {
    const { test } = rule;
    switch (test.kind) {
      case 'text':
        return this.tryText(rule, test.input, test.pattern);
      case 'header': {
        const subject =
          this.inputs.headers.subject(test.selector) ?? (test.ifUnset === null ? EMPTY : new Subject(test.ifUnset));
        const count = test.negated
          ? Number(!test.pattern.test(subject))
          : matches(test.pattern, subject, rule.countMax);
        return count > 0 ? { count, evidence: test.selector.name } : NONE;
      }
      case 'exists':
        return this.inputs.headers.exists(test.name) ? { count: 1, evidence: test.name } : NONE;
      case 'eval': {
        const { count, evidence } = test.run(this.inputs, test.args);
        return count > 0 ? { count: Math.min(count, rule.countMax), evidence: evidence ?? '' } : NONE;
      }
      case 'meta':
        return this.tryMeta(test.expression);
    }
  }

  private tryText(rule: Rule, input: TextInput, pattern: Pattern): Found {
    if (!pattern.possibleIn(this.inputs.whole(input))) return NONE;
    let count = 0;
    let evidence: string = input;
    for (const [index, subject] of this.inputs.texts(input).entries()) {
      if (index === 0 && input === 'body' && rule.flags.has('nosubject')) continue;
      if (--this.untilCheck <= 0) {
        this.checkTime();
        this.untilCheck = ELEMENTS_PER_CHECK;
      }
      const found = matches(pattern, subject, rule.countMax - count);
      if (found > 0 && count === 0 && input === 'uri') evidence = hostIn(subject.text);
      count += found;
      if (count >= rule.countMax) break;
    }
    return count > 0 ? { count, evidence } : NONE;
  }

  private tryMeta(expression: Parameters<typeof runExpression>[0]): Found {
    if (expression.empty) return NONE;
    const value = runExpression(
      expression,
      (name) => this.counts.get(name) ?? 0,
      (glob) => {
        let sum = 0;
        for (const [name, count] of this.counts) if (globMatches(glob, name)) sum += count;
        return sum;
      },
    );
    return value === 0 || !Number.isFinite(value) ? NONE : { count: value, evidence: '' };
  }
}

function matches(pattern: Pattern, subject: Subject, countMax: number): number {
  return countMax === 1 ? Number(pattern.test(subject)) : pattern.count(subject, countMax);
}

/** The host of an address, for evidence: never its path, which may hold what identifies a reader. */
function hostIn(uri: string): string {
  const afterScheme = uri.replace(/^[A-Za-z][A-Za-z0-9+.-]{0,20}:(?:\/\/)?/, '');
  const authority = afterScheme.split(/[/?#]/, 1)[0]!;
  return safe(authority.slice(authority.lastIndexOf('@') + 1));
}
