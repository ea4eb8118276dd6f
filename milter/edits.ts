// A batch of edits as milter packets, in the one order that gives the same result in Postfix and Sendmail, worked out
// whole before a byte is written. What the mail brought into names and values is made harmless: no edit adds a header.
import type { Edit } from '../pipeline/answer.js';
import { SMFIF, SMFIR } from './codes.js';
import { packet, packetHead, REPLY_DATA_MAX_BYTES } from './packet.js';

/** Longest header name and value of an edit, bytes; a longer value is cut, a longer name refused. */
export const EDIT_NAME_MAX_BYTES = 256;
export const EDIT_VALUE_MAX_BYTES = 60_000;
/** Longest line within a header value, bytes (RFC 5322 §2.1.1). */
export const EDIT_LINE_MAX_BYTES = 998;
/** Longest address in an edit, bytes. */
export const EDIT_ADDRESS_MAX_BYTES = 1_024;

/** What was agreed with this MTA, and how it wrote its recipients. */
export interface EditContext {
  /** SMFIF bits in force. */
  readonly actions: number;
  readonly leadingSpace: boolean;
  /** The bytes behind a recipient's `given`, where they are known. */
  recipientBytes(given: string): Buffer | undefined;
}

/** The encoded batch. */
export interface EncodedEdits {
  /** Buffers to write in order, before the final reply. */
  readonly packets: readonly Buffer[];
  /** Header edits left out: not allowed by this MTA, or no valid header name. Mail goes out without them. */
  readonly leftOut: readonly string[];
  /** An edit that must not be left out (recipients, sender, body) cannot be made: the message must not be accepted. */
  readonly impossible: string | null;
}

const NEEDED: Readonly<Record<Edit['kind'], number>> = {
  'add-header': SMFIF.ADDHDRS,
  'prepend-header': SMFIF.ADDHDRS,
  'change-header': SMFIF.CHGHDRS,
  'delete-header': SMFIF.CHGHDRS,
  'replace-body': SMFIF.CHGBODY,
  'add-recipient': SMFIF.ADDRCPT,
  'delete-recipient': SMFIF.DELRCPT,
  'change-sender': SMFIF.CHGFROM,
};
const MAY_BE_LEFT_OUT = new Set<Edit['kind']>(['add-header', 'prepend-header', 'change-header', 'delete-header']);

/** Encodes a batch. Nothing is sent here; a batch that is `impossible` has no packets. */
export function encodeEdits(edits: readonly Edit[], context: EditContext): EncodedEdits {
  const leftOut: string[] = [];
  const doable: Edit[] = [];
  for (const edit of edits) {
    const obstacle = (context.actions & NEEDED[edit.kind]) === 0 ? 'not offered by the MTA' : flaw(edit);
    if (obstacle === null) doable.push(edit);
    else if (MAY_BE_LEFT_OUT.has(edit.kind)) leftOut.push(`${edit.kind}: ${obstacle}`);
    else return { packets: [], leftOut, impossible: `${edit.kind}: ${obstacle}` };
  }
  return { packets: inOrder(doable).flatMap((edit) => encodeEdit(edit, context)), leftOut, impossible: null };
}

/** Why an edit cannot be put on the wire, or null. */
function flaw(edit: Edit): string | null {
  switch (edit.kind) {
    case 'add-recipient':
    case 'change-sender':
      return isSafeAddress(edit.address) ? null : 'unusable address';
    case 'delete-recipient':
      return edit.given.includes('\0') ? 'unusable address' : null;
    case 'replace-body':
      return null;
    case 'add-header':
    case 'prepend-header':
      return isHeaderName(edit.name) ? null : 'no valid header name';
    case 'change-header':
    case 'delete-header':
      return isHeaderName(edit.name) && isOccurrence(edit.occurrence) ? null : 'no valid header name or occurrence';
  }
}

function isHeaderName(name: string): boolean {
  return name.length <= EDIT_NAME_MAX_BYTES && /^[\x21-\x39\x3b-\x7e]+$/.test(name);
}

function isOccurrence(occurrence: number): boolean {
  return Number.isInteger(occurrence) && occurrence >= 1 && occurrence <= 0x7fffffff;
}

function isSafeAddress(address: string): boolean {
  return Buffer.byteLength(address) <= EDIT_ADDRESS_MAX_BYTES && !/[\x00-\x1f\x7f<>]/.test(address);
}

/**
 * Recipients out, recipients in, sender, header deletes from the last up, changes, prepends, appends, body. Occurrences
 * are counted before any edit, but Postfix renumbers after a delete and Sendmail does not: a name that is both changed
 * and deleted from has its changes first, when the numbers hold in both.
 */
