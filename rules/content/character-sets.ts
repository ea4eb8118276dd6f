// Sets of characters that have a name in expressions: shorthands and POSIX classes, of ASCII where Unicode would differ.
import { charactersOf, othersThan, type Characters, type Run } from './characters.js';

const DIGIT: Characters = [[0x30, 0x39]];
const UPPER: Characters = [[0x41, 0x5a]];
const LOWER: Characters = [[0x61, 0x7a]];
const ALPHA: Characters = [...UPPER, ...LOWER];
const WORD: Characters = [...DIGIT, ...UPPER, [0x5f, 0x5f], ...LOWER];
const SPACE: Characters = [
  [0x09, 0x0d],
  [0x20, 0x20],
];
const HORIZONTAL = charactersOf(
  [0x09, 0x20, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000].map((code): Run => [code, code]).concat([[0x2000, 0x200a]]),
);
export const VERTICAL: Characters = [
  [0x0a, 0x0d],
  [0x85, 0x85],
  [0x2028, 0x2029],
];
const NEWLINE: Characters = [[0x0a, 0x0a]];
export const ANY: Characters = othersThan([]);
export const NO_NEWLINE: Characters = othersThan(NEWLINE);

/** In capitals they stand for all other characters; `\N` is what is no newline. */
export const SHORTHANDS: ReadonlyMap<string, Characters> = new Map([
  ['d', DIGIT],
  ['w', WORD],
  ['s', SPACE],
  ['h', HORIZONTAL],
  ['v', VERTICAL],
  ['n', NEWLINE],
]);

/** POSIX classes, of ASCII. */
export const POSIX_SETS: ReadonlyMap<string, Characters> = new Map<string, Characters>([
  ['alpha', ALPHA],
  ['digit', DIGIT],
  ['alnum', [...DIGIT, ...ALPHA]],
  ['upper', UPPER],
  ['lower', LOWER],
  ['space', SPACE],
  [
    'blank',
    charactersOf([
      [0x09, 0x09],
      [0x20, 0x20],
    ]),
  ],
  [
    'punct',
    charactersOf([
      [0x21, 0x2f],
      [0x3a, 0x40],
      [0x5b, 0x60],
      [0x7b, 0x7e],
    ]),
  ],
  ['print', [[0x20, 0x7e]]],
  ['graph', [[0x21, 0x7e]]],
  [
    'cntrl',
    charactersOf([
      [0x00, 0x1f],
      [0x7f, 0x7f],
    ]),
  ],
  ['xdigit', [...DIGIT, [0x41, 0x46], [0x61, 0x66]]],
  ['word', WORD],
  ['ascii', [[0x00, 0x7f]]],
]);
