// How many From fields a message has for the most lenient reader of mail: blanks before the colon, any case, bytes that
// some readers drop, bare carriage returns as line ends, fields behind a line that is none or beyond the parser's limits.
import type { Message } from '../../message/message.js';

/** A header that does not end within so many bytes beyond its first reading counts as having several. */
export const HEADER_SCAN_BYTES_MAX = 1_048_576;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
/** A name and what hides in it; a longer line start names no field to anybody. */
const NAME_SCAN_BYTES = 256;

/** Number of lines that some reader takes for a From field, at most 2. Linear in the header's length. */
export function countAuthorFields(message: Message): number {
  const { raw } = message;
  const limit = Math.min(raw.length, message.bodyOffset + HEADER_SCAN_BYTES_MAX);
  let count = 0;
  let at = 0;
  while (at < limit) {
    if (isBlankLine(raw, at)) return count;
    if (namesAuthor(raw, at, at === 0) && ++count > 1) return count;
    at = nextLine(raw, at, limit);
  }
  return limit < raw.length ? 2 : count;
}

/** The empty line that ends the header for everybody: LF or CR LF on its own. */
function isBlankLine(raw: Buffer, at: number): boolean {
  return raw[at] === LF || (raw[at] === CR && raw[at + 1] === LF);
}

/** Offset behind the next LF or bare CR. */
function nextLine(raw: Buffer, from: number, limit: number): number {
  for (let at = from; at < limit; at++) {
    if (raw[at] === LF) return at + 1;
    if (raw[at] === CR && raw[at + 1] !== LF) return at + 1;
  }
  return limit;
}

/** Whether the line is `from:` once blanks, controls and 8-bit bytes are dropped. A continuation counts at the very top only. */
function namesAuthor(raw: Buffer, start: number, top: boolean): boolean {
  if (!top && isBlank(raw[start])) return false;
  let name = '';
  const end = Math.min(raw.length, start + NAME_SCAN_BYTES);
  for (let at = start; at < end; at++) {
    const byte = raw[at] as number;
    if (byte === COLON) return name.toLowerCase() === 'from';
    if (byte === LF || byte === CR) return false;
    if (byte <= 0x20 || byte >= 0x7f) continue;
    name += String.fromCharCode(byte);
    if (name.length > 'from'.length) return false;
  }
  return false;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}
