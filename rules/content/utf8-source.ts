// Writes characters as a pattern over UTF-8 bytes: rules run on bytes, people mean characters. Takes sets of code points,
// gives the source of a pattern as the reader of patterns takes it.
import { BYTE_SOURCES } from '../pattern/text-facts.js';
import { CODE_POINT_MAX, charactersOf, type Characters, type Run } from './characters.js';

/** Bits of a continuation byte, and what it begins at. */
const TAIL_BITS = 6;
const TAIL_LEAD = 0x80;
const ANY_TAIL = '[\\x80-\\xbf]';
/** For each length of UTF-8 the last code point of it, and what its first byte begins at. */
const LENGTHS = [
  { last: 0x7f, lead: 0 },
  { last: 0x7ff, lead: 0xc0 },
  { last: 0xffff, lead: 0xe0 },
  { last: CODE_POINT_MAX, lead: 0xf0 },
] as const;
/** A class without a byte in it. */
const NOTHING = '[^\\x00-\\xff]';

/** Sets are shared between expressions. */
const knownSources = new WeakMap<Characters, string>();

/** An atom that matches one of the characters, and nothing else. */
export function sourceOf(characters: Characters): string {
  let source = knownSources.get(characters);
  if (source === undefined) knownSources.set(characters, (source = write(characters)));
  return source;
}

function write(characters: Characters): string {
  const branches: string[] = [];
  let from = 0;
  LENGTHS.forEach(({ last, lead }, tails) => {
    const within = clipped(characters, from, last);
    if (within.length > 0) branches.push(...branchesOf(within, lead, tails));
    from = last + 1;
  });
  if (branches.length === 0) return NOTHING;
  const isAtom = characters.at(-1)![1] <= LENGTHS[0].last;
  return isAtom ? branches[0]! : `(?:${branches.join('|')})`;
}

/** The same for one character. */
export function sourceOfOne(letter: string): string {
  const bytes = Array.from(Buffer.from(letter, 'utf8'), (byte) => BYTE_SOURCES[byte]!);
  return bytes.length === 1 ? bytes[0]! : `(?:${bytes.join('')})`;
}

/** One branch for all first bytes that the same may follow. */
function branchesOf(characters: Characters, lead: number, tails: number): readonly string[] {
  if (tails === 0) return [classOf(characters, lead)];
  const leads = new Map<string, Run[]>();
  for (const [first, inside] of partedByFirst(characters, TAIL_BITS * tails)) {
    const tail = tailOf(inside, tails - 1);
    const list = leads.get(tail);
    if (list === undefined) leads.set(tail, [[first, first]]);
    else list.push([first, first]);
  }
  return [...leads].map(([tail, firsts]) => classOf(charactersOf(firsts), lead) + tail);
}

function tailOf(characters: Characters, tails: number): string {
  const [first] = characters;
  if (first![0] === 0 && first![1] === 2 ** (TAIL_BITS * (tails + 1)) - 1) return ANY_TAIL.repeat(tails + 1);
  const branches = branchesOf(characters, TAIL_LEAD, tails);
  return branches.length === 1 ? branches[0]! : `(?:${branches.join('|')})`;
}

/** By all but the last `bits`; what is left of each is counted from 0. */
function partedByFirst(characters: Characters, bits: number): ReadonlyMap<number, Characters> {
  const parted = new Map<number, Run[]>();
  const size = 2 ** bits;
  for (const [from, to] of characters) {
    for (let first = Math.floor(from / size); first * size <= to; first++) {
      const run: Run = [Math.max(0, from - first * size), Math.min(size - 1, to - first * size)];
      const list = parted.get(first);
      if (list === undefined) parted.set(first, [run]);
      else list.push(run);
    }
  }
  return parted;
}

function clipped(characters: Characters, first: number, last: number): Characters {
  return characters
    .filter(([from, to]) => to >= first && from <= last)
    .map(([from, to]): Run => [Math.max(first, from), Math.min(last, to)]);
}

/** A class, or the byte itself where there is but one. */
function classOf(values: Characters, base: number): string {
  const [first] = values;
  if (values.length === 1 && first![0] === first![1]) return BYTE_SOURCES[base + first![0]]!;
  const ranges = values.map(([from, to]) =>
    from === to ? BYTE_SOURCES[base + from]! : `${BYTE_SOURCES[base + from]!}-${BYTE_SOURCES[base + to]!}`,
  );
  return `[${ranges.join('')}]`;
}
