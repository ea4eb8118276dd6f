// Between Unicode text and the byte strings that rules see: UTF-8 bytes, one character per byte.

/** Unicode text as rules see it. */
export function toBytes(text: string): string {
  // Plain ASCII, the usual case, is its own UTF-8.
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** White space as Perl's Unicode rules count it. */
export const WHITE_SPACE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** What may go into a log: printable ASCII, cut short. */
export function safe(text: string, lengthMax = 100): string {
  return text.slice(0, lengthMax).replace(/[^!-~ ]/g, '?');
}
