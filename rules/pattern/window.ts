// The first few bytes of any match of a pattern: for each of them the set of values it can have. A place in a text where
// one of them does not fit needs no trying.
import { addSet, emptySet, type ByteSet, type PatternNode } from './syntax.js';

/** How many bytes are looked at. */
export const WINDOW_MAX = 8;
/** All offsets, as bits. */
const ALL_OFFSETS = (1 << WINDOW_MAX) - 1;
const ANY = emptySet().fill(1);

/** Sets for the first bytes of every match; shorter where a match may be, empty where it may take nothing. */
export function windowOf(node: PatternNode): readonly ByteSet[] {
  const sets = Array.from({ length: WINDOW_MAX }, emptySet);
  const ends = reach(node, 1, sets);
  let length = 0;
  while (length < WINDOW_MAX && (ends & (1 << length)) === 0) length++;
  return sets.slice(0, length);
}

/** Lets `node` begin at the offsets that are bits of `from`: adds what it takes to `sets`, gives where it can end. */
function reach(node: PatternNode, from: number, sets: ByteSet[]): number {
  if (from === 0) return 0;
  switch (node.kind) {
    case 'set':
      return take(node.set, from, sets);
    case 'assert':
    case 'look':
      return from;
    case 'reference': {
      let reached = from;
      for (let turn = 0; turn < WINDOW_MAX; turn++) reached |= take(ANY, reached, sets);
      return reached;
    }
    case 'group':
    case 'atomic':
      return reach(node.item, from, sets);
    case 'concat':
      return node.items.reduce((offsets, item) => reach(item, offsets, sets), from);
    case 'alternate':
      return node.branches.reduce((offsets, branch) => offsets | reach(branch, from, sets), 0);
    case 'repeat':
      return repeated(node.item, node.min, node.max, from, sets);
  }
}

function repeated(item: PatternNode, min: number, max: number | null, from: number, sets: ByteSet[]): number {
  let offsets = from;
  for (let turn = 0; turn < Math.min(min, WINDOW_MAX); turn++) offsets = reach(item, offsets, sets);
  let all = offsets;
  for (let turn = min; turn < (max ?? Infinity); turn++) {
    offsets = reach(item, offsets, sets);
    if ((offsets & ~all) === 0) break;
    all |= offsets;
  }
  return all;
}

function take(set: ByteSet, from: number, sets: ByteSet[]): number {
  for (let offset = 0; offset < WINDOW_MAX; offset++) {
    if ((from & (1 << offset)) !== 0) addSet(sets[offset]!, set);
  }
  return (from << 1) & ALL_OFFSETS;
}
