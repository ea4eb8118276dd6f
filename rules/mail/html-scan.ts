// The small steps of reading tag soup: what a name is, where a word, a tag or a declaration ends.
import { isBlankCode } from './white.js';

export const LESS = 0x3c;
export const GREATER = 0x3e;
export const SLASH = 0x2f;
export const EQUALS = 0x3d;
export const BANG = 0x21;
export const QUESTION = 0x3f;
export const DASH = 0x2d;
export const BRACKET = 0x5b;
export const DOUBLE_QUOTE = 0x22;
export const SINGLE_QUOTE = 0x27;

/** A tag or the like has no end. */
export const UNFINISHED = -1;
/** Not markup after all. */
export const NO_MARKUP = -2;

export function isNameStart(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || code === 0x5f || code === 0x3a;
}

export function isNameChar(code: number): boolean {
  return isNameStart(code) || (code >= 0x30 && code <= 0x39) || code === 0x2e || code === DASH;
}

/** ASCII letters only, as in the original. */
export function lower(name: string): string {
  return /^[\x00-\x7f]*$/.test(name) ? name.toLowerCase() : name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The first white space or ">" from `s` on. */
export function wordEnd(source: string, from: number): number {
  let s = from;
  const end = source.length;
  while (s < end) {
    const code = source.charCodeAt(s);
    if (code === GREATER || isBlankCode(code)) break;
    s++;
  }
  return s;
}

export function skipBlanks(source: string, from: number): number {
  let s = from;
  while (isBlankCode(source.charCodeAt(s))) s++;
  return s;
}

/** The ">" that is in no quotes; quotes open after a blank or "=" only. */
export function tagEnd(source: string, from: number): number {
  let quote = 0;
  let before = 0x20;
  for (let s = from; s < source.length; s++) {
    const code = source.charCodeAt(s);
    if (quote === 0 && code === GREATER) return s;
    if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) {
      if (code === quote) quote = 0;
      else if (quote === 0 && (before === 0x20 || before === EQUALS)) quote = code;
    }
    before = code;
  }
  return -1;
}

/** `<!DOCTYPE …>` and `<!ENTITY …>`; any other name is none. */
export function doctypeEnd(source: string, at: number): number {
  const end = source.length;
  let s = at + 2;
  if (!/[A-Za-z]/.test(source[s] ?? '')) return NO_MARKUP;
  while (s < end && isNameChar(source.charCodeAt(s))) s++;
  if (s >= end) return UNFINISHED;
  if (!/^(?:doctype|entity)$/i.test(source.slice(at + 2, Math.min(s, at + 10)))) return NO_MARKUP;
  for (;;) {
    s = skipBlanks(source, s);
    if (s >= end) return UNFINISHED;
    const code = source.charCodeAt(s);
    if (code === GREATER) break;
    if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) {
      const close = source.indexOf(source[s]!, s + 1);
      if (close < 0) return UNFINISHED;
      s = close + 1;
    } else if (code === DASH) {
      if (source.charCodeAt(s + 1) !== DASH) return s + 1 >= end ? UNFINISHED : NO_MARKUP;
      const close = source.indexOf('--', s + 2);
      if (close < 0) return UNFINISHED;
      s = close + 2;
    } else {
      s = wordEnd(source, s + 1);
      if (s >= end) return UNFINISHED;
    }
  }
  return s + 1;
}
