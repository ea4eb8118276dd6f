// What the logs say of a subject: itself, a keyed hash, or nothing. The key is the installation's own, so that nobody can
// try out subjects against a stolen log; it never leaves its file.
import { createHmac, randomBytes } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { fold } from './fold.js';

export type SubjectPolicy = 'keep' | 'hash' | 'omit';

const KEY_BYTES = 32;
const HASH_HEX_CHARS = 32;
export const SUBJECT_HASH_PREFIX = 'hash:';

/** Gives what a log may hold of a subject. The same subject (case and width aside) always gives the same hash. */
export type SubjectFilter = (subject: string | null) => string | null;

export function subjectFilter(policy: SubjectPolicy, key: Buffer): SubjectFilter {
  if (policy === 'keep') return (subject) => subject;
  if (policy === 'omit') return () => null;
  return (subject) => {
    if (subject === null) return null;
    const hash = createHmac('sha256', key).update(fold(subject)).digest('hex');
    return SUBJECT_HASH_PREFIX + hash.slice(0, HASH_HEX_CHARS);
  };
}

/** Reads the key, or makes it (mode 0600) where there is none; processes that start at once agree on one. */
export async function subjectKey(path: string): Promise<Buffer> {
  const found = await readKey(path);
  if (found !== null) return found;
  const part = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(part, 'wx', 0o600);
  try {
    await file.writeFile(randomBytes(KEY_BYTES));
    await file.sync();
  } finally {
    await file.close();
  }
  await link(part, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(part);
  const made = await readKey(path);
  if (made === null) throw new Error(`${path} cannot be read back`);
  return made;
}

async function readKey(path: string): Promise<Buffer | null> {
  try {
    const key = await readFile(path);
    if (key.length !== KEY_BYTES)
      throw new Error(`${path} is damaged: ${String(key.length)} bytes in place of ${String(KEY_BYTES)}`);
    return key;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
