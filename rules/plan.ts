// A rule set as it is run: rules numbered in the order in which they run, those that read the same put into groups that are
// scanned as one, and for each rule the metas that read it. Made once for each set; holds nothing of any message.
import type { Rule, RuleSet, RuleStage } from './compile.js';
import type { HeaderSelector, TextInput } from './definition.js';
import { OWN_VIEW_EVALS } from './evals/table.js';
import { prepareExpression, type Evaluation, type Expression, type RuleNumbers } from './expression.js';
import { fieldKey } from './mail/header-values.js';
import { mimeHeaderKey } from './mime-header.js';
import { neededRules } from './needs.js';
import { globMatches } from './order.js';
import { Subject, type Pattern } from './pattern/pattern.js';
import { CandidateScan } from './scan/candidates.js';
import { doAtOnce, type Steps } from './steps.js';

/** What the rules of a group read. */
export type GroupSource =
  | { readonly kind: 'text'; readonly input: TextInput }
  | {
      readonly kind: 'header';
      readonly selector: string;
      /** The field without which there is no value; null where that is not all. */
      readonly field: string | null;
    }
  /** What `mimeHeaderTexts` gives for this rule. */
  | { readonly kind: 'mimeheader'; readonly rule: Rule };

/** Rules that read the same. Rules are told by their numbers. */
export interface RuleGroup {
  /** Its own number. */
  readonly number: number;
  readonly source: GroupSource;
  readonly scan: CandidateScan;
  /** By number of a pattern in `scan`: the rules that have it. */
  readonly owners: readonly (readonly number[])[];
  /** Rules to try whatever is read. */
  readonly always: readonly number[];
  readonly rules: readonly number[];
}

/** Rules of one priority, from the first number to one past the last, its metas behind the others. */
export interface PlannedStage {
  readonly from: number;
  readonly to: number;
  /** Groups of which no earlier stage has a rule. */
  readonly groups: readonly RuleGroup[];
}

export interface Plan {
  /** All rules; a rule's number is its place. */
  readonly rules: readonly Rule[];
  readonly stages: readonly PlannedStage[];
  readonly groups: readonly RuleGroup[];
  /** For each rule the number of its group, -1 for a rule of none. */
  readonly groupOf: Int32Array;
  /** For each rule the number of its pattern in its group's scan, -1 where every text must be tried. */
  readonly patternOf: Int32Array;
  /** For each rule the metas to be worked out when it hits. */
  readonly readers: readonly (readonly number[])[];
  /** For each meta what it works out, once it was needed: see `evaluationOf`. */
  readonly evaluations: (Evaluation | undefined)[];
  readonly numbering: RuleNumbers;
  /** Whether some rule reads the message as Weir's own stages see it. */
  readonly readsOwnView: boolean;
  /** By field name in lower case: rules that ask whether it exists. */
  readonly existing: ReadonlyMap<string, readonly number[]>;
  /** One bit for each rule: those that run whatever the message holds. */
  readonly always: Int32Array;
}

/** Metas looked at between two rests, about. */
const METAS_PER_STEP = 100;
/** Weight of a rule that is no pattern over a text, in metas that read it. */
const WORDLESS_WEIGHT = 10;
const NO_RULES: readonly number[] = [];
const EMPTY = new Subject('');
const NO_EXPRESSION: Expression = { steps: [], names: [], globs: [], empty: true };
const WORD_BITS = 32;

/** Made once for each rule set. */
const plans = new WeakMap<RuleSet, Plan>();

/** The plan of a set: made when first asked for. */
export function planOf(set: RuleSet): Plan {
  return plans.get(set) ?? doAtOnce(planInSteps(set));
}

/** The same with rests. */
export function* planInSteps(set: RuleSet): Steps<Plan> {
  const plan = plans.get(set) ?? (yield* new Planner(set.stages).plan());
  plans.set(set, plan);
  return plan;
}

/** What a meta works out; made ready when first needed. */
export function evaluationOf({ rules, evaluations, numbering }: Plan, meta: number): Evaluation {
  const { test } = rules[meta]!;
  return (evaluations[meta] ??= prepareExpression(test.kind === 'meta' ? test.expression : NO_EXPRESSION, numbering));
}

