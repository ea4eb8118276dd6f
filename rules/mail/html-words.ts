// Words that are cut in two by tags: what counts as part of one at the end and at the start of a piece of text.
import type { DecodedText } from './charset.js';

/** Longest half of a word that is measured. */
const HALF_MAX = 7;
const WORD = /[\p{L}\p{M}\p{N}\p{Pc}]/u;
const WIDE_SPACE = /[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** `any`: a letter or the like stands there; `length`: of the half word, 0 when none is at most seven long. */
export interface HalfWord {
  readonly any: boolean;
  readonly length: number;
}

const NONE: HalfWord = { any: false, length: 0 };

/** Neither white space nor ASCII punctuation. */
function isLetter(code: number, wide: DecodedText['wide']): boolean {
  if (code < 0x80) {
    const low = code | 0x20;
    return (
      (low >= 0x61 && low <= 0x7a) ||
      (code >= 0x30 && code <= 0x39) ||
      code < 9 ||
      (code > 13 && code < 32) ||
      code === 127
    );
  }
  return !wide || !WIDE_SPACE.test(String.fromCharCode(code));
}

function isWord(code: number, wide: boolean): boolean {
  if (code < 0x80) {
    const low = code | 0x20;
    return (low >= 0x61 && low <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f;
  }
  return wide && WORD.test(String.fromCharCode(code));
}

/** Whether a word starts or ends between two characters; NaN is the end of the text. */
function isEdge(one: number, other: number, wide: boolean): boolean {
  return isWord(one, wide) !== isWord(other, wide);
}

/** The half word at the end of a text. */
export function endOfWord(text: string, wide: boolean): HalfWord {
  let length = 0;
  const code = (back: number): number => text.charCodeAt(text.length - back);
  for (let back = 1; back <= HALF_MAX && back <= text.length && isLetter(code(back), wide); back++)
    if (isEdge(code(back + 1), code(back), wide)) length = back;
  return text === '' || !isLetter(code(1), wide) ? NONE : { any: true, length };
}

/** The half word at the start of a text. */
export function startOfWord(text: string, wide: boolean): HalfWord {
  let length = 0;
  for (let at = 0; at < HALF_MAX && at < text.length && isLetter(text.charCodeAt(at), wide); at++)
    if (isEdge(text.charCodeAt(at), text.charCodeAt(at + 1), wide)) length = at + 1;
  return text === '' || !isLetter(text.charCodeAt(0), wide) ? NONE : { any: true, length };
}
