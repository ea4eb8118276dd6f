// What a rule weighs: its score in the active score set, and how many matches of it count.
import type { Scores } from './definition.js';
import type { CompileOptions, Rule } from './compile.js';

const TEST_RULE_SCORE = 0.01;
/** Most matches counted for `multiple` without `maxhits`. */
const COUNT_MAX = 100_000;
/** SpamAssassin's own bound for `mimeheader` rules. */
const MIME_HEADER_COUNT_MAX = 1_000;

/** Points of a rule: the settings' word, then the files', then the default by name and flags. */
export function scoreOf(
  name: string,
  scores: Scores | null,
  flags: ReadonlySet<string>,
  options: CompileOptions,
): number {
  const own = options.scores.get(name);
  if (own !== undefined) return own;
  if (scores !== null) return scores[options.scoreSet];
  const points = name.startsWith('T_') ? TEST_RULE_SCORE : 1;
  return flags.has('nice') ? -points : points;
}

/** Most matches that count: one, unless the rule is `multiple`; `maxhits=` bounds them. */
export function countMax(flags: ReadonlySet<string>): number {
  if (!flags.has('multiple')) return 1;
  // None at all means that there is no bound.
  return Math.min(hitsMax(flags) || COUNT_MAX, COUNT_MAX);
}

/** The same for `mimeheader` rules, which SpamAssassin counts otherwise. */
export function mimeHeaderCountMax(flags: ReadonlySet<string>): number {
  if (!flags.has('multiple')) return 1;
  return Math.min(Math.max(1, hitsMax(flags) ?? MIME_HEADER_COUNT_MAX), COUNT_MAX);
}

function hitsMax(flags: ReadonlySet<string>): number | null {
  for (const flag of flags) {
    const found = /^maxhits=(\d{1,6})$/.exec(flag);
    if (found !== null) return Number(found[1]);
  }
  return null;
}

/** Points of a hit: each counted match of a scored `multiple` rule adds its score; a meta adds it once whatever its value. */
export function pointsOf(rule: Rule, count: number): number {
  return rule.test.kind === 'meta' ? rule.score : rule.score * Math.min(count, rule.countMax);
}
