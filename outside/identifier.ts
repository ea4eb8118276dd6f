// Identifiers for entries, items and events: unique over all processes of one house, and sorted by time as text.
import { randomBytes } from 'node:crypto';

/** Crockford's base 32: sorts as text as its numbers do, no letter that is read as a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARS = 10;
const RANDOM_BYTES = 10;
/** Characters of an identifier. */
export const IDENTIFIER_CHARS = 26;

let lastTime = 0;
let lastCount = 0;
/** Within one millisecond of one process a counter keeps the order; it fits the four base-32 digits given to it. */
const COUNT_CHARS = 4;
const COUNT_MAX = 32 ** COUNT_CHARS - 1;

/** `now` in ms since the epoch; 26 lower-case characters: time, counter, 60 random bits. */
export function newIdentifier(now: number): string {
  const time = Math.max(0, Math.trunc(now));
  lastCount = time === lastTime && lastCount < COUNT_MAX ? lastCount + 1 : 0;
  lastTime = time;
  const random = randomBytes(RANDOM_BYTES + 2);
  let tail = '';
  for (const byte of random) tail += ALPHABET[byte & 31] ?? '0';
  return digits(time, TIME_CHARS) + digits(lastCount, COUNT_CHARS) + tail;
}

/** Whether a text could be an identifier: what a command checks before it asks a store. */
export function isIdentifier(text: string): boolean {
  return /^[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}

function digits(value: number, chars: number): string {
  let text = '';
  for (let rest = value; text.length < chars; rest = Math.floor(rest / 32)) text = (ALPHABET[rest % 32] ?? '0') + text;
  return text;
}
