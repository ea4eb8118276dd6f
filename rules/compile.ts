// Turns statements into a rule set that can run: patterns compiled, evals looked up, scores settled, metas put in the
// order of what they read. A statement that cannot be used is refused with its place; an earlier definition of the same
// rule then stays in force, and all other rules run.
import { nearestName } from '../config/nearest.js';
import {
  isSubRule,
  type HeaderSelector,
  type Place,
  type Refusal,
  type RuleTest,
  type Scores,
  type Statement,
  type TextInput,
} from './definition.js';
import { ExpressionError, readExpression, type Expression } from './expression.js';
import type { EvalFunction } from './evals/eval.js';
import { EVALS } from './evals/table.js';
import { orderMetas } from './order.js';
import { compilePattern, type Pattern } from './pattern/pattern.js';
import { PatternError } from './pattern/syntax.js';

/** Most rules one set may hold. */
export const RULES_MAX = 50_000;
const TEST_RULE_SCORE = 0.01;

export type CompiledTest =
  | { readonly kind: 'text'; readonly input: TextInput; readonly pattern: Pattern }
  | {
      readonly kind: 'header';
      readonly selector: HeaderSelector;
      readonly negated: boolean;
      readonly pattern: Pattern;
      readonly ifUnset: string | null;
    }
  | { readonly kind: 'exists'; readonly name: string }
  | {
      readonly kind: 'eval';
      readonly input: 'header' | TextInput;
      readonly run: EvalFunction;
      readonly args: readonly string[];
    }
  | { readonly kind: 'meta'; readonly expression: Expression };

/** One sample text that says whether a rule matches it: input of `test` lines. */
export interface RuleExample extends Place {
  readonly ok: boolean;
  readonly text: string;
}

export interface Rule extends Place {
  readonly name: string;
  readonly test: CompiledTest;
  /** Points in the active score set; 0 for a sub-rule, which runs all the same. */
  readonly score: number;
  readonly description: string;
  readonly flags: ReadonlySet<string>;
  /** Most matches counted: 1 without tflags `multiple`. */
  readonly countMax: number;
  readonly priority: number;
  readonly examples: readonly RuleExample[];
}

export interface RuleSet {
  /** All rules but metas, in the order they run. */
  readonly rules: readonly Rule[];
  /** Metas, each after those it reads; those in a circle of definitions are left out (they never hit). */
  readonly metas: readonly Rule[];
  readonly byName: ReadonlyMap<string, Rule>;
}

export interface CompileOptions {
  /** 0 local, 1 with network tests, 2 with Bayes, 3 with both. */
  readonly scoreSet: 0 | 1 | 2 | 3;
  /** Names that do not run. */
  readonly disabled: ReadonlySet<string>;
  /** Scores that override those of the files. */
  readonly scores: ReadonlyMap<string, number>;
}

export const COMPILE_DEFAULTS: CompileOptions = { scoreSet: 0, disabled: new Set(), scores: new Map() };

/** Where a name stands that a setting gives. */
const SETTINGS_PLACE: Place = { file: 'settings', line: 0 };

/** Most matches counted for `multiple` without `maxhits`. */
export const COUNT_MAX = 1_000;

/** A rule while its statements are gathered. */
interface Draft extends Place {
  readonly name: string;
  readonly test: CompiledTest;
}

interface Properties {
  scores: Scores | null;
  flags: ReadonlySet<string>;
  priority: number;
  description: string;
  examples: RuleExample[];
}

/** Compiles all statements, later ones overriding earlier ones. Never throws on what they say. */
export function compileRules(
  statements: readonly Statement[],
  options: CompileOptions = COMPILE_DEFAULTS,
): { set: RuleSet; refusals: readonly Refusal[] } {
  const gathered = gather(statements);
  const refusals = [...gathered.refusals];
  const byName = new Map<string, Rule>();
  for (const draft of gathered.drafts.values()) {
    const rule = finish(draft, gathered.properties.get(draft.name), options);
    if (rule !== null) byName.set(rule.name, rule);
  }
  for (const name of [...options.disabled, ...options.scores.keys()]) {
    if (!gathered.drafts.has(name)) refusals.push(refusalAt(SETTINGS_PLACE, unknownRule(name, gathered.drafts)));
  }
  const { ordered, circular } = orderMetas([...byName.values()]);
  for (const rule of circular)
    refusals.push(refusalAt(rule, `${rule.name} reads itself through other metas: it never hits`));
  const rules = [...byName.values()].filter((rule) => rule.test.kind !== 'meta').sort(runsBefore);
  return { set: { rules, metas: ordered, byName }, refusals };
}

function gather(statements: readonly Statement[]) {
  const drafts = new Map<string, Draft>();
  const properties = new Map<string, Properties>();
  const refusals: Refusal[] = [];
  const named: Statement[] = [];
  for (const statement of statements) {
    if (statement.kind !== 'rule') {
      named.push(statement);
      continue;
    }
    if (drafts.size >= RULES_MAX && !drafts.has(statement.name)) {
      refusals.push(refusalAt(statement, `more than ${RULES_MAX} rules`));
      continue;
    }
    const test = compileTest(statement.test);
    if (typeof test === 'string') refusals.push(refusalAt(statement, `${statement.name}: ${test}`));
    else drafts.set(statement.name, { name: statement.name, test, file: statement.file, line: statement.line });
  }
  for (const statement of named) {
    if (drafts.has(statement.name)) apply(statement, propertiesOf(properties, statement.name));
    else if (!refusals.some((refusal) => refusal.reason.startsWith(`${statement.name}:`)))
      refusals.push(orphan(statement, drafts));
  }
  return { drafts, properties, refusals };
}

