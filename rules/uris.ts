// The forms of one URL that uri rules see: as written, and each different form that decoding, normalising and following
// a redirector's parameter gives. Pure text work, bounded, never looks anything up.
import type { Url } from '../message/url.js';
import { toBytes } from './bytes.js';

/** Longest form taken, bytes. */
export const URI_LENGTH_MAX = 8_192;
/** How often an address inside an address is followed. */
export const REDIRECT_DEPTH_MAX = 4;

/** All forms, as byte strings, the one written first. Anchors, `cid:` and `mid:` give none. */
export function uriForms(url: Url): string[] {
  const written = url.raw
    .slice(0, URI_LENGTH_MAX)
    .replace(/[\r\n]/g, '')
    .trim();
  if (written.length <= 1 || /^(?:[#?&]|cid:|mid:)/i.test(written)) return [];
  const forms = new Set<string>([toBytes(written)]);
  if (url.href !== null && !url.href.startsWith('mailto:')) forms.add(toBytes(url.href.slice(0, URI_LENGTH_MAX)));
  let current = written;
  for (let depth = 0; depth < REDIRECT_DEPTH_MAX; depth++) {
    const clear = percentDecoded(current.replaceAll('\\', '/'));
    forms.add(toBytes(clear));
    const inner = embedded(clear);
    if (inner === null) break;
    forms.add(toBytes(inner));
    current = inner;
  }
  return [...forms];
}

/** Percent-encoded printable ASCII undone, but for the blank. */
function percentDecoded(text: string): string {
  return text.replace(/%([2-7][0-9A-Fa-f])/g, (whole, hex: string) => {
    const code = parseInt(hex, 16);
    return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : whole;
  });
}

/** A web address within the path or query of another. */
function embedded(text: string): string | null {
  const start = text.slice(8).search(/https?:\/{1,2}/i);
  if (start < 0) return null;
  const inner = text.slice(start + 8);
  const end = inner.search(/[&#]/);
  return end < 0 ? inner : inner.slice(0, end);
}
