// Which engine made what is kept: a hash over the code of the rule engine itself, so that no other version ever takes it
// for its own, not even one that somebody has just edited.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Deepest folder below `rules/` that holds code. */
const FOLDERS_DEEP_MAX = 4;

let known: string | null = null;

/** Hex SHA-256 over the engine's code files, and the versions of Node and V8. Worked out once. */
export function codeHash(): string {
  known ??= hashBelow(dirname(dirname(fileURLToPath(import.meta.url))), extname(fileURLToPath(import.meta.url)));
  return known;
}

function hashBelow(directory: string, suffix: string): string {
  const hash = createHash('sha256').update(`${process.versions.node} ${process.versions.v8} ${process.arch}`);
  const visit = (folder: string, deep: number): void => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && deep < FOLDERS_DEEP_MAX) visit(path, deep + 1);
      else if (entry.isFile() && entry.name.endsWith(suffix)) hash.update(path).update(readFileSync(path));
    }
  };
  visit(directory, 1);
  return hash.digest('hex');
}
