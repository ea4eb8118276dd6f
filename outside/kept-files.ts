// A directory of files that can be made again, each known by a key: what was worked out once is found there by whoever
// needs it next. A file is believed only in a directory that is ours alone and only when it is whole; the oldest go when
// there are too many. Nothing here may keep anybody from working: what fails is told, and the thing is made again.
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Most files kept, and most bytes of all of them; the largest one. */
export const KEPT_FILES_MAX = 12;
export const KEPT_BYTES_MAX = 256 * 1_024 * 1_024;
export const KEPT_FILE_MAX_BYTES = 64 * 1_024 * 1_024;
/** A half-written file this old belongs to nobody any more, ms. */
const HALF_WRITTEN_MS = 3_600_000;
/** Entries of the directory looked at. */
const ENTRIES_MAX = 10_000;

const MAGIC = Buffer.from('weirkept', 'latin1');
const HASH_BYTES = 32;
/** The hash of everything after it, the magic, the key. */
const HEADER_BYTES = HASH_BYTES + MAGIC.length + HASH_BYTES;
const SUFFIX = '.kept';
const TEMPORARY = '.half';
/** Rights of group and others to write. */
const OTHERS_WRITE = 0o022;

/** What stood under a key: its bytes, nothing, or why it cannot be believed. */
export type Found = { readonly bytes: Buffer } | { readonly damage: string } | null;

/** Key of 64 hex digits (SHA-256) → bytes. */
export class KeptFiles {
  private constructor(readonly directory: string) {}

  /** Opens the directory, making it where it is missing; otherwise says why it cannot be used. Never throws. */
  static open(directory: string): KeptFiles | string {
    try {
      const objection = objectionTo(directory);
      return objection ?? new KeptFiles(directory);
    } catch (error) {
      return `${directory}: ${reasonOf(error)}`;
    }
  }

  /** What is kept under the key. Never throws. */
  read(key: string): Found {
    const path = this.pathOf(key);
    try {
      const file = readWhole(path);
      return file === null ? null : unpack(file, key);
    } catch (error) {
      return { damage: reasonOf(error) };
    }
  }

  /** Keeps bytes under the key: wholly or not at all, also when others write the same. Gives why it could not. */
  write(key: string, bytes: Uint8Array): string | null {
    if (bytes.length + HEADER_BYTES > KEPT_FILE_MAX_BYTES) return `larger than ${KEPT_FILE_MAX_BYTES} bytes`;
    const half = join(this.directory, `${key}.${process.pid}-${randomBytes(6).toString('hex')}${TEMPORARY}`);
    try {
      writeFileSync(half, pack(key, bytes), { mode: 0o600, flag: 'wx' });
      renameSync(half, this.pathOf(key));
      this.prune();
      return null;
    } catch (error) {
      const left = withoutFail(() => rmSync(half, { force: true }));
      return [reasonOf(error), ...(left === null ? [] : [left])].join('; ');
    }
  }

  /** Forgets what is kept under the key. Gives why it could not. */
  forget(key: string): string | null {
    return withoutFail(() => rmSync(this.pathOf(key), { force: true }));
  }

  private pathOf(key: string): string {
    if (!/^[0-9a-f]{64}$/.test(key)) throw new Error('not a key');
    return join(this.directory, `${key}${SUFFIX}`);
  }

  /** Lets the oldest go, and what a process that died was writing. */
  private prune(): void {
    const names = readdirSync(this.directory).slice(0, ENTRIES_MAX);
    const files = names.flatMap((name) => {
      const path = join(this.directory, name);
      const facts = statSync(path, { throwIfNoEntry: false });
      return facts?.isFile() === true ? [{ path, size: facts.size, changed: facts.mtimeMs }] : [];
    });
    const old = files.filter(({ path, changed }) => path.endsWith(TEMPORARY) && Date.now() - changed > HALF_WRITTEN_MS);
    for (const { path } of old) rmSync(path, { force: true });
    let bytes = 0;
    const kept = files.filter(({ path }) => path.endsWith(SUFFIX)).sort((a, b) => b.changed - a.changed);
    kept.forEach(({ path, size }, index) => {
      bytes += size;
      if (index > 0 && (index >= KEPT_FILES_MAX || bytes > KEPT_BYTES_MAX)) rmSync(path, { force: true });
    });
  }
}

/** Why a directory cannot be used; makes it where only it, or it and some above it, is missing. */
function objectionTo(directory: string): string | null {
  const own = process.geteuid?.();
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) {
    if (own !== undefined && ownerAbove(directory) !== own) return `${directory}: what it lies in is not ours`;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  const facts = lstatSync(directory);
  if (!facts.isDirectory()) return `${directory}: it is no directory`;
  if (own !== undefined && facts.uid !== own) return `${directory}: it belongs to somebody else`;
  if ((facts.mode & OTHERS_WRITE) !== 0) return `${directory}: others may write to it`;
  return null;
}

/** Who owns the nearest directory that is there. */
function ownerAbove(path: string): number {
  let at = dirname(path);
  for (;;) {
    const facts = statSync(at, { throwIfNoEntry: false });
    if (facts !== undefined || dirname(at) === at) return facts?.uid ?? -1;
    at = dirname(at);
  }
}

function readWhole(path: string): Buffer | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { size, uid } = fstatSync(descriptor);
    if (process.geteuid !== undefined && uid !== process.geteuid()) throw new Error('it belongs to somebody else');
    if (size > KEPT_FILE_MAX_BYTES) throw new Error(`it is larger than ${KEPT_FILE_MAX_BYTES} bytes`);
    const buffer = Buffer.allocUnsafeSlow(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      read = readSync(descriptor, buffer, length, size - length, null);
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function pack(key: string, bytes: Uint8Array): Buffer {
  const rest = Buffer.concat([MAGIC, Buffer.from(key, 'hex'), bytes]);
  return Buffer.concat([createHash('sha256').update(rest).digest(), rest]);
}

function unpack(file: Buffer, key: string): Found {
  if (file.length < HEADER_BYTES) return { damage: 'it is cut short' };
  const rest = file.subarray(HASH_BYTES);
  if (!createHash('sha256').update(rest).digest().equals(file.subarray(0, HASH_BYTES)))
    return { damage: 'it is not what was written' };
  if (!rest.subarray(0, MAGIC.length).equals(MAGIC)) return { damage: 'it is of another kind' };
  if (rest.toString('hex', MAGIC.length, MAGIC.length + HASH_BYTES) !== key) return { damage: 'it is of another name' };
  return { bytes: file.subarray(HEADER_BYTES) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withoutFail(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}
