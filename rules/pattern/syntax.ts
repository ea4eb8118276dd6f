// The tree a pattern is read into. It is free of flags: case, dot and anchor meanings are settled while reading, so a
// leaf is a set of byte values or an assertion and says by itself what it matches. Patterns work on bytes (one
// character per byte, latin1), as SpamAssassin's do.

/** Which of the 256 byte values match: index = byte, 1 = yes. */
export type ByteSet = Uint8Array;

export type Assertion =
  /** `^` without /m, `\A`. */
  | 'text-start'
  /** `^` with /m. */
  | 'line-start'
  /** `$` without /m, `\Z`: at the end, or before a final newline. */
  | 'text-end-or-newline'
  /** `$` with /m. */
  | 'line-end'
  /** `\z`. */
  | 'text-end'
  | 'word-boundary'
  | 'not-word-boundary'
  /** `\G`: where the search began, after the match before. */
  | 'search-start';

export type PatternNode =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'concat'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'alternate'; readonly branches: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly item: PatternNode;
      readonly min: number;
      /** null = no upper bound. */
      readonly max: number | null;
      readonly lazy: boolean;
    }
  /** A bracket; `capture` is its number, from 1, or null when it keeps nothing. */
  | { readonly kind: 'group'; readonly item: PatternNode; readonly capture: number | null }
  /** Once matched it is never entered again: `(?>…)`, `a++`. */
  | { readonly kind: 'atomic'; readonly item: PatternNode }
  /** Look-ahead or look-behind. */
  | { readonly kind: 'look'; readonly item: PatternNode; readonly behind: boolean; readonly negated: boolean }
  /** What the first of these groups that took part has matched. */
  | { readonly kind: 'reference'; readonly captures: readonly number[]; readonly insensitive: boolean };

/** A pattern that has been read. */
export interface PatternTree {
  readonly node: PatternNode;
  /** How many groups capture. */
  readonly captures: number;
  /** Named groups: name and the numbers that bear it, in order. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

/** Why a pattern cannot be run. Its message is one plain sentence part, fit for a refusal. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

export const BYTES = 256;

export function emptySet(): ByteSet {
  return new Uint8Array(BYTES);
}

export function setOf(...ranges: readonly (number | readonly [number, number])[]): ByteSet {
  const set = emptySet();
  for (const range of ranges) {
    const [from, to] = typeof range === 'number' ? [range, range] : range;
    set.fill(1, from, to + 1);
  }
  return set;
}

export function complement(set: ByteSet): ByteSet {
  return set.map((value) => 1 - value);
}

/** Adds `from` to `into`. */
export function addSet(into: ByteSet, from: ByteSet): void {
  for (let byte = 0; byte < BYTES; byte++) if (from[byte] === 1) into[byte] = 1;
}

/** The lower-case byte of each byte. SpamAssassin compiles with /aa, under which the letters of latin1 have cases too. */
export const LOWER = Uint8Array.from({ length: BYTES }, (_, byte) =>
  (byte >= 0x41 && byte <= 0x5a) || (byte >= 0xc0 && byte <= 0xde && byte !== 0xd7) ? byte + 32 : byte,
);

/** Bytes below this are ASCII. */
const ASCII_END = 0x80;

/** The set with both cases of every letter in it; of ASCII letters only where `asciiOnly`. */
export function foldCase(set: ByteSet, asciiOnly = false): ByteSet {
  const folded = set.slice();
  for (let upper = 0; upper < (asciiOnly ? ASCII_END : BYTES); upper++) {
    const lower = LOWER[upper]!;
    if (lower !== upper && (set[upper] === 1 || set[lower] === 1)) folded[upper] = folded[lower] = 1;
  }
  return folded;
}

/** For each byte the set of it alone, and the set of both its cases. */
const SINGLE: readonly ByteSet[] = Array.from({ length: BYTES }, (_, byte) => setOf(byte));
const SINGLE_FOLDED: readonly ByteSet[] = SINGLE.map((set) => foldCase(set));
const SINGLE_ASCII_FOLDED: readonly ByteSet[] = SINGLE.map((set) => foldCase(set, true));
const NONE = emptySet();

/** The set of one character, in both cases if asked; nothing for one above 0xFF, which is in no text. */
export function singleByte(code: number, folded: boolean, asciiOnly = false): ByteSet {
  return (folded ? (asciiOnly ? SINGLE_ASCII_FOLDED : SINGLE_FOLDED) : SINGLE)[code] ?? NONE;
}

export const DIGIT = setOf([0x30, 0x39]);
export const WORD = setOf([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a], 0x5f);
/** Perl's `\s` includes the vertical tab, RE2's does not. */
export const SPACE = setOf([0x09, 0x0d], 0x20);
export const HORIZONTAL = setOf(0x09, 0x20, 0xa0);
export const VERTICAL = setOf([0x0a, 0x0d], 0x85);
export const NEWLINE = setOf(0x0a);

const LATIN1_UPPER = setOf([0xc0, 0xd6], [0xd8, 0xde]);
const LATIN1_LOWER = setOf(0xaa, 0xb5, 0xba, [0xdf, 0xf6], [0xf8, 0xff]);
const LATIN1_LETTERS = union(LATIN1_UPPER, LATIN1_LOWER);
const LATIN1_SPACE = setOf(0x85, 0xa0);

function union(...sets: readonly ByteSet[]): ByteSet {
  const all = emptySet();
  for (const set of sets) addSet(all, set);
  return all;
}

/** POSIX classes by name, as Perl reads them on bytes. */
export const POSIX: ReadonlyMap<string, ByteSet> = new Map([
  ['alpha', setOf([0x41, 0x5a], [0x61, 0x7a])],
  ['digit', DIGIT],
  ['alnum', setOf([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a])],
  ['upper', setOf([0x41, 0x5a])],
  ['lower', setOf([0x61, 0x7a])],
  ['space', SPACE],
  ['blank', setOf(0x09, 0x20)],
  ['punct', setOf([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e])],
  ['print', setOf([0x20, 0x7e])],
  ['graph', setOf([0x21, 0x7e])],
  ['cntrl', setOf([0x00, 0x1f], 0x7f)],
  ['xdigit', setOf([0x30, 0x39], [0x41, 0x46], [0x61, 0x66])],
  ['word', WORD],
  ['ascii', setOf([0x00, 0x7f])],
]);

/** What classes and shorthands hold beside that where latin1's letters count (/u), by name. */
export const LATIN1_MORE: ReadonlyMap<string, ByteSet> = new Map([
  ['alpha', LATIN1_LETTERS],
  ['alnum', LATIN1_LETTERS],
  ['word', LATIN1_LETTERS],
  ['w', LATIN1_LETTERS],
  ['upper', LATIN1_UPPER],
  ['lower', LATIN1_LOWER],
  ['space', LATIN1_SPACE],
  ['s', LATIN1_SPACE],
  ['blank', setOf(0xa0)],
  ['punct', setOf(0xa1, 0xa7, 0xab, 0xb6, 0xb7, 0xbb, 0xbf)],
  ['print', setOf([0xa0, 0xff])],
  ['graph', setOf([0xa1, 0xff])],
  ['cntrl', setOf([0x80, 0x9f])],
]);
