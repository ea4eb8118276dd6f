// Rule files of a test, in a directory of their own that goes when the tests of the file are over.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** Gives a function that writes a file of these lines and tells its path. */
export function useRuleFiles(): (name: string, ...lines: readonly string[]) => string {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'weir-rules-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return (name, ...lines) => {
    const path = join(directory, name);
    writeFileSync(path, lines.join('\n'));
    return path;
  };
}
