// Domain names as authentication compares them: one spelling for each name, and the organisational domain above it.
// Takes text from envelopes, headers and records; what is no domain name gives null, never an error.
import { domainToASCII } from 'node:url';
import { getDomain } from '../../message/public-suffix.js';

/** Longest name in text form, without the root's dot (RFC 1035 §2.3.4, RFC 7208 §4.3). */
export const DOMAIN_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;

/**
 * The name in lower case A-labels without the root's dot, or null where the text is no host-like name: empty or overlong
 * labels, characters besides letters, digits, hyphen and underscore, a last label of digits alone (an address), or
 * U-labels that IDNA refuses. `text` is Unicode.
 */
export function canonicalDomain(text: string): string | null {
  const ascii = toAscii(text.endsWith('.') ? text.slice(0, -1) : text);
  if (ascii === null || ascii.length > DOMAIN_LENGTH_MAX) return null;
  const labels = ascii.split('.');
  if (!labels.every(isLabel) || /^[0-9]+$/.test(labels.at(-1) as string)) return null;
  return ascii;
}

/** Mapping by UTS 46, non-transitional, as browsers and mail programs do; ASCII only gets lower case. */
function toAscii(text: string): string | null {
  if (text.length > DOMAIN_LENGTH_MAX) return null;
  if (/^[\x21-\x7e]+$/.test(text)) return text.toLowerCase();
  if (/[\x00-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]/.test(text)) return null;
  return domainToASCII(text) || null;
}

function isLabel(label: string): boolean {
  return label.length <= LABEL_LENGTH_MAX && /^[a-z0-9_-]+$/.test(label);
}

/**
 * Organisational domain (RFC 7489 §3.2) of a canonical name, by the Public Suffix List with its private part: customers of
 * one host under `github.io` are not one organisation. A public suffix is its own.
 */
export function organisationalDomain(domain: string): string {
  return getDomain(domain, SUFFIX_OPTIONS) ?? domain;
}

const SUFFIX_OPTIONS = {
  allowPrivateDomains: true,
  extractHostname: false,
  validateHostname: false,
  detectIp: false,
} as const;
