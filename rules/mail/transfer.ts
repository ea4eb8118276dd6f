// Quoted-printable and base64 as SpamAssassin decodes them, lenient, over byte strings. Linear, never failing.
import { isBlankCode } from './white.js';

const LF = 0x0a;
const CR = 0x0d;
const EQUALS = 0x3d;

/** Blanks before a line end go, soft line ends go, what is no code stays as it stands. */
export function decodeQuotedPrintable(encoded: string): string {
  const text = dropTrailingBlanks(encoded);
  if (!text.includes('=')) return text;
  const bytes = Buffer.from(text, 'latin1');
  // Soft line ends go first: they may join a code that was broken in two.
  const joined = dropSoftEnds(bytes, bytes.length);
  return bytes.toString('latin1', 0, decodeCodes(bytes, joined));
}

/** Moves bytes up over soft line ends; the length that is left. */
function dropSoftEnds(bytes: Buffer, length: number): number {
  let to = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at]!;
    if (byte === EQUALS) {
      const next = bytes[at + 1] === CR ? at + 2 : at + 1;
      if (next < length && bytes[next] === LF) {
        at = next;
        continue;
      }
    }
    bytes[to++] = byte;
  }
  return to;
}

/** Moves bytes up over codes; the length that is left. */
function decodeCodes(bytes: Buffer, length: number): number {
  let to = 0;
  for (let at = 0; at < length; at++) {
    let byte = bytes[at]!;
    if (byte === EQUALS && at + 2 < length) {
      const high = hexDigit(bytes[at + 1]!);
      const low = hexDigit(bytes[at + 2]!);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[to++] = byte;
  }
  return to;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function dropTrailingBlanks(text: string): string {
  if (!/[ \t]\r?\n/.test(text)) return text;
  let kept = '';
  let from = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) {
    const lineEnd = end > from && text.charCodeAt(end - 1) === CR ? end - 1 : end;
    let to = lineEnd;
    while (to > from && (text.charCodeAt(to - 1) === 0x20 || text.charCodeAt(to - 1) === 0x09)) to--;
    if (to === lineEnd) continue;
    kept += text.slice(from, to);
    from = lineEnd;
  }
  return kept + text.slice(from);
}

const ONLY_BASE64 = /^[A-Za-z0-9+/=]{2,}$/;

/** Foreign characters are skipped, padding in the midst stands for bits. */
export function decodeBase64(encoded: string): string {
  const packed = withoutBlanks(encoded);
  const body = packed.slice(0, endBefore(packed, '='));
  if (packed.length % 4 === 0 && ONLY_BASE64.test(packed)) return unpack(body.replaceAll('=', 'A'), packed.length);
  const letters = packed.replace(/[^A-Za-z0-9+/=]+/g, '');
  // Here padding that is not at the end is read as the last letter of the alphabet.
  return unpack(letters.slice(0, endBefore(letters, '=')).replaceAll('=', '/'), Infinity);
}

/** Whole groups of four, and what a last one of two or three holds. */
function unpack(letters: string, sizeMax: number): string {
  const length = Math.min(letters.length, sizeMax);
  const usable = length % 4 === 1 ? length - 1 : length;
  return Buffer.from(letters.slice(0, usable), 'base64').toString('latin1');
}

function endBefore(text: string, char: string): number {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end--;
  return end;
}

function withoutBlanks(text: string): string {
  for (let at = 0; at < text.length; at++) {
    if (isBlankCode(text.charCodeAt(at))) return text.replace(/[\t-\r ]+/g, '');
  }
  return text;
}

/** Text longer than this is changed in a buffer: millions of replacements in a string cost a second. */
const IN_STRING_MAX = 65_536;

/** CRLF becomes LF; lone CRs stay. Takes a byte string. */
export function unixLines(text: string): string {
  if (!text.includes('\r\n')) return text;
  return text.length <= IN_STRING_MAX ? text.replaceAll('\r\n', '\n') : unixLinesInBuffer(Buffer.from(text, 'latin1'));
}

function unixLinesInBuffer(bytes: Buffer): string {
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) bytes[length++] = byte;
  }
  return bytes.toString('latin1', 0, length);
}

const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

/** Lines with their ends; nothing follows a last line end. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  let from = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    lines.push(text.slice(from, end + 1));
    from = end + 1;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}
