// Puts metas in an order in which each stands after those it reads, without recursion, and names those that read
// themselves in a circle.
import type { Rule } from './compile.js';

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

/** Orders the metas among `rules` (Kahn's algorithm, stable in definition order). */
export function orderMetas(rules: readonly Rule[]): { ordered: readonly Rule[]; circular: readonly Rule[] } {
  const metas = new Map(rules.filter((rule) => rule.test.kind === 'meta').map((rule) => [rule.name, rule]));
  const waitsFor = new Map<string, number>();
  const readers = new Map<string, string[]>();
  for (const rule of metas.values()) {
    const read = metasRead(rule, metas);
    waitsFor.set(rule.name, read.size);
    for (const name of read) readers.set(name, [...(readers.get(name) ?? []), rule.name]);
  }
  const ready = [...metas.keys()].filter((name) => waitsFor.get(name) === 0);
  for (let index = 0; index < ready.length; index++) {
    for (const reader of readers.get(ready[index]!) ?? []) {
      const left = waitsFor.get(reader)! - 1;
      waitsFor.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  const done = new Set(ready);
  return {
    ordered: ready.map((name) => metas.get(name)!),
    circular: [...metas.values()].filter((rule) => !done.has(rule.name)),
  };
}

function metasRead(rule: Rule, metas: ReadonlyMap<string, Rule>): Set<string> {
  const read = new Set<string>();
  if (rule.test.kind !== 'meta') return read;
  for (const name of rule.test.expression.names) if (metas.has(name)) read.add(name);
  for (const glob of rule.test.expression.globs) {
    for (const name of metas.keys()) if (name !== rule.name && globMatches(glob, name)) read.add(name);
  }
  return read;
}
