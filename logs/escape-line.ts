// JSON lines for a terminal or a log: no character in one can steer a terminal or break the line.

/** Controls that JSON lets stand (DEL, C1, line and paragraph separators, bidi overrides) become `\uXXXX`; the newline at the end stays. */
export function escapeLine(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g,
    (character) => '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}
