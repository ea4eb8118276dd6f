// The files that settings name (rule files): read once with the settings that name them, so that every process gets the
// same texts whatever the disk says by then. Takes paths, gives texts or the reason why there is none; bounded.
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { explainFileError, Unfit } from './file.js';

/** Largest single file, bytes; the most of all of them together; most files of one directory. */
export const ATTACHED_FILE_MAX_BYTES = 16 * 1_024 * 1_024;
export const ATTACHED_MAX_BYTES = 64 * 1_024 * 1_024;
export const ATTACHED_FILES_MAX = 1_000;

/** A path as settings name it: a plain file, or a directory whose files with that suffix count, in byte order. */
export interface NamedFile {
  readonly path: string;
  /** Such as `.cf`. */
  readonly suffix: string;
  /** Whether a path that is not there counts as one without files. */
  readonly optional?: boolean;
}

/** One file as it was. */
export interface AttachedFile {
  readonly file: string;
  /** Its bytes as latin1. */
  readonly text: string;
}

/** Where stages read the files that their settings name. */
export interface AttachedFiles {
  /** Throws an Error whose message says in plain words why a path cannot be read. */
  read(named: NamedFile): readonly AttachedFile[];
}

/** Plain data: it crosses process borders as JSON. Either the files of a path, or what is wrong with it. */
export type AttachedTexts = readonly (readonly [
  key: string,
  found: { readonly files: readonly AttachedFile[] } | { readonly problem: string },
])[];

/** The disk as it is at the moment of each call. */
export const FILES_ON_DISK: AttachedFiles = {
  read: ({ path, suffix, optional }) =>
    optional === true && statSync(path, { throwIfNoEntry: false }) === undefined ? [] : filesBehind(path, suffix),
};

/** Where a link leads is settled once: it may lead elsewhere before the last file is read. */
function filesBehind(path: string, suffix: string): readonly AttachedFile[] {
  const real = path.includes('\0') ? path : realpathSync(path);
  return pathsOf(real, suffix).map((file) => ({
    file: file === real ? path : join(path, basename(file)),
    text: readText(file),
  }));
}

/** What a set of paths held at one moment. */
export class AttachedSnapshot implements AttachedFiles {
  readonly #found: ReadonlyMap<string, AttachedTexts[number][1]>;

  constructor(readonly texts: AttachedTexts) {
    this.#found = new Map(texts);
  }

  /** Reads every path once. Never throws: what cannot be read is told when it is asked for. */
  static take(named: readonly NamedFile[]): AttachedSnapshot {
    let left = ATTACHED_MAX_BYTES;
    const texts = new Map<string, AttachedTexts[number][1]>();
    for (const one of named) {
      if (texts.has(keyOf(one))) continue;
      try {
        const files = FILES_ON_DISK.read(one);
        left -= files.reduce((sum, { text }) => sum + text.length, 0);
        if (left < 0) throw new Unfit(`all such files together are larger than ${ATTACHED_MAX_BYTES} bytes`);
        texts.set(keyOf(one), { files });
      } catch (error) {
        texts.set(keyOf(one), { problem: explainFileError(error) });
      }
    }
    return new AttachedSnapshot([...texts]);
  }

  read(named: NamedFile): readonly AttachedFile[] {
    const found = this.#found.get(keyOf(named));
    if (found === undefined) throw new Error('the file was not read together with the settings');
    if ('problem' in found) throw new Error(found.problem);
    return found.files;
  }
}

const keyOf = ({ path, suffix }: NamedFile): string => JSON.stringify([path, suffix]);

/** The files behind a path as named: itself, or those of the directory. Throws what the system does. */
export function pathsOf(path: string, suffix: string): readonly string[] {
  if (path.includes('\0')) throw new Unfit('a file name cannot hold a NUL');
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path)
    .filter((name) => name.endsWith(suffix))
    .sort();
  if (names.length > ATTACHED_FILES_MAX) throw new Unfit(`more than ${ATTACHED_FILES_MAX} such files`);
  return names.map((name) => join(path, name));
}

function readText(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw new Unfit(`${file} is not a plain file`);
    if (facts.size > ATTACHED_FILE_MAX_BYTES)
      throw new Unfit(`${file} is larger than ${ATTACHED_FILE_MAX_BYTES} bytes`);
    // One byte more than it should have tells a file that grows meanwhile.
    const buffer = Buffer.alloc(facts.size + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length > facts.size) throw new Unfit(`${file} grew while it was read`);
    return buffer.toString('latin1', 0, length);
  } finally {
    closeSync(descriptor);
  }
}
