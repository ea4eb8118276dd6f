// Finds, for a pattern tree, a small list of literals of which at least one must stand in any text that matches. A text
// that holds none of them need not be shown to the engine at all. Literals and texts are compared in lower case.
import { LITERAL_LENGTH_MIN } from '../scan/literal-scan.js';
import { chanceOfLiterals } from '../scan/rarity.js';
import { LOWER, type ByteSet, type PatternNode } from './syntax.js';

/** Most literals one pattern is asked for; beyond it the pattern simply has none. */
export const LITERALS_MAX = 200;
/** Longest literal kept; a longer one is no more telling. */
export const LITERAL_LENGTH_MAX = 64;
/** Most byte values of a set that are spelled out as alternatives. */
const SET_SPELLED_MAX = 6;
/** Most combinations followed at once. */
const COMBINATIONS_MAX = 64;

/** `exact`: all texts the node can match, where they are few. `needed`: one of these stands in every match. */
interface Known {
  readonly exact: readonly string[] | null;
  readonly needed: readonly string[] | null;
}

const NOTHING: Known = { exact: null, needed: null };
const EMPTY: Known = { exact: [''], needed: null };

/** Lower-case literals, one of which every match contains, or null where the pattern promises none. */
export function requiredLiterals(node: PatternNode): readonly string[] | null {
  const known = examine(node);
  return better(known.exact === null ? null : worthwhile(known.exact), known.needed);
}

function examine(node: PatternNode): Known {
  switch (node.kind) {
    case 'set':
      return spelled(node.set);
    case 'assert':
      // `$` may take a newline into the match, which the literal before it does not lose.
      return EMPTY;
    case 'group':
    case 'atomic':
      return examine(node.item);
    case 'look':
      return lookedAt(node.item, node.negated);
    case 'reference':
      return NOTHING;
    case 'concat':
      return concat(node.items);
    case 'alternate':
      return alternate(node.branches);
    case 'repeat':
      return repeat(node.item, node.min, node.max);
  }
}

/** What must be seen ahead or behind stands in the text, but not in the place where it is written. */
function lookedAt(item: PatternNode, negated: boolean): Known {
  if (negated) return EMPTY;
  const known = examine(item);
  const seen = better(known.exact === null ? null : worthwhile(known.exact), known.needed);
  return seen === null ? EMPTY : { exact: null, needed: seen };
}

function spelled(set: ByteSet): Known {
  const chars = new Set<string>();
  for (let byte = set.indexOf(1); byte >= 0; byte = set.indexOf(1, byte + 1)) {
    chars.add(String.fromCharCode(LOWER[byte]!));
    if (chars.size > SET_SPELLED_MAX) return NOTHING;
  }
  return { exact: [...chars], needed: null };
}

function concat(items: readonly PatternNode[]): Known {
  let run: readonly string[] = [''];
  let needed: readonly string[] | null = null;
  let whole = true;
  for (const item of items) {
    const known = examine(item);
    const joined = known.exact === null ? null : product(run, known.exact);
    if (joined !== null) {
      run = joined;
      continue;
    }
    whole = false;
    // Of a repeat the first turn stands next to what comes before it, and the last next to what comes after.
    const turn = oneTurn(item);
    const before = turn === null ? null : product(run, turn);
    const next = better(worthwhile(run), before === null ? null : worthwhile(before));
    needed = better(better(needed, next), known.needed);
    run = known.exact ?? turn ?? [''];
  }
  if (whole) return { exact: run, needed: null };
  return { exact: null, needed: better(needed, worthwhile(run)) };
}

/** All texts of one turn of a repeat that has at least one, where they are few. */
function oneTurn(node: PatternNode): readonly string[] | null {
  if (node.kind === 'group' || node.kind === 'atomic') return oneTurn(node.item);
  return node.kind === 'repeat' && node.min > 0 ? examine(node.item).exact : null;
}

function product(left: readonly string[], right: readonly string[]): readonly string[] | null {
  if (left.length * right.length > COMBINATIONS_MAX) return null;
  const joined: string[] = [];
  for (const a of left) {
    for (const b of right) {
      if (a.length + b.length > LITERAL_LENGTH_MAX) return null;
      joined.push(a + b);
    }
  }
  return joined;
}

function alternate(branches: readonly PatternNode[]): Known {
  const exact: string[] = [];
  const needed: string[] = [];
  let exactHolds = true;
  let neededHolds = true;
  for (const branch of branches) {
    const known = examine(branch);
    if (known.exact === null) exactHolds = false;
    else exact.push(...known.exact);
    const best = better(known.exact === null ? null : worthwhile(known.exact), known.needed);
    if (best === null) neededHolds = false;
    else needed.push(...best);
  }
  return {
    exact: exactHolds && exact.length <= COMBINATIONS_MAX ? exact : null,
    needed: neededHolds && needed.length <= LITERALS_MAX ? needed : null,
  };
}

function repeat(item: PatternNode, min: number, max: number | null): Known {
  const known = examine(item);
  if (min === 1 && max === 1) return known;
  if (min === 0) return max === 1 && known.exact !== null ? { exact: ['', ...known.exact], needed: null } : NOTHING;
  return { exact: null, needed: better(known.exact === null ? null : worthwhile(known.exact), known.needed) };
}

function worthwhile(texts: readonly string[]): readonly string[] | null {
  return texts.length > 0 && texts.every((text) => text.length >= LITERAL_LENGTH_MIN) ? texts : null;
}

/** How much more rarely the later of two promises must be met to be taken. */
const GAIN_MIN = 8;

/** Of two promises the one that is more rarely met. */
function better(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  if (a === null || b === null) return a ?? b;
  return chanceOfLiterals(b) * GAIN_MIN < chanceOfLiterals(a) ? b : a;
}
