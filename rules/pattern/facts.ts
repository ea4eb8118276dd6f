// All that is known of a pattern before it runs, as plain data: what is worked out once from its tree, and may be kept on
// disk. Whoever has the facts can run the pattern; the tree is read again only where the backtracking matcher must run.
import type { PatternSource } from '../definition.js';
import { requiredLiterals } from './literals.js';
import { refuseTooLong } from './program.js';
import { readPattern } from './read.js';
import { screenSource } from './screen-source.js';
import { referencesIn } from './shape.js';
import { isCountable, isLinear, translate } from './translate.js';

/** Plain data: strings, numbers, booleans, arrays and null. */
export interface PatternFacts {
  /** As written, latin1. */
  readonly source: string;
  /** Its modifier letters. */
  readonly flags: string;
  /** Lower-case literals, one of which every match contains; null where any text must be tried. */
  readonly literals: readonly string[] | null;
  /** RE2 source that matches wherever the pattern does, and at times elsewhere; null where that says nothing. */
  readonly screen: string | null;
  /** RE2 source that says of every text what Perl says of it; null where there is none. */
  readonly linear: string | null;
  /** Whether matches of `linear` also end where Perl's do, so that they can be counted. */
  readonly countable: boolean;
  /** Names of its named groups. */
  readonly names: readonly string[];
}

/** Reads a pattern and tells what is known of it. Throws PatternError with the reason when it cannot be run. */
export function describePattern({ source, flags }: PatternSource): PatternFacts {
  const { node, names } = readPattern(source, flags);
  // Whatever RE2 makes of it later, the other engine can run it; so nothing is refused when mail comes.
  refuseTooLong(node);
  const literals = requiredLiterals(node);
  // Taken for any text, a back reference says less than literals and costs an automaton many states.
  const screened = literals === null || referencesIn(node).length === 0;
  return {
    source,
    flags,
    literals,
    screen: screened ? screenSource(node) : null,
    linear: isLinear(node) ? translate(node) : null,
    countable: isCountable(node),
    names: [...names.keys()],
  };
}
