// Charset decoding of text as SpamAssassin 4 does it with `normalize_charset` on: UTF-8 is tried whatever is declared, then
// the declared charset, then windows-1252. Takes byte strings (one character a byte) and any name, never fails.
import { isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/**
 * Text after charset decoding. `wide` says whether it is Unicode text; otherwise each character is a byte that nobody
 * decoded. The difference decides how white space is counted and how rules see characters between 128 and 255.
 */
export interface DecodedText {
  readonly text: string;
  readonly wide: boolean;
}

const NAME_LENGTH_MAX = 64;

/** Names that promise ASCII or a superset: text without high bytes is left as it is. */
const ASCII_NAME = /^(?:(?:us-)?ascii|ansi[_ ]? ?x3\.4-(?:1986|1968)|iso646-us)$/i;
const SUPERSET_NAME =
  /^(?:iso[ -]?8859(?:-\d{1,2})?|windows-\d{4}|utf-?8|(?:koi8|euc)-[a-z]{1,2}|big5|gbk|gb[ -]?18030(?:-20\d\d)?)$/i;
const WESTERN_NAME = /^(?:iso-?8859-1|windows-1252|cp1252)$/i;

const UTF_7_NAME = /^utf-?7$/;

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
  if (/^utf-?8$/i.test(declared)) {
    // With high bytes it was tried already, strictly; without, it is ASCII.
    if (!exact) return Buffer.from(bytes, 'latin1').toString('utf8');
    return hasHighBytes(bytes) ? null : bytes;
  }
  const name = WESTERN_NAME.test(declared) ? 'windows-1252' : knownName(declared);
  if (name === null) return null;
  const text = decodeWith(bytes, name);
  // UTF-7 can spell U+FFFD itself, so that one in the text says nothing of the bytes.
  if (!exact || (UTF_7_NAME.test(name) && !hasHighBytes(bytes))) return text;
  return name === 'gb2312' && !/^(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])*$/.test(bytes) ? null : strict(text);
}

/** Encodings of the library that are no charsets. */
const NO_CHARSET = /^(?:binary|base64|hex|internal|raw|default|unicode|ucs-?2.*)$/i;

function knownName(declared: string): string | null {
  if (declared === '' || declared.length > NAME_LENGTH_MAX || NO_CHARSET.test(declared)) return null;
  if (/^gb[ -]?18030/i.test(declared)) return 'gbk';
  if (/^(?:gb[_-]?2312(?:-80)?|euc-cn)$/i.test(declared)) return 'gb2312';
  if (/^(?:cs)?iso-?2022-?jp(?:-1)?$/i.test(declared)) return JAPANESE_MAIL;
  const name = declared.toLowerCase();
  return iconv.encodingExists(name) ? name : null;
}

/** The one charset of mail that the library lacks and Node has. */
const JAPANESE_MAIL = 'iso-2022-jp';

function decodeWith(bytes: string, name: string): string {
  if (name === JAPANESE_MAIL) return new TextDecoder(JAPANESE_MAIL).decode(Buffer.from(bytes, 'latin1'));
  return iconv.decode(Buffer.from(bytes, 'latin1'), name, { stripBOM: false });
}

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
