// Questions and answers on the wire (RFC 1035 §4, RFC 6891), by dns-packet within limits of our own. Takes bytes from
// anywhere; gives what they say about one question. Must never throw, loop, or believe an answer to another question.
import { isIPv4, isIPv6 } from 'node:net';
import { decode, encode, RECURSION_DESIRED, type Answer } from 'dns-packet';
import { readRecordName } from './dns-name.js';
import type { RecordShapes, RecordType } from './resolver.js';

/** Largest answer over UDP that we ask for, bytes: no fragments on any path (DNS flag day 2020). */
export const UDP_PAYLOAD_BYTES = 1_232;
/** Largest answer that is read, bytes. */
export const REPLY_MAX_BYTES = 32_768;
/** Most records of one section that are read. */
export const SECTION_RECORDS_MAX = 512;
/** Most aliases followed in one look-up. */
export const ALIASES_MAX = 12;
/** How long an absence is kept when no SOA says it, seconds: RFC 2308 §5 would have it not kept at all. */
export const UNSTATED_NEGATIVE_TTL_S = 5;

const HEADER_BYTES = 12;
const RCODE = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, notAuth: 9 } as const;
const RCODE_NAMES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** One question; the id is another one each time it is sent. Name as `normaliseName` gives it, '' for the root. */
export interface Question {
  readonly type: RecordType;
  readonly name: string;
}

/**
 * What bytes say about a question. `other`: they are no answer to it, go on waiting. `truncated`: ask over TCP. `plain`:
 * the server does not understand EDNS, ask without. `alias`: the answer ends in a name that has to be asked for.
 */
export type Reply =
  | { readonly kind: 'found'; readonly records: readonly RecordShapes[RecordType][]; readonly ttlS: number }
  | { readonly kind: 'nxdomain' | 'nodata'; readonly ttlS: number }
  | { readonly kind: 'alias'; readonly target: string; readonly ttlS: number; readonly aliases: number }
  | { readonly kind: 'servfail' | 'refused' | 'malformed'; readonly detail: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'plain' };

/** The bytes of a question with recursion desired. */
export function encodeQuestion(id: number, { type, name }: Question, withEdns: boolean): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type, name: name === '' ? '.' : name }],
    additionals: withEdns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_PAYLOAD_BYTES,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
}

/** Reads bytes that came as an answer to this question under this id. */
export function readReply(bytes: Buffer, id: number, question: Question, withEdns: boolean): Reply {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return { kind: 'other' };
  const flags = bytes.readUInt16BE(2);
  const isAnswer = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isAnswer) return { kind: 'other' };
  const rcode = flags & 0xf;
  const asked = bytes.readUInt16BE(4);
  // A server that cannot read EDNS may send back nothing but the header (RFC 6891 §7).
  if (asked === 0 && rcode !== RCODE.noError) return failureOf(rcode, withEdns);
  if (asked !== 1) return malformed('not one question');
  if (bytes.length > REPLY_MAX_BYTES) return malformed('answer too long');
  if (bytes.readUInt16BE(6) > SECTION_RECORDS_MAX || bytes.readUInt16BE(8) > SECTION_RECORDS_MAX)
    return malformed('too many records');
  return readSections(bytes, flags, question, withEdns);
}

function readSections(bytes: Buffer, flags: number, question: Question, withEdns: boolean): Reply {
  const isTruncated = (flags & 0x0200) !== 0;
  const rcode = flags & 0xf;
  try {
    const { questions, answers, authorities } = decode(withoutTail(bytes, isTruncated));
    const echo = questions?.[0];
    if (echo?.type !== question.type || echo.class !== 'IN' || nameOf(echo.name) !== question.name)
      return { kind: 'other' };
    if (isTruncated) return { kind: 'truncated' };
    if (rcode !== RCODE.noError && rcode !== RCODE.nxDomain) return failureOf(rcode, withEdns);
    return readAnswer(question, rcode, answers ?? [], authorities ?? []);
  } catch (error) {
    return malformed(error instanceof Error ? error.message : 'cannot be decoded');
  }
}

/** Sections nobody reads are not decoded: the additional one always, all of them when the answer is cut. */
function withoutTail(bytes: Buffer, isTruncated: boolean): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(0, isTruncated ? 6 : 10, HEADER_BYTES);
  return copy;
}

