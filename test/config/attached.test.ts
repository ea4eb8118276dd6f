// Files that settings name: read with the settings, part of their version, the same for every process, and told with
// their own lines when they are wrong.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { afterAll, describe, expect, it } from 'vitest';
import type { AttachedFiles } from '../../config/attached.js';
import { parseConfiguration } from '../../config/load.js';
import { formatProblem } from '../../config/problem.js';
import type { Section } from '../../config/section.js';

const directory = mkdtempSync(join(tmpdir(), 'weir-attached-'));
afterAll(() => rmSync(directory, { recursive: true }));

const schema = Type.Object(
  {
    lists: Type.Array(Type.String(), { default: [], description: 'Files that must be there.' }),
    spare: Type.Array(Type.String(), { default: [], description: 'Files that may be missing.' }),
  },
  { additionalProperties: false },
);

const words: Section<typeof schema> = {
  name: 'words',
  description: 'Words.',
  schema,
  files: ({ lists, spare }) => [
    ...lists.map((path, index) => ({ path, suffix: '.txt', key: ['lists', String(index + 1)], required: true })),
    ...spare.map((path, index) => ({ path, suffix: '.txt', key: ['spare', String(index + 1)], required: false })),
  ],
  check: ({ lists }, files) =>
    lists.flatMap((path) =>
      files.read({ path, suffix: '.txt' }).flatMap(({ file, text }) => {
        const line = text.split('\n').indexOf('bad') + 1;
        return line === 0 ? [] : [{ problem: { file, line, column: 1, message: 'a bad word' } }];
      }),
    ),
};

const load = (text: string) => parseConfiguration([words], text, 'weir.yaml');
const put = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text, 'latin1');
  return file;
};
function taken(text: string) {
  const loaded = load(text);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.configuration;
}
function refused(text: string): readonly string[] {
  const loaded = load(text);
  if (loaded.ok) throw new Error('it was taken');
  return loaded.problems.map(formatProblem);
}
const wordsIn = (files: AttachedFiles, path: string): readonly string[] =>
  files.read({ path, suffix: '.txt' }).map(({ text }) => text);

describe('files that settings name', () => {
  it('are part of the version, byte for byte', () => {
    const file = put('one.txt', 'a');
    const yaml = `words: { lists: [${file}] }`;
    const before = taken(yaml).version;
    expect(taken(yaml).version).toBe(before);
    put('one.txt', 'b');
    expect(taken(yaml).version).not.toBe(before);
    put('one.txt', 'a');
    expect(taken(yaml).version).toBe(before);
  });

  it('stay what they were, here and in another process, whatever the disk says', () => {
    const file = put('two.txt', 'caf\xe9');
    const here = taken(`words: { lists: [${file}] }`);
    put('two.txt', 'later\nbad');
    expect(wordsIn(here.attached, file)).toEqual(['caf\xe9']);
    const texts = JSON.parse(JSON.stringify(here.attached.texts)) as typeof here.attached.texts;
    const there = parseConfiguration([words], here.text, 'weir.yaml', texts);
    expect(there.ok && there.configuration.version).toBe(here.version);
    expect(there.ok && wordsIn(there.configuration.attached, file)).toEqual(['caf\xe9']);
  });

  it('of a directory are those with the suffix, in byte order', () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    for (const name of ['b.txt', 'a.txt', 'B.txt', 'c.bak']) put(join('folder', name), name);
    expect(wordsIn(taken(`words: { lists: [${folder}] }`).attached, folder)).toEqual(['B.txt', 'a.txt', 'b.txt']);
  });

  it('that are wrong inside are told with their own line', () => {
    const file = put('three.txt', 'good\nbad\n');
    expect(refused(`words:\n  lists:\n    - ${file}`)).toEqual([`${file}:2:1: a bad word`]);
  });

  it('that are missing refuse the settings at the entry that names them, or are a complaint', () => {
    const here = put('four.txt', '');
    const missing = join(directory, 'missing.txt');
    expect(refused(`words:\n  lists:\n    - ${here}\n    - ${missing}`)).toEqual([
      `weir.yaml:4:7: words.lists.2: ${missing}: there is no such file`,
    ]);
    expect(taken(`words: { spare: [${missing}] }`).complaints()).toEqual([
      { file: missing, line: 0, column: 0, message: 'there is no such file' },
    ]);
  });

  it('are no pipes, no devices, and not too large', () => {
    expect(refused('words: { lists: [/dev/zero] }')[0]).toMatch(/not a plain file/);
    const large = put('large.txt', 'x'.repeat(16 * 1_024 * 1_024 + 1));
    expect(refused(`words: { lists: [${large}] }`)[0]).toMatch(/larger than 16777216 bytes/);
  });

  it('are named even by settings that are refused, so that they can be watched', () => {
    const missing = join(directory, 'missing.txt');
    const loaded = load(`words: { lists: [${missing}] }`);
    expect(!loaded.ok && loaded.named.map(({ path }) => path)).toEqual([missing]);
  });
});
