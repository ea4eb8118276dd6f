// Messages from what a person names on the command line: files, `-`, directories, mbox files and Maildirs. One at a time,
// so that a folder of any size fits.
import { createReadStream } from 'node:fs';
import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** Largest single message read, bytes; a larger one is an error of that file alone. */
export const SCAN_MESSAGE_MAX_BYTES = 268_435_456;
/** Folders inside folders followed. */
export const SCAN_DEPTH_MAX = 32;

const MBOX_MAGIC = 'From ';
const NEWLINE = 0x0a;
const SEPARATOR_MAX_BYTES = 400;

/** One message to scan, or why it could not be read. `name` is the path, with `#n` (from 1) inside an mbox. */
export type ScanInput = { readonly name: string } & ({ readonly content: Buffer } | { readonly error: string });

/** The paths of all files named, folders opened in name order (a Maildir is a folder like others; its tmp is left out). */
export async function listFiles(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) await collect(path, 0, files);
  return files;
}

async function collect(path: string, depth: number, files: string[]): Promise<void> {
  if (path === '-') return void files.push(path);
  // What cannot be looked at is told where it is read.
  const stat = await lstat(path).catch(() => null);
  if (!stat?.isDirectory()) return void files.push(path);
  if (depth >= SCAN_DEPTH_MAX) return;
  const entries = await readdir(path, { withFileTypes: true });
  const names = new Set(entries.map(({ name }) => name));
  const maildir = names.has('cur') && names.has('new');
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') && !entry.isDirectory()) continue;
    if (maildir && entry.name === 'tmp') continue;
    if (entry.isDirectory()) await collect(join(path, entry.name), depth + 1, files);
    else if (entry.isFile()) files.push(join(path, entry.name));
  }
}

/** The messages of one file, in order. Never throws for what a file holds. */
export async function* readMessages(path: string, stdin: Readable): AsyncGenerator<ScanInput> {
  if (path === '-') {
    yield* fromStream(stdin, '-');
    return;
  }
  try {
    if (await isMbox(path)) yield* fromStream(createReadStream(path), path);
    else yield { name: path, content: await readWhole(path) };
  } catch (error) {
    yield { name: path, error: error instanceof Error ? error.message : String(error) };
  }
}

/** One file, or `-`, as a single message whatever it begins with. Never throws for what it holds. */
export async function readMessage(path: string, stdin: Readable): Promise<ScanInput> {
  try {
    return { name: path, content: path === '-' ? await readStream(stdin) : await readWhole(path) };
  } catch (error) {
    return { name: path, error: error instanceof Error ? error.message : String(error) };
  }
}

async function readStream(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > SCAN_MESSAGE_MAX_BYTES) throw new Error(`more than ${SCAN_MESSAGE_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readWhole(path: string): Promise<Buffer> {
  const { size } = await lstat(path);
  if (size > SCAN_MESSAGE_MAX_BYTES) throw new Error(`${size} bytes, more than ${SCAN_MESSAGE_MAX_BYTES}`);
  return readFile(path);
}

/** A file is an mbox when it starts with `From `; one with a single message is read the same way. */
async function isMbox(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const start = Buffer.alloc(SEPARATOR_MAX_BYTES);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    const newline = start.indexOf(NEWLINE);
    return isSeparator(start.subarray(0, newline === -1 ? bytesRead : newline));
  } finally {
    await handle.close();
  }
}

/** Splits at separator lines that follow an empty line (mboxrd: `>From ` in bodies loses its `>`). */
async function* fromStream(stream: Readable, name: string): AsyncGenerator<ScanInput> {
  let index = 0;
  for await (const content of splitMbox(stream)) {
    index += 1;
    yield content === null
      ? { name: `${name}#${index}`, error: `more than ${SCAN_MESSAGE_MAX_BYTES} bytes` }
      : { name: index === 1 && name === '-' ? name : `${name}#${index}`, content };
  }
}

/** Messages of an mbox stream; a stream that does not start with `From ` is one message. null = too large. */
async function* splitMbox(stream: Readable): AsyncGenerator<Buffer | null> {
  let lines: Buffer[] = [];
  let bytes = 0;
  let mbox: boolean | null = null;
  let afterEmpty = true;
  for await (const line of linesOf(stream)) {
    const separator = afterEmpty && isSeparator(line);
    mbox ??= separator;
    if (mbox && separator) {
      if (bytes > 0) yield finish(lines, bytes);
      lines = [];
      bytes = 0;
      afterEmpty = false;
      continue;
    }
    const kept = mbox ? unquote(line) : line;
    bytes += kept.length;
    if (bytes <= SCAN_MESSAGE_MAX_BYTES) lines.push(kept);
    afterEmpty = line.length <= 2 && (line[0] === NEWLINE || line[1] === NEWLINE);
  }
  if (bytes > 0) yield finish(lines, bytes);
}

/** `From sender … hh:mm …` (RFC 4155): the time tells it from a sentence that starts with From. */
function isSeparator(line: Buffer): boolean {
  const text = line.subarray(0, SEPARATOR_MAX_BYTES).toString('latin1');
  return text.startsWith(MBOX_MAGIC) && /[0-9]:[0-9][0-9]/.test(text);
}

function finish(lines: readonly Buffer[], bytes: number): Buffer | null {
  return bytes > SCAN_MESSAGE_MAX_BYTES ? null : Buffer.concat(lines);
}

function unquote(line: Buffer): Buffer {
  let marks = 0;
  while (line[marks] === 0x3e) marks += 1;
  const quoted = marks > 0 && line.subarray(marks, marks + MBOX_MAGIC.length).toString('latin1') === MBOX_MAGIC;
  return quoted ? line.subarray(1) : line;
}

/** Lines with their ends; a piece longer than a chunk is handed on in pieces that are lines all the same. */
async function* linesOf(stream: Readable): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, at + 1);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
