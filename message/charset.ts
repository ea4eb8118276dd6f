// Charsets: bytes to Unicode by declared name, else by what the bytes are. Takes any name and any bytes, never fails;
// says beside the text whether the name was unknown or the bytes did not fit it.
import { isAscii, isUtf8 } from 'node:buffer';
import { createRequire } from 'node:module';
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';
import type * as Jschardet from 'jschardet';

/** Bytes the statistical guess looks at, and the confidence from which it is believed. */
export const GUESS_BYTES_MAX = 4_096;
const GUESS_CONFIDENCE_MIN = 0.2;
const GUESS_HIGH_BYTES_MIN = 6;
/** Charsets the guess chooses from: those of the web and of mail, none of mainframes. */
const GUESSED = (
  'windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 ' +
  'windows-874 koi8-r koi8-u iso-8859-2 iso-8859-5 iso-8859-7 iso-8859-8 iso-8859-9 gb18030 big5 euc-jp cp932 euc-kr cp949'
).split(' ');
const NAME_LENGTH_MAX = 40;

/** Text and what was odd about its charset. */
export interface Decoded {
  readonly text: string;
  /** The charset it was read as, lower case. */
  readonly charset: string;
  readonly unknown: boolean;
  readonly invalid: boolean;
}

/**
 * Names read as windows-1252, as browsers and mail programs do. iconv-lite decodes them: the TextDecoder of some Node
 * versions takes windows-1252 for latin1.
 */
const WESTERN = new Set([
  'windows-1252',
  'cp1252',
  'cp-1252',
  'x-cp1252',
  'iso-8859-1',
  'iso8859-1',
  'iso88591',
  'iso_8859-1',
  'latin1',
  'l1',
  'cp819',
  'ibm819',
  '8859-1',
  'iso-8859-1-windows-3.1-latin-1',
  'iso-8859-1-windows-3.0-latin-1',
]);
/** Names that promise seven bits: with higher bytes they promise nothing. */
const SEVEN_BIT = new Set([
  '',
  'us-ascii',
  'ascii',
  'ansi_x3.4-1968',
  'iso646-us',
  'unknown',
  'unknown-8bit',
  'x-unknown',
  '7bit',
  '8bit',
  'default',
  'default_charset',
  'none',
  'binary',
  'us_ascii',
  'usascii',
  'user-defined',
  'x-user-defined',
  'cp367',
  'iso-ir-6',
]);
/** Charsets in which bytes below 128 do not mean ASCII. */
const NOT_ASCII =
  /^(?:utf-?16|utf-?32|ucs-|utf-?7|unicode|csunicode|iso-10646|iso-2022|csiso2022|hz|ibm037|ebcdic|cp037|cp500|ibm500)/;
/** Names TextDecoder does not know. */
const ALIASES = new Map([
  ['utf8', 'utf-8'],
  ['utf-8n', 'utf-8'],
  ['cp65001', 'utf-8'],
  ['unicode-1-1-utf-8', 'utf-8'],
  ['ks_c_5601', 'euc-kr'],
  ['cp949', 'euc-kr'],
  ['ms949', 'euc-kr'],
  ['uhc', 'euc-kr'],
  ['cp936', 'gbk'],
  ['gb18030-2000', 'gb18030'],
  ['cp932', 'shift_jis'],
  ['ms932', 'shift_jis'],
  ['cp950', 'big5'],
  ['big5-hkscs', 'big5'],
  ['x-gbk', 'gbk'],
  ['gb_2312', 'gbk'],
  ['gb2312_charset', 'gbk'],
  ['unicode-1-1-utf-7', 'utf-7'],
  ['x-unicode-2-0-utf-7', 'utf-7'],
  ['cp1250', 'windows-1250'],
  ['cp1251', 'windows-1251'],
  ['cp1253', 'windows-1253'],
  ['cp1254', 'windows-1254'],
  ['cp1255', 'windows-1255'],
  ['cp1256', 'windows-1256'],
  ['cp1257', 'windows-1257'],
]);

