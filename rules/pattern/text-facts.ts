// A pattern that is nothing but a text: what is known of it needs no reading, so that thousands of words are soon ready.
import { LITERAL_LENGTH_MIN } from '../scan/literal-scan.js';
import type { PatternFacts } from './facts.js';
import { LITERAL_LENGTH_MAX } from './literals.js';

/** Each byte as a pattern, which RE2 reads alike. */
export const BYTE_SOURCES = Array.from({ length: 256 }, (_, byte) => `\\x${byte.toString(16).padStart(2, '0')}`);

/** The facts of a pattern that matches where the text stands, byte for byte. `bytes` is latin1 and not empty. */
export function describeText(bytes: string): PatternFacts {
  let source = '';
  for (let at = 0; at < bytes.length; at++) source += BYTE_SOURCES[bytes.charCodeAt(at)]!;
  const literal = bytes.slice(0, LITERAL_LENGTH_MAX).toLowerCase();
  const isPromise = literal.length >= LITERAL_LENGTH_MIN;
  return {
    source,
    flags: '',
    literals: isPromise ? [literal] : null,
    // It would say no more than the literal.
    screen: isPromise ? null : source,
    linear: source,
    countable: true,
    names: [],
  };
}
