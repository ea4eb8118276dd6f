// Turns statements into a rule set that can run: patterns compiled, evals looked up, scores settled, metas put in the
// order of what they read. A statement that cannot be used is refused with its place; an earlier definition of the same
// rule then stays in force, and all other rules run.
import { nearestName } from '../config/nearest.js';
import {
  isSubRule,
  type EvalInput,
  type HeaderSelector,
  type PatternSource,
  type Place,
  type Refusal,
  type RuleTest,
  type Scores,
  type Shortcircuit,
  type Statement,
  type TextInput,
  type UriDetailKey,
} from './definition.js';
import { anyTexts, CAPTURING_PRIORITY, takesTexts, templateOf } from './captures.js';
import { ExpressionError, prepareExpression, readExpression, type Evaluation, type Expression } from './expression.js';
import type { EvalFunction } from './evals/eval.js';
import { EVALS } from './evals/table.js';
import { globMatches, orderMetas, settlePriorities } from './order.js';
import { countMax, scoreOf } from './points.js';
import { compilePattern, type Pattern } from './pattern/pattern.js';
import { PatternError } from './pattern/syntax.js';

/** Most rules one set may hold. */
export const RULES_MAX = 50_000;

export type CompiledTest =
  | {
      readonly kind: 'text';
      readonly input: TextInput;
      readonly pattern: Pattern;
      /** Where the pattern holds names of others' groups: the same as written; `pattern` then takes any text for them. */
      readonly template: PatternSource | null;
    }
  | {
      readonly kind: 'header';
      readonly selector: HeaderSelector;
      readonly negated: boolean;
      readonly pattern: Pattern;
      readonly template: PatternSource | null;
      readonly ifUnset: string | null;
    }
  | { readonly kind: 'exists'; readonly name: string }
  | {
      readonly kind: 'eval';
      readonly name: string;
      readonly input: EvalInput;
      readonly run: EvalFunction;
      readonly args: readonly string[];
    }
  | { readonly kind: 'meta'; readonly expression: Expression; readonly evaluate: Evaluation }
  | {
      readonly kind: 'mimeheader';
      readonly name: string;
      readonly raw: boolean;
      readonly negated: boolean;
      readonly pattern: Pattern;
      readonly ifUnset: string;
    }
  | { readonly kind: 'uriDetail'; readonly criteria: readonly CompiledUriCriterion[] }
  | { readonly kind: 'empty' };

export interface CompiledUriCriterion {
  readonly key: UriDetailKey;
  readonly negated: boolean;
  readonly pattern: Pattern;
}

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
  /** The lower, the earlier; settled with what metas ask for. */
  readonly priority: number;
  readonly shortcircuit: Shortcircuit;
  readonly examples: readonly RuleExample[];
}

export interface RuleSet {
  /** All rules but metas, in the order they run. */
  readonly rules: readonly Rule[];
  /** Metas, each after those it reads; those that can never hit are left out. */
  readonly metas: readonly Rule[];
  readonly byName: ReadonlyMap<string, Rule>;
  /** The same rules by priority: the rules of each, and the metas that can be worked out after them. */
  readonly stages: readonly RuleStage[];
}

export interface RuleStage {
  readonly rules: readonly Rule[];
  readonly metas: readonly Rule[];
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

/** Priority of a rule that `shortcircuit` calls ham or spam and that names none. */
const SHORTCIRCUIT_PRIORITY = -200;
const ALL_ONE: Scores = [1, 1, 1, 1];

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
  shortcircuit: Shortcircuit;
  examples: RuleExample[];
}

export interface CompiledRules {
  readonly set: RuleSet;
  readonly refusals: readonly Refusal[];
  /** Lines that say something of rules that do not exist. */
  readonly notes: readonly Refusal[];
}

/** Compiles all statements, later ones overriding earlier ones. Never throws on what they say. */
export function compileRules(
  statements: readonly Statement[],
  options: CompileOptions = COMPILE_DEFAULTS,
): CompiledRules {
  const gatherer = new Gatherer((options.scoreSet & 1) === 0);
  for (const statement of statements) gatherer.take(statement);
  const { drafts, properties, refusals } = gatherer;
  for (const name of [...options.disabled, ...options.scores.keys()]) {
    if (!drafts.has(name)) refusals.push(refusalAt(SETTINGS_PLACE, unknownRule(name, drafts)));
  }
  const all = new Map<string, Rule>();
  const off = new Set<string>();
  for (const draft of drafts.values()) {
    const rule = finish(draft, properties.get(draft.name), options);
    all.set(rule.name, rule);
    if (scoreOf(draft.name, properties.get(draft.name)?.scores ?? null, rule.flags, options) === 0) off.add(rule.name);
    if (options.disabled.has(rule.name)) off.add(rule.name);
  }
  return { set: arrange(all, off, refusals), refusals, notes: gatherer.orphans() };
}

