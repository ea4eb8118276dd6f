// Repeats of what takes no text, such as `^{2}`: Perl warns of some of them, and SpamAssassin takes a warning for an error.
import { lengthOf } from './length.js';
import { PatternError, type PatternNode } from './syntax.js';

/** Throws PatternError where Perl would warn: not in branches, nor in groups that keep what they take. */
export function refuseEmptyRepeats(node: PatternNode): void {
  if (node.kind === 'concat') node.items.forEach(refuseEmptyRepeats);
  else if (node.kind === 'group' && node.capture === null) refuseEmptyRepeats(node.item);
  else if (node.kind === 'repeat') {
    const { item, min, max } = node;
    if ((min > 0 || max === 0) && lengthOf(item).max === 0 && !captures(item))
      throw new PatternError('repeat of what takes no text');
    refuseEmptyRepeats(item);
  }
}

/** Whether any group in it keeps what it takes. */
function captures(node: PatternNode): boolean {
  switch (node.kind) {
    case 'group':
      return node.capture !== null || captures(node.item);
    case 'repeat':
    case 'atomic':
    case 'look':
      return captures(node.item);
    case 'concat':
      return node.items.some(captures);
    case 'alternate':
      return node.branches.some(captures);
    default:
      return false;
  }
}