/** Numbers by name, and those that a glob fits; a meta among them counts nothing for itself, since it has not run yet. */
function numberingOf(rules: readonly Rule[]): RuleNumbers {
  const numbers = new Map(rules.map(({ name }, number) => [name, number]));
  const fitting = new Map<string, readonly number[]>();
  const matching = (glob: string): readonly number[] => {
    const known = fitting.get(glob);
    if (known !== undefined) return known;
    const found = rules.flatMap(({ name }, number) => (globMatches(glob, name) ? [number] : []));
    fitting.set(glob, found);
    return found;
  };
  return { numberOf: (name) => numbers.get(name), matching };
}

/** A selector as rule files write it. */
export function selectorText({ name, modifiers }: HeaderSelector): string {
  return modifiers.length === 0 ? name : [name, ...modifiers].join(':');
}

/** For rules of a group of headers: those that are to be run where there is no such header. Asked for once a group. */
export function rulesWhenAbsent(plan: Plan, { rules }: RuleGroup): readonly number[] {
  return rules.filter((number) => {
    const { test } = plan.rules[number]!;
    if (test.kind !== 'header') return false;
    if (test.negated || test.template !== null) return true;
    const subject = test.ifUnset === null ? EMPTY : new Subject(test.ifUnset);
    return test.pattern.possibleIn(subject) && test.pattern.test(subject);
  });
}

/** The next rule at or after `from` whose bit is set; `to` where there is none before it. */
export function nextBit(words: Int32Array, from: number, to: number): number {
  if (from >= to) return to;
  let word = from >>> 5;
  let bits = words[word]! & (-1 << (from & 31));
  while (bits === 0) {
    word++;
    if (word * WORD_BITS >= to) return to;
    bits = words[word]!;
  }
  return Math.min(to, word * WORD_BITS + 31 - Math.clz32(bits & -bits));
}

/** Sets a rule's bit. */
export function setBit(words: Int32Array, number: number): void {
  words[number >>> 5]! |= 1 << (number & 31);
}

/** A group while rules are put into it. */
interface GroupDraft {
  readonly source: GroupSource;
  readonly stage: number;
  readonly rules: number[];
}

class Planner {
  private readonly rules: readonly Rule[];
  private readonly numbering: RuleNumbers;
  private readonly groupOf: Int32Array;
  private readonly patternOf: Int32Array;
  private readonly always: Int32Array;
  private readonly existing = new Map<string, number[]>();

  constructor(private readonly written: readonly RuleStage[]) {
    this.rules = written.flatMap(({ rules, metas }) => [...rules, ...metas]);
    this.numbering = numberingOf(this.rules);
    this.groupOf = new Int32Array(this.rules.length).fill(-1);
    this.patternOf = new Int32Array(this.rules.length).fill(-1);
    this.always = new Int32Array(Math.ceil(this.rules.length / WORD_BITS));
  }

  *plan(): Steps<Plan> {
    const { rules, numbering, groupOf, patternOf, always, existing } = this;
    const drafts = this.gather();
    const groups: RuleGroup[] = [];
    for (const draft of drafts) {
      yield;
      groups.push(this.group(draft, groups.length));
    }
    const stages = this.stages(drafts, groups);
    const readers = yield* this.readers();
    const evaluations = new Array<Evaluation | undefined>(rules.length);
    const readsOwnView = rules.some(({ test }) => test.kind === 'eval' && OWN_VIEW_EVALS.has(test.name));
    return {
      rules,
      numbering,
      readsOwnView,
      stages,
      groups,
      groupOf,
      patternOf,
      always,
      existing,
      readers,
      evaluations,
    };
  }

