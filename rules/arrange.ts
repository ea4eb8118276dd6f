// Puts the rules of a set into the order they run in: by priority and kind, each meta after what it reads, and those that
// never can hit left out. Takes and gives plain data.
import type { Refusal } from './definition.js';
import type { Expression } from './expression.js';
import { refusalAt } from './gather.js';
import { orderMetas, settlePriorities } from './order.js';
import type { PlainRule, PlainSet, PlainStage, PlainTest } from './plain.js';

/** Puts the rules that run in order; those whose score is 0 do not, nor do metas that wait for one of these metas. */
export function arrange(all: ReadonlyMap<string, PlainRule>, off: ReadonlySet<string>, refusals: Refusal[]): PlainSet {
  const { ordered, circular } = orderMetas(all);
  const network = networkRules(all, ordered);
  const priorities = settlePriorities(all);
  for (const name of circular)
    refusals.push(refusalAt(all.get(name)!, `${name} reads itself through other metas: it never hits`));
  const never = new Set(circular);
  const metas: PlainRule[] = [];
  const settled = (rule: PlainRule): PlainRule => ({
    ...rule,
    flags: network.has(rule.name) && !rule.flags.has('net') ? new Set([...rule.flags, 'net']) : rule.flags,
    priority: priorities.get(rule.name) ?? rule.priority,
  });
  for (const name of ordered) {
    const rule = all.get(name)!;
    const waits = rule.test.kind === 'meta' && rule.test.expression.names.some((one) => never.has(one));
    // SpamAssassin never works out a meta that reads one with score 0.
    if (waits || off.has(name)) never.add(name);
    else metas.push(settled(rule));
  }
  const rules = [...all.values()]
    .filter((rule) => rule.test.kind !== 'meta' && !off.has(rule.name))
    .map(settled)
    .sort(runsBefore);
  return { rules, metas, stages: stagesOf(rules, metas) };
}

/** Rules that need the network: those flagged so, and metas that read one of them. */
function networkRules(all: ReadonlyMap<string, PlainRule>, metas: readonly string[]): ReadonlySet<string> {
  const network = new Set([...all.values()].filter(({ flags }) => flags.has('net')).map(({ name }) => name));
  for (const name of metas) if (expressionOf(all.get(name)!).names.some((one) => network.has(one))) network.add(name);
  return network;
}

/** Rules of one priority together, each meta where the last rule it reads stands; what is unknown is known at the end. */
function stagesOf(rules: readonly PlainRule[], metas: readonly PlainRule[]): readonly PlainStage[] {
  const stages: { rules: number; metas: number[] }[] = [{ rules: 0, metas: [] }];
  const stageOf = new Map<string, number>();
  rules.forEach((rule, index) => {
    const before = rules[index - 1];
    if (before !== undefined && before.priority !== rule.priority) stages.push({ rules: 0, metas: [] });
    stages.at(-1)!.rules++;
    stageOf.set(rule.name, stages.length - 1);
  });
  const last = stages.length - 1;
  metas.forEach((meta, index) => {
    const { names, globs } = expressionOf(meta);
    const ready = names.reduce((latest, name) => Math.max(latest, stageOf.get(name) ?? last), 0);
    const stage = globs.length > 0 ? last : ready;
    stageOf.set(meta.name, stage);
    stages[stage]!.metas.push(index);
  });
  return stages;
}

function expressionOf({ test }: PlainRule): Pick<Expression, 'names' | 'globs'> {
  return test.kind === 'meta' ? test.expression : { names: [], globs: [] };
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
function runsBefore(a: PlainRule, b: PlainRule): number {
  return a.priority - b.priority || rank(a.test) - rank(b.test);
}

function rank(test: PlainTest): number {
  if (test.kind === 'text') return RANKS[test.input];
  if (test.kind === 'eval') return test.input === 'rbl' ? RANKS.rbl : RANKS[`${test.input}Eval`];
  return test.kind === 'mimeheader' || test.kind === 'uriDetail' ? RANKS.bodyEval : RANKS.header;
}
