// Writes a pattern tree as RE2 source. The text it will run on holds one character per byte (U+0000 to U+00FF), so a
// byte set becomes a class of those characters, and `$` is spelled out as Perl means it.
import { lengthOf } from './length.js';
import { BYTES, PatternError, type Assertion, type ByteSet, type PatternNode } from './syntax.js';

/**
 * `$` without /m also matches before a final newline. RE2 has no look-ahead, so that newline is taken into the match;
 * this differs from Perl only where a pattern goes on to match the newline after its own `$`.
 */
const ASSERTION_SOURCE: Readonly<Record<Assertion, string>> = {
  'text-start': '\\A',
  'line-start': '(?m:^)',
  'text-end-or-newline': '(?:\\x{0a}?\\z)',
  'line-end': '(?m:$)',
  'text-end': '\\z',
  'word-boundary': '\\b',
  'not-word-boundary': '\\B',
  'search-start': '',
};

/** The tree as RE2 source, without flags. */
export function translate(node: PatternNode): string {
  switch (node.kind) {
    case 'set':
      return setSource(node.set);
    case 'assert':
      return ASSERTION_SOURCE[node.assertion];
    case 'concat':
      return node.items.map(itemSource).join('');
    case 'alternate':
      return node.branches.map(translate).join('|');
    case 'repeat':
      return `${repeatable(node.item)}${rangeSource(node.min, node.max)}${node.lazy ? '?' : ''}`;
    case 'group':
      return `(?:${translate(node.item)})`;
    case 'atomic':
    case 'look':
    case 'reference':
      throw new PatternError('not for the linear engine');
  }
}

function itemSource(node: PatternNode): string {
  return node.kind === 'alternate' ? `(?:${translate(node)})` : translate(node);
}

function repeatable(node: PatternNode): string {
  return node.kind === 'set' || node.kind === 'group' ? translate(node) : `(?:${translate(node)})`;
}

function rangeSource(min: number, max: number | null): string {
  if (max === null) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

/** Sources of sets: the reader gives the same set wherever the same is written. */
const knownSources = new WeakMap<ByteSet, string>();

function setSource(set: ByteSet): string {
  let source = knownSources.get(set);
  if (source === undefined) knownSources.set(set, (source = writeSet(set)));
  return source;
}

/** A class that matches nothing when the set is empty. */
function writeSet(set: ByteSet): string {
  const ranges: string[] = [];
  let only = -1;
  let count = 0;
  for (let from = 0; from < BYTES; from++) {
    if (set[from] !== 1) continue;
    let to = from;
    while (to + 1 < BYTES && set[to + 1] === 1) to++;
    ranges.push(from === to ? charSource(from) : `${charSource(from)}-${charSource(to)}`);
    count += to - from + 1;
    only = from;
    from = to;
  }
  if (count === 0) return '[^\\x{0}-\\x{10ffff}]';
  return count === 1 ? charSource(only) : `[${ranges.join('')}]`;
}

function charSource(code: number): string {
  const char = String.fromCharCode(code);
  return /[A-Za-z0-9 ]/.test(char) ? char : `\\x${code.toString(16).padStart(2, '0')}`;
}

/** Most repeats RE2 takes in one `{n,m}`. */
const LINEAR_REPEAT_MAX = 1_000;

/**
 * Whether RE2 can run the pattern and says of every text what Perl says of it: that it matches, or that it does not.
 * `last`: nothing follows the node; `taken`: what follows takes text (RE2's `^` of lines also holds at the very end).
 */
export function isLinear(node: PatternNode, last = true, taken = false): boolean {
  switch (node.kind) {
    case 'set':
      return true;
    case 'assert':
      if (node.assertion === 'line-start') return taken;
      return node.assertion !== 'search-start' && (last || node.assertion !== 'text-end-or-newline');
    case 'concat': {
      const lastIndex = node.items.length - 1;
      const taking = taken ? lastIndex + 1 : node.items.findLastIndex((item) => lengthOf(item).min > 0);
      return node.items.every((item, index) => isLinear(item, last && index === lastIndex, index < taking));
    }
    case 'alternate':
      return node.branches.every((branch) => isLinear(branch, last, taken));
    case 'group':
      return isLinear(node.item, last, taken);
    case 'repeat':
      return (
        Math.max(node.min, node.max ?? 0) <= LINEAR_REPEAT_MAX && isLinear(node.item, last && node.max === 1, taken)
      );
    default:
      return false;
  }
}

/**
 * Whether a linear pattern's matches also end where Perl's do, so that they can be counted: it never matches nothing,
 * has no `$` (whose newline RE2 takes into the match) and no loop over what may be nothing.
 */
export function isCountable(node: PatternNode): boolean {
  return lengthOf(node).min > 0 && endsAlike(node);
}

function endsAlike(node: PatternNode): boolean {
  switch (node.kind) {
    case 'assert':
      return node.assertion !== 'text-end-or-newline';
    case 'concat':
      return node.items.every(endsAlike);
    case 'alternate':
      return node.branches.every(endsAlike);
    case 'group':
      return endsAlike(node.item);
    case 'repeat':
      return (node.max === 1 || lengthOf(node.item).min > 0) && endsAlike(node.item);
    default:
      return true;
  }
}