  /** Puts each rule into its group, or among those that always run. */
  private gather(): readonly GroupDraft[] {
    const drafts = new Map<string, GroupDraft>();
    let number = 0;
    this.written.forEach(({ rules, metas }, stage) => {
      for (const rule of rules) {
        const key = groupKey(rule);
        if (key !== null) {
          const draft = drafts.get(key) ?? { source: sourceOf(rule)!, stage, rules: [] };
          drafts.set(key, draft);
          draft.rules.push(number);
        } else this.alone(rule, number);
        number++;
      }
      number += metas.length;
    });
    return [...drafts.values()];
  }

  /** A rule of no group: it always runs, unless what it asks for is seen in another way. */
  private alone({ test }: Rule, number: number): void {
    const field = test.kind === 'exists' ? fieldKey(test.name) : null;
    if (field === null) {
      if (test.kind !== 'empty') setBit(this.always, number);
      return;
    }
    const same = this.existing.get(field);
    if (same === undefined) this.existing.set(field, [number]);
    else same.push(number);
  }

  private group({ source, rules }: GroupDraft, number: number): RuleGroup {
    const patterns = rules.map((rule) => patternIn(this.rules[rule]!));
    const scan = new CandidateScan(patterns);
    const owners: number[][] = [];
    const always: number[] = [];
    rules.forEach((rule, index) => {
      const { test } = this.rules[rule]!;
      const found = scan.numberOf(patterns[index]!);
      this.groupOf[rule] = number;
      if (found !== null) {
        this.patternOf[rule] = found;
        (owners[found] ??= []).push(rule);
      }
      if (found === null || ('negated' in test && test.negated)) always.push(rule);
    });
    return { number, source, scan, owners, always, rules };
  }

  private stages(drafts: readonly GroupDraft[], groups: readonly RuleGroup[]): readonly PlannedStage[] {
    let from = 0;
    return this.written.map(({ rules, metas }, stage) => {
      const to = from + rules.length + metas.length;
      const planned = { from, to, groups: groups.filter((_, index) => drafts[index]!.stage === stage) };
      from = to;
      return planned;
    });
  }

  /** Which metas wait for whom, and a bit for those that hold where nothing hits. */
  private *readers(): Steps<readonly (readonly number[])[]> {
    const readers: (readonly number[])[] = this.rules.map(() => NO_RULES);
    const weights = this.weights();
    for (const [number, { test }] of this.rules.entries()) {
      if (test.kind !== 'meta') continue;
      if (number % METAS_PER_STEP === 0) yield;
      const needed = neededRules(test.expression, this.numbering, (one) => weights[one]!);
      if (needed === null) setBit(this.always, number);
      for (const one of new Set(needed)) {
        if (readers[one] === NO_RULES) readers[one] = [number];
        else (readers[one] as number[]).push(number);
      }
    }
    return readers;
  }

  /** How common each rule may be: those that many metas read are, and those that ask for no words. */
  private weights(): Float64Array {
    const weights = Float64Array.from(this.rules, ({ test }) => (test.kind === 'text' ? 1 : WORDLESS_WEIGHT));
    for (const { test } of this.rules) {
      if (test.kind !== 'meta') continue;
      for (const name of test.expression.names) {
        const read = this.numbering.numberOf(name);
        if (read !== undefined) weights[read]!++;
      }
    }
    return weights;
  }
}

/** What rules must have in common to be of one group; null for a rule of none. */
function groupKey(rule: Rule): string | null {
  const source = sourceOf(rule);
  switch (source?.kind) {
    case 'text':
      return source.input;
    case 'header':
      return `header ${source.selector}`;
    case 'mimeheader':
      return rule.test.kind === 'mimeheader' ? `mimeheader ${mimeHeaderKey(rule.test, rule)}` : null;
    case undefined:
      return null;
  }
}

function sourceOf(rule: Rule): GroupSource | null {
  const { test } = rule;
  switch (test.kind) {
    case 'text':
      return { kind: 'text', input: test.input };
    case 'header':
      return { kind: 'header', selector: selectorText(test.selector), field: fieldKey(test.selector.name) };
    case 'mimeheader':
      return { kind: 'mimeheader', rule };
    default:
      return null;
  }
}

function patternIn({ name, test }: Rule): Pattern {
  if ('pattern' in test) return test.pattern;
  throw new Error(`${name} has no pattern`);
}
