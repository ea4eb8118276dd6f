// Transfer decodings (RFC 2045 §6): lenient base64 and quoted-printable, bytes to bytes, linear, never failing. What was
// wrong on the way comes back beside the bytes, since other readers may have decoded otherwise.

const PAD = 0x3d;
const LF = 0x0a;
const CR = 0x0d;

/** 0–63 for the alphabet, -1 for anything else. */
const BASE64_VALUES = new Int8Array(256).fill(-1);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].forEach((letter, value) => {
  BASE64_VALUES[letter.charCodeAt(0)] = value;
});

const HEX_VALUES = new Int8Array(256).fill(-1);
[...'0123456789abcdef'].forEach((letter, value) => {
  HEX_VALUES[letter.charCodeAt(0)] = value;
  HEX_VALUES[letter.toUpperCase().charCodeAt(0)] = value;
});

/** What stands in base64 content where it should not. */
export interface Base64Facts {
  /** Characters outside alphabet, padding, blank and line end. */
  readonly junk: number;
  /** Offset of the first such character in the encoded bytes, or -1. */
  readonly firstJunk: number;
  /** Alphabet characters after the padding. */
  readonly afterPadding: number;
  /** Alphabet characters in a last group that is neither full nor padded. */
  readonly loose: number;
}

/**
 * How a reader goes on where base64 is broken: at padding `stop` (RFC 2045 §6.8: end of data) or `skip` (concatenated
 * pieces); at foreign characters `skip` (the RFC) or `stop`.
 */
export interface Base64Options {
  readonly padding: 'stop' | 'skip';
  readonly junk: 'stop' | 'skip';
}

const RFC_BASE64: Base64Options = { padding: 'stop', junk: 'skip' };

/** Decodes base64 as RFC 2045 §6.8 says, or as `options` say. */
export function decodeBase64(
  encoded: Uint8Array,
  options: Base64Options = RFC_BASE64,
): { readonly content: Buffer; readonly facts: Base64Facts } {
  const out = Buffer.allocUnsafe(Math.floor((encoded.length * 3) / 4) + 3);
  const length = encoded.length;
  let written = 0;
  let bits = 0;
  let inGroup = 0;
  let junk = 0;
  let firstJunk = -1;
  let afterPadding = 0;
  let at = 0;
  for (; at < length; at++) {
    const byte = encoded[at] as number;
    const value = BASE64_VALUES[byte] as number;
    if (value >= 0) {
      bits = (bits << 6) | value;
      if (++inGroup === 4) {
        out[written++] = bits >> 16;
        out[written++] = bits >> 8;
        out[written++] = bits;
        bits = 0;
        inGroup = 0;
      }
      continue;
    }
    if (byte === LF || byte === CR || byte === 0x20 || byte === 0x09) continue;
    if (byte === PAD && inGroup >= 2) {
      written = endGroup(out, written, bits, inGroup);
      bits = 0;
      inGroup = 0;
      if (options.padding === 'stop') {
        afterPadding = countAlphabet(encoded, at + 1);
        break;
      }
      continue;
    }
    if (byte === PAD && isPadding(encoded, at)) continue;
    junk++;
    if (firstJunk < 0) firstJunk = at;
    if (options.junk === 'stop') break;
  }
  const loose = inGroup;
  written = endGroup(out, written, bits, inGroup);
  return { content: out.subarray(0, written), facts: { junk, firstJunk, afterPadding, loose } };
}

function endGroup(out: Buffer, written: number, bits: number, inGroup: number): number {
  if (inGroup === 2) out[written++] = bits >> 4;
  if (inGroup === 3) {
    out[written++] = bits >> 10;
    out[written++] = bits >> 2;
  }
  return written;
}

/** A second `=` right behind a first one. */
function isPadding(encoded: Uint8Array, at: number): boolean {
  return at > 0 && (encoded[at - 1] === PAD || encoded[at - 1] === LF);
}

