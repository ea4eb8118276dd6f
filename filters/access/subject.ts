// One spelling for what rules and mail name: addresses of mailboxes and of clients, networks, domains, and patterns with
// `*`. Takes text of strangers and of administrators; gives the canonical text, or null where it is none. Never throws.
import ipaddr from 'ipaddr.js';
import { canonicalDomain } from '../authentication/domain.js';

/** The null sender, as rules name it. */
export const NULL_SENDER = '<>';
/** Longest address or pattern, characters; longer ones from mail are compared cut. */
export const ADDRESS_MAX_CHARS = 320;

/** Controls, blanks, and whatever has no form: nothing of it belongs into a rule. */
const UNFIT = /[\p{C}\p{Z}]/u;

/** An envelope address as it is compared: lower case, domain in A-labels, a quoted local part without its quotes. */
export function canonicalAddress(address: string): string {
  const text = address.slice(0, ADDRESS_MAX_CHARS);
  if (text === '' || text === NULL_SENDER) return NULL_SENDER;
  const at = text.lastIndexOf('@');
  if (at < 0) return canonicalLocalPart(text);
  return `${canonicalLocalPart(text.slice(0, at))}@${canonicalHost(text.slice(at + 1))}`;
}

/** The domain of a canonical address; '' where it has none. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1);
}

/** Lower case; most are ASCII, and only the others have several spellings. */
function canonicalLocalPart(text: string): string {
  const bare = text.startsWith('"') && text.endsWith('"') && text.length > 1 ? unquote(text.slice(1, -1)) : text;
  return (/^[\x20-\x7e]*$/.test(bare) ? bare : bare.normalize('NFC')).toLowerCase();
}

const unquote = (text: string): string => text.replace(/\\(.)/gs, '$1');

function canonicalHost(text: string): string {
  return canonicalDomain(text) ?? text.toLowerCase().replace(/\.$/, '');
}

/** A pattern for senders and recipients; `<>` is the null sender. Null where it can match no address, or is no text. */
export function canonicalAddressPattern(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > ADDRESS_MAX_CHARS) return null;
  if (trimmed === NULL_SENDER) return NULL_SENDER;
  const bare = trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : trimmed;
  const at = bare.lastIndexOf('@');
  const local = canonicalLocalPart(at < 0 ? bare : bare.slice(0, at));
  // Blanks stand in quotes alone; a canonical address has them without.
  if (UNFIT.test(bare.startsWith('"') ? local.replaceAll(' ', '') : local) || /[<>]/.test(bare)) return null;
  if (at < 0) return bare.includes('*') || !bare.includes('.') ? joinStars(local) : null;
  const domain = canonicalDomainPattern(bare.slice(at + 1));
  return domain === null || local === '' ? null : joinStars(`${local}@${domain}`);
}

/** A domain, or a pattern of one. Address literals such as `[192.0.2.1]` are domains of addresses too. */
export function canonicalDomainPattern(text: string): string | null {
  const bare = text.trim().replace(/\.$/, '');
  if (bare === '' || bare.length > ADDRESS_MAX_CHARS || UNFIT.test(bare)) return null;
  if (!bare.includes('*'))
    return canonicalDomain(bare) ?? (/^\[[0-9a-z.:]+\]$/i.test(bare) ? bare.toLowerCase() : null);
  const labels = bare.split('.').map((label) => (label.includes('*') ? label.toLowerCase() : canonicalDomain(label)));
  // A label of digits alone is no domain by itself, and part of one with others.
  const parts = labels.map(
    (label, index) => label ?? (/^[0-9]+$/.test(bare.split('.')[index] ?? '') ? bare.split('.')[index]! : null),
  );
  if (parts.some((part) => part === null || !/^[a-z0-9_*-]+$/.test(part))) return null;
  return joinStars(parts.join('.'));
}

const joinStars = (pattern: string): string => pattern.replace(/\*{2,}/g, '*');

/** An address of a client, IPv4 in IPv6 unwrapped; null for anything else, zones included. */
export function canonicalIp(text: string): string | null {
  const trimmed = text.trim();
  const isWhole = ipaddr.IPv4.isValidFourPartDecimal(trimmed) || ipaddr.IPv6.isValid(trimmed);
  return isWhole && !trimmed.includes('%') ? ipaddr.process(trimmed).toString() : null;
}

/** What a text is as a network: its canonical form; `widened` where bits beyond the mask were set, which says what was meant. */
export function canonicalNetwork(text: string): { readonly network: string; readonly widened: boolean } | null {
  const cut = /^([0-9a-f.:]+)\/([0-9.]{1,15})$/i.exec(text.trim());
  const address = canonicalIp(cut?.[1] ?? '');
  if (cut === null || address === null) return null;
  const parsed = ipaddr.parse(address);
  const bits = maskBits(cut[2] ?? '', parsed.kind(), (cut[1] ?? '').includes(':'));
  if (bits === null) return null;
  const whole = parsed.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  const first = whole.networkAddressFromCIDR(`${parsed.toString()}/${bits}`).toString();
  return { network: `${first}/${bits}`, widened: first !== parsed.toString() };
}

/** Bits of `/24` or `/255.255.255.0`; of a mapped IPv4 network those of its IPv4 part. */
function maskBits(text: string, kind: 'ipv4' | 'ipv6', isMapped: boolean): number | null {
  if (text.includes('.')) {
    if (kind !== 'ipv4' || !ipaddr.IPv4.isValidFourPartDecimal(text)) return null;
    return ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask();
  }
  const bits = Number(text) - (kind === 'ipv4' && isMapped ? 96 : 0);
  return bits >= 0 && bits <= (kind === 'ipv4' ? 32 : 128) ? bits : null;
}
