// IP addresses as SpamAssassin's rules recognise them inside text: which strings are one, which are private, which mean
// this very machine, and how one is written for a reverse look-up. Reads byte strings, never throws.
import ipaddr from 'ipaddr.js';

const OCTET = '(?:1\\d\\d|2[0-4]\\d|25[0-5]|[1-9]\\d|\\d)';
const DOTTED = `${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}`;
const H = '[A-Fa-f0-9]{1,4}';

/** Beginnings of an IPv6 address that ends in an IPv4 one. */
const MAPPED = [
  `(?:${H}:){6}`,
  `::(?:${H}:){0,5}`,
  `(?:${H}:){1,5}:`,
  `${H}::(?:${H}:){1,4}`,
  `(?:${H}:){2}:(?:${H}:){1,3}`,
  `(?:${H}:){3}:(?:${H}:){1,2}`,
  `(?:${H}:){4}:${H}:`,
];
/** An IPv6 address by where its zeros are left out. */
const PURE = [
  `(?:${H}:){7}${H}`,
  `:(?::${H}){1,7}`,
  `(?:${H}:){1,7}:`,
  `${H}:(?::${H}){1,6}`,
  `(?:${H}:){2}(?::${H}){1,5}`,
  `(?:${H}:){3}(?::${H}){1,4}`,
  `(?:${H}:){4}(?::${H}){1,3}`,
  `(?:${H}:){5}(?::${H}){1,2}`,
  `(?:${H}:){6}:${H}`,
  '::',
];

/** Source of a pattern for an IPv4 address standing free in text. */
export const IPV4_SOURCE = `\\b${DOTTED}\\b`;

/** Source of a pattern for an IP address standing free in text, without flags; bounded, no groups. */
export const IP_SOURCE =
  `(?:\\b(?<!:)${DOTTED}\\b|(?:[Ii][Pp][Vv]6:|(?<![A-Fa-f0-9:]))` +
  `(?:(?:${MAPPED.join('|')})${DOTTED}|${PURE.join('|')})(?![A-Fa-f0-9:]))`;

/** Source of a cheap pattern that takes whatever may be an IP address between delimiters; ask `isIp` about the find. */
export const IP_LOOSE_SOURCE = '(?:[Ii][Pp][Vv]6:)?[A-Fa-f0-9:.]{2,45}';

const WHOLE = new RegExp(`^${IP_SOURCE}$`);
const WHOLE_V4 = new RegExp(`^${DOTTED}$`);
const INSIDE = new RegExp(IP_SOURCE);
const FREE = new RegExp(`(?<!\\.)\\b(${IP_SOURCE})\\b(?!\\.)`);

/** Whether all of the text is an IP address (`IPv6:` may stand before the newer kind). */
export function isIp(text: string): boolean {
  return WHOLE_V4.test(text) || (text.includes(':') && WHOLE.test(text));
}

export function isIpv4(text: string): boolean {
  return WHOLE_V4.test(text);
}

/** The first IP address in a text, or null. */
export function firstIp(text: string): string | null {
  return INSIDE.exec(text)?.[0] ?? null;
}

/** The first IP address that stands in no longer dotted thing, or null. */
export function firstFreeIp(text: string): string | null {
  return FREE.exec(text)?.[1] ?? null;
}

const PRIVATE_V4 =
  /^(?:10|127|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\./;

/** Whether the address is one that nobody on the Internet has: private, shared, link-local, this machine's own. */
export function isPrivateIp(text: string): boolean {
  if (PRIVATE_V4.test(text)) return true;
  if (!text.includes(':')) return false;
  const bare = text.replace(/^ipv6:/i, '');
  if (/^fe[89ab][0-9a-f]:/i.test(bare)) return true;
  const v6 = readIpv6(bare);
  if (v6 === null) return false;
  if (v6.isIPv4MappedAddress()) return bare.includes('.') && PRIVATE_V4.test(v6.toIPv4Address().toString());
  return v6.range() === 'loopback';
}

/** Whether the text is a name or address of the machine itself. */
export function isLocalhost(text: string): boolean {
  if (/^(?:localhost(?:\.localdomain)?|127\.0\.0\.1)$/i.test(text)) return true;
  const v6 = text.includes(':') ? readIpv6(text.replace(/^ipv6:/i, '')) : null;
  if (v6 === null) return false;
  return v6.isIPv4MappedAddress() ? text.endsWith('127.0.0.1') : v6.range() === 'loopback';
}

/** Octets or nibbles backwards, dots between, for a look-up by address; null for what is no address. */
export function reverseIp(text: string): string | null {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) return `${v4[4]}.${v4[3]}.${v4[2]}.${v4[1]}`;
  const v6 = /^[0-9a-fA-F:.]{2,45}$/.test(text) ? readIpv6(text) : null;
  if (v6 === null) return null;
  const nibbles = v6.parts.map((part) => part.toString(16).padStart(4, '0')).join('');
  return [...nibbles].reverse().join('.');
}

function readIpv6(text: string): ipaddr.IPv6 | null {
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : null;
}
