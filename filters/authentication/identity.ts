// The identity of a DKIM signature, tag i= (RFC 6376 §3.5): on whose behalf the domain says it signed. Takes the tag's
// value and the signing domain; gives the identity, or null where it does not belong to that domain.
import { canonicalDomain } from './domain.js';
import { decodeUtf8, readDomain } from './signature.js';
import { withoutBlanks } from './tag-list.js';

export interface Identity {
  /** As given, decoded; `@` and the domain where there is none. */
  readonly text: string;
  /** Lower case A-labels. */
  readonly domain: string;
}

/** Reads i= (null: absent). Null where its domain is neither `domain` nor below it, or where it is no address. */
export function readIdentity(value: string | null, domain: string): Identity | null {
  if (value === null) return { text: `@${domain}`, domain };
  const decoded = decodeQuotedPrintable(withoutBlanks(value));
  const text = decoded === null ? null : decodeUtf8(decoded);
  if (decoded === null || text === null || /[\x00-\x1f\x7f]/.test(text)) return null;
  const at = text.lastIndexOf('@');
  if (at < 0 || readDomain(decoded.slice(decoded.lastIndexOf('@') + 1)) === null) return null;
  const own = canonicalDomain(text.slice(at + 1));
  if (own === null || (own !== domain && !own.endsWith(`.${domain}`))) return null;
  return { text, domain: own };
}

/** §2.11: `=` and two capital hex digits stand for a byte. Null where `=` stands for nothing. */
function decodeQuotedPrintable(text: string): string | null {
  const whole = text.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return /=(?![0-9A-F]{2})/.test(text) ? null : whole;
}
