// What is odd in the form of a message before any MIME is read: line ends, NUL and 8-bit bytes, fields that are missing
// or stand too often. Takes the token tables and the header block, adds to the oddities, changes nothing.
import { isUtf8 } from 'node:buffer';
import { parseAddresses } from './address.js';
import { LINE_BYTES_RFC, type HeaderBlock, type HeaderField } from './header.js';
import type { OdditySink } from './oddity.js';
import type { Tokens } from './tokens.js';

/** Fields that may stand once (RFC 5322 §3.6, RFC 2045 §3); From has a code of its own. */
const ONCE = new Set([
  'date',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'message-id',
  'in-reply-to',
  'references',
  'subject',
  'mime-version',
  'content-disposition',
  'content-id',
  'content-description',
]);

/** Facts of the bytes. */
export function noteTokens(tokens: Tokens, bodyOffset: number, oddities: OdditySink): void {
  if (tokens.cut) oddities.add('LINES_LIMIT');
  if (tokens.bareCrCount > 0) oddities.add('BARE_CR', tokens.firstBareCr);
  if (tokens.bareLfCount > 0 && tokens.crlfCount > 0) oddities.add('BARE_LF');
  if (tokens.longestLine > LINE_BYTES_RFC + 2) oddities.add('LINE_TOO_LONG', tokens.longestLineStart);
  if (tokens.nulCount > 0) {
    if (tokens.firstNul < bodyOffset) oddities.add('HEADER_NUL', tokens.firstNul);
    if (tokens.bytes.includes(0, bodyOffset)) oddities.add('NUL_BYTE');
  }
  if (tokens.firstHigh >= 0 && tokens.firstHigh < bodyOffset) {
    oddities.add('HEADER_8BIT', tokens.firstHigh);
    if (!isUtf8(tokens.bytes.subarray(0, bodyOffset))) oddities.add('HEADER_8BIT_NOT_UTF8', tokens.firstHigh);
  }
}

/** Facts of the header as a whole. */
export function noteHeader(
  block: HeaderBlock,
  byName: ReadonlyMap<string, readonly HeaderField[]>,
  oddities: OdditySink,
): void {
  if (block.fields.length === 0) oddities.add('HEADER_EMPTY');
  for (const [key, fields] of byName) {
    if (fields.length > 1 && ONCE.has(key)) oddities.add('HEADER_REPEATED', (fields[1] as HeaderField).start, key);
  }
  if (byName.has('content-type') && !byName.has('mime-version')) oddities.add('MIME_VERSION_MISSING');
  noteFrom(byName.get('from') ?? [], oddities);
}

/** From: authentication stands on there being one field with one address. */
function noteFrom(fields: readonly HeaderField[], oddities: OdditySink): void {
  const [first] = fields;
  if (first === undefined) {
    oddities.add('FROM_MISSING');
    return;
  }
  if (fields.length > 1) oddities.add('FROM_REPEATED', (fields[1] as HeaderField).start);
  const { addresses } = parseAddresses(first.rawValue);
  if (addresses.length > 1) oddities.add('FROM_SEVERAL', first.start);
  if (!addresses.some(({ address }) => /.@./.test(address))) oddities.add('FROM_NO_ADDRESS', first.start);
}
