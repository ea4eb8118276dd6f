// The source tree as the house tests see it: files, what they import, and their syntax trees.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Bottom to top: a folder imports from itself and from those before it. */
export const FLOORS = [
  'outside',
  'config',
  'state',
  'message',
  'lists',
  'pipeline',
  'logs',
  'outbox',
  'quarantine',
  'rules',
  'milter',
  'screen',
  'policy',
  'filters',
  'gateway',
  'programs',
] as const;

/** Folders that may import anything. */
export const BESIDE = ['bench', 'scripts', 'test'] as const;

/** Code files below the folders (thread entries may be plain JavaScript), as paths from the root with forward slashes, sorted. */
export function listFiles(folders: readonly string[]): readonly string[] {
  return folders.flatMap(listFolder).sort();
}

function listFolder(folder: string): string[] {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

export function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readText(file), ts.ScriptTarget.ES2022, true);
}

/** What a file imports: values, types, re-exports and `import()` alike. */
export function importsOf(file: string): readonly string[] {
  return ts.preProcessFile(readText(file), true, true).importedFiles.map(({ fileName }) => fileName);
}

/** A relative import as a path from the root to the file behind it, whether it is there or not; null for a package. */
export function resolveImport(file: string, specifier: string): string | null {
  return specifier.startsWith('.') ? findSource(normalize(join(dirname(file), specifier))) : null;
}

/** What a `.js` path stands for: a TypeScript file, a declaration, or itself. */
function findSource(path: string): string {
  const candidates = [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.d.ts')];
  return candidates.find((candidate) => existsSync(join(ROOT, candidate))) ?? path;
}

/** Files that a file names as text, such as `new URL('./thread.js', import.meta.url)`: entries of threads and processes. */
export function entriesNamedBy(file: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && /^[\w./-]+\.[jt]s$/.test(node.text)) {
      const path = findSource(normalize(join(dirname(file), node.text)));
      if (existsSync(join(ROOT, path))) found.push(path);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found;
}

/** First folder of a path. */
export function folderOf(file: string): string {
  return file.split('/')[0] ?? '';
}

/** Every node of a file's syntax tree. */
export function* nodesOf(file: string): Generator<ts.Node> {
  const waiting: ts.Node[] = [parse(file)];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    waiting.push(...node.getChildren());
  }
}

/** `file:line` of a node. */
export function placeOf(node: ts.Node): string {
  const source = node.getSourceFile();
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}
