// The characters of a Unicode property, as this version of Node knows them. Each property is looked for once.
import { propertyForms } from '../pattern/property-forms.js';
import { PatternError } from '../pattern/syntax.js';
import { CODE_POINT_MAX, charactersOf, type Characters, type Run } from './characters.js';

/** Code points of one plane. */
const PLANE = 0x1_0000;
/** Planes in which characters differ; those between and after hold only private ones, or none. */
const PLANES_TOLD_APART = [0, 1, 2, 3, 14];

const known = new Map<string, Characters>();

/** The characters of a property (`Lu`, `Han`, `Script=Greek`, `IsAlpha`). Throws PatternError for an unknown one. */
export function charactersNamed(name: string): Characters {
  for (const form of propertyForms(name)) {
    try {
      return charactersWith(form);
    } catch (error) {
      // Not a name that this form of it has: the next is tried.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  throw new PatternError(`unknown property "${name}"`);
}

/** The characters of a property as JavaScript names it. Throws SyntaxError where it knows none of that name. */
export function charactersWith(property: string): Characters {
  let found = known.get(property);
  if (found === undefined) known.set(property, (found = find(property)));
  return found;
}

/** Tries each character: some twenty milliseconds. */
function find(property: string): Characters {
  const has = new RegExp(`\\p{${property}}`, 'u');
  const runs: Run[] = [];
  for (let from = 0; from <= CODE_POINT_MAX; from += PLANE) {
    if (PLANES_TOLD_APART.includes(from / PLANE)) runs.push(...runsIn(from, has));
    else if (has.test(String.fromCodePoint(from))) runs.push([from, from + PLANE - 1]);
  }
  return charactersOf(runs);
}

function runsIn(plane: number, has: RegExp): readonly Run[] {
  const runs: Run[] = [];
  let first = -1;
  for (let code = plane; code <= plane + PLANE; code++) {
    const within = code < plane + PLANE && has.test(String.fromCodePoint(code));
    if (within === first >= 0) continue;
    if (!within) runs.push([first, code - 1]);
    first = within ? code : -1;
  }
  return runs;
}
