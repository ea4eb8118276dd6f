// Text made comparable: what looks the same to a reader becomes the same. Takes any string, gives a string; linear.

const NOT_ASCII = /[^\x01-\x7f]/;
const INVISIBLE = /[\0\p{Default_Ignorable_Code_Point}]+/gu;
const BLANKS = /\s+/g;

/**
 * Compatibility forms unified (NFKC: full-width letters, ligatures, composed accents), characters that nobody sees left
 * out, every run of blanks and line ends one blank, none at the ends.
 */
export function unify(text: string): string {
  const plain = NOT_ASCII.test(text) ? text.replace(INVISIBLE, '').normalize('NFKC') : text;
  return plain.replace(BLANKS, ' ').trim();
}

/**
 * Case folded away as Unicode's full case folding does it: `STRASSE` = `straße`, `ΣΟΣ` = `σος`, and K as the Kelvin
 * sign = k. Lower, upper, lower again, since some letters have a partner on one way only; a final sigma is a sigma.
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase();
  if (!NOT_ASCII.test(lower)) return lower;
  return lower.toUpperCase().toLowerCase().replace(/ς/g, 'σ');
}

/** Grows when lower-cased, and has no partner that is one letter. */
const DOTTED_I = 'İ';
/** Letters that are lower case and have a partner that is, too. */
const SECOND_FORMS: ReadonlyMap<string, string> = new Map(
  [
    'µμ',
    'ſs',
    '\u0345ι',
    'ςσ',
    'ϐβ',
    'ϑθ',
    'ϕφ',
    'ϖπ',
    'ϰκ',
    'ϱρ',
    'ϵε',
    'ẛṡ',
    '\u1fbeι',
    ...'ᲀв ᲁд ᲂо ᲃс ᲄт ᲅт ᲆъ ᲇѣ ᲈꙋ'.split(' '),
  ].map((pair) => [pair.charAt(0), pair.charAt(1)]),
);
const SECOND_FORM = new RegExp(`[${[...SECOND_FORMS.keys()].join('')}]`, 'g');

/** Case folded letter by letter (Unicode's simple folding), as regular expressions do: each letter stays one letter. */
export function foldLetters(text: string): string {
  if (!NOT_ASCII.test(text)) return text.toLowerCase();
  const lower = text.includes(DOTTED_I) ? text.split(DOTTED_I).map(lowered).join(DOTTED_I) : lowered(text);
  return lower.replace(SECOND_FORM, (letter) => SECOND_FORMS.get(letter)!);
}

const lowered = (text: string): string => text.toLowerCase();
