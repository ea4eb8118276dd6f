// A wider pattern for the linear engine: it matches wherever the real one does, and at times elsewhere. What the linear
// engine lacks is left out (look-around) or taken for any text (back references); what would cost it many states is
// made endless. So one pass of many such patterns over a text says which real ones are worth running there.
import { lengthOf } from './length.js';
import { chanceOfSets } from '../scan/rarity.js';
import { addSet, BYTES, emptySet, type Assertion, type ByteSet, type PatternNode } from './syntax.js';
import { isSingle } from './shape.js';
import { translate } from './translate.js';
import { windowOf } from './window.js';

/** Repeats that may be more than this are taken for endless ones. */
const MOST_KEPT_MAX = 3;
/** So many turns at most are asked for: of a single byte, and of anything else. */
const LEAST_KEPT_MAX = 5;
const LEAST_SINGLE_KEPT_MAX = 8;
/** A source that one byte can satisfy, at more than this share of places, says nothing. */
const CHANCE_MAX = 0.02;
/** Many spellings of a letter: so many foreign ones at least, none longer than so many bytes, foreign ones from there on. */
const FOREIGN_SPELLINGS_MIN = 3;
const SPELLING_BYTES_MAX = 16;
const FOREIGN_FROM = 0x80;

const NOTHING: PatternNode = { kind: 'concat', items: [] };
const ANY_TEXT: PatternNode = repeat({ kind: 'set', set: new Uint8Array(BYTES).fill(1) }, 0, null);

/** RE2 source that matches every text (and any texts joined by newlines, one of) which `node` matches; null where it says nothing. */
export function screenSource(node: PatternNode): string | null {
  const wide = trimmed(trimmed(widened(node), 'start'), 'end');
  const { min } = lengthOf(wide);
  if (min === 0 || (min === 1 && chanceOfSets(windowOf(wide)) > CHANCE_MAX)) return null;
  return translate(wide);
}

function widened(node: PatternNode): PatternNode {
  switch (node.kind) {
    case 'set':
      return node;
    case 'assert':
      return WIDER[node.assertion];
    case 'concat':
      return { kind: 'concat', items: node.items.map(widened) };
    case 'alternate':
      return (
        oneLetter(node.branches) ?? {
          kind: 'alternate',
          branches: node.branches.map(widened),
        }
      );
    case 'group':
    case 'atomic':
      return { kind: 'group', item: widened(node.item), capture: null };
    case 'look':
      return NOTHING;
    case 'reference':
      return ANY_TEXT;
    case 'repeat': {
      const least = Math.min(node.min, isSingle(node.item) ? LEAST_SINGLE_KEPT_MAX : LEAST_KEPT_MAX);
      const endless = node.max === null || node.max > Math.max(MOST_KEPT_MAX, least);
      return repeat(widened(node.item), least, endless ? null : node.max);
    }
  }
}

/**
 * Many spellings of one letter, most of them foreign: taken together for a byte that one of them begins with, and any
 * number of those that can follow in one of them. Null where the branches are something else.
 */
function oneLetter(branches: readonly PatternNode[]): PatternNode | null {
  const first = emptySet();
  const rest = emptySet();
  let foreign = 0;
  for (const branch of branches) {
    const { min, max } = lengthOf(branch);
    const begins = windowOf(branch)[0];
    if (min === 0 || max === null || max > SPELLING_BYTES_MAX || begins === undefined) return null;
    if (!begins.subarray(0, FOREIGN_FROM).includes(1)) foreign++;
    addSet(first, begins);
    addSetsAfterFirst(branch, rest);
  }
  if (foreign < FOREIGN_SPELLINGS_MIN) return null;
  const after = repeat({ kind: 'set', set: rest }, 0, null);
  return { kind: 'group', item: { kind: 'concat', items: [{ kind: 'set', set: first }, after] }, capture: null };
}

function addSetsAfterFirst(node: PatternNode, into: ByteSet): void {
  if (node.kind === 'group') return addSetsAfterFirst(node.item, into);
  if (node.kind === 'set') return;
  const items = node.kind === 'concat' ? node.items : [node];
  for (const item of isSingle(items[0]!) ? items.slice(1) : items) addSets(item, into);
}

