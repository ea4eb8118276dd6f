// Whether one record answers a rule: the subtests of `check_rbl`, `urirhssub` and `askdns`. Pure. The codes by which lists
// say that they refuse to answer never count as a listing, unless a rule asks for them by name.
import { compilePattern, Subject } from '../pattern/pattern.js';

/** One record: an address, or the text of any other kind; TXT strings are joined. */
export interface DnsRecord {
  readonly type: string;
  readonly text: string;
}

/** What is known of one question: `rcode` as in RFC 1035 §4.1.1, records of the type asked for. */
export interface DnsReply {
  readonly rcode: number;
  readonly records: readonly DnsRecord[];
}

/** The record that answers, for evidence, or null. */
export type Accepts = (reply: DnsReply) => DnsRecord | null;

const QUAD = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
/** A list's own trouble (blocked, too many questions), as most say it. */
const ERROR_CODE = /^127\.255\.255\./;
const NAMES_ERROR = /255(?:\\?\.|\[\.\])255/;

/** An IPv4 address as a number, or null. */
export function addressNumber(text: string): number | null {
  const found = QUAD.exec(text);
  return found === null ? null : found.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0);
}

function isLoopback(address: number): boolean {
  return Math.floor(address / 2 ** 24) === 127;
}

/** Any of the records that a test takes. */
function anyRecord(takes: (record: DnsRecord) => boolean): Accepts {
  return ({ records }) => records.find(takes) ?? null;
}

/**
 * `check_rbl`'s: a bit mask, an address, or a pattern; null takes every listing. Addresses outside 127/8 never count.
 * Throws PatternError.
 */
export function listSubtest(subtest: string | null): Accepts {
  const takes = subtest === null ? () => true : textTest(subtest);
  const namesError = subtest !== null && NAMES_ERROR.test(subtest);
  return anyRecord((record) => {
    if (record.type === 'A' && (!record.text.startsWith('127.') || isError(record, namesError))) return false;
    return takes(record);
  });
}

function isError({ type, text }: DnsRecord, named: boolean): boolean {
  return !named && type === 'A' && ERROR_CODE.test(text);
}

function textTest(subtest: string): (record: DnsRecord) => boolean {
  if (/^\d+$/.test(subtest)) return ({ text }) => inMask(text, Number(subtest));
  if (QUAD.test(subtest)) return ({ text }) => text === subtest;
  const pattern = compilePattern({ source: subtest, flags: '' });
  return ({ text }) => pattern.test(new Subject(text));
}

function inMask(text: string, mask: number): boolean {
  const address = addressNumber(text);
  return address !== null && isLoopback(address) && (address & mask) >>> 0 !== 0;
}

/** `urirhssub`'s, in canonical form (`n`, `n1-n2`, `n1/mask`); null takes every listing in 127/8, and every text. */
export function uriSubtest(subtest: string | null): Accepts {
  const takes = subtest === null ? isListing : numberTest(subtest);
  return anyRecord((record) => !isError(record, false) && takes(record));
}

function isListing({ type, text }: DnsRecord): boolean {
  return type === 'TXT' || (type === 'A' && text.startsWith('127.'));
}

function numberTest(subtest: string): (record: DnsRecord) => boolean {
  const found = /^(\d+)(?:([/-])(\d+))?$/.exec(subtest);
  return ({ text }) => {
    if (text === subtest) return true;
    const address = addressNumber(text);
    if (found === null || address === null) return false;
    const first = Number(found[1]);
    const second = Number(found[3]);
    if (found[2] === undefined) return inMask(text, first);
    return found[2] === '-' ? address >= first && address <= second : ((address ^ first) & second) === 0;
  };
}

const RCODES: ReadonlyMap<string, number> = new Map([
  ['NOERROR', 0],
  ['FORMERR', 1],
  ['SERVFAIL', 2],
  ['NXDOMAIN', 3],
  ['NOTIMP', 4],
  ['REFUSED', 5],
]);

/**
 * `askdns`'s, as written: a pattern with delimiters, a text in quotes, `[RCODE, …]`, or numbers as in `urirhssub`; null
 * takes every record. Null when it is none of these; throws PatternError.
 */
export function askSubtest(subtest: string | null): Accepts | null {
  if (subtest === null) return anyRecord((record) => !isError(record, false));
  const pattern = /^\/(.+)\/([a-z]*)$/s.exec(subtest) ?? /^m\W(.+)\W([a-z]*)$/s.exec(subtest);
  if (pattern !== null) {
    const [, source = '', flags = ''] = pattern;
    const compiled = compilePattern({ source, flags });
    const namesError = NAMES_ERROR.test(source);
    return anyRecord((record) => !isError(record, namesError) && compiled.test(new Subject(record.text)));
  }
  const quoted = /^(["'])(.*)\1$/s.exec(subtest)?.[2];
  if (quoted !== undefined) return anyRecord(({ text }) => text === quoted);
  const codes = /^\[([A-Z0-9, \t]+)\]$/i.exec(subtest)?.[1];
  return codes === undefined ? numbersAsWritten(subtest) : codesTest(codes);
}

function codesTest(text: string): Accepts | null {
  const codes = text.split(',').map((code) => RCODES.get(code.trim().toUpperCase()) ?? Number(code.trim()));
  if (codes.some((code) => !Number.isInteger(code))) return null;
  return ({ rcode, records }) =>
    codes.includes(rcode) ? (records[0] ?? { type: 'RCODE', text: String(rcode) }) : null;
}

function numbersAsWritten(text: string): Accepts | null {
  const [, first = '', operator = '', second = ''] = /^([^/-]+)(?:([/-])(.+))?$/.exec(text) ?? [];
  const from = numberOf(first);
  if (from === null) return null;
  if (operator === '') return uriSubtest(QUAD.test(first) ? `${from}-${from}` : String(from));
  const to = numberOf(second);
  return to === null ? null : uriSubtest(`${from}${operator}${to}`);
}

function numberOf(text: string): number | null {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return parseInt(text, 16);
  return addressNumber(text);
}
