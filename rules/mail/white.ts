// White space as Perl counts it: six characters in bytes, more in Unicode text. Linear trimming, since a pattern that
// ends in "any white space, then the end" takes quadratic time on hostile text.

/** Whether a byte is white space. */
export function isBlankCode(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** Without white space at both ends (bytes). */
export function trimBlanks(text: string): string {
  return trimEnd(trimStart(text));
}

/** Without white space at the start. */
export function trimStart(text: string): string {
  let at = 0;
  while (at < text.length && isBlankCode(text.charCodeAt(at))) at++;
  return at === 0 ? text : text.slice(at);
}

/** Without white space at the end. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlankCode(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** Whether there is nothing but white space. */
export function isBlank(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isBlankCode(text.charCodeAt(at))) return false;
  return true;
}
