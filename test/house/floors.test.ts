// The floors of the house: a folder imports only from itself and from floors below it; types count. What runs in
// production imports only production packages.
import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BESIDE, FLOORS, folderOf, importsOf, listFiles, readText, resolveImport, ROOT } from './tree.js';

const packageJson = JSON.parse(readText('package.json')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** `@scope/name/path` → `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('floors', () => {
  it('import only from floors below', () => {
    const order: readonly string[] = FLOORS;
    const wrong = listFiles(FLOORS).flatMap((file) =>
      importsOf(file)
        .map((specifier) => resolveImport(file, specifier))
        .filter((target) => target !== null)
        .filter((target) => {
          const level = order.indexOf(folderOf(target));
          return level === -1 || level > order.indexOf(folderOf(file));
        })
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('are seen at all: every floor has files, and they import one another', () => {
    expect(FLOORS.filter((floor) => listFiles([floor]).length === 0)).toEqual([]);
    expect(listFiles(FLOORS).flatMap(importsOf).length).toBeGreaterThan(100);
  });

  it('hold all production code: no other folder has TypeScript', () => {
    const known = new Set<string>([...FLOORS, ...BESIDE]);
    const strangers = listFiles(['api', 'dashboard', 'learning', 'src', 'lib']).filter(
      (file) => !known.has(folderOf(file)),
    );
    expect(strangers).toEqual([]);
  });

  it('have no rings of files that import one another, types aside', () => {
    expect(findRing()).toEqual([]);
  });
});

/** One ring of imports at run time, or nothing. */
function findRing(): readonly string[] {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    done.add(file);
    for (const target of valueImportsOf(file)) {
      const ring = visit(target, [...path, file]);
      if (ring.length > 0) return ring;
    }
    return [];
  };
  for (const file of listFiles(FLOORS)) {
    const ring = visit(file, []);
    if (ring.length > 0) return ring;
  }
  return [];
}

/** `import type` is erased before anything runs. */
function valueImportsOf(file: string): readonly string[] {
  const text = readText(file).replace(/^(import|export) type [^;]*;/gm, '');
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from '(\.[^']+)';/gm)]
    .map(([, specifier]) => resolveImport(file, specifier ?? ''))
    .filter((target) => target !== null)
    .filter((target) => existsSync(join(ROOT, target)));
}

describe('packages', () => {
  it('that production code imports are production dependencies', () => {
    const wrong = listFiles(FLOORS).flatMap((file) =>
      importsOf(file)
        .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
        .filter((specifier) => !Object.hasOwn(packageJson.dependencies, packageOf(specifier)))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('are all used', () => {
    const imported = new Set(listFiles(FLOORS).flatMap(importsOf).map(packageOf));
    // A package of data is named by the path of a file in it.
    const isOpened = (name: string): boolean => listFiles(FLOORS).some((file) => readText(file).includes(`'${name}/`));
    const unused = Object.keys(packageJson.dependencies).filter((name) => !imported.has(name) && !isOpened(name));
    expect(unused).toEqual([]);
  });

  it('are pinned exactly', () => {
    const all = { ...packageJson.dependencies, ...packageJson.devDependencies };
    expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('are each named, with the reason, in docs/ARCHITECTURE.md', () => {
    const text = readText('docs/ARCHITECTURE.md');
    expect(Object.keys(packageJson.dependencies).filter((name) => !text.includes(name))).toEqual([]);
  });

  it('built-in modules are imported by their full name', () => {
    const files = listFiles([...FLOORS, ...BESIDE]);
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((specifier) => isBuiltin(specifier) && !specifier.startsWith('node:'))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});
