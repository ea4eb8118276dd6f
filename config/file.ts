// Reads the configuration file as text. Takes a path, gives the text or one problem in plain words; never waits on a
// pipe or a device, never reads more than the limit.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Problem } from './problem.js';

/** Largest configuration file. */
export const SOURCE_MAX_BYTES = 1_048_576;

/** What went wrong, in words for an administrator, by the system's code. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'there is no such file'],
  ['EACCES', 'the file may not be read by this user'],
  ['EISDIR', 'that is a directory, not a file'],
  ['ELOOP', 'too many symbolic links'],
]);

/** UTF-8 text of a plain file, without its byte order mark. */
export function readFile(
  file: string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: Problem } {
  try {
    return { ok: true, text: decode(readBytes(file)) };
  } catch (error) {
    return { ok: false, problem: { file, line: 0, column: 0, message: explainFileError(error) } };
  }
}

/** A file that is no fit for what it is read for; the message says why in plain words. */
export class Unfit extends Error {}

function readBytes(file: string): Buffer {
  if (file.includes('\0')) throw new Unfit('a file name cannot hold a NUL');
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    if (facts.isDirectory()) throw new Unfit('that is a directory, not a file');
    if (!facts.isFile()) throw new Unfit('that is not a plain file');
    const buffer = Buffer.alloc(SOURCE_MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length > SOURCE_MAX_BYTES) throw new Unfit(`the file is larger than ${SOURCE_MAX_BYTES} bytes`);
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Unfit('the file is not UTF-8 text');
  }
}

/** Why a file cannot be read, for an administrator. */
export function explainFileError(error: unknown): string {
  if (error instanceof Unfit) return error.message;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return REASONS.get(code) ?? `the file cannot be read (${code || String(error)})`;
}
