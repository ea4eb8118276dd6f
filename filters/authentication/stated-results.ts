// What an ARC-Authentication-Results field states (RFC 8617 §4.1.1, RFC 8601 §2.2): the result of one method in it. Takes
// the field's value; comments and quoted strings can state nothing, and a field that contradicts itself states nothing.

/** Longest field read, bytes. */
export const STATED_BYTES_MAX = 65_536;

/** One result with its properties, as `header.from` → `a.example`, lower case. */
export interface StatedResult {
  readonly result: string;
  readonly properties: ReadonlyMap<string, string>;
}

/** The result of `method`; null where none is stated, or different ones are, or the field cannot be read. */
export function statedResult(rawValue: string, method: string): StatedResult | null {
  if (rawValue.length > STATED_BYTES_MAX) return null;
  const parts = split(rawValue);
  if (parts === null) return null;
  // The first part is the instance, the second the authserv-id.
  const stated = parts.slice(2).flatMap((words) => readPart(words, method) ?? []);
  const [first] = stated;
  return first !== undefined && stated.every(({ result }) => result === first.result) ? first : null;
}

/** Parts between semicolons, as words; null where a comment or quoted string is not closed. */
function split(text: string): string[][] | null {
  const parts: string[][] = [[]];
  let word = '';
  let depth = 0;
  let quoted = false;
  const endWord = () => {
    if (word !== '') parts.at(-1)?.push(word);
    word = '';
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '\\' && (quoted || depth > 0)) word += depth > 0 ? '' : (text[++at] ?? '');
    else if (quoted) {
      if (char === '"') quoted = false;
      else word += /[;\s]/.test(char) ? '?' : char;
    } else if (char === '(') {
      if (depth++ === 0) endWord();
    } else if (char === ')' && depth > 0) depth--;
    else if (depth > 0) continue;
    else if (char === '"') quoted = true;
    else if (char === ';') {
      endWord();
      parts.push([]);
    } else if (/[ \t\r\n]/.test(char)) endWord();
    else word += char;
  }
  endWord();
  return quoted || depth > 0 ? null : parts;
}

/** `method[/version]=result` and `ptype.property=value`; blanks around `=` are not read, as nobody writes them. */
function readPart(words: readonly string[], method: string): StatedResult | null {
  const [head = '', ...rest] = words.map((word) => word.toLowerCase());
  const [name = '', result = ''] = head.split('=');
  if (name.split('/')[0] !== method || !/^[a-z]+$/.test(result)) return null;
  const properties = new Map<string, string>();
  for (const word of rest) {
    const equals = word.indexOf('=');
    if (equals > 0) properties.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return { result, properties };
}
