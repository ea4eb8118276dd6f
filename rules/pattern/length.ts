// How much text a part of a pattern can take: needed for look-behind, for loops over nothing, and to choose an engine.
import type { PatternNode } from './syntax.js';

/** Least and most bytes matched; `max` null where there is no most. */
export interface Length {
  readonly min: number;
  readonly max: number | null;
}

const NOTHING: Length = { min: 0, max: 0 };

/** The bounds of what `node` matches. */
export function lengthOf(node: PatternNode): Length {
  switch (node.kind) {
    case 'set':
      return { min: 1, max: 1 };
    case 'assert':
    case 'look':
      return NOTHING;
    case 'reference':
      return { min: 0, max: null };
    case 'group':
    case 'atomic':
      return lengthOf(node.item);
    case 'concat':
      return node.items.map(lengthOf).reduce(sum, NOTHING);
    case 'alternate':
      return node.branches.map(lengthOf).reduce(either);
    case 'repeat': {
      const { min, max } = lengthOf(node.item);
      const most = max === 0 || node.max === 0 ? 0 : max === null || node.max === null ? null : max * node.max;
      return { min: min * node.min, max: most };
    }
  }
}

function sum(a: Length, b: Length): Length {
  return { min: a.min + b.min, max: a.max === null || b.max === null ? null : a.max + b.max };
}

function either(a: Length, b: Length): Length {
  return { min: Math.min(a.min, b.min), max: a.max === null || b.max === null ? null : Math.max(a.max, b.max) };
}
