// Files kept by key: whole or not at all, ours alone or not at all.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEPT_FILE_MAX_BYTES, KEPT_FILES_MAX, KeptFiles } from '../../outside/kept-files.js';

const KEY = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const BYTES = Buffer.from('what was worked out once, and is long enough to be damaged in the middle');
const isRoot = process.geteuid?.() === 0;

let ground: string;
let directory: string;

beforeEach(() => {
  ground = mkdtempSync(join(tmpdir(), 'weir-kept-'));
  directory = join(ground, 'cache', 'weir');
});
afterEach(() => rmSync(ground, { recursive: true, force: true }));

function opened(): KeptFiles {
  const files = KeptFiles.open(directory);
  if (typeof files === 'string') throw new Error(files);
  return files;
}

const pathOf = (key: string): string => join(directory, `${key}.kept`);

describe('a directory', () => {
  it('is made with rights for its owner alone', () => {
    opened();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('is refused where others may write to it', () => {
    mkdirSync(directory, { recursive: true });
    for (const mode of [0o720, 0o702, 0o777, 0o1777]) {
      chmodSync(directory, mode);
      expect(KeptFiles.open(directory)).toContain('others may write to it');
    }
    chmodSync(directory, 0o755);
    expect(KeptFiles.open(directory)).toBeInstanceOf(KeptFiles);
  });

  it('is refused where it is a link or a file', () => {
    mkdirSync(join(ground, 'cache'));
    symlinkSync(ground, directory);
    expect(KeptFiles.open(directory)).toContain('no directory');
    rmSync(directory);
    writeFileSync(directory, '');
    expect(KeptFiles.open(directory)).toContain('no directory');
    expect(KeptFiles.open(join(directory, 'below'))).toMatch(/ENOTDIR|not ours/);
  });

  it.runIf(isRoot)('is refused where it belongs to somebody else, or would lie in what does', () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chownSync(directory, 65_534, 65_534);
    expect(KeptFiles.open(directory)).toContain('belongs to somebody else');
    expect(KeptFiles.open(join(directory, 'below'))).toContain('not ours');
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('bytes', () => {
  it('are found as they were written, and nothing where nothing was', () => {
    const files = opened();
    expect(files.read(KEY)).toBeNull();
    expect(files.write(KEY, BYTES)).toBeNull();
    expect(files.read(KEY)).toEqual({ bytes: BYTES });
    expect(statSync(pathOf(KEY)).mode & 0o777).toBe(0o600);
    expect(files.write(KEY, Buffer.from('anew'))).toBeNull();
    expect(files.read(KEY)).toEqual({ bytes: Buffer.from('anew') });
    expect(files.forget(KEY)).toBeNull();
    expect(files.read(KEY)).toBeNull();
  });

  it('are not believed with any one byte changed', () => {
    const files = opened();
    files.write(KEY, BYTES);
    const whole = readFileSync(pathOf(KEY));
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(pathOf(KEY), changed);
      expect(files.read(KEY), `byte ${at}`).toHaveProperty('damage');
    }
  });

  it('are not believed cut short or longer', () => {
    const files = opened();
    files.write(KEY, BYTES);
    const whole = readFileSync(pathOf(KEY));
    for (const length of [0, 1, 31, 32, 40, 71, 72, 73, whole.length - 1]) {
      writeFileSync(pathOf(KEY), whole.subarray(0, length));
      expect(files.read(KEY), `${length} bytes`).toHaveProperty('damage');
    }
    writeFileSync(pathOf(KEY), Buffer.concat([whole, Buffer.from('x')]));
    expect(files.read(KEY)).toHaveProperty('damage');
  });

  it('are not believed under another key', () => {
    const files = opened();
    files.write(KEY, BYTES);
    writeFileSync(pathOf(OTHER), readFileSync(pathOf(KEY)));
    expect(files.read(OTHER)).toEqual({ damage: 'it is of another name' });
  });

  it('are not read through a link, from a directory or from a file of somebody else', () => {
    const files = opened();
    files.write(KEY, BYTES);
    symlinkSync(pathOf(KEY), pathOf(OTHER));
    expect(files.read(OTHER)).toHaveProperty('damage');
    rmSync(pathOf(OTHER));
    mkdirSync(pathOf(OTHER));
    expect(files.read(OTHER)).toHaveProperty('damage');
    expect(files.write(OTHER, BYTES)).not.toBeNull();
    if (!isRoot) return;
    chownSync(pathOf(KEY), 65_534, 65_534);
    expect(files.read(KEY)).toEqual({ damage: 'it belongs to somebody else' });
  });
});

describe('writing', () => {
  it('leaves nothing half-written, also where it fails', () => {
    const files = opened();
    files.write(KEY, BYTES);
    expect(readdirSync(directory)).toEqual([`${KEY}.kept`]);
    expect(files.write(OTHER, Buffer.alloc(KEPT_FILE_MAX_BYTES))).toContain('larger than');
    rmSync(directory, { recursive: true });
    expect(files.write(KEY, BYTES)).toContain('ENOENT');
    expect(files.read(KEY)).toBeNull();
  });

  it('lets the oldest go, and what a dead process was writing', () => {
    const files = opened();
    const old = new Date(Date.now() - 7_200_000);
    writeFileSync(join(directory, `${KEY}.1-00.half`), 'x');
    utimesSync(join(directory, `${KEY}.1-00.half`), old, old);
    writeFileSync(join(directory, `${KEY}.2-00.half`), 'x');
    const keys = Array.from({ length: KEPT_FILES_MAX + 3 }, (_, index) => index.toString(16).padStart(64, '0'));
    keys.forEach((key, index) => {
      expect(files.write(key, BYTES)).toBeNull();
      utimesSync(pathOf(key), index + 1, index + 1);
    });
    expect(files.write(KEY, BYTES)).toBeNull();
    const left = readdirSync(directory);
    expect(left).toContain(`${KEY}.kept`);
    expect(left.filter((name) => name.endsWith('.kept'))).toHaveLength(KEPT_FILES_MAX);
    expect(left.filter((name) => name.endsWith('.half'))).toEqual([`${KEY}.2-00.half`]);
    expect(files.read(keys.at(-1)!)).toEqual({ bytes: BYTES });
    expect(files.read(keys[0]!)).toBeNull();
  });

  it('to a full disk is told and leaves nothing', (context) => {
    const small = mountSmall();
    if (small === null) return context.skip('no right to mount a small disk');
    try {
      directory = join(small, 'weir');
      const files = opened();
      expect(files.write(KEY, Buffer.alloc(1_000_000))).toContain('ENOSPC');
      expect(readdirSync(directory)).toEqual([]);
      expect(files.write(KEY, BYTES)).toBeNull();
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('to a disk that cannot be written to is told, what is there is read', (context) => {
    const small = mountSmall();
    if (small === null) return context.skip('no right to mount a small disk');
    try {
      directory = join(small, 'weir');
      opened().write(KEY, BYTES);
      execFileSync('mount', ['-o', 'remount,ro', small]);
      expect(opened().write(OTHER, BYTES)).toContain('EROFS');
      expect(opened().read(KEY)).toEqual({ bytes: BYTES });
      directory = join(small, 'other');
      expect(KeptFiles.open(directory)).toMatch(/EROFS|ENOENT/);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

/** A disk of 256 KB, or null where we may not mount one. */
function mountSmall(): string | null {
  const place = join(ground, 'small');
  mkdirSync(place);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', place], { stdio: 'ignore' });
    return place;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return null;
  }
}