/** Puts the rules that run in order; those whose score is 0 do not, nor do metas that wait for one of these metas. */
function arrange(all: ReadonlyMap<string, Rule>, off: ReadonlySet<string>, refusals: Refusal[]): RuleSet {
  const { ordered, circular } = orderMetas(all);
  const network = networkRules(all, ordered);
  const priorities = settlePriorities(all);
  for (const name of circular)
    refusals.push(refusalAt(all.get(name)!, `${name} reads itself through other metas: it never hits`));
  const never = new Set(circular);
  const metas: Rule[] = [];
  const settled = (rule: Rule): Rule => ({
    ...rule,
    flags: network.has(rule.name) && !rule.flags.has('net') ? new Set([...rule.flags, 'net']) : rule.flags,
    priority: priorities.get(rule.name) ?? rule.priority,
  });
  for (const name of ordered) {
    const rule = all.get(name)!;
    const waits = rule.test.kind === 'meta' && rule.test.expression.names.some((one) => never.has(one));
    // SpamAssassin never works out a meta that reads one with score 0.
    if (waits || off.has(name)) never.add(name);
    else metas.push(prepared(settled(rule), all));
  }
  const rules = [...all.values()]
    .filter((rule) => rule.test.kind !== 'meta' && !off.has(rule.name))
    .map(settled)
    .sort(runsBefore);
  const byName = new Map([...rules, ...metas].map((rule) => [rule.name, rule]));
  return { rules, metas, byName, stages: stagesOf(rules, metas) };
}

/** Rules that need the network: those flagged so, and metas that read one of them. */
function networkRules(all: ReadonlyMap<string, Rule>, metas: readonly string[]): ReadonlySet<string> {
  const network = new Set([...all.values()].filter(({ flags }) => flags.has('net')).map(({ name }) => name));
  for (const name of metas) if (expressionOf(all.get(name)!).names.some((one) => network.has(one))) network.add(name);
  return network;
}

/** The meta with its expression made ready. A glob means the rules of its fit, the meta itself aside. */
function prepared(rule: Rule, all: ReadonlyMap<string, Rule>): Rule {
  if (rule.test.kind !== 'meta') return rule;
  const { expression } = rule.test;
  const namesOf = (glob: string) => [...all.keys()].filter((name) => name !== rule.name && globMatches(glob, name));
  return { ...rule, test: { kind: 'meta', expression, evaluate: prepareExpression(expression, namesOf) } };
}

/** Rules of one priority together, each meta where the last rule it reads stands; what is unknown is known at the end. */
function stagesOf(rules: readonly Rule[], metas: readonly Rule[]): readonly RuleStage[] {
  const stages: { rules: Rule[]; metas: Rule[] }[] = [{ rules: [], metas: [] }];
  const stageOf = new Map<string, number>();
  for (const rule of rules) {
    const before = stages.at(-1)!.rules[0];
    if (before !== undefined && before.priority !== rule.priority) stages.push({ rules: [], metas: [] });
    stages.at(-1)!.rules.push(rule);
    stageOf.set(rule.name, stages.length - 1);
  }
  const last = stages.length - 1;
  for (const meta of metas) {
    const { names, globs } = expressionOf(meta);
    const ready = names.reduce((latest, name) => Math.max(latest, stageOf.get(name) ?? last), 0);
    const stage = globs.length > 0 ? last : ready;
    stageOf.set(meta.name, stage);
    stages[stage]!.metas.push(meta);
  }
  return stages;
}

function expressionOf({ test }: Rule): Pick<Expression, 'names' | 'globs'> {
  return test.kind === 'meta' ? test.expression : { names: [], globs: [] };
}

/** Gathers what statements say of each rule, in the order they are read. */
class Gatherer {
  readonly drafts = new Map<string, Draft>();
  readonly properties = new Map<string, Properties>();
  readonly refusals: Refusal[] = [];
  private readonly refusedNames = new Set<string>();
  private readonly named: Statement[] = [];

  constructor(private readonly localTestsOnly: boolean) {}

  take(statement: Statement): void {
    if (statement.kind === 'rule') this.define(statement);
    else {
      this.named.push(statement);
      this.apply(statement);
    }
  }

  private define(statement: Extract<Statement, { kind: 'rule' }>): void {
    const { name, file, line } = statement;
    if (this.drafts.size >= RULES_MAX && !this.drafts.has(name)) {
      this.refusals.push(refusalAt(statement, `more than ${RULES_MAX} rules`));
      return;
    }
    const test = compileTest(this.merged(statement), this.localTestsOnly);
    if (typeof test === 'string') {
      this.refusals.push(refusalAt(statement, `${name}: ${test}`));
      this.refusedNames.add(name);
      return;
    }
    this.drafts.set(name, { name, test, file, line });
    const { test: written } = statement;
    if ((written.kind === 'text' || written.kind === 'header') && takesTexts(written.pattern))
      this.propertiesOf(name).priority = CAPTURING_PRIORITY;
  }

  /** Several `uri_detail` lines of one name add up; of one key the last holds. */
  private merged({ name, test }: Extract<Statement, { kind: 'rule' }>): RuleTest {
    if (test.kind !== 'uriDetail') return test;
    const criteria = new Map([...(this.uriDetails.get(name) ?? []), ...test.criteria].map((one) => [one.key, one]));
    this.uriDetails.set(name, [...criteria.values()]);
    return { kind: 'uriDetail', criteria: [...criteria.values()] };
  }

