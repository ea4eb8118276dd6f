// Whether an assertion of a pattern holds at a place of a text, as Perl has it.
import { WORD, type Assertion } from './syntax.js';

/** Assertions by their number in a program. */
export const ASSERTIONS: readonly Assertion[] = [
  'text-start',
  'line-start',
  'text-end-or-newline',
  'line-end',
  'text-end',
  'word-boundary',
  'not-word-boundary',
  'search-start',
];

const NEWLINE = 0x0a;

/** `from` is where the search began. */
export function holds(assertion: number, text: string, pos: number, from: number): boolean {
  const end = text.length;
  switch (assertion) {
    case 0:
      return pos === 0;
    case 1:
      return pos === 0 || (pos < end && text.charCodeAt(pos - 1) === NEWLINE);
    case 2:
      return pos === end || (pos === end - 1 && text.charCodeAt(pos) === NEWLINE);
    case 3:
      return pos === end || text.charCodeAt(pos) === NEWLINE;
    case 4:
      return pos === end;
    case 7:
      return pos === from;
  }
  const before = pos > 0 && WORD[text.charCodeAt(pos - 1)] === 1;
  const after = pos < end && WORD[text.charCodeAt(pos)] === 1;
  return (before !== after) === (assertion === 5);
}
