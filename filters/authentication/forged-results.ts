// Finds incoming Authentication-Results fields that claim to be ours (RFC 8601 §5), in any spelling that some reader could
// take for our authserv-id, wherever in the header they stand, and gives the edits that remove them.
import { domainToUnicode } from 'node:url';
import { decodeHeaderText } from '../../message/encoded-word.js';
import { readHeaderBlock, type HeaderField } from '../../message/header.js';
import { DEFAULT_LIMITS } from '../../message/limits.js';
import type { Message } from '../../message/message.js';
import { OdditySink, type OddityCode } from '../../message/oddity.js';
import type { Edit } from '../../pipeline/answer.js';
import { RESULTS_FIELD } from './results-header.js';

/** Bytes of a value read for its authserv-id; where none ends within them the field counts as ours. */
const ID_BYTES_MAX = 4_096;

/**
 * Deletions of every Authentication-Results field under one of `ids`, and of those whose id cannot be told. Fields in which
 * a bare carriage return would begin such a field, for readers who take it for a line end, lose their carriage returns.
 */
export function removeForgedResults(message: Message, ids: readonly string[]): readonly Edit[] {
  const claimed = new Set(ids.flatMap(spellingsOf));
  const counts = new Map<string, number>();
  const edits: Edit[] = [];
  for (const { key, name, rawValue } of allFields(message)) {
    const occurrence = (counts.get(key) ?? 0) + 1;
    counts.set(key, occurrence);
    if (key === RESULTS_KEY) {
      if (claims(rawValue, claimed)) edits.push({ kind: 'delete-header', name: RESULTS_FIELD, occurrence });
    } else if (hidesResults(rawValue)) {
      edits.push({ kind: 'change-header', name, occurrence, value: withoutBareCr(rawValue) });
    }
  }
  return edits;
}

const RESULTS_KEY = RESULTS_FIELD.toLowerCase();

const CUT_SHORT: ReadonlySet<OddityCode> = new Set<OddityCode>([
  'HEADER_COUNT_LIMIT',
  'HEADER_BYTES_LIMIT',
  'HEADER_LINE_JUNK',
]);

/** Fields as the MTA has them: beyond the parser's limits too, and below a line that only the parser takes for none. */
function allFields(message: Message): readonly HeaderField[] {
  if (!message.oddities.some(({ code }) => CUT_SHORT.has(code))) return message.headers;
  return readHeaderBlock({
    bytes: message.raw,
    start: 0,
    end: message.raw.length,
    limits: { ...DEFAULT_LIMITS, headerCountMax: Infinity, headerBytesMax: Infinity },
    reading: { junkLine: 'skip', blankFold: 'fold' },
    oddities: new OdditySink(),
    atTop: false,
    isDelimiter: () => false,
  }).fields;
}

function hidesResults(rawValue: string): boolean {
  if (!rawValue.includes('\r')) return false;
  const lines = rawValue.replaceAll('\r\n', '\n').split('\r').slice(1);
  return lines.some((line) =>
    line
      .replace(/[^!-~]/g, '')
      .toLowerCase()
      .startsWith(RESULTS_KEY),
  );
}

/** Folds as edits take them, bare carriage returns as blanks. */
const withoutBareCr = (rawValue: string) => rawValue.replaceAll('\r\n', '\n').replaceAll('\r', ' ');

/** An id as readers may write it: A-labels and U-labels, one spelling each. */
function spellingsOf(id: string): readonly string[] {
  const plain = fold(id);
  const unicode = fold(domainToUnicode(plain));
  return unicode === '' ? [plain] : [plain, unicode];
}

/**
 * Whether a field's value speaks in the name of one of `claimed`. Read as the RFC does, and as readers would who know no
 * comments or no quotes; a value that begins with no id at all is taken for ours, since a reader may take anything for it.
 */
function claims(rawValue: string, claimed: ReadonlySet<string>): boolean {
  const start = rawValue.slice(0, ID_BYTES_MAX);
  const texts = [start, decodeHeaderText(start)];
  for (const text of texts) {
    const heads = [withoutComments(text), dropParentheses(text), text].map(headOf);
    if (heads.some((head) => head === '' || namesOne(head, claimed))) return true;
  }
  return rawValue.length > ID_BYTES_MAX && !start.includes(';');
}

/** Whether one of the words of `head` is a claimed id, with or without a version behind it. */
function namesOne(head: string, claimed: ReadonlySet<string>): boolean {
  const words = fold(head.replace(/["'\\<>]/g, '')).split(/[\s/,=;:@()]+/);
  const joined = fold(head.replace(/["'\\<>\s]/g, ''));
  return claimed.has(joined) || words.some((word) => claimed.has(trimDots(word)));
}

/** One spelling: compatibility forms and case folded, invisible characters and the root's dot dropped. */
function fold(text: string): string {
  const visible = text
    .normalize('NFKC')
    .replaceAll('\u3002', '.')
    .replace(/[\p{Cc}\p{Cf}]/gu, (sign) => (/[\t\n\r]/.test(sign) ? ' ' : ''))
    .toLowerCase();
  return trimDots(visible.trim());
}

const trimDots = (text: string) => text.replace(/^\.+/, '').replace(/\.+$/, '');

/** What stands before the first semicolon outside quotes. */
function headOf(text: string): string {
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '\\' && quoted) at++;
    else if (sign === '"') quoted = !quoted;
    else if (sign === ';' && !quoted) return text.slice(0, at).trim();
  }
  return text.trim();
}

/** The text without RFC 5322 comments; an unclosed one runs to the end. */
function withoutComments(text: string): string {
  let out = '';
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] as string;
    if (sign === '\\') {
      if (depth === 0) out += sign + (text[at + 1] ?? '');
      at++;
    } else if (sign === '"' && depth === 0) {
      quoted = !quoted;
      out += sign;
    } else if (sign === '(' && !quoted) depth += 1;
    else if (sign === ')' && depth > 0) depth -= 1;
    else if (depth === 0) out += sign;
  }
  return out;
}

/** The text as one reads it who knows no comments: their words are words. */
const dropParentheses = (text: string) => text.replace(/[()]/g, ' ');
