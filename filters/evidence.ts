// Words of a mail made safe to show: what a stage writes into the evidence of a finding. Takes hostile strings, gives
// one line of bounded length without control, bidirectional or invisible characters.

/** Longest single quoted name, characters of the mail. */
export const NAME_SHOWN_MAX_CHARS = 80;

/** Longest evidence of one finding, characters. */
export const EVIDENCE_MAX_CHARS = 400;

/** Controls, format and bidi characters, separators, private use, lone surrogates, and what is made to have no form. */
const UNSHOWABLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}"\\]/u;

/**
 * A name from a mail in double quotes. Quotes, back-slashes and whatever cannot be seen become `\u{hex}`, plain spaces
 * stay; over the limit it ends in `…`.
 */
export function showName(name: string): string {
  let shown = '';
  let count = 0;
  for (const character of name) {
    if (count++ === NAME_SHOWN_MAX_CHARS) return `"${shown}…"`;
    shown += character === ' ' || !UNSHOWABLE.test(character) ? character : escapeCharacter(character);
  }
  return `"${shown}"`;
}

/** A word that should be plain ASCII (media type, signature name): anything else becomes `?`, cut at `NAME_SHOWN_MAX_CHARS`. */
export function showWord(word: string): string {
  return word.slice(0, NAME_SHOWN_MAX_CHARS).replace(/[^!-~]/g, '?');
}

/** Several notes as one evidence: joined by `; `, and how many were left out once the limit is reached. */
export function joinEvidence(notes: readonly string[]): string {
  let joined = '';
  for (const [index, note] of notes.entries()) {
    const next = index === 0 ? note : `${joined}; ${note}`;
    if (next.length > EVIDENCE_MAX_CHARS && index > 0) return `${joined}; and ${notes.length - index} more`;
    joined = next.slice(0, EVIDENCE_MAX_CHARS);
  }
  return joined;
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
