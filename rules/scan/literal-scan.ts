// Finds which of many literals occur in a text, in one pass over its bytes whatever their number. Each literal is known
// by its rarest four bytes (or three); those found by a bit map and a small hash table, then the whole literal compared.
// Case is folded. The tables are plain typed arrays, so that they can be kept on disk.
import { LOWER } from '../pattern/syntax.js';
import { rarestWindow } from './rarity.js';

/** A literal must have this many bytes. */
export const LITERAL_LENGTH_MIN = 3;
/** Bytes of a key, and of the key of the shortest literals. */
export const KEY_LENGTH = 4;
const SHORT = 3;
/** Bits of the maps for each key in them: most bytes of a text then end at a bit that is not set. */
const BITS_PER_KEY = 64;
const HASH_BITS_MIN = 8;
const HASH_BITS_MAX = 20;
/** Spreads keys: the golden ratio of 32 bits. */
const SPREAD = 0x9e3779b1 | 0;
/** Room to read texts into at first; grows. */
const SCRATCH_BYTES = 65_536;

/** One hash table: keys, and for each key the first literal that has it. */
export interface KeyTable {
  readonly shift: number;
  /** Bit map over the hashes of all keys. */
  readonly bits: Int32Array;
  /** Open addressing; `heads` is 0 where a slot is free, else the literal's number plus 1. */
  readonly keys: Int32Array;
  readonly heads: Int32Array;
}

/** Everything the scan needs, in a form that can be written to disk as it is. */
export interface ScanTables {
  readonly long: KeyTable | null;
  readonly short: KeyTable | null;
  /** All literals, folded, one after another. */
  readonly bytes: Uint8Array;
  /** Where each literal begins in `bytes`, and one past the last. */
  readonly starts: Int32Array;
  /** How far in a literal its key ends. */
  readonly keyEnds: Int32Array;
  /** The next literal with the same key, plus 1; 0 for none. */
  readonly next: Int32Array;
}

/** Tables for literals (latin1, at least LITERAL_LENGTH_MIN bytes, each given once); a literal's number is its place. */
export function buildScanTables(literals: readonly string[]): ScanTables {
  const starts = new Int32Array(literals.length + 1);
  literals.forEach((literal, index) => (starts[index + 1] = starts[index]! + literal.length));
  const bytes = Uint8Array.from(Buffer.from(literals.join(''), 'latin1'), (byte) => LOWER[byte]!);
  const keyEnds = new Int32Array(literals.length);
  const next = new Int32Array(literals.length);
  const long = new Map<number, number>();
  const short = new Map<number, number>();
  literals.forEach((literal, index) => {
    const width = literal.length >= KEY_LENGTH ? KEY_LENGTH : SHORT;
    const own = bytes.subarray(starts[index], starts[index + 1]);
    const at = rarestWindow(own, width);
    keyEnds[index] = at + width - 1;
    let key = 0;
    for (let byte = at; byte < at + width; byte++) key = (key << 8) | own[byte]!;
    const table = width === KEY_LENGTH ? long : short;
    next[index] = table.get(key) ?? 0;
    table.set(key, index + 1);
  });
  return { long: keyTable(long), short: keyTable(short), bytes, starts, keyEnds, next };
}

function keyTable(entries: ReadonlyMap<number, number>): KeyTable | null {
  if (entries.size === 0) return null;
  const wanted = Math.ceil(Math.log2(entries.size * BITS_PER_KEY));
  const hashBits = Math.min(HASH_BITS_MAX, Math.max(HASH_BITS_MIN, wanted));
  const shift = 32 - hashBits;
  const bits = new Int32Array(1 << (hashBits - 5));
  const size = 1 << Math.ceil(Math.log2(entries.size * 2 + 1));
  const keys = new Int32Array(size);
  const heads = new Int32Array(size);
  for (const [key, head] of entries) {
    const hash = Math.imul(key, SPREAD) >>> shift;
    bits[hash >>> 5]! |= 1 << (hash & 31);
    let slot = (Math.imul(key, SPREAD) >>> 7) & (size - 1);
    while (heads[slot] !== 0) slot = (slot + 1) & (size - 1);
    keys[slot] = key;
    heads[slot] = head;
  }
  return { shift, bits, keys, heads };
}

let scratch = Buffer.alloc(SCRATCH_BYTES);

/** A scan ready to run. */
export class LiteralScan {
  /** The scan in which each literal was found last. */
  private readonly foundIn: Uint32Array;
  private scans = 0;

  constructor(private readonly tables: ScanTables) {
    this.foundIn = new Uint32Array(tables.next.length);
  }

  /** Calls `found` with the number of each literal in `text`, once each. */
  scan(text: string, found: (literal: number) => void): void {
    if (text.length > scratch.length) scratch = Buffer.alloc(text.length * 2);
    const length = scratch.write(text, 0, 'latin1');
    if (++this.scans > 0xffff_ffff) {
      this.foundIn.fill(0);
      this.scans = 1;
    }
    const { long, short } = this.tables;
    if (long !== null) this.pass(long, -1, length, found);
    if (short !== null) this.pass(short, 0xff_ffff, length, found);
  }

  private pass(table: KeyTable, mask: number, length: number, found: (literal: number) => void): void {
    const { shift, bits } = table;
    const bytes = scratch;
    let key = 0;
    for (let at = 0; at < length; at++) {
      key = (key << 8) | LOWER[bytes[at]!]!;
      const hash = Math.imul(key & mask, SPREAD) >>> shift;
      if (((bits[hash >>> 5]! >>> (hash & 31)) & 1) !== 0) this.look(table, key & mask, at, length, found);
    }
  }

  private look(table: KeyTable, key: number, at: number, length: number, found: (literal: number) => void): void {
    const { keys, heads } = table;
    const last = keys.length - 1;
    let slot = (Math.imul(key, SPREAD) >>> 7) & last;
    while (heads[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & last;
    for (let entry = heads[slot]!; entry !== 0; entry = this.tables.next[entry - 1]!) {
      const literal = entry - 1;
      if (this.foundIn[literal] === this.scans || !this.stands(literal, at, length)) continue;
      this.foundIn[literal] = this.scans;
      found(literal);
    }
  }

  /** Whether the whole literal stands there, its key ending at `at`. */
  private stands(literal: number, at: number, length: number): boolean {
    const { starts, bytes, keyEnds } = this.tables;
    const from = starts[literal]!;
    const size = starts[literal + 1]! - from;
    const begin = at - keyEnds[literal]!;
    if (begin < 0 || begin + size > length) return false;
    for (let index = 0; index < size; index++) {
      if (LOWER[scratch[begin + index]!] !== bytes[from + index]) return false;
    }
    return true;
  }
}
