// Sets of characters in any case, as this version of Node knows the cases of letters.
import { charactersOf, type Characters, type Run } from './characters.js';
import { foldLetters } from './fold.js';
import { charactersWith } from './properties.js';

/** Sets of at most so many characters are gone through one by one. */
const FEW = 64;

/** Letters that have another case: each with the letter it folds to, and for each of those its partners. */
interface Cases {
  readonly folded: ReadonlyMap<number, number>;
  readonly partners: ReadonlyMap<number, readonly number[]>;
}
let cases: Cases | null = null;

function knownCases(): Cases {
  if (cases !== null) return cases;
  const folded = new Map<number, number>();
  const partners = new Map<number, number[]>();
  for (const [from, to] of charactersWith('Changes_When_Casemapped')) {
    for (let code = from; code <= to; code++) {
      const other = foldLetters(String.fromCodePoint(code)).codePointAt(0)!;
      folded.set(code, other);
      partners.set(other, [...(partners.get(other) ?? [other]), code]);
    }
  }
  return (cases = { folded, partners });
}

/** With all other cases of its letters. */
export function inAnyCase(characters: Characters): Characters {
  const { folded, partners } = knownCases();
  const within = isFew(characters) ? each(characters) : [...folded.keys()].filter((code) => holds(characters, code));
  const more = within.flatMap((code) => partners.get(folded.get(code) ?? code) ?? []);
  return charactersOf([...characters, ...more.map((code): Run => [code, code])]);
}

function isFew(characters: Characters): boolean {
  return characters.reduce((sum, [from, to]) => sum + to - from + 1, 0) <= FEW;
}

function each(characters: Characters): readonly number[] {
  return characters.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
}

function holds(characters: Characters, code: number): boolean {
  let low = 0;
  let high = characters.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = characters[middle]!;
    if (code < from) high = middle - 1;
    else if (code > to) low = middle + 1;
    else return true;
  }
  return false;
}

const foldedForms = new WeakMap<Characters, Characters>();

/** Without letters that a text does not hold once its case was folded; large sets keep them, which changes nothing. */
export function asFolded(characters: Characters): Characters {
  if (!isFew(characters)) return characters;
  let form = foldedForms.get(characters);
  if (form === undefined) foldedForms.set(characters, (form = charactersOf(foldedOnly(characters))));
  return form;
}

function foldedOnly(characters: Characters): readonly Run[] {
  const kept = each(characters).filter((code) => {
    const letter = String.fromCodePoint(code);
    return foldLetters(letter) === letter;
  });
  return kept.map((code): Run => [code, code]);
}