  private readonly uriDetails = new Map<string, Extract<RuleTest, { kind: 'uriDetail' }>['criteria']>();

  private apply(statement: Exclude<Statement, { kind: 'rule' }>): void {
    const properties = this.propertiesOf(statement.name);
    switch (statement.kind) {
      case 'score': {
        if (statement.relative && properties.scores === null) {
          this.refusals.push(refusalAt(statement, `${statement.name}: a relative score without one before it`));
          return;
        }
        const base = properties.scores ?? ALL_ONE;
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
      case 'shortcircuit':
        properties.shortcircuit = statement.as;
        if (statement.as === 'on' || statement.as === 'off') return;
        if (properties.priority === 0) properties.priority = SHORTCIRCUIT_PRIORITY;
        properties.flags = new Set([...properties.flags, ...(statement.as === 'ham' ? ['nice'] : []), 'noautolearn']);
        return;
      case 'test': {
        const { ok, text, file, line } = statement;
        properties.examples.push({ ok, text, file, line });
      }
    }
  }

  private propertiesOf(name: string): Properties {
    let found = this.properties.get(name);
    if (found === undefined) {
      found = { scores: null, flags: new Set(), priority: 0, description: '', shortcircuit: 'off', examples: [] };
      this.properties.set(name, found);
    }
    return found;
  }

  /** Statements about names that no rule has. */
  orphans(): readonly Refusal[] {
    return this.named
      .filter(({ name }) => !this.drafts.has(name) && !this.refusedNames.has(name))
      .map((statement) => refusalAt(statement, `${statement.kind} for ${statement.name}, which is no rule`));
  }
}

function unknownRule(name: string, drafts: ReadonlyMap<string, Draft>): string {
  const near = nearestName(name, drafts.keys());
  return `${name}, which is no rule${near === null ? '' : `, did you mean ${near}?`}`;
}

function refusalAt(place: Place, reason: string): Refusal {
  return { file: place.file, line: place.line, reason };
}

/** The test ready to run, or the reason why it cannot. */
function compileTest(test: RuleTest, localTestsOnly: boolean): CompiledTest | string {
  try {
    switch (test.kind) {
      case 'text':
        return { ...test, ...withTemplate(test.pattern) };
      case 'header':
        return { ...test, ...withTemplate(test.pattern) };
      case 'mimeheader':
        return { ...test, pattern: compilePattern(test.pattern) };
      case 'uriDetail':
        return {
          kind: 'uriDetail',
          criteria: test.criteria.map((one) => ({ ...one, pattern: compilePattern(one.pattern) })),
        };
      case 'exists':
      case 'empty':
        return test;
      case 'meta':
        return { kind: 'meta', expression: readExpression(test.expression, localTestsOnly), evaluate: () => 0 };
      case 'eval':
        return compileEval(test);
    }
  } catch (error) {
    if (error instanceof PatternError || error instanceof ExpressionError) return error.message;
    throw error;
  }
}

function withTemplate(written: PatternSource): { pattern: Pattern; template: PatternSource | null } {
  const template = templateOf(written);
  return { pattern: compilePattern(template === null ? written : anyTexts(template)), template };
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
    ? { kind: 'eval', name: test.name, input: test.input, run: found.run, args: test.args }
    : `eval "${test.name}": ${wrong}`;
}

function argumentCount(found: { argsMin: number; argsMax: number }): string {
  const range = found.argsMin === found.argsMax ? `${found.argsMin}` : `${found.argsMin} to ${found.argsMax}`;
  return `${range} argument${range === '1' ? '' : 's'}`;
}

/** The rule with its properties. */
function finish(draft: Draft, properties: Properties | undefined, options: CompileOptions): Rule {
  const flags = properties?.flags ?? new Set<string>();
  return {
    ...draft,
    score: isSubRule(draft.name) ? 0 : scoreOf(draft.name, properties?.scores ?? null, flags, options),
    description: properties?.description ?? '',
    flags,
    countMax: countMax(flags),
    priority: properties?.priority ?? 0,
    shortcircuit: properties?.shortcircuit ?? 'off',
    examples: properties?.examples ?? [],
  };
}

/** SpamAssassin's order within one priority. */
const RANKS = {
  rbl: -1,
  header: 0,
  headerEval: 1,
  body: 2,
  uri: 3,
  uriEval: 4,
  bodyEval: 4,
  rawbody: 5,
  rawbodyEval: 6,
  full: 7,
  fullEval: 8,
} as const;

/** Priority, then header, body, uri, rawbody, full, each with its evals after it. */
function runsBefore(a: Rule, b: Rule): number {
  return a.priority - b.priority || rank(a.test) - rank(b.test);
}

function rank(test: CompiledTest): number {
  if (test.kind === 'text') return RANKS[test.input];
  if (test.kind === 'eval') return test.input === 'rbl' ? RANKS.rbl : RANKS[`${test.input}Eval`];
  return test.kind === 'mimeheader' || test.kind === 'uriDetail' ? RANKS.bodyEval : RANKS.header;
}
