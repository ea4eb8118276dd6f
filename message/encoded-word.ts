// Header text: unfolding (RFC 5322 §2.2.3), encoded words (RFC 2047) and raw 8-bit bytes to Unicode. Takes a field value
// as latin1, gives text; tolerant of what senders do wrong, linear in the length of the value.
import { decodeBase64, decodeQuotedPrintable } from './transfer-encoding.js';
import { decodeText, guessText } from './charset.js';

/** Characters of the charset name of an encoded word, language suffix included (RFC 2231 §5). */
const CHARSET_LENGTH_MAX = 80;
const QUESTION = 0x3f;

/** A run of encoded words of one charset, waiting for its bytes to be read together. */
interface Run {
  charset: string;
  pieces: Buffer[];
}

/**
 * The value as a reader sees it: unfolded, encoded words decoded (words of one charset in a row joined as bytes first,
 * blanks between words dropped), raw 8-bit bytes read as UTF-8 or by guess, outer blanks trimmed.
 */
export function decodeHeaderText(latin1: string): string {
  if (PLAIN.test(latin1) && !latin1.includes('=?')) return trimBlanks(latin1);
  const out: string[] = [];
  let run: Run | null = null;
  let at = 0;
  const ends = new WordEnds(latin1);
  while (at < latin1.length) {
    const word = nextWord(latin1, at, ends);
    const gap = latin1.slice(at, word === null ? latin1.length : word.start);
    if (run === null || word === null || !isBlank(gap)) {
      if (run !== null) out.push(decodeRun(run));
      run = null;
      if (gap !== '') out.push(decodePlain(gap));
    }
    if (word === null) break;
    if (run !== null && run.charset !== word.charset) {
      out.push(decodeRun(run));
      run = null;
    }
    if (run === null) run = { charset: word.charset, pieces: [word.bytes] };
    else run.pieces.push(word.bytes);
    at = word.end;
  }
  if (run !== null) out.push(decodeRun(run));
  return trimBlanks(out.join(''));
}

const PLAIN = /^[\t\x20-\x7e]*$/;

/** Finds `?=` without ever looking at a stretch twice. */
class WordEnds {
  #found = 0;
  constructor(readonly text: string) {}

  /** Offset of the first `?=` at or after `from`, or -1. */
  after(from: number): number {
    if (this.#found >= 0 && this.#found < from) this.#found = this.text.indexOf('?=', from);
    return this.#found;
  }
}

interface Word {
  readonly start: number;
  readonly end: number;
  readonly charset: string;
  readonly bytes: Buffer;
}

/** The next encoded word at or after `from`, or null. */
function nextWord(text: string, from: number, ends: WordEnds): Word | null {
  for (let start = text.indexOf('=?', from); start >= 0; start = text.indexOf('=?', start + 2)) {
    const charsetEnd = endOfCharset(text, start + 2);
    if (charsetEnd < 0 || text.charCodeAt(charsetEnd + 2) !== QUESTION) continue;
    const encoding = text[charsetEnd + 1]?.toLowerCase();
    if (encoding !== 'b' && encoding !== 'q') continue;
    const textStart = charsetEnd + 3;
    const textEnd = ends.after(textStart);
    if (textEnd < 0) return null;
    const charset =
      text
        .slice(start + 2, charsetEnd)
        .split('*', 1)[0]
        ?.toLowerCase() ?? '';
    const encoded = unfoldTight(text.slice(textStart, textEnd));
    return { start, end: textEnd + 2, charset, bytes: encoding === 'b' ? wordBase64(encoded) : wordQ(encoded) };
  }
  return null;
}

function endOfCharset(text: string, from: number): number {
  const max = Math.min(text.length, from + CHARSET_LENGTH_MAX);
  for (let at = from; at < max; at++) {
    const code = text.charCodeAt(at);
    if (code === QUESTION) return at === from ? -1 : at;
    if (code <= 0x20 || code > 0x7e) return -1;
  }
  return -1;
}

/** Words are folded by broken senders: the fold and its blanks are no part of them. */
function unfoldTight(encoded: string): string {
  return encoded.includes('\n') ? encoded.split('\n').map(trimBlanks).join('') : encoded;
}

function wordBase64(encoded: string): Buffer {
  return decodeBase64(Buffer.from(encoded, 'latin1'), { padding: 'skip', junk: 'skip' }).content;
}

/** Q is quoted-printable with `_` for a space; what would be a soft break or a trailing blank there is text here. */
function wordQ(encoded: string): Buffer {
  const guarded = Buffer.from(encoded.replaceAll('_', '=20').replaceAll(' ', '=20').replaceAll('\t', '=09'), 'latin1');
  return decodeQuotedPrintable(guarded).content;
}

function decodeRun(run: Run): string {
  const bytes = run.pieces.length === 1 ? (run.pieces[0] as Buffer) : Buffer.concat(run.pieces);
  return decodeText(bytes, run.charset).text;
}

/** Text outside encoded words. */
function decodePlain(latin1: string): string {
  const unfolded = unfold(latin1);
  return decode8bit(unfolded);
}

/** Raw bytes given as latin1: ASCII as it is, else UTF-8, else by guess. */
export function decode8bit(latin1: string): string {
  return HIGH.test(latin1) ? guessText(Buffer.from(latin1, 'latin1'), false, false).text : latin1;
}

const HIGH = /[\x80-\xff]/;

/** Every fold with the blanks around it becomes one space; other line ends and carriage returns go. */
export function unfold(text: string): string {
  if (!text.includes('\n') && !text.includes('\r')) return text;
  const lines = text.split('\n');
  let out = '';
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] as string).replaceAll('\r', '');
    if (index === 0) out = lines.length > 1 ? trimBlanksEnd(line) : line;
    else out += ' ' + (index < lines.length - 1 ? trimBlanks(line) : trimBlanksStart(line));
  }
  return out;
}

function isBlank(text: string): boolean {
  return trimBlanks(text) === '';
}

/** Drops spaces, tabs and line ends on both sides; unlike `trim` it leaves other white space alone. */
export function trimBlanks(text: string): string {
  return trimBlanksStart(trimBlanksEnd(text));
}

function trimBlanksStart(text: string): string {
  let start = 0;
  while (start < text.length && isBlankCode(text.charCodeAt(start))) start++;
  return start === 0 ? text : text.slice(start);
}

function trimBlanksEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlankCode(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
}

function isBlankCode(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}
