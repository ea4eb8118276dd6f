// The forms of one address that uri rules see: as written, and each different form that decoding, normalising and
// following redirectors gives, as SpamAssassin cleans addresses. Takes and gives byte strings; looks nothing up.
import { isDomainValid, lowerAscii, type RegistryTables } from './registry.js';
import { trimBlanks } from './white.js';

/** How many addresses inside one address are followed. */
export const REDIRECTS_MAX = 32;

/** The redirectors a rule set knows: gives the text where an address of one leads, or null. */
export type Redirector = (uri: string) => string | null;

/** What cleaning needs of a rule set. */
export interface CleaningTables {
  readonly registry: RegistryTables;
  readonly redirector: Redirector;
}

/** What may still be cleaned of one mail: each address that is looked at, inner ones too, takes its length away. */
export interface CleaningBudget {
  bytes: number;
  /** Set when something was left out. */
  isSpent: boolean;
}

/** All forms, each once, the one written first. */
export function canonicalUris(written: string, tables: CleaningTables, budget: CleaningBudget): string[] {
  const queue = [written];
  const forms: string[] = [];
  for (let next = 0; next < queue.length; next++) {
    const uri = trimBlanks(queue[next]!.replaceAll('\n', '')).replaceAll('\r', '');
    queue[next] = uri;
    budget.bytes -= uri.length;
    if (isNoAddress(uri)) continue;
    if (isMailbox(uri)) forms.push(...mailboxForms(uri));
    else
      for (const inside of webForms(uri, tables, (form) => forms.push(form))) {
        if (queue.length <= REDIRECTS_MAX && budget.bytes > 0) queue.push(inside);
        else budget.isSpent = true;
      }
  }
  return [...new Set([...queue, ...forms])];
}

/** Anchors, queries and paths of the same place; `//host` is an address. */
function isNoAddress(uri: string): boolean {
  return uri.length <= 1 || '#?&'.includes(uri[0]!) || (uri[0] === '/' && uri[1] !== '/');
}

function isMailbox(uri: string): boolean {
  if (/^mailto:/i.test(uri)) return true;
  const at = uri.indexOf('@');
  const colon = uri.indexOf(':');
  return at >= 0 && (colon < 0 || at < colon);
}

/** A mailbox without its query, without encoded blanks before it, and out of its angle brackets. */
function mailboxForms(uri: string): string[] {
  const forms: string[] = [];
  const at = uri.indexOf('@');
  if (at > 0) {
    const query = uri.indexOf('?', at + 1);
    if (query > at + 1) forms.push(uri.slice(0, query));
    const separator = firstOf(uri, '?&', at + 1);
    if (separator > at + 1 && uri[separator] === '&') forms.push(uri.slice(0, separator));
    const bare = uri.includes('%20') ? withoutEncodedBlanks(uri, at) : null;
    if (bare !== null) forms.push(`mailto:${bare}`);
  }
  const inside = inAngles(uri);
  if (inside !== null) forms.push(`mailto:${inside}`);
  return forms;
}

function firstOf(text: string, chars: string, from: number): number {
  for (let at = from; at < text.length; at++) if (chars.includes(text[at]!)) return at;
  return -1;
}

/** From behind the scheme and `%20`s, at least one character before the `@`, to the next of `?&%`. */
function withoutEncodedBlanks(uri: string, at: number): string | null {
  const scheme = uri.startsWith('mailto:') ? 7 : 0;
  let from = scheme;
  while (uri.startsWith('%20', from)) from += 3;
  if (from >= at) from = from > scheme ? from - 3 : 0;
  const stop = firstOf(uri, '?&%', at + 1);
  const end = stop < 0 ? uri.length : stop;
  return end > at + 1 ? uri.slice(from, end) : null;
}

/** The last `<local@host>` that begins before any `?` or `&`, or null. */
function inAngles(uri: string): string | null {
  if (!uri.includes('<')) return null;
  const query = firstOf(uri, '?&', 0);
  const last = query < 0 ? uri.length : query;
  let sign = -1;
  let close = -1;
  for (let at = uri.length - 1; at >= 0; at--) {
    const char = uri[at];
    if (char === '<' && at < last && sign > at + 1 && close > sign + 1) return uri.slice(at + 1, close);
    if (char === '@') sign = at;
    if (char === '>') close = at;
  }
  return null;
}

/** Adds the forms of a web address; gives the addresses inside it. */
function webForms(uri: string, tables: CleaningTables, add: (form: string) => void): string[] {
  const clear = normalised(uri);
  if (clear !== uri) add(clear);
  const parts = split(clear);
  return parts === null ? [] : hostForms(parts, tables, add);
}

