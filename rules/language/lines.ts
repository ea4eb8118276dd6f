// One line of a rule file as word and value: comments off, escapes of `#` undone, the word in its one spelling.

/** Longest line taken, characters. */
export const LINE_LENGTH_MAX = 32_768;

/** Why a line is refused; carries one plain sentence part. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

/** What a line says. */
export interface Line {
  /** Lower case, dashes as underscores. */
  readonly word: string;
  /** The word as written, for reports. */
  readonly written: string;
  readonly value: string;
}

/** Reads a line, or null where there is nothing on it. `language` is the locale that `lang` lines are held against. */
export function readLine(raw: string, language: string): Line | null {
  let content = withoutComment(raw);
  if (content.startsWith('lang')) {
    const found = /^lang\s+(\S+)\s+/.exec(content);
    if (found !== null) {
      if (!language.toLowerCase().startsWith(found[1]!.toLowerCase())) return null;
      content = content.slice(found[0].length);
    }
  }
  if (content === '' || content === '0') return null;
  const [written, value] = firstWord(content);
  return { word: written.toLowerCase().replaceAll('-', '_'), written, value };
}

/** `#` starts a comment unless escaped; `\#` then means `#`. */
function withoutComment(raw: string): string {
  if (raw.length > LINE_LENGTH_MAX) throw new LineError(`line is longer than ${LINE_LENGTH_MAX} characters`);
  let end = raw.indexOf('#');
  if (end < 0) return raw.trim();
  while (end > 0 && raw.charAt(end - 1) === '\\') end = raw.indexOf('#', end + 1);
  return (end < 0 ? raw : raw.slice(0, end)).replaceAll('\\#', '#').trim();
}

/** The first word and what follows it. */
export function firstWord(text: string): [string, string] {
  const end = text.search(/\s/);
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end).trim()];
}

/** Words between blanks. */
export function wordsOf(value: string): string[] {
  return value === '' ? [] : value.split(/\s+/);
}
