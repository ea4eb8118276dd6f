// No dead file: whatever lies on a floor is reached from a program, from the entry of a process or thread that one of
// them starts, or from a bench.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entriesNamedBy, FLOORS, importsOf, listFiles, readText, resolveImport, ROOT } from './tree.js';

/** Where a reader starts: the program, what package.json and .ci/run run, and the benches. */
function listRoots(): readonly string[] {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
  const lines = [...Object.values(scripts), readText('.ci/run')];
  const run = lines.flatMap((line) => [...line.matchAll(/dist\/([\w/-]+)\.js/g)].map(([, name]) => `${name}.ts`));
  const benches = listFiles(['bench']).filter((file) => file.split('/').length === 2);
  return ['programs/weir.ts', ...run, ...benches];
}

function reach(roots: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file) || !existsSync(join(ROOT, file))) continue;
    reached.add(file);
    for (const specifier of importsOf(file)) {
      const target = resolveImport(file, specifier);
      if (target !== null) waiting.push(target);
    }
    waiting.push(...entriesNamedBy(file));
  }
  return reached;
}

describe('dead files', () => {
  const reached = reach(listRoots());

  it('there are none on the floors', () => {
    const dead = listFiles([...FLOORS, 'scripts']).filter((file) => !reached.has(file) && !file.endsWith('.d.ts'));
    expect(dead).toEqual([]);
  });

  it('would be seen: the program reaches files on every floor', () => {
    const fromProgram = [...reach(['programs/weir.ts'])];
    expect(FLOORS.filter((floor) => !fromProgram.some((file) => file.startsWith(`${floor}/`)))).toEqual([]);
  });
});
