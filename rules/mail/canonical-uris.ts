// The forms of one address that uri rules see: as written, and each different form that decoding, normalising and
// following redirectors gives, as SpamAssassin cleans addresses. Takes and gives byte strings; looks nothing up.
import { isDomainValid, lowerAscii, type RegistryTables } from './registry.js';
import { isBlankCode, trimBlanks } from './white.js';

/** How many addresses inside one address are followed. */
export const REDIRECTS_MAX = 32;

/** A redirector known to the rule set: gives the text where an address of it leads, or null. */
export type Redirector = (uri: string) => string | null;

/** What cleaning needs of a rule set. */
export interface CleaningTables {
  readonly registry: RegistryTables;
  readonly redirectors: readonly Redirector[];
}

/** All forms, each once, the one written first. `onCut` is told when addresses inside it were not followed. */
export function canonicalUris(written: string, tables: CleaningTables, onCut: () => void): string[] {
  const queue = [written];
  const forms = new Set<string>();
  const inner = new Set<string>();
  for (let next = 0; next < queue.length; next++) {
    const uri = trimBlanks(queue[next]!.replaceAll('\n', '')).replaceAll('\r', '');
    queue[next] = uri;
    if (isNoAddress(uri)) continue;
    if (isMailbox(uri)) for (const form of mailboxForms(uri)) forms.add(form);
    else
      for (const found of webForms(uri, tables, (form) => forms.add(form))) {
        if (queue.length <= REDIRECTS_MAX) queue.push(found);
        else onCut();
      }
  }
  for (const uri of queue) inner.add(uri);
  for (const form of forms) inner.add(form);
  return [...inner];
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

/** A mailbox without its query, without blanks around it, and out of its angle brackets. */
function* mailboxForms(uri: string): Generator<string> {
  const at = uri.indexOf('@');
  if (at > 0) {
    const query = uri.indexOf('?', at + 1);
    if (query > at + 1) yield uri.slice(0, query);
    const separator = firstOf(uri, '?&', at + 1);
    if (separator > at + 1 && uri[separator] === '&') yield uri.slice(0, separator);
    const bare = /^(?:mailto:)?(?:%20)*([^@]+@[^?&%]+)/.exec(uri)?.[1];
    if (bare !== undefined && uri.includes('%20')) yield `mailto:${bare}`;
  }
  const inside = inAngles(uri);
  if (inside !== null) yield `mailto:${inside}`;
}

function firstOf(text: string, chars: string, from: number): number {
  for (let at = from; at < text.length; at++) if (chars.includes(text[at]!)) return at;
  return -1;
}

/** The last `<local@host>` that begins before any `?` or `&`, or null. */
function inAngles(uri: string): string | null {
  const query = firstOf(uri, '?&', 0);
  for (let open = uri.lastIndexOf('<', query < 0 ? uri.length : query); open >= 0;) {
    const found = /^([^@>]+@[^>]+)>/.exec(uri.slice(open + 1, uri.indexOf('>', open + 1) + 1));
    if (found !== null) return found[1]!;
    if (open === 0) return null;
    open = uri.lastIndexOf('<', open - 1);
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
  const user = host.lastIndexOf('@');
  if (user > 0) put((host = host.slice(user + 1)));
  const trimmed = withoutMarksAtEnd(host);
  if (trimmed !== host) put((host = trimmed));
  const isPlainHttp = scheme === 'http://' && !address.hasUser && (address.port === '' || address.port === '80');
  const other = asQuad(host) ?? (isPlainHttp ? completed(lowerAscii(address.host), tables.registry) : null);
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
  for (const redirector of tables.redirectors) {
    const target = redirector(uri);
    if (target?.includes('.') === true) return [target];
  }
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
  if (QUAD.test(host)) return host.split('.').map(decimalOctet).join('.');
  if (/^0x[0-9a-f]+$/i.test(host)) return quadOf(parseInt(host.slice(-8).replace(/^.*x/i, ''), 16));
  if (/^[0-9]+$/.test(host)) return quadOf(Number(host));
  return null;
}

/** Hexadecimal by `0x`, octal by a leading 0 where the digits are, else decimal. */
function decimalOctet(octet: string): string {
  const hex = /^0x([0-9a-f]+)/i.exec(octet)?.[1];
  const text = hex === undefined ? octet : String(parseInt(hex, 16));
  const octal = /^0+([1-3][0-7]{0,2}|[4-7][0-7]?)$/.exec(text)?.[1];
  return (octal === undefined ? text : String(parseInt(octal, 8))).replace(/^0+/, '');
}

/** The first four bytes of a number's hexadecimal digits, of at least eight. */
function quadOf(value: number): string {
  const digits = BigInt(Number.isFinite(value) ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0);
  const hex = digits.toString(16).padStart(8, '0');
  return [0, 2, 4, 6].map((at) => String(parseInt(hex.slice(at, at + 2), 16))).join('.');
}

/** A bare word as browsers complete it, unless it is a host already. */
function completed(host: string, registry: RegistryTables): string | null {
  if (host === 'localhost' || isDomainValid(host, registry)) return null;
  const name = host.startsWith('www.') ? host.slice(4) : host;
  return name === '' || name.includes('.') ? null : `www.${name}.com`;
}

/** Whether nothing but white space is left of an address. */
export function isEmptyUri(uri: string): boolean {
  for (let at = 0; at < uri.length; at++) if (!isBlankCode(uri.charCodeAt(at))) return false;
  return true;
}
