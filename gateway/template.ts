// Templates of everything Weir writes itself: text with named fields in braces, and no logic. Takes an administrator's
// text and values that may come from strangers; a value is put in as it is, made harmless, and never looked into again.

/** A field's value: one line, or lines of their own. */
export type FieldValue = string | readonly string[];
/** Values by field name; made by us, never keyed by anything from a mail. */
export type FieldValues<Name extends string = string> = Readonly<Record<Name, FieldValue>>;

/** Longest line of a field's value, characters. */
export const FIELD_CHARS_MAX = 300;
/** Most lines of a field's value. */
export const FIELD_LINES_MAX = 200;

/** What is taken for a field: a name alone in braces. Any other brace is text. */
const FIELD = /\{([A-Za-z_][A-Za-z0-9_]{0,63})\}/g;

/** Fields the template names, each once. */
export function namedFields(template: string): readonly string[] {
  return [...new Set([...template.matchAll(FIELD)].map(([, name]) => name ?? ''))];
}

/** What a settings check says against a template, or null: the rest of the sentence "expected …". */
export function templateObjection(template: string, fields: readonly string[]): string | null {
  const unknown = namedFields(template).find((name) => !fields.includes(name));
  if (unknown === undefined) return null;
  return `no fields but ${fields.map((name) => `{${name}}`).join(' ')}; {${unknown}} is none of them`;
}

/** The template as text of several lines. */
export function fillText(template: string, values: FieldValues): string {
  return fill(template, values, '\n');
}

/** The template as one line: line ends of template and values become blanks. */
export function fillLine(template: string, values: FieldValues): string {
  return fill(template, values, ' ').replace(/[\r\n]+/g, ' ');
}

function fill(template: string, values: FieldValues, between: string): string {
  return template.replace(FIELD, (whole, name: string) => {
    if (!Object.hasOwn(values, name)) return whole;
    const value = values[name] ?? '';
    const lines = typeof value === 'string' ? [value] : value.slice(0, FIELD_LINES_MAX);
    return lines.map(harmless).join(between);
  });
}

/** Control characters, line ends and what turns the direction of text become blanks; lone surrogates and length go. */
export function harmless(text: string): string {
  return text
    .slice(0, FIELD_CHARS_MAX)
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ')
    .replace(/\p{Cs}/gu, '\ufffd');
}
