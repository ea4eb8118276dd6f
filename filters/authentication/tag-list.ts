// Tag lists (RFC 6376 §3.2), the syntax of DKIM-Signature, the ARC fields and key records. Takes text as latin1, gives
// the tags with where their values stand; linear, strict, never throws.

/** One `name=value`. Offsets count in the text that was read and cover the value with the blanks around it. */
export interface Tag {
  /** Blanks around it dropped; folds within kept as they are. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** Tag names are case-sensitive. `problem` is why the list breaks the syntax, or null; the tags are what was read till then. */
export interface TagList {
  readonly tags: ReadonlyMap<string, Tag>;
  readonly problem: string | null;
}

/** Longest list read, bytes: signatures that copy whole headers (z=) are long, nothing else is. */
export const TAG_LIST_BYTES_MAX = 65_536;
/** Tags in one list; RFC 6376 knows fourteen. */
export const TAGS_MAX = 100;

/** Reads a tag list. Folds (CRLF or LF before a blank) count as blanks. */
export function parseTagList(text: string): TagList {
  const tags = new Map<string, Tag>();
  const broken = (problem: string): TagList => ({ tags, problem });
  if (text.length > TAG_LIST_BYTES_MAX) return broken(`longer than ${TAG_LIST_BYTES_MAX} bytes`);
  for (let start = 0; start <= text.length;) {
    const semicolon = text.indexOf(';', start);
    const end = semicolon < 0 ? text.length : semicolon;
    const spec = text.slice(start, end);
    if (isBlank(spec)) return semicolon < 0 && tags.size > 0 ? { tags, problem: null } : broken('an empty tag');
    const equals = spec.indexOf('=');
    if (equals < 0) return broken('a tag without a value');
    const name = trim(spec.slice(0, equals));
    if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) return broken('a tag name that is none');
    const value = trim(spec.slice(equals + 1));
    if (holdsControls(value)) return broken(`control characters in ${name}=`);
    if (tags.has(name)) return broken(`${name}= stands twice`);
    if (tags.size >= TAGS_MAX) return broken(`more than ${TAGS_MAX} tags`);
    tags.set(name, { value, start: start + equals + 1, end });
    start = end + 1;
  }
  return { tags, problem: null };
}

/** Drops every blank and fold: for values in which they mean nothing (base64, lists of names). */
export function withoutBlanks(value: string): string {
  return value.replace(/[ \t\r\n]+/g, '');
}

/** Bytes of a base64 value, blanks ignored; null where it is none or empty. */
export function decodeBase64(value: string): Buffer | null {
  const text = withoutBlanks(value);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 0 ? null : bytes;
}

/** Controls other than tabs and the line ends of folds: none has a meaning in a tag, and readers differ on all of them. */
function holdsControls(value: string): boolean {
  return /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value) || (value.includes('\r') && /\r(?!\n[ \t])/.test(value));
}

function isBlank(text: string): boolean {
  return trim(text) === '';
}

/** Blanks as the syntax knows them; not what Unicode calls so. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isFws(text.charCodeAt(start))) start++;
  while (end > start && isFws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isFws(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}