function propertiesOf(all: Map<string, Properties>, name: string): Properties {
  let found = all.get(name);
  if (found === undefined) {
    found = { scores: null, flags: new Set(), priority: 0, description: '', examples: [] };
    all.set(name, found);
  }
  return found;
}

function apply(statement: Statement, properties: Properties): void {
  switch (statement.kind) {
    case 'score': {
      const base = properties.scores ?? [1, 1, 1, 1];
      const moved = (index: 0 | 1 | 2 | 3) => statement.scores[index] + (statement.relative ? base[index] : 0);
      properties.scores = [moved(0), moved(1), moved(2), moved(3)];
      return;
    }
    case 'describe':
      properties.description = statement.text;
      return;
    case 'tflags':
      properties.flags = new Set(statement.flags);
      return;
    case 'priority':
      properties.priority = statement.priority;
      return;
    case 'test':
      properties.examples.push({ ok: statement.ok, text: statement.text, file: statement.file, line: statement.line });
      return;
    case 'rule':
  }
}

function orphan(statement: Statement, drafts: ReadonlyMap<string, Draft>): Refusal {
  return refusalAt(statement, `${statement.kind} for ${unknownRule(statement.name, drafts)}`);
}

function unknownRule(name: string, drafts: ReadonlyMap<string, Draft>): string {
  const near = nearestName(name, drafts.keys());
  return `${name}, which is no rule${near === null ? '' : `, did you mean ${near}?`}`;
}

function refusalAt(place: Place, reason: string): Refusal {
  return { file: place.file, line: place.line, reason };
}

/** The test ready to run, or the reason why it cannot. */
function compileTest(test: RuleTest): CompiledTest | string {
  try {
    switch (test.kind) {
      case 'text':
        return { ...test, pattern: compilePattern(test.pattern) };
      case 'header':
        return { ...test, pattern: compilePattern(test.pattern) };
      case 'exists':
        return test;
      case 'meta':
        return { kind: 'meta', expression: readExpression(test.expression) };
      case 'eval':
        return compileEval(test);
    }
  } catch (error) {
    if (error instanceof PatternError || error instanceof ExpressionError) return error.message;
    throw error;
  }
}

function compileEval(test: Extract<RuleTest, { kind: 'eval' }>): CompiledTest | string {
  const found = EVALS.get(test.name);
  if (found === undefined) {
    const near = nearestName(test.name, [...EVALS.keys()]);
    return `unknown eval "${test.name}"${near === null ? '' : `, did you mean "${near}"?`}`;
  }
  const count = test.args.length;
  if (count < found.argsMin || count > found.argsMax)
    return `eval "${test.name}" takes ${argumentCount(found)}, not ${count}`;
  const wrong = found.checkArgs?.(test.args) ?? null;
  return wrong === null
    ? { kind: 'eval', input: test.input, run: found.run, args: test.args }
    : `eval "${test.name}": ${wrong}`;
}

function argumentCount(found: { argsMin: number; argsMax: number }): string {
  const range = found.argsMin === found.argsMax ? `${found.argsMin}` : `${found.argsMin} to ${found.argsMax}`;
  return `${range} argument${range === '1' ? '' : 's'}`;
}

/** The rule with its properties, or null when it does not run: disabled, or score 0. */
function finish(draft: Draft, properties: Properties | undefined, options: CompileOptions): Rule | null {
  const flags = properties?.flags ?? new Set<string>();
  const score = scoreOf(draft.name, properties?.scores ?? null, flags, options);
  if (score === 0 || options.disabled.has(draft.name)) return null;
  return {
    ...draft,
    score: isSubRule(draft.name) ? 0 : score,
    description: properties?.description ?? '',
    flags,
    countMax: countMax(flags),
    priority: properties?.priority ?? 0,
    examples: properties?.examples ?? [],
  };
}

function scoreOf(name: string, scores: Scores | null, flags: ReadonlySet<string>, options: CompileOptions): number {
  const own = options.scores.get(name);
  if (own !== undefined) return own;
  if (scores !== null) return scores[options.scoreSet];
  const points = name.startsWith('T_') ? TEST_RULE_SCORE : 1;
  return flags.has('nice') ? -points : points;
}

function countMax(flags: ReadonlySet<string>): number {
  if (!flags.has('multiple')) return 1;
  for (const flag of flags) {
    const found = /^maxhits=(\d{1,6})$/.exec(flag);
    if (found !== null) return Math.min(Math.max(1, Number(found[1])), COUNT_MAX);
  }
  return COUNT_MAX;
}

const INPUT_RANK = { header: 0, body: 2, uri: 3, rawbody: 5, full: 7 } as const;

/** SpamAssassin's order: priority, then header, body, uri, rawbody, full, each with its evals after it. */
function runsBefore(a: Rule, b: Rule): number {
  return a.priority - b.priority || rank(a.test) - rank(b.test);
}

function rank(test: CompiledTest): number {
  if (test.kind === 'text') return INPUT_RANK[test.input];
  if (test.kind === 'eval') return test.input === 'uri' ? 4 : INPUT_RANK[test.input] + (test.input === 'body' ? 2 : 1);
  return 0;
}