function countAlphabet(encoded: Uint8Array, from: number): number {
  let count = 0;
  for (let at = from; at < encoded.length; at++) if ((BASE64_VALUES[encoded[at] as number] as number) >= 0) count++;
  return count;
}

/**
 * Decodes quoted-printable (RFC 2045 §6.7): blanks before a line end are dropped, soft breaks joined, lower-case hex
 * taken, invalid escapes left as they stand and counted.
 */
export function decodeQuotedPrintable(encoded: Uint8Array): { readonly content: Buffer; readonly broken: number } {
  const out = Buffer.allocUnsafe(encoded.length);
  const length = encoded.length;
  let written = 0;
  let solid = 0;
  let broken = 0;
  for (let at = 0; at < length; at++) {
    const byte = encoded[at] as number;
    if (byte === LF || (byte === CR && encoded[at + 1] === LF)) {
      written = solid;
      out[written++] = byte;
      solid = written;
      continue;
    }
    if (byte !== PAD) {
      out[written++] = byte;
      if (byte !== 0x20 && byte !== 0x09 && !(byte === CR)) solid = written;
      continue;
    }
    const high = HEX_VALUES[encoded[at + 1] ?? 0] as number;
    const low = HEX_VALUES[encoded[at + 2] ?? 0] as number;
    if (high >= 0 && low >= 0) {
      out[written++] = (high << 4) | low;
      solid = written;
      at += 2;
      continue;
    }
    const lineEnd = softBreakEnd(encoded, at + 1);
    if (lineEnd > 0) {
      solid = written;
      at = lineEnd - 1;
      continue;
    }
    broken++;
    out[written++] = byte;
    solid = written;
  }
  return { content: out.subarray(0, written), broken };
}

/** Offset after the line end when only blanks stand before it, or the end of the content; 0 when it is no soft break. */
function softBreakEnd(encoded: Uint8Array, from: number): number {
  let at = from;
  while (at < encoded.length && at - from < SOFT_BREAK_BLANKS_MAX && (encoded[at] === 0x20 || encoded[at] === 0x09))
    at++;
  if (at >= encoded.length) return at;
  if (encoded[at] === LF) return at + 1;
  return encoded[at] === CR && encoded[at + 1] === LF ? at + 2 : 0;
}

/** Blanks looked over between `=` and its line end. */
const SOFT_BREAK_BLANKS_MAX = 256;

/** True when the bytes are laid out as base64: long enough, nothing but its alphabet, whole groups. Looks at a prefix. */
export function looksBase64(encoded: Uint8Array): boolean {
  const prefix = Math.min(encoded.length, BASE64_LOOK_BYTES);
  let letters = 0;
  let mixed = 0;
  let at = 0;
  for (; at < prefix; at++) {
    const byte = encoded[at] as number;
    if (byte === LF || byte === CR) continue;
    if ((BASE64_VALUES[byte] as number) < 0) break;
    if (byte < 0x3a || (byte > 0x40 && byte < 0x5b)) mixed++;
    letters++;
  }
  if (letters < BASE64_LETTERS_MIN || mixed * 8 < letters) return false;
  if (at >= prefix) return prefix < encoded.length || letters % 4 === 0;
  const byte = encoded[at];
  return byte === PAD && letters % 4 >= 2;
}

const BASE64_LOOK_BYTES = 4_096;
const BASE64_LETTERS_MIN = 48;

/** Names of encodings that leave the bytes as they are. */
const IDENTITY = new Set(['7bit', '8bit', 'binary']);
const UUENCODE = new Set(['x-uuencode', 'uuencode', 'x-uue', 'uue']);

/** What a Content-Transfer-Encoding value means. */
export type EncodingKind = 'identity' | 'base64' | 'quoted-printable' | 'uuencode' | 'unknown';

export function encodingKind(name: string): EncodingKind {
  if (IDENTITY.has(name)) return 'identity';
  if (name === 'base64' || name === 'quoted-printable') return name;
  return UUENCODE.has(name) ? 'uuencode' : 'unknown';
}
