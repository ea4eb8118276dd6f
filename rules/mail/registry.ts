// Which part of a host name was registered, by the tables a rule set brings (`util_rb_tld`, `2tld`, `3tld`), as
// SpamAssassin reads them: no public suffix list. Takes byte strings from mail, looks nothing up.
import { isIP } from 'node:net';
import type { RuleSettings } from '../language/settings.js';

/** The tables of a rule set; names in ACE, lower case. */
export type RegistryTables = Pick<RuleSettings, 'tlds' | 'secondLevelDomains' | 'thirdLevelDomains'>;

/** Longest host name, bytes (RFC 1035 §3.1, without the length bytes). */
const HOST_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;
/** Labels of a host looked at; a valid one has at most 127. */
const LABELS_MAX = 128;

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

/** Whether text is an IP address; IPv6 bare, maybe with SMTP's `IPv6:` before it. */
export function isIpAddress(text: string): boolean {
  return isIP(text.replace(/^ipv6:/i, '')) !== 0;
}

/** Lower case of ASCII letters only, as bytes have it. */
export function lowerAscii(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** Whether a host name is well formed: at least two labels of letters, digits, `-` and, but in the last two, `_`. */
export function isFqdnValid(host: string): boolean {
  const name = lowerAscii(withoutDotsAtEnd(host));
  if (name.length > HOST_LENGTH_MAX) return false;
  const labels = name.split('.');
  return labels.length > 1 && labels.every((label, index) => isLabel(label, index >= labels.length - 2));
}

function isLabel(label: string, inDomain: boolean): boolean {
  if (label.length < 1 || label.length > LABEL_LENGTH_MAX) return false;
  if (inDomain && label.includes('_')) return false;
  return /^[a-z0-9_-]+$/.test(label) && !label.startsWith('-') && !label.endsWith('-');
}

/** Whether a name ends in a dot and a top-level domain of the tables, and holds no white space. */
export function isDomainValid(name: string, tables: RegistryTables): boolean {
  const dot = name.lastIndexOf('.');
  if (dot < 0 || /[\t-\r ]/.test(name)) return false;
  return tables.tlds.has(lowerAscii(name.slice(dot + 1)));
}

/** The registered domain of a host name: one label more than the longest suffix the tables know. */
export function trimDomain(host: string, tables: RegistryTables): string {
  const labels = lowerAscii(host)
    .slice(0, HOST_LENGTH_MAX * 4)
    .split('.')
    .filter((label) => label !== '')
    .slice(-LABELS_MAX);
  let from = 0;
  while (labels.length - from > 1 && !isRegistry(labels.slice(from), tables)) from++;
  return labels.slice(Math.max(0, from - 1)).join('.');
}

/** Whether names are registered directly below these labels. */
function isRegistry(labels: readonly string[], tables: RegistryTables): boolean {
  const [first, second, third, fourth] = labels;
  switch (labels.length) {
    case 2:
      return tables.secondLevelDomains.has(labels.join('.'));
    case 3:
      return third === 'us' ? US_STATES.has(second!) : tables.thirdLevelDomains.has(labels.join('.'));
    case 4: {
      // School districts and cities of the United States (RFC 1480).
      const isUs = fourth === 'us' && ((first === 'pvt' && second === 'k12') || /^c[io]$/.test(first!));
      return isUs && US_STATES.has(third!);
    }
    default:
      return false;
  }
}

/** Host and registered domain of a cleaned address, or null where it leads to none that is valid. */
export function domainOfUri(uri: string, tables: RegistryTables): HostAndDomain | null {
  const text = lowerAscii(uri);
  if (/^(?:javascript|cid|file):/.test(text)) return null;
  const host = text.startsWith('mailto:') ? hostOfMailbox(text.slice(7)) : hostOfAddress(text);
  // Encoded where it need not be: the decoded form stands beside this one.
  if (host === null || /%(?:2[1-9a-f]|[3-6][0-9a-f]|7[0-9a-e])/.test(host)) return null;
  if (isIpAddress(host)) return { host, domain: host };
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
