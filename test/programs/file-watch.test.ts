// Files looked at for changes: what is told, when, and what is not.
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { NamedFile } from '../../config/attached.js';
import { FileWatch, type FileChange } from '../../programs/file-watch.js';
import { waitUntil } from '../ground/place.js';

const INTERVAL_MS = 40;
const directory = mkdtempSync(join(tmpdir(), 'weir-watch-'));
afterAll(() => rmSync(directory, { recursive: true }));

let watch: FileWatch | null = null;
afterEach(() => watch?.close());

async function watching(paths: () => readonly NamedFile[]) {
  const told: FileChange[] = [];
  watch = new FileWatch({ paths, onChange: (change) => Promise.resolve(told.push(change)), intervalMs: INTERVAL_MS });
  await watch.note();
  watch.start();
  const next = () => waitUntil('a change', 5_000, () => told.shift() ?? null);
  const quiet = async () => {
    await new Promise((done) => setTimeout(done, INTERVAL_MS * 6));
    return told.length === 0;
  };
  return { told, next, quiet };
}

const put = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
};

describe('a watched file', () => {
  it('is told when it is written, renamed over, linked elsewhere, gone, and back', async () => {
    const file = put('one', 'a');
    const target = put('two', 'b');
    const { next, quiet } = await watching(() => [{ path: file, suffix: '' }]);
    expect(await quiet()).toBe(true);
    const deeds: readonly (() => void)[] = [
      () => writeFileSync(file, 'abc'),
      () => renameSync(put('other', 'abc'), file),
      () => {
        unlinkSync(file);
        symlinkSync(target, file);
      },
      () => writeFileSync(target, 'c'),
      () => unlinkSync(file),
      () => writeFileSync(file, 'back'),
    ];
    for (const deed of deeds) {
      deed();
      expect(await next()).toEqual({ changed: [file], added: [] });
    }
    expect(await quiet()).toBe(true);
  });

  it('is told with the same size and time, when it is another', async () => {
    const file = put('same', 'aaaa');
    utimesSync(file, 1_000, 1_000);
    const { next } = await watching(() => [{ path: file, suffix: '' }]);
    writeFileSync(file, 'bbbb');
    utimesSync(file, 1_000, 1_000);
    expect(await next()).toEqual({ changed: [file], added: [] });
  });

  it('is not told while it is still being written', async () => {
    const file = put('growing', '');
    const { told, next } = await watching(() => [{ path: file, suffix: '' }]);
    const until = Date.now() + INTERVAL_MS * 10;
    for (let size = 1; Date.now() < until; size += 1) {
      writeFileSync(file, 'x'.repeat(size));
      await new Promise((done) => setTimeout(done, INTERVAL_MS / 8));
    }
    expect(told).toEqual([]);
    expect(await next()).toEqual({ changed: [file], added: [] });
  });

  it('is told as added when it is watched for the first time', async () => {
    const [one, two] = [put('first', ''), put('second', '')];
    const paths = [{ path: one, suffix: '' }];
    const { next } = await watching(() => paths);
    paths.push({ path: two, suffix: '' });
    expect(await next()).toEqual({ changed: [], added: [two] });
  });
});

describe('a watched directory', () => {
  it('stands for its files with the suffix', async () => {
    const folder = join(directory, 'rules');
    mkdirSync(folder);
    const { next, quiet } = await watching(() => [{ path: folder, suffix: '.cf' }]);
    put('rules/note.txt', 'x');
    expect(await quiet()).toBe(true);
    for (const text of ['a', 'ab']) {
      put('rules/one.cf', text);
      expect(await next()).toEqual({ changed: [folder], added: [] });
    }
    unlinkSync(join(folder, 'one.cf'));
    expect(await next()).toEqual({ changed: [folder], added: [] });
  });
});
