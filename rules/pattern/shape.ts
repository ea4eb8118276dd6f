// What a part of a pattern looks like, as far as compiling it depends on that.
import type { ByteSet, PatternNode } from './syntax.js';

/** The set of a part that takes exactly one byte, or null. */
export function singleSet(node: PatternNode): ByteSet | null {
  if (node.kind === 'set') return node.set;
  return node.kind === 'group' && node.capture === null ? singleSet(node.item) : null;
}

/** Whether a part takes exactly one byte. */
export function isSingle(node: PatternNode): boolean {
  return singleSet(node) !== null;
}

/** Numbers of the groups that are referred back to. */
export function referencesIn(node: PatternNode): readonly number[] {
  switch (node.kind) {
    case 'reference':
      return node.captures;
    case 'concat':
      return node.items.flatMap(referencesIn);
    case 'alternate':
      return node.branches.flatMap(referencesIn);
    case 'group':
    case 'atomic':
    case 'look':
    case 'repeat':
      return referencesIn(node.item);
    default:
      return [];
  }
}

/** Whether every match begins at the start of the text. */
export function isAnchored(node: PatternNode): boolean {
  switch (node.kind) {
    case 'assert':
      return node.assertion === 'text-start';
    case 'concat':
      return node.items.length > 0 && isAnchored(node.items[0]!);
    case 'alternate':
      return node.branches.every(isAnchored);
    case 'group':
    case 'atomic':
      return isAnchored(node.item);
    default:
      return false;
  }
}
