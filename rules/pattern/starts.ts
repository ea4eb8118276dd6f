// Finds the next place in a text where a match may begin: by the text that all matches begin with, where there is one, else
// by the sets of the first few bytes.
import { SURPRISE } from '../scan/rarity.js';
import type { ByteSet } from './syntax.js';

/** How many bytes of a place are looked at before a match is tried there. */
export const START_SETS_MAX = 3;
/** A single byte that is more common than this is found faster by its set; bits of surprise. */
const SINGLE_SURPRISE_MIN = 5;

/** The bytes that each of these sets has alone, from the first on; '' where they are too common to be looked for. */
export function prefixOf(sets: readonly ByteSet[]): string {
  let prefix = '';
  for (const set of sets) {
    const byte = set.indexOf(1);
    if (byte < 0 || set.indexOf(1, byte + 1) >= 0) break;
    prefix += String.fromCharCode(byte);
  }
  return prefix.length === 1 && SURPRISE[prefix.charCodeAt(0)]! < SINGLE_SURPRISE_MIN ? '' : prefix;
}

/**
 * The next place from `start` on whose bytes fit the sets at `starts` in `sets`; beyond `last` when there is none. As many
 * bytes as there are sets have to follow it.
 */
export function nextStart(
  sets: Uint8Array,
  starts: readonly number[],
  text: string,
  start: number,
  last: number,
): number {
  const one = starts[0]!;
  const two = starts[1] ?? -1;
  const three = starts[2] ?? -1;
  const end = Math.min(last, text.length - starts.length);
  for (let at = start; at <= end; at++) {
    if (sets[one + text.charCodeAt(at)] === 0) continue;
    if (two >= 0 && sets[two + text.charCodeAt(at + 1)] === 0) continue;
    if (three >= 0 && sets[three + text.charCodeAt(at + 2)] === 0) continue;
    return at;
  }
  return Math.max(start, last + 1);
}
