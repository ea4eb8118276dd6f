// Identifiers for entries, items and events: unique over all processes of one house, and sorted by time as text.
import { randomFillSync } from 'node:crypto';

/** Crockford's base 32: sorts as text as its numbers do, no letter that is read as a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARS = 10;
const RANDOM_CHARS = 12;
/** Random bytes are fetched ahead for so many identifiers: a fetch costs more than the rest of one. */
const FETCHED_AHEAD = 256;
/** Characters of an identifier. */
export const IDENTIFIER_CHARS = 26;

const random = Buffer.alloc(RANDOM_CHARS * FETCHED_AHEAD);
let randomUsed = random.length;
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
  return digits(time, TIME_CHARS) + digits(lastCount, COUNT_CHARS) + randomChars();
}

/** Whether a text could be an identifier: what a command checks before it asks a store. */
export function isIdentifier(text: string): boolean {
  return /^[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}

/** Every byte is used once. */
function randomChars(): string {
  if (randomUsed === random.length) {
    randomFillSync(random);
    randomUsed = 0;
  }
  let text = '';
  for (const end = randomUsed + RANDOM_CHARS; randomUsed < end; randomUsed += 1)
    text += ALPHABET[(random[randomUsed] ?? 0) & 31] ?? '0';
  return text;
}

function digits(value: number, chars: number): string {
  let text = '';
  for (let rest = value; text.length < chars; rest = Math.floor(rest / 32)) text = (ALPHABET[rest % 32] ?? '0') + text;
  return text;
}
