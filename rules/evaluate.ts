// Runs a rule set over one message: hits with counts and points. It keeps nothing between messages. It looks at the
// deadline now and then and gives up with what is known so far, saying so; large messages can be judged in slices.
import type { Rule, RuleSet } from './compile.js';
import { isSubRule } from './definition.js';
import type { RuleMail } from './mail/rule-mail.js';
import { RuleRun } from './rule-run.js';

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

/** How work is cut up: after `sliceMs` it pauses, and goes on when `pause` is over. */
export interface Slices {
  readonly sliceMs: number;
  readonly pause: () => Promise<unknown>;
}

/** Runs all rules in one go. */
export function evaluateRules(set: RuleSet, mail: RuleMail, limit: TimeLimit): RuleResult {
  const run = new RuleRun(set, mail, limit);
  run.advance(Infinity);
  return resultOf(run);
}

/** The same in slices: the result at once where the first one is enough, as it is for nearly all mail. */
export function evaluateInSlices(
  set: RuleSet,
  mail: RuleMail,
  limit: TimeLimit,
  slices: Slices,
): RuleResult | Promise<RuleResult> {
  const run = new RuleRun(set, mail, limit);
  return run.advance(limit.monotonicMs() + slices.sliceMs) ? resultOf(run) : goOn(run, limit, slices);
}

async function goOn(run: RuleRun, { monotonicMs }: TimeLimit, { sliceMs, pause }: Slices): Promise<RuleResult> {
  do await pause();
  while (!run.advance(monotonicMs() + sliceMs));
  return resultOf(run);
}

function resultOf({ counts, ended, gaveUp, outOfTime, hits }: RuleRun): RuleResult {
  return { ...summed(hits, ended?.score ?? 0), counts, shortcircuit: ended, gaveUp, outOfTime };
}

function summed(all: readonly RuleHit[], extra: number): Pick<RuleResult, 'hits' | 'subRules' | 'score'> {
  const hits = all.filter(({ rule }) => !isSubRule(rule.name));
  hits.sort((a, b) => (a.rule.name < b.rule.name ? -1 : 1));
  const subRules = all.filter(({ rule }) => isSubRule(rule.name)).map(({ rule }) => rule.name);
  subRules.sort();
  const sum = hits.reduce((total, hit) => total + hit.score, extra);
  return { hits, subRules, score: Math.round(sum * 1000) / 1000 };
}
