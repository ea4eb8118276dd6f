// Which part of a host name was registered, by the tables a rule set brings (`util_rb_tld`, `2tld`, `3tld`), as
// SpamAssassin reads them: no public suffix list. Takes byte strings from mail, looks nothing up.
import { isIp } from './ip.js';

/** The tables of a rule set; names in ACE, lower case. */
export interface RegistryTables {
  readonly tlds: NameSet;
  readonly secondLevelDomains: NameSet;
  readonly thirdLevelDomains: NameSet;
}

/** Names asked for one by one; a `Set` is one. */
export interface NameSet {
  has(name: string): boolean;
}

/** Longest host name, bytes (RFC 1035 §3.1, without the length bytes). */
const HOST_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;
/** Labels of the longest suffix that tables and rules know. */
const SUFFIX_LABELS_MAX = 4;

const US_STATES = new Set(
  (
    'ak al ar az ca co ct dc de fl ga gu hi ia id il in ks ky la ma md me mi ' +
    'mn mo ms mt nc nd ne nh nj nm nv ny oh ok or pa pr ri sc sd tn tx ut va vi vt wa wi wv wy'
  ).split(' '),
);

/** What an address leads to: the host and its registered domain (an IP address is its own). */
export interface HostAndDomain {
  readonly host: string;
  readonly domain: string;
}

/** Lower case of ASCII letters only, as bytes have it. */
export function lowerAscii(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** Whether a host name is well formed: at least two labels of letters, digits, `-` and, but in the last two, `_`. */
export function isFqdnValid(host: string): boolean {
  const name = withoutDotsAtEnd(host);
  if (name.length > HOST_LENGTH_MAX || !/^[A-Za-z0-9_.-]+$/.test(name)) return false;
  let end = name.length;
  let labels = 0;
  while (end >= 0) {
    const start = end === 0 ? 0 : name.lastIndexOf('.', end - 1) + 1;
    const length = end - start;
    if (length < 1 || length > LABEL_LENGTH_MAX || name[start] === '-' || name[end - 1] === '-') return false;
    if (++labels === 2 && name.slice(start).includes('_')) return false;
    end = start - 1;
  }
  return labels > 1;
}

/** Whether a name ends in a dot and a top-level domain of the tables, and holds no white space. */
export function isDomainValid(name: string, tables: RegistryTables): boolean {
  const dot = name.lastIndexOf('.');
  if (dot < 0 || /[\t-\r ]/.test(name)) return false;
  return tables.tlds.has(lowerAscii(name.slice(dot + 1)));
}

/** The registered domain of a host name: one label more than the longest suffix the tables know. */
export function trimDomain(host: string, tables: RegistryTables): string {
  let name = lowerAscii(host);
  if (name.includes('..')) name = name.replace(/\.{2,}/g, '.');
  const from = name.startsWith('.') ? 1 : 0;
  name = name.slice(from, name.endsWith('.') ? -1 : undefined);
  // Where the last four, three, two and one labels begin.
  const starts: number[] = [];
  for (let at = name.length; at > 0 && starts.length < SUFFIX_LABELS_MAX;) {
    at = name.lastIndexOf('.', at - 1);
    starts.push(at + 1);
  }
  for (let labels = starts.length; labels > 1; labels--)
    if (isRegistry(name.slice(starts[labels - 1]), labels, tables))
      return name.slice(labels < starts.length ? starts[labels] : labelBefore(name, starts[labels - 1]!));
  return name.slice(starts[1] ?? 0);
}

/** Where the label before a place begins; the place itself where there is none. */
function labelBefore(name: string, at: number): number {
  return at === 0 ? 0 : at === 1 ? at : name.lastIndexOf('.', at - 2) + 1;
}

/** Whether names are registered directly below so many labels. */
function isRegistry(suffix: string, labels: number, tables: RegistryTables): boolean {
  if (labels === 2) return tables.secondLevelDomains.has(suffix);
  const isUs = suffix.endsWith('.us');
  if (labels === 3 && !isUs) return tables.thirdLevelDomains.has(suffix);
  if (!isUs) return false;
  const parts = suffix.split('.');
  // School districts and cities of the United States (RFC 1480).
  if (labels === 4 && !(parts[0] === 'pvt' && parts[1] === 'k12') && !/^c[io]$/.test(parts[0]!)) return false;
  return US_STATES.has(parts.at(-2)!);
}

/** Host and registered domain of a cleaned address, or null where it leads to none that is valid. */
export function domainOfUri(uri: string, tables: RegistryTables): HostAndDomain | null {
  const text = lowerAscii(uri);
  if (/^(?:javascript|cid|file):/.test(text)) return null;
  const host = text.startsWith('mailto:') ? hostOfMailbox(text.slice(7)) : hostOfAddress(text);
  // Encoded where it need not be: the decoded form stands beside this one.
  if (host === null || /%(?:2[1-9a-f]|[3-6][0-9a-f]|7[0-9a-e])/.test(host)) return null;
  if (isIp(host)) return { host, domain: host };
  if (!isFqdnValid(host) || !isDomainValid(host, tables)) return null;
  return { host, domain: trimDomain(host, tables) };
}

function hostOfMailbox(address: string): string | null {
  const query = address.indexOf('?');
  const mailbox = query < 0 ? address : address.slice(0, query);
  const at = mailbox.indexOf('@');
  return at < 0 || mailbox.includes('@', at + 1) ? null : mailbox.slice(at + 1);
}

function hostOfAddress(address: string): string {
  const rest = address.replace(/^[a-z]+:\/{0,2}/, '');
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  return withoutPort(authority.slice(authority.lastIndexOf('@') + 1));
}

/** Without a colon and the digits, maybe none, after it at the end. */
function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon >= 0 && /^\d*$/.test(authority.slice(colon + 1)) ? authority.slice(0, colon) : authority;
}

function withoutDotsAtEnd(name: string): string {
  let end = name.length;
  while (end > 0 && name[end - 1] === '.') end--;
  return name.slice(0, end);
}
