// The pieces of the mails that Weir writes itself: encoded header text, dates, a text part, an original message attached.
// Takes text and bytes of any kind; what comes out is correct MIME, and nothing in it can begin another field or part.
import { isAscii, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { LINE_BYTES_RFC } from '../message/header.js';

/** Characters of a base64 line (RFC 2045 §6.8). */
const BASE64_LINE_CHARS = 76;
/** Octets of text in one encoded word: 75 characters (RFC 2047 §2) less the frame, in base64. */
const WORD_BYTES_MAX = 42;
/** Longest header text written without encoding. */
const PLAIN_CHARS_MAX = 60;
/** New tries for a boundary that the content does not hold. */
const BOUNDARY_TRIES_MAX = 16;

const LF = 0x0a;
const CR = 0x0d;

/** Header text (RFC 2047): printable ASCII that is short as it is, anything else as B words that never split a character. */
export function encodeHeader(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && text.length <= PLAIN_CHARS_MAX && !text.includes('=?')) return text;
  return encodeWords(text, '\r\n ');
}

/** Text as B words in UTF-8, `between` them a fold. */
export function encodeWords(text: string, between: string): string {
  const words: string[] = [];
  let chunk = '';
  for (const character of text) {
    if (Buffer.byteLength(chunk + character) > WORD_BYTES_MAX) {
      words.push(chunk);
      chunk = '';
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join(between);
}

/** RFC 5322 §3.3, in UTC. */
export function mailDate(timeMs: number): string {
  return new Date(timeMs).toUTCString().replace('GMT', '+0000');
}

/** Base64 in lines that end with CRLF. */
export function base64Lines(content: Buffer): string {
  const text = content.toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += BASE64_LINE_CHARS) lines.push(text.slice(at, at + BASE64_LINE_CHARS));
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Header lines and body of a text part: plain where its bytes allow, else base64. */
export function textPart(text: string): readonly string[] {
  const lines = text.replace(/\r\n?/g, '\n').trimEnd().split('\n');
  const isPlain = /^[\t\n\x20-\x7e]*$/.test(text) && lines.every((line) => line.length <= BASE64_LINE_CHARS + 2);
  const whole = `${lines.join('\r\n')}\r\n`;
  return isPlain
    ? ['Content-Type: text/plain; charset=us-ascii', 'Content-Transfer-Encoding: 7bit', '', whole]
    : [
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: base64',
        '',
        base64Lines(Buffer.from(whole)),
      ];
}

/** How an original travels inside another mail. */
export type AttachedForm = 'message' | 'text';

/** A body of two parts, and the fields of the header that belong to it. */
export interface WrittenBody {
  /** Name and value each. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/**
 * A text and, attached to it, an original byte for byte. `message`: as message/rfc822, which admits no encoding but 7bit,
 * 8bit and binary (RFC 2046 §5.2.1). `text`: as a text file in base64, in which nothing is shown, loaded or run. The same
 * input gives the same bytes.
 */
export function writeWithOriginal(
  text: string,
  original: Buffer,
  form: AttachedForm,
  description: string,
): WrittenBody {
  const encoding = form === 'text' ? '7bit' : transferEncoding(original);
  const boundary = chooseBoundary(original);
  const head = [
    'This is a multi-part message in MIME format.',
    '',
    `--${boundary}`,
    'Content-Disposition: inline',
    ...textPart(text),
    `--${boundary}`,
    ...originalFields(original, form, encoding, description),
    '',
    '',
  ].join('\r\n');
  const attached = form === 'text' ? Buffer.from(base64Lines(original)) : original;
  return {
    fields: [
      ['MIME-Version', '1.0'],
      ['Content-Type', `multipart/mixed; boundary="${boundary}"`],
      ['Content-Transfer-Encoding', encoding],
    ],
    body: Buffer.concat([Buffer.from(head), attached, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}

/** `x-spam-type=original` is how SpamAssassin's tools find the message to take out again. */
function originalFields(
  original: Buffer,
  form: AttachedForm,
  encoding: string,
  description: string,
): readonly string[] {
  const type =
    form === 'message'
      ? 'message/rfc822; x-spam-type=original'
      : `text/plain; charset=${charsetOf(original)}; x-spam-type=original; name="original.txt"`;
  const name = form === 'message' ? 'original.eml' : 'original.txt';
  return [
    `Content-Type: ${type}`,
    `Content-Description: ${description}`,
    `Content-Disposition: attachment; filename="${name}"`,
    `Content-Transfer-Encoding: ${form === 'message' ? encoding : 'base64'}`,
  ];
}

/** The least that covers the bytes (RFC 2045 §2.7 to §2.9). Line ends other than CRLF, NUL or long lines are binary. */
export function transferEncoding(content: Buffer): '7bit' | '8bit' | 'binary' {
  let isHigh = false;
  let lineStart = 0;
  for (let at = 0; at <= content.length; at += 1) {
    const byte = at < content.length ? (content[at] as number) : LF;
    if (byte === LF) {
      const isEnd = at === content.length;
      if (!isEnd && (at === 0 || content[at - 1] !== CR)) return 'binary';
      if (at - (isEnd ? 0 : 1) - lineStart > LINE_BYTES_RFC) return 'binary';
      lineStart = at + 1;
    } else if (byte === 0 || (byte === CR && content[at + 1] !== LF)) return 'binary';
    else if (byte > 0x7f) isHigh = true;
  }
  return isHigh ? '8bit' : '7bit';
}

/** A charset in which no byte of it is an error. */
function charsetOf(content: Buffer): string {
  if (isAscii(content)) return 'us-ascii';
  return isUtf8(content) ? 'utf-8' : 'iso-8859-1';
}

/** A boundary that the content does not hold: of its own hash, which it cannot hold but by chance. */
function chooseBoundary(content: Buffer): string {
  let seed = createHash('sha256').update(content).digest();
  for (let tries = 0; tries < BOUNDARY_TRIES_MAX; tries += 1) {
    const digits = seed.toString('hex').toUpperCase();
    const boundary = `----------=_${digits.slice(0, 8)}.${digits.slice(8, 16)}`;
    if (!content.includes(`--${boundary}`)) return boundary;
    seed = createHash('sha256').update(seed).digest();
  }
  throw new Error('no boundary found that the content does not hold');
}
