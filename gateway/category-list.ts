// A list of categories as a setting: some of those a finding can have, each once.
import { Type } from 'typebox';
import { CATEGORIES, type Category } from '../pipeline/finding.js';

/** `initial` is the default. */
export function categoryList(initial: readonly Category[], description: string) {
  return Type.Array(Type.Enum([...CATEGORIES]), {
    default: [...initial],
    maxItems: CATEGORIES.length,
    uniqueItems: true,
    description,
  });
}
