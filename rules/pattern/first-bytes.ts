// What a stretch of a program can begin with: the set of bytes of which one must come next. The compiler asks, so that ways
// that cannot be gone are never tried.
import { OP, lengthAt, RUN_LENGTH } from './instructions.js';
import { BYTES, type ByteSet } from './syntax.js';

/** How many states are looked at to find out. */
const STATES_MAX = 400;
/** How many for all places of one program: a thousand optional parts in a row ask for each other's. */
const STATES_ALL_MAX = 20_000;

/** A program being written: `sets` by their number, `branchesAt` where it parts. */
export interface Draft {
  readonly code: readonly number[];
  readonly sets: readonly ByteSet[];
  readonly branchesAt: ReadonlyMap<number, readonly number[]>;
}

export class FirstBytes {
  private readonly known = new Map<number, ByteSet | null>();
  private left = STATES_ALL_MAX;

  constructor(private readonly draft: Draft) {}

  /** Bytes that what begins at `from` can begin with, or null where it may take nothing (or is too involved to tell). */
  at(from: number): ByteSet | null {
    let found = this.known.get(from);
    if (found === undefined) this.known.set(from, (found = this.find(from)));
    return found;
  }

  private find(from: number): ByteSet | null {
    const set = new Uint8Array(BYTES);
    const seen = new Set<number>();
    const open = [from];
    while (open.length > 0) {
      const at = open.pop()!;
      if (seen.has(at)) continue;
      seen.add(at);
      if (seen.size > STATES_MAX || --this.left < 0) return null;
      const next = this.step(at, set);
      if (next === null) return null;
      open.push(...next);
    }
    return set;
  }

  /** Adds what the instruction takes, or tells where it goes without taking anything; null where nothing is known. */
  private step(at: number, into: ByteSet): readonly number[] | null {
    const { code, sets, branchesAt } = this.draft;
    const [op, a = 0, b = 0] = code.slice(at, at + 3);
    switch (op) {
      case OP.set:
      case OP.run: {
        const set = sets[a / BYTES]!;
        for (let byte = 0; byte < BYTES; byte++) into[byte]! |= set[byte]!;
        return op === OP.run && b === 0 ? [at + RUN_LENGTH] : [];
      }
      case OP.byte:
        into[a] = 1;
        return [];
      case OP.jump:
        return [a];
      case OP.split:
        return [a, b];
      case OP.dispatch:
        return branchesAt.get(at) ?? null;
      case OP.leaveIfEmpty:
        return [at + 3, b];
      case OP.assert:
      case OP.save:
        return [at + lengthAt(code, at)];
      case OP.look:
        return [b];
      case OP.atomic:
        return [at + 2];
      default:
        return null;
    }
  }
}

/**
 * For each byte, and for the end of the text, a number below `count`: the same for those that are in the same of the sets
 * (null holds all).
 */
export function tellApart(sets: readonly (ByteSet | null)[]): { readonly classes: Int32Array; readonly count: number } {
  const classes = new Int32Array(BYTES + 1);
  let count = 1;
  for (const set of sets) {
    if (set === null || count > BYTES) continue;
    const inside = new Int32Array(count).fill(-1);
    const before = count;
    const outside = new Uint8Array(before);
    for (let byte = 0; byte <= BYTES; byte++) if (set[byte] !== 1) outside[classes[byte]!] = 1;
    for (let byte = 0; byte < BYTES; byte++) {
      const own = classes[byte]!;
      if (set[byte] !== 1 || own >= before || outside[own] === 0) continue;
      if (inside[own] === -1) inside[own] = count++;
      classes[byte] = inside[own]!;
    }
  }
  return { classes, count };
}
