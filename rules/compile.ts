// Turns statements into a rule set that can run: tests worked out, scores settled, everything put in order as plain data,
// and that made ready. A statement that cannot be used is refused with its place; an earlier definition of the same rule
// then stays in force, and all other rules run.
import { nearestName } from '../config/nearest.js';
import { arrange } from './arrange.js';
import {
  isSubRule,
  type EvalInput,
  type HeaderSelector,
  type PatternSource,
  type Place,
  type Refusal,
  type Shortcircuit,
  type Statement,
  type TextInput,
  type UriDetailKey,
} from './definition.js';
import type { EvalFunction } from './evals/eval.js';
import type { Expression } from './expression.js';
import { Gatherer, refusalAt, type Draft, type Properties } from './gather.js';
import type { Pattern } from './pattern/pattern.js';
import type { PlainRule, PlainSet } from './plain.js';
import { countMax, mimeHeaderCountMax, scoreOf } from './points.js';
import { readySet } from './ready.js';

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
  | { readonly kind: 'meta'; readonly expression: Expression }
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

export interface CompiledRules {
  readonly set: RuleSet;
  readonly refusals: readonly Refusal[];
  /** Lines that say something of rules that do not exist. */
  readonly notes: readonly Refusal[];
}

/** The same with the set as plain data. */
export type PlainRules = Omit<CompiledRules, 'set'> & { readonly set: PlainSet };

/** Compiles all statements, later ones overriding earlier ones. Never throws on what they say. */
export function compileRules(
  statements: readonly Statement[],
  options: CompileOptions = COMPILE_DEFAULTS,
): CompiledRules {
  const { set, refusals, notes } = describeRules(statements, options);
  return { set: readySet(set), refusals, notes };
}

/** All that compiling works out, short of making it ready to run. */
export function describeRules(statements: readonly Statement[], options: CompileOptions): PlainRules {
  const gatherer = new Gatherer((options.scoreSet & 1) === 0);
  for (const statement of statements) gatherer.take(statement);
  const { drafts, properties, refusals } = gatherer;
  for (const name of [...options.disabled, ...options.scores.keys()]) {
    if (!drafts.has(name)) refusals.push(refusalAt(SETTINGS_PLACE, unknownRule(name, drafts)));
  }
  const all = new Map<string, PlainRule>();
  const off = new Set<string>();
  for (const draft of drafts.values()) {
    const rule = finish(draft, properties.get(draft.name), options);
    all.set(rule.name, rule);
    if (scoreOf(draft.name, properties.get(draft.name)?.scores ?? null, rule.flags, options) === 0) off.add(rule.name);
    if (options.disabled.has(rule.name)) off.add(rule.name);
  }
  return { set: arrange(all, off, refusals), refusals, notes: [...gatherer.orphans(), ...gatherer.slips] };
}

/** The rule with its properties. */
function finish(draft: Draft, properties: Properties | undefined, options: CompileOptions): PlainRule {
  const flags = properties?.flags ?? new Set<string>();
  return {
    ...draft,
    score: isSubRule(draft.name) ? 0 : scoreOf(draft.name, properties?.scores ?? null, flags, options),
    description: properties?.description ?? '',
    flags,
    countMax: draft.test.kind === 'mimeheader' ? mimeHeaderCountMax(flags) : countMax(flags),
    priority: properties?.priority ?? 0,
    shortcircuit: properties?.shortcircuit ?? 'off',
    examples: properties?.examples ?? [],
  };
}

function unknownRule(name: string, drafts: ReadonlyMap<string, Draft>): string {
  const near = nearestName(name, drafts.keys());
  return `${name}, which is no rule${near === null ? '' : `, did you mean ${near}?`}`;
}
