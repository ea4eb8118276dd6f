// The findings of the custom filters.
import type { FindingSpec } from '../../pipeline/finding.js';

/** Some keyword used up its steps before it was known whether it matches. */
export const GAVE_UP = 'CUSTOM_GAVE_UP';

export const customFindings = [
  {
    id: 'CUSTOM_ADDRESS_SPAM',
    category: 'spam',
    group: 'rules',
    score: 0,
    meaning: 'A filter of the administrator on sender and recipient says that this is spam, whatever the score.',
  },
  {
    id: 'CUSTOM_ADDRESS_NOT_SPAM',
    category: 'spam',
    group: 'rules',
    score: 0,
    meaning: 'A filter of the administrator on sender and recipient says that this is not spam, whatever the score.',
  },
  {
    id: 'CUSTOM_TEXT_CUT',
    category: 'spam',
    group: 'rules',
    score: 0,
    meaning: 'The message has more text than keywords are looked for in; the rest was not looked at.',
  },
  {
    id: GAVE_UP,
    category: 'spam',
    group: 'rules',
    score: 0,
    meaning: 'A keyword that is an expression took too many steps over this message; it counts as not found.',
  },
  {
    id: 'CUSTOM_WORDS_*',
    category: 'spam',
    group: 'rules',
    score: 0,
    meaning: 'Keywords of a group of the administrator occur; the score is the sum of theirs.',
  },
] as const satisfies readonly FindingSpec[];

/** `night-pills` → `CUSTOM_WORDS_NIGHT_PILLS`. */
export function groupFindingId(name: string): string {
  return `CUSTOM_WORDS_${name.toUpperCase().replace(/-/g, '_')}`;
}