function readAnswer(
  question: Question,
  rcode: number,
  answers: readonly Answer[],
  authorities: readonly Answer[],
): Reply {
  const { name, ttlS, aliases } = followAliases(question, answers);
  if (aliases > ALIASES_MAX) return malformed('aliases in a circle, or too many');
  const negativeTtlS = negativeTtlOf(authorities);
  if (rcode === RCODE.nxDomain)
    return { kind: 'nxdomain', ttlS: Math.min(ttlS, negativeTtlS ?? UNSTATED_NEGATIVE_TTL_S) };
  const own = answers.filter((record) => isOwn(record, question.type, name));
  const records = own.map((record) => readRecord(question.type, record)).filter((record) => record !== null);
  if (records.length > 0) return { kind: 'found', records, ttlS: Math.min(ttlS, ...own.map(ttlOf)) };
  if (own.length > 0) return malformed('records that cannot be read');
  if (aliases > 0 && negativeTtlS === null) return { kind: 'alias', target: name, ttlS, aliases };
  return { kind: 'nodata', ttlS: Math.min(ttlS, negativeTtlS ?? UNSTATED_NEGATIVE_TTL_S) };
}

/** The last name of the chain of aliases, the smallest TTL on the way, and how many there were. */
function followAliases(
  { type, name }: Question,
  answers: readonly Answer[],
): { readonly name: string; readonly ttlS: number; readonly aliases: number } {
  const targets = new Map<string, Answer>();
  if (type !== 'CNAME')
    for (const record of answers) if (record.type === 'CNAME' && isIn(record)) targets.set(nameOf(record.name), record);
  let current = name;
  let ttlS = Number.POSITIVE_INFINITY;
  let aliases = 0;
  for (let alias = targets.get(current); alias !== undefined; alias = targets.get(current)) {
    aliases += 1;
    if (aliases > ALIASES_MAX || alias.type !== 'CNAME') break;
    ttlS = Math.min(ttlS, ttlOf(alias));
    current = nameOf(alias.data);
  }
  return { name: current, ttlS, aliases };
}

/** The lesser of the SOA's TTL and its minimum (RFC 2308 §5), or null without one. */
function negativeTtlOf(authorities: readonly Answer[]): number | null {
  for (const record of authorities)
    if (record.type === 'SOA') return Math.min(ttlOf(record), ttlValue(record.data.minimum ?? 0));
  return null;
}

/** Null for what the type does not allow. */
function readRecord(type: RecordType, record: Answer): RecordShapes[RecordType] | null {
  switch (record.type) {
    case 'A':
      return isIPv4(record.data) ? record.data : null;
    case 'AAAA':
      return isIPv6(record.data) ? record.data.toLowerCase() : null;
    case 'MX': {
      const exchange = readRecordName(record.data.exchange);
      return exchange === null ? null : { exchange, priority: record.data.preference ?? 0 };
    }
    case 'TXT':
      return Array.isArray(record.data)
        ? record.data.map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : part))
        : null;
    case 'PTR':
    case 'CNAME':
    case 'NS':
      return record.type === type ? readRecordName(record.data) : null;
    default:
      return null;
  }
}

function isOwn(record: Answer, type: RecordType, name: string): boolean {
  return record.type === type && isIn(record) && nameOf(record.name) === name;
}

function isIn(record: Answer): boolean {
  return 'class' in record && record.class === 'IN';
}

function ttlOf(record: Answer): number {
  return ttlValue('ttl' in record ? (record.ttl ?? 0) : 0);
}

/** With the highest bit set it counts as 0 (RFC 2181 §8). */
function ttlValue(seconds: number): number {
  return seconds > 0x7fffffff ? 0 : seconds;
}

function nameOf(text: string): string {
  return text === '.' ? '' : text.toLowerCase();
}

function failureOf(rcode: number, withEdns: boolean): Reply {
  const detail = `the server said ${RCODE_NAMES[rcode] ?? `RCODE ${String(rcode)}`}`;
  if (withEdns && (rcode === RCODE.formErr || rcode === RCODE.notImp)) return { kind: 'plain' };
  const isRefusal = rcode === RCODE.refused || rcode === RCODE.notImp || rcode === RCODE.notAuth;
  return { kind: isRefusal ? 'refused' : 'servfail', detail };
}

function malformed(detail: string): Reply {
  return { kind: 'malformed', detail };
}
