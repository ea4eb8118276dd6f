// Files uuencoded within a text (POSIX uuencode): found by their `begin` line, decoded leniently, in linear time.

/** Files looked for in one text. */
export const UUENCODE_FILES_MAX = 50;
/** Lines that may begin one and are looked at. */
const BEGIN_LINES_MAX = 5_000;
const NAME_BYTES_MAX = 255;
const LF = 0x0a;

/** One uuencoded file. Offsets count from the first byte of the text. */
export interface UuencodedFile {
  /** File name as written, bytes as latin1. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly content: Buffer;
}

/** Finds and decodes every uuencoded file in `bytes`, at most `UUENCODE_FILES_MAX`. */
export function findUuencoded(bytes: Buffer): UuencodedFile[] {
  const files: UuencodedFile[] = [];
  let from = 0;
  for (let tries = 0; tries < BEGIN_LINES_MAX && files.length < UUENCODE_FILES_MAX; tries++) {
    const begin = bytes.indexOf('begin ', from, 'latin1');
    if (begin < 0) return files;
    from = begin + 6;
    if (begin > 0 && bytes[begin - 1] !== LF) continue;
    const name = beginName(bytes, begin);
    if (name === null) continue;
    const body = nextLine(bytes, begin);
    const decoded = decodeLines(bytes, body);
    if (decoded.content.length === 0) continue;
    files.push({ name, start: begin, end: decoded.end, content: decoded.content });
    from = decoded.end;
  }
  return files;
}

/** Name of a `begin 644 name` line, or null when it is none. */
function beginName(bytes: Buffer, begin: number): string | null {
  let at = begin + 6;
  let digits = 0;
  while (digits < 5 && isOctal(bytes[at])) {
    at++;
    digits++;
  }
  if (digits < 3 || bytes[at] !== 0x20) return null;
  const end = Math.min(nextLine(bytes, at), at + NAME_BYTES_MAX);
  return bytes.toString('latin1', at + 1, end).trim();
}

function isOctal(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x37;
}

function nextLine(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(LF, from);
  return end < 0 ? bytes.length : end + 1;
}

/** Decodes lines until `end`, an empty group, or a line that is none. */
function decodeLines(bytes: Buffer, from: number): { content: Buffer; end: number } {
  const pieces: Buffer[] = [];
  let at = from;
  while (at < bytes.length) {
    const next = nextLine(bytes, at);
    const length = ((bytes[at] as number) - 32) & 63;
    const line = bytes.subarray(at + 1, next);
    if (length === 0 || !isData(bytes[at] as number, line, length)) break;
    pieces.push(decodeLine(line, length));
    at = next;
  }
  return { content: Buffer.concat(pieces), end: at };
}

/** A line has its length first and enough characters of the alphabet after it (trailing blanks may be lost). */
function isData(first: number, line: Buffer, length: number): boolean {
  if (first < 0x20 || first > 0x60) return false;
  const needed = Math.ceil(length / 3) * 4;
  let letters = 0;
  for (const byte of line) {
    if (byte < 0x20 || byte > 0x60) break;
    letters++;
  }
  return letters + 4 >= needed && letters <= needed + 4;
}

function decodeLine(line: Buffer, length: number): Buffer {
  const out = Buffer.alloc(Math.ceil(length / 3) * 3);
  for (let group = 0; group * 3 < length; group++) {
    const bits =
      (six(line[group * 4]) << 18) |
      (six(line[group * 4 + 1]) << 12) |
      (six(line[group * 4 + 2]) << 6) |
      six(line[group * 4 + 3]);
    out[group * 3] = bits >> 16;
    out[group * 3 + 1] = bits >> 8;
    out[group * 3 + 2] = bits;
  }
  return out.subarray(0, length);
}

/** A character lost or out of range counts as zero. */
function six(byte: number | undefined): number {
  return byte === undefined || byte < 0x20 || byte > 0x60 ? 0 : (byte - 32) & 63;
}
