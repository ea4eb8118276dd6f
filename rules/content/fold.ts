// Text made comparable: what looks the same to a reader becomes the same. Takes any string, gives a string; linear.

const NOT_ASCII = /[^\0-\x7f]/;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}+/gu;
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
