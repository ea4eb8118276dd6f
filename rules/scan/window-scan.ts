// For patterns that promise no literal: one pass over a text that tells which of them could begin somewhere in it, judged
// by the sets of their first bytes. Thirty-two patterns are judged at once, one bit each.
import type { ByteSet } from '../pattern/syntax.js';
import { SURPRISE } from './rarity.js';

/** Bytes of each match that are judged. */
export const JUDGED = 6;
/** A window that passes at more than this share of places is of no use. */
const USEFUL_CHANCE_MAX = 0.005;
const WORD_BITS = 32;
const BYTES = 256;
const SCRATCH_BYTES = 65_536;

/** Where in a group's tables it says, for each number of bytes left, which windows are no longer than that. */
const FITS_AT = JUDGED * BYTES;

/** How common each byte is, as a share of all; they sum to 1. */
const CHANCE = chances();

function chances(): Float64Array {
  const raw = Float64Array.from(SURPRISE, (bits) => 2 ** -bits);
  const sum = raw.reduce((total, chance) => total + chance, 0);
  return raw.map((chance) => chance / sum);
}

/** Whether judging by this window leaves a pattern out of most texts. */
export function isUsefulWindow(window: readonly ByteSet[]): boolean {
  let chance = 1;
  for (const set of window.slice(0, JUDGED)) {
    let share = 0;
    for (let byte = 0; byte < BYTES; byte++) if (set[byte] === 1) share += CHANCE[byte]!;
    chance *= share;
  }
  return chance <= USEFUL_CHANCE_MAX;
}

let scratch = Buffer.alloc(SCRATCH_BYTES);

export class WindowScan {
  /** For each group of patterns: JUDGED tables of 256 words. A shorter window lets anything pass after its end. */
  private readonly groups: readonly Int32Array[];

  /** A pattern's number is its place. */
  constructor(windows: readonly (readonly ByteSet[])[]) {
    const groups: Int32Array[] = [];
    for (let from = 0; from < windows.length; from += WORD_BITS)
      groups.push(group(windows.slice(from, from + WORD_BITS)));
    this.groups = groups;
  }

  /** Calls `found` with the number of each pattern that could begin in `text`, once each. */
  scan(text: string, found: (number: number) => void): void {
    if (text.length > scratch.length) scratch = Buffer.alloc(2 * text.length);
    const length = scratch.write(text, 0, 'latin1');
    this.groups.forEach((tables, index) => {
      let seen = this.pass(tables, length) | this.lastOnes(tables, length);
      while (seen !== 0) {
        const bit = 31 - Math.clz32(seen & -seen);
        seen &= seen - 1;
        found(index * WORD_BITS + bit);
      }
    });
  }

  private pass(tables: Int32Array, length: number): number {
    const bytes = scratch;
    let seen = 0;
    for (let at = 0; at + JUDGED <= length; at++) {
      const start = tables[bytes[at]!]! & tables[256 + bytes[at + 1]!]! & tables[512 + bytes[at + 2]!]! & ~seen;
      if (start === 0) continue;
      seen |= start & tables[768 + bytes[at + 3]!]! & tables[1024 + bytes[at + 4]!]! & tables[1280 + bytes[at + 5]!]!;
    }
    return seen;
  }

  /** The last places, where only a shorter window fits. */
  private lastOnes(tables: Int32Array, length: number): number {
    let seen = 0;
    for (let at = Math.max(0, length - JUDGED + 1); at < length; at++) {
      // A window longer than what is left cannot fit.
      let start = tables[FITS_AT + length - at]!;
      for (let offset = 0; at + offset < length; offset++) start &= tables[offset * BYTES + scratch[at + offset]!]!;
      seen |= start;
    }
    return seen;
  }
}

function group(windows: readonly (readonly ByteSet[])[]): Int32Array {
  const tables = new Int32Array(FITS_AT + JUDGED);
  windows.forEach((window, bit) => {
    for (let left = window.length; left < JUDGED; left++) tables[FITS_AT + left]! |= 1 << bit;
    for (let offset = 0; offset < JUDGED; offset++) {
      const set = window[offset];
      for (let byte = 0; byte < BYTES; byte++) {
        if (set === undefined || set[byte] === 1) tables[offset * BYTES + byte]! |= 1 << bit;
      }
    }
  });
  return tables;
}
