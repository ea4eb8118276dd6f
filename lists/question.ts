// What is asked of a list: the name that stands for an address or a domain (RFC 5782 §2.1, §2.4, §3). Takes what a mail
// or a connection says, gives a name in ASCII, or null for what must or can not be asked about.
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { NetworkSet } from '../message/network.js';
import { registrableDomain } from '../message/url.js';

/** Longest name in the DNS in dotted form (RFC 1035 §2.3.4). */
const NAME_MAX_CHARS = 253;
/** Longest text looked at as a domain, characters. */
const TEXT_MAX_CHARS = 1_000;

/** Addresses that mean nothing outside their own network: no list can know them, and asking would tell of ours. */
const NOT_PUBLIC = new NetworkSet([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.168.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/96', '::1/128', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
]);

/** The address in its usual form, IPv4-mapped IPv6 unwrapped; null for what is none or is not public. */
export function publicAddress(text: string | null): string | null {
  const address = canonicalAddress(text);
  return address === null || NOT_PUBLIC.has(address) ? null : address;
}

/** The address in its usual form, IPv4-mapped IPv6 unwrapped; null for what is none. No zone, no short forms of IPv4. */
export function canonicalAddress(text: string | null): string | null {
  if (text === null || text.length > TEXT_MAX_CHARS || text.includes('%')) return null;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toString();
  return ipaddr.IPv6.isValid(text) ? ipaddr.process(text).toString() : null;
}

/** Octets (RFC 5782 §2.1) or 32 nibbles (§2.4) backwards, lower case. Throws for what is no address: check first. */
export function reverseAddress(address: string): string {
  const bytes = ipaddr.process(address).toByteArray();
  if (bytes.length === 4) return bytes.reverse().join('.');
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [...digits].reverse().join('.');
}

export const isIpv6 = (address: string): boolean => address.includes(':');

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const LAST_LABEL = /^(?:xn--[a-z0-9-]{1,59}|[a-z]{2,63})$/;

/** A host or domain name as A-labels in lower case; null for addresses, single labels and what the DNS cannot hold. */
export function hostName(text: string | null): string | null {
  if (text === null || text === '' || text.length > TEXT_MAX_CHARS || /[[\]:/@\s]/.test(text)) return null;
  const plain = /^[\x21-\x7e]+$/.test(text) ? text : domainToASCII(text);
  const name = plain.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  if (labels.length < 2 || name.length > NAME_MAX_CHARS || !labels.every((label) => LABEL.test(label))) return null;
  return LAST_LABEL.test(labels.at(-1) ?? '') ? name : null;
}

/** Which names of a host a list is asked about. */
export type NameForm = 'domain' | 'host' | 'both';

/** The registrable domain, the host itself, or both; each once. A host that is a public suffix has no domain. */
export function namesOf(host: string, form: NameForm): readonly string[] {
  const domain = form === 'host' ? null : registrableDomain(host);
  const names = [form === 'host' || form === 'both' ? host : null, domain];
  return [...new Set(names.filter((name) => name !== null))];
}

/** The whole name of a look-up, or null where it is too long for the DNS. */
export function questionName(subject: string, zone: string): string | null {
  const name = `${subject}.${zone}`;
  return name.length > NAME_MAX_CHARS ? null : name;
}