function inOrder(edits: readonly Edit[]): Edit[] {
  const deletes = edits.filter((edit) => edit.kind === 'delete-header');
  const changes = edits.filter((edit) => edit.kind === 'change-header');
  const deletedNames = new Set(deletes.map((edit) => edit.name.toLowerCase()));
  return [
    ...edits.filter((edit) => edit.kind === 'delete-recipient'),
    ...edits.filter((edit) => edit.kind === 'add-recipient'),
    ...edits.filter((edit) => edit.kind === 'change-sender'),
    ...changes.filter((edit) => deletedNames.has(edit.name.toLowerCase())),
    ...withoutRepeats(deletes).sort((a, b) => b.occurrence - a.occurrence),
    ...changes.filter((edit) => !deletedNames.has(edit.name.toLowerCase())),
    // Index 0 each time, so the last one sent ends on top.
    ...edits.filter((edit) => edit.kind === 'prepend-header').reverse(),
    ...edits.filter((edit) => edit.kind === 'add-header'),
    ...edits.filter((edit) => edit.kind === 'replace-body').slice(-1),
  ];
}

/** The same delete twice would take a second header in Postfix. */
function withoutRepeats(
  deletes: Extract<Edit, { kind: 'delete-header' }>[],
): Extract<Edit, { kind: 'delete-header' }>[] {
  const seen = new Map(deletes.map((edit) => [`${edit.name.toLowerCase()}:${edit.occurrence}`, edit]));
  return [...seen.values()];
}

function encodeEdit(edit: Edit, context: EditContext): Buffer[] {
  switch (edit.kind) {
    case 'delete-recipient':
      return [packet(SMFIR.DELRCPT, terminated(context.recipientBytes(edit.given) ?? Buffer.from(edit.given)))];
    case 'add-recipient':
      return [packet(SMFIR.ADDRCPT, Buffer.from(`<${edit.address}>\0`))];
    case 'change-sender':
      return [packet(SMFIR.CHGFROM, Buffer.from(`<${edit.address}>\0`))];
    case 'delete-header':
      return [packet(SMFIR.CHGHEADER, index(edit.occurrence), latin1(edit.name), NUL)];
    case 'change-header':
      return [
        packet(SMFIR.CHGHEADER, index(edit.occurrence), latin1(edit.name), valueBytes(edit.value, context, true)),
      ];
    case 'prepend-header':
      return [packet(SMFIR.INSHEADER, index(0), latin1(edit.name), valueBytes(edit.value, context, false))];
    case 'add-header':
      return [packet(SMFIR.ADDHEADER, latin1(edit.name), valueBytes(edit.value, context, false))];
    case 'replace-body':
      return encodeBody(edit.body);
  }
}

const NUL = Buffer.alloc(1);

function latin1(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

function terminated(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, NUL]);
}

function index(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(number, 0);
  return bytes;
}

/** A changed header's empty value would delete it, so it becomes one space. */
function valueBytes(value: string, context: EditContext, change: boolean): Buffer {
  const safe = headerValue(value);
  if (!context.leadingSpace) {
    const bare = safe.startsWith(' ') ? safe.slice(1) : safe;
    return latin1(bare === '' && change ? ' ' : bare);
  }
  return latin1(safe.startsWith(' ') || safe.startsWith('\t') ? safe : ` ${safe}`);
}

/** A header value that stays one header: LF folds only, each followed by a blank, no NUL, no stray CR, lines in bounds. */
export function headerValue(value: string): string {
  const lines = value
    .slice(0, EDIT_VALUE_MAX_BYTES)
    .replace(/\r\n/g, '\n')
    .replace(/[\r\0]/g, ' ')
    .split('\n')
    .map((line, i) => (i === 0 || line.startsWith(' ') || line.startsWith('\t') ? line : `\t${line}`))
    .flatMap(shortened)
    .filter((line, i) => i === 0 || !isBlank(line));
  return latin1Only(lines.join('\n').slice(0, EDIT_VALUE_MAX_BYTES)).replace(/\n[ \t]*$/, '');
}

/** A line of blanks alone would read as the end of the header to some. */
function isBlank(line: string): boolean {
  for (let i = 0; i < line.length; i += 1) if (line[i] !== ' ' && line[i] !== '\t') return false;
  return true;
}

/** Characters above 0xff have no byte of their own: an edit that wants them must encode them (RFC 2047) itself. */
function latin1Only(text: string): string {
  return text.replace(/[^\x00-\xff]/g, '?');
}

/** Folds a line that is too long, at a blank where there is one. */
function shortened(line: string): string[] {
  const pieces: string[] = [];
  let rest = line;
  // The name stands on the first line, so every line leaves room for one.
  const widthMax = EDIT_LINE_MAX_BYTES - EDIT_NAME_MAX_BYTES;
  while (rest.length > widthMax) {
    const blank = rest.lastIndexOf(' ', widthMax);
    const cut = blank > 1 ? blank : widthMax;
    pieces.push(rest.slice(0, cut));
    rest = rest[cut] === ' ' ? rest.slice(cut) : ` ${rest.slice(cut)}`;
  }
  return [...pieces, rest];
}

/** Contiguous chunks; one empty chunk for an empty body. Long bodies are not copied. */
function encodeBody(body: Buffer): Buffer[] {
  if (body.length === 0) return [packet(SMFIR.REPLBODY)];
  const packets: Buffer[] = [];
  for (let from = 0; from < body.length; from += REPLY_DATA_MAX_BYTES) {
    const chunk = body.subarray(from, from + REPLY_DATA_MAX_BYTES);
    packets.push(packetHead(SMFIR.REPLBODY, chunk.length), chunk);
  }
  return packets;
}
