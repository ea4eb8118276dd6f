// Charset decoding of text as SpamAssassin 4 does it with `normalize_charset` on: UTF-8 is tried whatever is declared, then
// the declared charset, then windows-1252. Takes byte strings (one character a byte) and any name, never fails.
import { isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { encodingNamed } from './charset-names.js';
import { BYTE_SHAPES, cutCharacters } from './double-bytes.js';

/**
 * Text after charset decoding. `wide` says whether it is Unicode text; otherwise each character is a byte that nobody
 * decoded. The difference decides how white space is counted and how rules see characters between 128 and 255.
 */
export interface DecodedText {
  readonly text: string;
  readonly wide: boolean;
}

/** Names that promise ASCII or a superset: text without high bytes is left as it is. */
const ASCII_NAME = /^(?:(?:us-)?ascii|ansi[_ ]? ?x3\.4-(?:1986|1968)|iso646-us)$/i;
const SUPERSET_NAME =
  /^(?:iso[ -]?8859(?:-\d{1,2})?|windows-\d{4}|utf-?8|(?:koi8|euc)-[a-z]{1,2}|big5|gbk|gb[ -]?18030(?:-20\d\d)?)$/i;
const WESTERN_NAME = /^(?:iso-?8859-1|windows-1252|cp1252)$/i;

const GB_18030_NAME = /^gb[ -]?18030(?:-20\d\d)?$/i;

/** Bytes that western text holds; with nothing else the text counts as windows-1252. */
const WESTERN_BYTES = /^[\x00-\x7f\xa0\xa9\xad\x82\x84\x85\x91-\x97\x99\xc0-\xd6\xd8-\xde\xe0-\xf6\xf8-\xfe]*$/;

/** Characters that strict UTF-8 refuses although they are encodable. */
const NONCHARACTER =
  /[\ufdd0-\ufdef\ufffe\uffff]|[\ud83f\ud87f\ud8bf\ud8ff\ud93f\ud97f\ud9bf\ud9ff\uda3f\uda7f\udabf\udaff\udb3f\udb7f\udbbf\udbff][\udffe\udfff]/;

/** Whether a byte string holds a byte of 128 or more. */
export function hasHighBytes(bytes: string): boolean {
  return /[\x80-\xff]/.test(bytes);
}

/** Strict UTF-8 to text, or null. */
export function decodeUtf8(bytes: string): string | null {
  const buffer = Buffer.from(bytes, 'latin1');
  if (!isUtf8(buffer)) return null;
  const text = buffer.toString('utf8');
  return NONCHARACTER.test(text) ? null : text;
}

/** Decodes the text of a part; `declared` is its charset parameter. */
export function decodeText(bytes: string, declared: string): DecodedText {
  const high = hasHighBytes(bytes);
  if (!high && (ASCII_NAME.test(declared) || SUPERSET_NAME.test(declared))) return { text: bytes, wide: false };
  let text: string | null = null;
  if (high) text = decodeUtf8(bytes);
  text ??= decodeDeclared(bytes, declared, true);
  if (text === null) {
    if (!high) return { text: bytes, wide: false };
    if (WESTERN_BYTES.test(bytes)) text = strict(decodeWith(bytes, 'windows-1252'));
  }
  return { text: text ?? decodeWith(bytes, 'windows-1252'), wide: true };
}

/** Byte string of UTF-8 for header text that is not ASCII. */
export function recodeText(bytes: string, declared: string): string {
  if (!hasHighBytes(bytes)) return bytes;
  const { text, wide } = decodeText(bytes, declared);
  return wide ? encodeUtf8(text) : text;
}

/** The same for an RFC 2047 word: its charset is believed, what does not fit becomes U+FFFD. */
export function recodeWord(bytes: string, declared: string): string {
  const high = hasHighBytes(bytes);
  if (!high && (ASCII_NAME.test(declared) || SUPERSET_NAME.test(declared))) return bytes;
  const text = decodeDeclared(bytes, declared, false);
  if (text !== null) return encodeUtf8(text);
  if (!high) return bytes;
  return encodeUtf8(decodeWith(bytes, 'windows-1252'));
}

/** Unicode text as UTF-8 bytes, one character a byte. */
export function encodeUtf8(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** By the declared name, or null: unknown, or the bytes do not fit and `exact` was asked for. */
function decodeDeclared(bytes: string, declared: string, exact: boolean): string | null {
  if (exact && /^(?:us-)?ascii$/i.test(declared)) return null;
  if (/^utf[ -]?16/i.test(declared)) return decodeUtf16(bytes);
  const name = knownName(declared);
  if (name === null) return null;
  if (name === 'utf-8') {
    if (!exact) return decodeUtf8Leniently(bytes);
    // With high bytes it was tried already; without, it is ASCII.
    return hasHighBytes(bytes) ? null : bytes;
  }
  if (exact && !fits(bytes, name)) return null;
  const text = decodeWith(bytes, name);
  // UTF-7 can spell U+FFFD itself, so that one in the text says nothing of the bytes.
  return !exact || (name === 'utf-7' && !hasHighBytes(bytes)) ? text : strict(text);
}

function knownName(declared: string): string | null {
  if (WESTERN_NAME.test(declared)) return 'windows-1252';
  return encodingNamed(declared) ?? (GB_18030_NAME.test(declared) ? 'cp936' : null);
}

/** Whether the bytes are of the form that the charset has; the library takes more than Perl does. */
function fits(bytes: string, name: string): boolean {
  if (name === 'cp1255') return !bytes.includes('\xca');
  const shape = BYTE_SHAPES.get(name);
  return shape === undefined || cutCharacters(bytes, shape).runs.length === 1;
}

function decodeWith(bytes: string, name: string): string {
  if (name === JAPANESE_MAIL) return new TextDecoder(JAPANESE_MAIL).decode(Buffer.from(bytes, 'latin1'));
  const shape = BYTE_SHAPES.get(name);
  if (shape === undefined) return decodeRun(bytes, name);
  return cutCharacters(bytes, shape)
    .runs.map((run) => decodeRun(run, name))
    .join('\ufffd');
}

function decodeRun(bytes: string, name: string): string {
  return iconv.decode(Buffer.from(bytes, 'latin1'), name, { stripBOM: false });
}

/** The one charset of mail that the library lacks and Node has. */
const JAPANESE_MAIL = 'iso-2022-jp';

/** What is no UTF-8 becomes U+FFFD: once for a first byte and as many as it asks for of those that can follow it. */
function decodeUtf8Leniently(bytes: string): string {
  const text = decodeUtf8(bytes);
  return text ?? bytes.replace(UTF_8_SEQUENCE, (sequence) => decodeUtf8(sequence) ?? '\ufffd');
}

const UTF_8_SEQUENCE =
  /[\xc0-\xdf][\x80-\xbf]?|[\xe0-\xef][\x80-\xbf]{0,2}|[\xf0-\xf7][\x80-\xbf]{0,3}|[\xf8-\xfb][\x80-\xbf]{0,4}|[\xfc-\xfd][\x80-\xbf]{0,5}|[\x80-\xff]/g;

function strict(text: string): string | null {
  return text.includes('\ufffd') ? null : text;
}

/** Blanks in one byte order or the other tell which it is; a byte order mark is left to nobody. */
function decodeUtf16(bytes: string): string | null {
  if (bytes.startsWith('\xff\xfe') || bytes.startsWith('\xfe\xff')) return null;
  let evens = 0;
  let odds = 0;
  let little = 0;
  let big = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    const even = bytes.charCodeAt(at);
    const odd = at + 1 < bytes.length ? bytes.charCodeAt(at + 1) : 0;
    evens += (even >> 4) + (even & 15);
    odds += (odd >> 4) + (odd & 15);
    if (even === 0x20 && odd === 0) little++;
    if (even === 0 && odd === 0x20) big++;
  }
  if (evens > odds * 4) little++;
  if (odds * 4 > evens) big++;
  if (little === big || bytes.length % 2 === 1) return null;
  return strict(decodeWith(bytes, little > big ? 'utf-16le' : 'utf-16be'));
}
