// When a rule runs: priorities, which metas pull down to their own, and metas after everything they read. Takes and
// gives rules by name; no recursion, so that a long chain of metas costs no stack.
import type { PlainRule } from './plain.js';

/** Priority of network rules that name none. */
const NETWORK_PRIORITY = -100;

/** Whether `name` fits a glob of `rules_matching`: `*` any run, `?` one character. Linear in the product of the lengths. */
export function globMatches(glob: string, name: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let mark = 0;
  while (at < name.length) {
    const want = glob.charAt(from);
    if (want === '*') {
      star = from++;
      mark = at;
    } else if (want === '?' || (want !== '' && want === name.charAt(at))) {
      at++;
      from++;
    } else if (star >= 0) {
      from = star + 1;
      at = ++mark;
    } else return false;
  }
  while (glob.charAt(from) === '*') from++;
  return from === glob.length;
}

/** What ordering needs of a rule. */
export type Ordered = Pick<PlainRule, 'name' | 'test' | 'flags' | 'priority'>;

/** The metas by their names, and what each reads. */
function dependencies(rules: ReadonlyMap<string, Ordered>): Map<string, readonly string[]> {
  const read = new Map<string, readonly string[]>();
  const matching = new Map<string, readonly string[]>();
  for (const { name, test } of rules.values()) {
    if (test.kind !== 'meta') continue;
    const names = new Set(test.expression.names);
    for (const glob of test.expression.globs) {
      let found = matching.get(glob);
      if (found === undefined) {
        found = [...rules.keys()].filter((one) => globMatches(glob, one));
        matching.set(glob, found);
      }
      for (const one of found) if (one !== name) names.add(one);
    }
    read.set(name, [...names]);
  }
  return read;
}

/** Priorities in force: a rule that a meta reads runs no later than that meta asks for. */
export function settlePriorities(rules: ReadonlyMap<string, Ordered>): ReadonlyMap<string, number> {
  const settled = new Map([...rules.values()].map(({ name, priority }) => [name, priority]));
  const reads = dependencies(rules);
  const urgent = [...rules.values()].filter(({ name }) => reads.has(name)).sort((a, b) => a.priority - b.priority);
  for (const { name } of urgent) {
    const own = settled.get(name)!;
    for (const one of reads.get(name)!) {
      const other = rules.get(one);
      if (other === undefined || settled.get(one)! <= own) continue;
      settled.set(one, own < NETWORK_PRIORITY && other.flags.has('net') ? NETWORK_PRIORITY : own);
    }
  }
  for (const { name, flags } of rules.values())
    if (settled.get(name) === 0 && flags.has('net')) settled.set(name, NETWORK_PRIORITY);
  return settled;
}

/** Metas in an order in which each stands after those it reads, and what is wrong with the rest. */
export interface OrderedMetas {
  readonly ordered: readonly string[];
  /** They read themselves. */
  readonly circular: readonly string[];
}

/** Orders the metas among `rules` (Kahn's algorithm, stable in definition order). */
export function orderMetas(rules: ReadonlyMap<string, Ordered>): OrderedMetas {
  const reads = dependencies(rules);
  const waitsFor = new Map<string, number>();
  const readers = new Map<string, string[]>();
  for (const [name, names] of reads) {
    const metas = names.filter((one) => reads.has(one));
    waitsFor.set(name, metas.length);
    for (const one of metas) {
      const known = readers.get(one);
      if (known === undefined) readers.set(one, [name]);
      else known.push(name);
    }
  }
  const ready = [...reads.keys()].filter((name) => waitsFor.get(name) === 0);
  for (let index = 0; index < ready.length; index++) {
    for (const reader of readers.get(ready[index]!) ?? []) {
      const left = waitsFor.get(reader)! - 1;
      waitsFor.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  const done = new Set(ready);
  return { ordered: ready, circular: [...reads.keys()].filter((name) => !done.has(name)) };
}
