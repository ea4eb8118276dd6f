// A strict reader of tar archives (POSIX ustar, GNU) that lie in memory: plain files at the top level, and nothing else.
// Whatever else an archive may hold (links, devices, directories, other places) is an error; nothing is written.

const BLOCK_BYTES = 512;
/** Entries of one archive. */
const ENTRIES_MAX = 2_000;
/** A file's name: no directory, nothing hidden, no character that means something elsewhere. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;
/** What extended headers may say (POSIX pax): nothing that moves, links or resizes a file. */
const HARMLESS_KEYS = /^(atime|ctime|mtime|uid|gid|uname|gname|comment|charset|LIBARCHIVE\.creationtime)$/;

/** Fields of a header block: offset and length (POSIX.1-2001 ustar). */
const FIELD = {
  name: [0, 100],
  size: [124, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 6],
  prefix: [345, 155],
} as const;

export interface TarFile {
  readonly name: string;
  readonly content: Buffer;
}

/** An archive that is not taken; the message says why. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/** The files of an archive in its order. Throws `ArchiveError` for anything that is not plain. */
export function readTar(bytes: Buffer): readonly TarFile[] {
  const files = new Map<string, TarFile>();
  let at = 0;
  for (let entries = 0; ; entries++) {
    if (entries >= ENTRIES_MAX) throw new ArchiveError(`more than ${ENTRIES_MAX} entries`);
    const header = take(bytes, at, BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return [...files.values()];
    checkHeader(header);
    const content = take(bytes, at + BLOCK_BYTES, sizeOf(header));
    at += BLOCK_BYTES + Math.ceil(content.length / BLOCK_BYTES) * BLOCK_BYTES;
    const file = readEntry(header, content);
    if (file === null) continue;
    if (files.has(file.name)) throw new ArchiveError(`${file.name} is in it twice`);
    files.set(file.name, file);
  }
}

function take(bytes: Buffer, from: number, length: number): Buffer {
  if (from + length > bytes.length) throw new ArchiveError('it ends in the middle');
  return bytes.subarray(from, from + length);
}

/** A file, or null for what is harmless and no file: the top directory itself, times and owners. */
function readEntry(header: Buffer, content: Buffer): TarFile | null {
  const name = text(header, 'name').replace(/^\.\//, '');
  const isPosix = text(header, 'magic') === 'ustar';
  switch (String.fromCharCode(header[FIELD.type[0]] ?? 0)) {
    case '\0':
    case '0':
      if (isPosix && text(header, 'prefix') !== '') throw new ArchiveError('a file in a directory');
      if (!PLAIN_NAME.test(name)) throw new ArchiveError(`a file called ${JSON.stringify(name.slice(0, 100))}`);
      return { name, content };
    case '5':
      if (name === '' || name === '.') return null;
      throw new ArchiveError('a directory');
    case 'x':
    case 'g':
      checkExtended(content);
      return null;
    case '1':
    case '2':
      throw new ArchiveError('a link');
    default:
      throw new ArchiveError('something that is no plain file');
  }
}

/** Records of `length key=value` and a newline; the length counts the whole record. */
function checkExtended(content: Buffer): void {
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(' ', at);
    const digits = space === -1 ? '' : content.toString('latin1', at, Math.min(space, at + 10));
    const length = /^[1-9]\d{0,7}$/.test(digits) ? Number(digits) : 0;
    const equals = content.indexOf('=', at);
    if (length === 0 || at + length > content.length || equals === -1 || equals >= at + length)
      throw new ArchiveError('an extended header that cannot be read');
    const key = content.toString('latin1', space + 1, equals);
    if (!HARMLESS_KEYS.test(key)) throw new ArchiveError(`an extended header with ${JSON.stringify(key.slice(0, 40))}`);
    at += length;
  }
}

/** The sum of the header's bytes, its own field as blanks. */
function checkHeader(header: Buffer): void {
  const [from, length] = FIELD.checksum;
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= from && index < from + length ? 0x20 : byte;
  if (octal(header, 'checksum') !== sum) throw new ArchiveError('a damaged header');
}

const sizeOf = (header: Buffer): number => octal(header, 'size');

function octal(header: Buffer, field: 'size' | 'checksum'): number {
  const digits = text(header, field).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new ArchiveError('a damaged header');
  return Number.parseInt(digits, 8);
}

function text(header: Buffer, field: keyof typeof FIELD): string {
  const [from, length] = FIELD[field];
  const bytes = header.toString('latin1', from, from + length);
  const end = bytes.indexOf('\0');
  return end === -1 ? bytes : bytes.slice(0, end);
}