function addSets(node: PatternNode, into: ByteSet): void {
  if (node.kind === 'set') addSet(into, node.set);
  else if (node.kind === 'concat') for (const item of node.items) addSets(item, into);
  else if (node.kind === 'alternate') for (const branch of node.branches) addSets(branch, into);
  else if (node.kind === 'group' || node.kind === 'atomic' || node.kind === 'repeat') addSets(node.item, into);
}

function repeat(item: PatternNode, min: number, max: number | null): PatternNode {
  return { kind: 'repeat', item, min, max, lazy: false };
}

/** `$` before a final newline, and the ends of a text that stands between others, are ends of lines. */
const LINE_START: PatternNode = { kind: 'assert', assertion: 'line-start' };
const LINE_END: PatternNode = { kind: 'assert', assertion: 'line-end' };
const WIDER: Readonly<Record<Assertion, PatternNode>> = {
  'text-start': LINE_START,
  'line-start': LINE_START,
  'text-end-or-newline': LINE_END,
  'line-end': LINE_END,
  'text-end': LINE_END,
  'word-boundary': { kind: 'assert', assertion: 'word-boundary' },
  'not-word-boundary': { kind: 'assert', assertion: 'not-word-boundary' },
  'search-start': NOTHING,
};

/**
 * The node without what a search anywhere in a text does not need at that side: a repeat there is as good with its least
 * number of turns. Whether it matches stays the same.
 */
function trimmed(node: PatternNode, side: 'start' | 'end'): PatternNode {
  switch (node.kind) {
    case 'concat':
      return trimmedConcat(node.items, side);
    case 'group': {
      const item = trimmed(node.item, side);
      return isNothing(item) ? NOTHING : { kind: 'group', item, capture: null };
    }
    case 'alternate': {
      const branches = node.branches.map((branch) => trimmed(branch, side));
      return branches.some(isNothing) ? NOTHING : { kind: 'alternate', branches };
    }
    case 'repeat':
      return trimmedRepeat(node, side);
    default:
      return node;
  }
}

function trimmedConcat(all: readonly PatternNode[], side: 'start' | 'end'): PatternNode {
  const items = side === 'start' ? [...all].reverse() : [...all];
  while (items.length > 0) {
    const outer = trimmed(items.pop()!, side);
    const next = items.at(-1);
    if (isLineEdge(outer) && next !== undefined && takesWholeLines(next)) items.pop();
    else if (!isNothing(outer)) {
      items.push(outer);
      break;
    }
  }
  if (side === 'start') items.reverse();
  return items.length === 1 ? items[0]! : { kind: 'concat', items };
}

function trimmedRepeat(node: Extract<PatternNode, { kind: 'repeat' }>, side: 'start' | 'end'): PatternNode {
  if (node.min === 0) return NOTHING;
  if (node.min === 1) return trimmed({ kind: 'group', item: node.item, capture: null }, side);
  if (isSingle(node.item)) return repeat(node.item, node.min, node.min);
  const whole = repeat(node.item, node.min - 1, node.min - 1);
  const outer = trimmed({ kind: 'group', item: node.item, capture: null }, side);
  return { kind: 'concat', items: side === 'start' ? [outer, whole] : [whole, outer] };
}

function isNothing(node: PatternNode): boolean {
  return node.kind === 'concat' && node.items.length === 0;
}

function isLineEdge(node: PatternNode): boolean {
  return node.kind === 'assert' && (node.assertion === 'line-start' || node.assertion === 'line-end');
}

/** Whether the node can take all that stands between a place and an edge of its line: then the edge asks for nothing. */
function takesWholeLines(node: PatternNode): boolean {
  return node.kind === 'repeat' && node.min === 0 && node.max === null && isAllButNewline(node.item);
}

function isAllButNewline(node: PatternNode): boolean {
  return node.kind === 'set' && isFull(node.set);
}

function isFull(set: ByteSet): boolean {
  for (let byte = 0; byte < BYTES; byte++) if (set[byte] !== 1 && byte !== 0x0a) return false;
  return true;
}
