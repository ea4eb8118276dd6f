// The address that a Received field says a message came from (RFC 5321 §4.4). Takes the field's value as it stands in a
// mail, which anybody may have written; looks at a bounded part of it and never throws.

/** Longest Received value searched for an address, characters. */
const RECEIVED_SEARCH_MAX_CHARS = 1_000;

/** The bracketed address of the `from` clause, `IPv6:` taken off and otherwise unchecked, or null. */
export function receivedFrom(value: string): string | null {
  const text = value.slice(0, RECEIVED_SEARCH_MAX_CHARS);
  if (!text.toLowerCase().startsWith('from ')) return null;
  const by = text.indexOf(' by ');
  const open = text.indexOf('[');
  if (open === -1 || (by !== -1 && open > by)) return null;
  const close = text.indexOf(']', open);
  return close === -1 ? null : text.slice(open + 1, close).replace(/^ipv6:/i, '');
}
