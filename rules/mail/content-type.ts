// Content-Type as SpamAssassin reads it: the type in lower case, boundary, charset and file name, with all its leniency.
import { trimStart } from './white.js';
import { lowerAscii } from './header.js';

export interface ContentType {
  readonly type: string;
  readonly boundary: string | null;
  readonly charset: string | null;
  readonly name: string | null;
  /** Nothing usable was declared; text/plain is a default. */
  readonly missing: boolean;
}

const DEFAULT = 'text/plain; charset=us-ascii';
const BOUNDARY = /\bboundary[\t-\r ]*=[\t-\r ]*("[^"]+|[^\t-\r ";]+(?=[\t-\r ;]|$))/i;
const CHARSET = /\bcharset[\t-\r ]*=[\t-\r ]*["']?([^\n]*?)["']?(?:;|$)/i;
const NAME = /\b(?:file)?name[\t-\r ]*=[\t-\r ]*["']?([^\n]*?)["']?(?:;|$)/i;
const NAME_PIECE = /\b(?:file)?name\*(\d+)[\t-\r ]*=[\t-\r ]*["']?([^\n]*?)["']?(?:;|$)/gi;
/** Pieces of a name that are put together (RFC 2231). */
const NAME_PIECES_MAX = 1_000;
/** Text types that are not read as plain text. */
const OWN_TEXT = /^text\/(?:x-vcard|calendar|html)$/;
const NOT_IN_TYPE = /[\x00-\x20\x7f-\xff"(),:-?@[-\]]/g;

/** Reads a decoded value; null or empty when the field is missing. */
export function readContentType(value: string | null): ContentType {
  let missing = value === null || value === '' || value === '0';
  const text = missing ? DEFAULT : value!;
  const boundary = BOUNDARY.exec(text)?.[1]?.replaceAll('"', '') ?? null;
  const charset = CHARSET.exec(text)?.[1] ?? null;
  const name = readName(text);
  let type = trimStart(text);
  const semicolon = type.indexOf(';');
  if (semicolon >= 0) type = type.slice(0, semicolon);
  type = lowerAscii(typeOnly(type));
  if (type === '' || type === '0') missing = true;
  if (missing || (/^text\b/.test(type) && !OWN_TEXT.test(type))) type = 'text/plain';
  return { type: type.replace(NOT_IN_TYPE, ''), boundary, charset, name, missing };
}

/** `something/something`, and nothing after it. */
function typeOnly(text: string): string {
  const found = /^[^/]+(?:\/[^/\t-\r ]*)?/.exec(text);
  return found === null ? text : found[0];
}

function readName(text: string): string | null {
  const name = NAME.exec(text)?.[1] ?? null;
  if ((name !== null && name !== '' && name !== '0') || !/\b(?:file)?name\*0[\t-\r ]*=/i.test(text)) return name;
  const pieces = new Map<number, string>();
  for (const found of text.matchAll(NAME_PIECE)) {
    const index = Number(found[1]);
    if (index < NAME_PIECES_MAX) pieces.set(index, found[2]!);
  }
  return [...pieces]
    .sort(([one], [other]) => one - other)
    .map(([, piece]) => piece)
    .join('');
}
