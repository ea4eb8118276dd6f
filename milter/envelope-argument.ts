// The argument vector of SMFIC_MAIL and SMFIC_RCPT into an EnvelopeAddress: brackets and source route off, case and bytes
// untouched (RFC 5321 §4.1.1, §4.1.2). Takes what MTAs send: `<>`, no brackets, quoted local parts, UTF-8, no domain.
import type { EnvelopeAddress } from '../message/envelope.js';
import { strings } from './packet.js';
import { decodeText } from './text.js';

/** ESMTP parameters kept per address; more are left out. */
export const PARAMS_MAX = 32;

/** An address and the very bytes it came as, which DELRCPT must repeat. */
export interface Argument {
  readonly address: EnvelopeAddress;
  readonly bytes: Buffer;
}

/** Reads the argument vector; null when there is no address string at all. */
export function parseArgument(data: Buffer): Argument | null {
  const [first, ...rest] = strings(data, PARAMS_MAX + 1);
  if (first === undefined) return null;
  const given = decodeText(first);
  return { address: { address: bareAddress(given), params: readParams(rest), given }, bytes: Buffer.from(first) };
}

/** `user@example.org` out of `<@route:user@example.org>`; '' for `<>`. */
function bareAddress(given: string): string {
  const bracketed = given.length >= 2 && given.startsWith('<') && given.endsWith('>');
  const inner = bracketed ? given.slice(1, -1) : given;
  if (!inner.startsWith('@')) return inner;
  const colon = inner.indexOf(':');
  return colon < 0 ? inner : inner.slice(colon + 1);
}

function readParams(fields: readonly Buffer[]): Map<string, string> {
  const params = new Map<string, string>();
  for (const field of fields) {
    const text = decodeText(field);
    const equals = text.indexOf('=');
    const keyword = (equals < 0 ? text : text.slice(0, equals)).toUpperCase();
    if (keyword !== '') params.set(keyword, equals < 0 ? '' : text.slice(equals + 1));
  }
  return params;
}