/** Lower case, quotes and blanks dropped, cut to a sensible length. */
export function charsetName(declared: string): string {
  return declared
    .slice(0, NAME_LENGTH_MAX * 2)
    .replace(/["'\s]/g, '')
    .toLowerCase()
    .slice(0, NAME_LENGTH_MAX);
}

/** Decodes `bytes`; `declared` is the charset parameter or null. */
export function decodeText(bytes: Buffer, declared: string | null): Decoded {
  const given = charsetName(declared ?? '');
  const name = ALIASES.get(given) ?? given;
  if (!NOT_ASCII.test(name) && isAscii(bytes)) {
    return { text: bytes.toString('latin1'), charset: name === '' ? 'us-ascii' : name, unknown: false, invalid: false };
  }
  if (SEVEN_BIT.has(name)) return guessText(bytes, false, declared !== null && name !== '');
  if (WESTERN.has(name)) {
    const mistaken = strictUtf8(bytes);
    if (mistaken !== null) return { text: mistaken, charset: 'utf-8', unknown: false, invalid: true };
    return { text: iconv.decode(bytes, 'windows-1252'), charset: 'windows-1252', unknown: false, invalid: false };
  }
  return byName(bytes, name) ?? guessText(bytes, true, false);
}

/** Unlabelled bytes: UTF-8 where valid, else a guess from a prefix, else windows-1252. */
export function guessText(bytes: Buffer, unknown: boolean, invalid: boolean): Decoded {
  const utf8 = strictUtf8(bytes);
  if (utf8 !== null) return { text: utf8, charset: 'utf-8', unknown, invalid };
  const guess = guessCharset(bytes);
  if (guess !== null && !WESTERN.has(guess) && guess !== 'utf-8') {
    const guessed = byName(bytes, ALIASES.get(guess) ?? guess);
    if (guessed !== null && !guessed.invalid) return { ...guessed, unknown, invalid: true };
  }
  return { text: iconv.decode(bytes, 'windows-1252'), charset: 'windows-1252', unknown, invalid: true };
}

/** Its models are large: loaded when the first text must be guessed. */
let guesser: typeof Jschardet | null = null;
const load = createRequire(import.meta.url);
const detector = (): typeof Jschardet => (guesser ??= load('jschardet') as typeof Jschardet);

/** The statistical guess over a prefix, lower case, or null when it is not sure. */
function guessCharset(bytes: Buffer): string | null {
  const prefix = bytes.subarray(0, GUESS_BYTES_MAX);
  let high = 0;
  for (const byte of prefix) if (byte > 0x7f) high++;
  if (high < GUESS_HIGH_BYTES_MIN) return null;
  const guess = detector().detect(prefix, { detectEncodings: GUESSED });
  if (!guess.encoding || guess.confidence < GUESS_CONFIDENCE_MIN) return null;
  return guess.encoding.toLowerCase();
}

/** By TextDecoder, else iconv-lite; null when neither knows the name. */
function byName(bytes: Buffer, name: string): Decoded | null {
  const decoder = textDecoder(name);
  if (decoder !== null) {
    const text = decoder.decode(bytes);
    return { text, charset: decoder.encoding, unknown: false, invalid: text.includes('\ufffd') };
  }
  if (!/^[a-z0-9][a-z0-9_.:-]*$/.test(name) || !iconv.encodingExists(name)) return null;
  const text = iconv.decode(bytes, name);
  return { text, charset: name, unknown: false, invalid: text.includes('\ufffd') };
}

const DECODERS = new Map<string, TextDecoder | null>();
/** Decoders kept; names come from mail, so their number is bounded. */
const DECODERS_MAX = 100;

function textDecoder(name: string): TextDecoder | null {
  const known = DECODERS.get(name);
  if (known !== undefined) return known;
  const made = makeDecoder(name);
  if (DECODERS.size < DECODERS_MAX) DECODERS.set(name, made);
  return made;
}

function makeDecoder(name: string): TextDecoder | null {
  try {
    const decoder = new TextDecoder(name);
    return decoder.encoding === 'windows-1252' || decoder.encoding === 'x-user-defined' ? null : decoder;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Text of valid UTF-8 (a byte order mark dropped), or null. */
export function strictUtf8(bytes: Buffer): string | null {
  if (!isUtf8(bytes)) return null;
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

const BYTE_ORDER_MARK = 0xfeff;