function normalised(uri: string): string {
  let text = uri.replaceAll('\\', '/').replace(/^(https?:)\/{0,2}/i, '$1//');
  if (/%[0-9a-fA-F]{2}/.test(text)) text = percentDecoded(text);
  if (!/^[-_a-z0-9]+:/i.test(text)) text = `${text.startsWith('ftp.') ? 'ftp' : 'http'}://${text}`;
  text = text.replace(/^(https?:\/\/[^/?#]+)([?#])/i, '$1/$2');
  return text.includes('&#') ? referencesDecoded(text) : text;
}

/**
 * Percent-encoded printable ASCII undone, but for the blank; what may not stand as it is encoded. The bytes that keep
 * their code (`%20`, `%7f`, those of 0, 1, 8 and above) are taken by the digits wherever they stand in it.
 */
export function percentDecoded(text: string): string {
  return text.replace(/%[0-9a-fA-F]{2}|[\x00-\x20\x7f-\xff"%<]|>/g, (found) => {
    if (found.length === 3) {
      if (/20|7f|[0189a-f][0-9a-f]/i.test(found)) return found;
      return String.fromCharCode(parseInt(found.slice(1), 16));
    }
    return `%${found.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

const DOTS = /&#(?:x2e|12290|x3002|65294|xff0e|65377|xff61);/gi;

/** Character references of printable ASCII and of foreign full stops. */
function referencesDecoded(text: string): string {
  return text
    .replace(/&#0*(3[3-9]|[4-9]\d|1[01]\d|12[0-6]);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&#x0*(2[1-9]|[3-6][a-fA-F0-9]|7[0-9a-eA-E]);/g, (_, code: string) =>
      String.fromCharCode(parseInt(code, 16)),
    )
    .replace(DOTS, '.');
}

interface WebAddress {
  /** `http://` or `https://`, as written. */
  readonly scheme: string;
  readonly host: string;
  readonly hasUser: boolean;
  /** Digits after the colon, '' where there are none. */
  readonly port: string;
  /** From the port on. */
  readonly rest: string;
}

function split(uri: string): WebAddress | null {
  const found = /^(https?:\/\/)([^@/?#]*@)?([^/?#:]+)(?::(\d*))?/i.exec(uri);
  if (found === null) return null;
  const [, scheme, user, host, port] = found;
  const rest = uri.slice(scheme!.length + (user?.length ?? 0) + host!.length);
  return { scheme: scheme!, host: host!, hasUser: user !== undefined, port: port ?? '', rest };
}

function hostForms(address: WebAddress, tables: CleaningTables, add: (form: string) => void): string[] {
  const { scheme, rest } = address;
  const put = (host: string): void => add(scheme + host + rest);
  const usual = scheme === 'http://' ? ':80' : ':443';
  if (address.port !== '' && rest.startsWith(usual) && !isWordAt(rest, usual.length))
    add(scheme + address.host + rest.slice(usual.length));
  let host = withoutControls(address.host);
  if (host !== address.host) put(host);
  const inside = addressesInside(scheme + host + rest, rest, tables);
  const user = host.indexOf('@');
  if (user > 0) put((host = host.slice(user + 1)));
  const trimmed = withoutMarksAtEnd(host);
  if (trimmed !== host) put((host = trimmed));
  const isPlainHttp = scheme === 'http://' && !address.hasUser && (address.port === '' || address.port === '80');
  const other = asQuad(host) ?? (isPlainHttp ? completed(address.host, tables.registry) : null);
  if (other !== null) put(other);
  return inside;
}

function isWordAt(text: string, at: number): boolean {
  return at < text.length && /\w/.test(text[at]!);
}

function withoutControls(host: string): string {
  for (let at = 0; at < host.length; at++) if (host.charCodeAt(at) <= 0x20) return host.replace(/[\x00-\x20]+/g, '');
  return host;
}

/** Where a redirector leads by the rule set's patterns, else by an address in the path or query. */
function addressesInside(uri: string, rest: string, tables: CleaningTables): string[] {
  const target = tables.redirector(uri);
  if (target !== null) return [target];
  const inside = /https?:\/{0,2}[^&#]+/i.exec(rest)?.[0];
  return inside?.includes('.') === true ? [inside] : [];
}

function withoutMarksAtEnd(host: string): string {
  let end = host.length;
  while (end > 0 && !/[0-9A-Za-z]/.test(host[end - 1]!)) end--;
  return host.slice(0, end);
}

const QUAD = /^(?:0x[0-9a-f]+|\d+)\.(?:0x[0-9a-f]+|\d+)\.(?:0x[0-9a-f]+|\d+)\.(?:0x[0-9a-f]+|\d+)$/i;

/** An IPv4 address written in other ways, in decimal numbers; null for what is no number. */
function asQuad(host: string): string | null {
  if (!isDigitAt(host, 0)) return null;
  if (QUAD.test(host)) return host.split('.').map(decimalOctet).join('.');
  if (/^0x[0-9a-f]+$/i.test(host)) return quadOf(BigInt(`0x${host.slice(2).slice(-8)}`));
  if (/^[0-9]+$/.test(host)) return quadOf(host.length > DIGITS_MAX ? UNSIGNED_MAX : BigInt(host));
  return null;
}

function isDigitAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

const UNSIGNED_MAX = 2n ** 64n - 1n;
const DIGITS_MAX = 40;

/** Hexadecimal by `0x`, octal by a leading 0 where the digits are, else decimal. */
function decimalOctet(octet: string): string {
  const hex = /^0x([0-9a-f]+)/i.exec(octet)?.[1];
  const text = hex === undefined ? octet : String(parseInt(hex, 16));
  const octal = /^0+([1-3][0-7]{0,2}|[4-7][0-7]?)$/.exec(text)?.[1];
  return (octal === undefined ? text : String(parseInt(octal, 8))).replace(/^0+/, '');
}

/** The first four bytes of a number's hexadecimal digits, of at least eight. */
function quadOf(value: bigint): string {
  const hex = (value > UNSIGNED_MAX ? UNSIGNED_MAX : value).toString(16).padStart(8, '0');
  return [0, 2, 4, 6].map((at) => String(parseInt(hex.slice(at, at + 2), 16))).join('.');
}

/** A bare word as browsers complete it, unless it is a host already. */
function completed(host: string, registry: RegistryTables): string | null {
  const name = lowerAscii(host.slice(0, 4)) === 'www.' && host.length > 4 ? host.slice(4) : host;
  if (name.includes('.')) return null;
  const lower = lowerAscii(host);
  return lower === 'localhost' || isDomainValid(lower, registry) ? null : `www.${lowerAscii(name)}.com`;
}
