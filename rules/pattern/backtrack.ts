// Runs a pattern's program over bytes by trying and going back, for what the linear engine cannot: look-around, back
// references, atomic groups. It keeps its own stack (no text can make it overflow), remembers what failed once a search
// grows long, and stops when its steps are used up. It never says "no match" then: the effort says that it gave up.
import { holds } from './assertions.js';
import { Effort } from './effort.js';
import { canRemember, forget, wasTried } from './failures.js';
import { OP, RUN_GREEDY, RUN_LAZY, RUN_LENGTH } from './instructions.js';
import type { Program } from './program.js';
import { nextStart } from './starts.js';
import { LOWER } from './syntax.js';

/** After so many steps, and so many for each byte, a search begins to remember what failed. */
const FORGETFUL_STEPS = 1_000;
const FORGETFUL_STEPS_PER_BYTE = 8;
/** Numbers an entry of the stack takes. */
const ENTRY = 3;
/** Marks an entry as a plain way back; otherwise it says how far a repeat may still go. */
const PLAIN = -1;
/** Where the tables of `dispatch` say what to do at the end of the text. */
const END_OF_TEXT = 256;

let stack = new Int32Array(3 * 4_096);
const NO_EFFORT = new Effort(0, 0);

/** A match: where it begins and ends. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A program ready to search one text after another. */
export class Backtracker {
  private readonly code: Int32Array;
  private readonly sets: Uint8Array;
  private readonly slots: Int32Array;
  private top = 0;
  private steps = 0;
  private from = 0;
  /** An empty match here does not count: the one before ended here, too. */
  private noEmptyAt = -1;
  private remembers = false;
  /** It begins to remember when no more steps than these are left; never, when negative. */
  private memoryAfter = 0;
  private text = '';
  private effort = NO_EFFORT;

  constructor(private readonly program: Program) {
    this.code = program.code;
    this.sets = program.sets;
    this.slots = new Int32Array(program.slots).fill(-1);
  }

  /** Takes the next text, and what its search may spend. */
  begin(text: string, effort: Effort): void {
    this.text = text;
    this.effort = effort;
    this.steps = effort.stepsForOne();
  }

  /** The first match at or after `from`, or null. `emptyAllowed` false: one that takes nothing at `from` does not count. */
  find(from: number, emptyAllowed = true): Span | null {
    this.from = from;
    this.noEmptyAt = emptyAllowed ? -1 : from;
    const { text } = this;
    const last = this.program.anchored ? 0 : text.length;
    this.slots.fill(-1);
    this.remembers = false;
    this.memoryAfter = this.steps - FORGETFUL_STEPS - FORGETFUL_STEPS_PER_BYTE * (text.length - from);
    for (let start = from; start <= last; start++) {
      const next = this.nextStart(start, last);
      this.steps -= (next - start) >> 4;
      if (next > last) break;
      start = next;
      this.top = 0;
      const end = this.run(0, start, -1);
      if (end >= 0) return { start, end };
      if (this.steps <= 0) break;
    }
    return null;
  }

  /** The next place from `start` on where a match may begin; beyond `last` when there is none. */
  private nextStart(start: number, last: number): number {
    const { prefix, starts } = this.program;
    if (last > 0 && prefix !== '') {
      const next = this.text.indexOf(prefix, start);
      return next < 0 ? Math.max(start, last + 1) : next;
    }
    return starts.length > 0 ? nextStart(this.sets, starts, this.text, start, last) : start;
  }

  /** Text of a group after a match, or null when it took no part. */
  group(number: number): string | null {
    const start = this.slots[2 * number]!;
    const end = this.slots[2 * number + 1]!;
    return start < 0 || end < 0 ? null : this.text.slice(start, end);
  }

  /** Gives back what was not used, and lets go of the text. */
  finish(): void {
    this.effort.spent(this.steps);
    this.text = '';
    this.effort = NO_EFFORT;
  }

  /**
   * Runs from `pc` at `pos` to the next `match`; its position, or -1. `mustEnd`: the only position where it may end, or
   * -1 for any. Ways back that it leaves behind are the caller's to drop.
   */
  private run(pc: number, pos: number, mustEnd: number): number {
    const { code, sets, slots, text } = this;
    const length = text.length;
    const base = this.top;
    const outermost = base === 0 && mustEnd < 0;
    for (;;) {
      let alive = true;
      if (--this.steps <= 0) return this.giveUp();
      switch (code[pc]) {
        case OP.byte:
          alive = pos < length && text.charCodeAt(pos) === code[pc + 1];
          pos++;
          pc += 2;
          break;
        case OP.set:
          alive = pos < length && sets[code[pc + 1]! + text.charCodeAt(pos)] === 1;
          pos++;
          pc += 2;
          break;
        case OP.jump:
          pc = code[pc + 1]!;
          break;
        case OP.split: {
          const one = code[pc + 4]!;
          const other = code[pc + 5]!;
          const byte = pos < length ? text.charCodeAt(pos) : -1;
          if (one >= 0 && (byte < 0 || sets[one + byte] === 0)) {
            pc = code[pc + 2]!;
            break;
          }
          if (other < 0 || (byte >= 0 && sets[other + byte] === 1)) {
            if (outermost && this.remembered(code[pc + 3]!, pos)) {
              alive = false;
              break;
            }
            this.push(code[pc + 2]!, pos, PLAIN);
          }
          pc = code[pc + 1]!;
          break;
        }
        case OP.dispatch:
          pc = this.program.tables[code[pc + 1]! + (pos < length ? text.charCodeAt(pos) : END_OF_TEXT)]!;
          alive = pc >= 0;
          break;
        case OP.run: {
          if (outermost && this.remembered(code[pc + 5]!, pos)) {
            alive = false;
            break;
          }
          const end = this.startRun(pc, pos);
          alive = end >= 0;
          pos = end;
          pc += RUN_LENGTH;
          break;
        }
        case OP.assert:
          alive = holds(code[pc + 1]!, text, pos, this.from);
          pc += 2;
          break;
        case OP.save:
          if (code[pc + 1]! >= 0) {
            this.keep(code[pc + 1]!, pos);
            pc += 2;
          } else {
            const slot = -1 - code[pc + 1]!;
            this.keep(slot, slots[code[pc + 2]!]!);
            this.keep(slot + 1, pos);
            pc += 3;
          }
          break;
        case OP.leaveIfEmpty:
          pc = slots[code[pc + 1]!] === pos ? code[pc + 2]! : pc + 3;
          break;
        case OP.reference: {
          pos = this.afterReference(pc, pos);
          alive = pos >= 0;
          pc += 3 + code[pc + 2]!;
          break;
        }
        case OP.look:
          alive = this.look(pc, pos);
          pc = code[pc + 2]!;
          break;
        case OP.atomic: {
          const end = this.inside(pc + 2, pos, -1, true);
          alive = end >= 0;
          pos = end;
          pc = code[pc + 1]!;
          break;
        }
        default:
          if (mustEnd >= 0 ? pos === mustEnd : !outermost || pos !== this.noEmptyAt) return pos;
          alive = false;
      }
      if (alive) continue;
      if (this.steps <= 0) return -1;
      // Back to the last choice.
      for (;;) {
        if (this.top === base) return -1;
        const at = this.top - ENTRY;
        pc = stack[at]!;
        if (pc < 0) {
          slots[-1 - pc] = stack[at + 1]!;
          this.top = at;
          continue;
        }
        pos = stack[at + 1]!;
        if (stack[at + 2] === PLAIN) {
          this.top = at;
          break;
        }
        pos = this.retreat(at, pc);
        if (pos < 0) continue;
        pc += RUN_LENGTH;
        break;
      }
    }
  }

  private giveUp(): number {
    this.effort.giveUp();
    return -1;
  }

  private push(pc: number, pos: number, extra: number): void {
    if (this.top + ENTRY > stack.length) {
      const larger = new Int32Array(stack.length * 2);
      larger.set(stack);
      stack = larger;
    }
    stack[this.top++] = pc;
    stack[this.top++] = pos;
    stack[this.top++] = extra;
  }

  /** Sets a slot, to be set back on the way back. */
  private keep(slot: number, value: number): void {
    this.push(-1 - slot, this.slots[slot]!, 0);
    this.slots[slot] = value;
  }

  /** Enters a repeat of one set: the position after it, or -1 when there are too few. Leaves the ways back. */
  private startRun(pc: number, pos: number): number {
    const { code, sets, text } = this;
    const set = code[pc + 1]!;
    const least = pos + code[pc + 2]!;
    const mode = code[pc + 4]!;
    const length = text.length;
    const most = code[pc + 3]! < 0 ? length : Math.min(length, pos + code[pc + 3]!);
    if (least > length) return -1;
    const stop = mode === RUN_LAZY ? least : most;
    let at = pos;
    while (at < stop && sets[set + text.charCodeAt(at)] === 1) at++;
    this.steps -= (at - pos) >> 3;
    if (at < least) return -1;
    if (mode === RUN_LAZY) {
      if (at < most) this.push(pc, at, most);
      return at;
    }
    if (mode === RUN_GREEDY && at > least) {
      this.push(pc, at + 1, least);
      return this.retreatFirst(pc);
    }
    return at;
  }

  private retreatFirst(pc: number): number {
    return this.retreat(this.top - ENTRY, pc);
  }

  /** The next position of the repeat whose entry stands at `at`, or -1 when it has none left (the entry is dropped). */
  private retreat(at: number, pc: number): number {
    const { code, sets, text } = this;
    let pos = stack[at + 1]!;
    const limit = stack[at + 2]!;
    const follow = code[pc + 6]!;
    const from = pos;
    if (code[pc + 4] === RUN_LAZY) {
      const set = code[pc + 1]!;
      do {
        if (pos >= limit || sets[set + text.charCodeAt(pos)] !== 1) return this.drop(at);
        pos++;
      } while (follow >= 0 && pos < limit && sets[follow + text.charCodeAt(pos)] === 0);
      this.steps -= (pos - from) >> 3;
      stack[at + 1] = pos;
      return pos;
    }
    do pos--;
    while (follow >= 0 && pos > limit && (pos >= text.length || sets[follow + text.charCodeAt(pos)] === 0));
    this.steps -= (from - pos) >> 3;
    if (pos < limit) return this.drop(at);
    if (pos === limit) this.top = at;
    else stack[at + 1] = pos;
    return pos;
  }

  private drop(at: number): number {
    this.top = at;
    return -1;
  }

  /** Runs a bracketed part by itself and drops its ways back, keeping what it captured when `keepSlots`. */
  private inside(pc: number, pos: number, mustEnd: number, keepSlots: boolean): number {
    const base = this.top;
    // An entry of its own below it, so that a run inside never takes itself for the outermost.
    this.push(-1 - (this.slots.length - 1), this.slots[this.slots.length - 1]!, 0);
    const end = this.run(pc, pos, mustEnd);
    if (end < 0 || !keepSlots) {
      this.unwind(base);
      return end;
    }
    // Only the entries that set slots back stay.
    let kept = base;
    for (let at = base; at < this.top; at += ENTRY) {
      if (stack[at]! >= 0) continue;
      stack.copyWithin(kept, at, at + ENTRY);
      kept += ENTRY;
    }
    this.top = kept;
    return end;
  }

  private unwind(base: number): void {
    while (this.top > base) {
      this.top -= ENTRY;
      const pc = stack[this.top]!;
      if (pc < 0) this.slots[-1 - pc] = stack[this.top + 1]!;
    }
  }

  private look(pc: number, pos: number): boolean {
    const kind = this.code[pc + 1]!;
    const negated = (kind & 1) === 1;
    const found = (kind & 2) === 0 ? this.inside(pc + 5, pos, -1, !negated) >= 0 : this.lookBehind(pc, pos, negated);
    return this.steps > 0 && found !== negated;
  }

  private lookBehind(pc: number, pos: number, negated: boolean): boolean {
    const least = this.code[pc + 3]!;
    const most = Math.min(pos, this.code[pc + 4]!);
    for (let back = least; back <= most; back++) {
      if (this.inside(pc + 5, pos - back, pos, !negated) >= 0) return true;
      if (this.steps <= 0) return false;
    }
    return false;
  }

  /** The position after the text that the referenced group has matched, or -1. */
  private afterReference(pc: number, pos: number): number {
    const { code, slots, text } = this;
    const folded = code[pc + 1] === 1;
    for (let index = 0; index < code[pc + 2]!; index++) {
      const slot = 2 * code[pc + 3 + index]!;
      const start = slots[slot]!;
      const end = slots[slot + 1]!;
      if (start < 0 || end < 0) continue;
      if (pos + end - start > text.length) return -1;
      this.steps -= (end - start) >> 3;
      for (let at = start; at < end; at++, pos++) {
        const one = text.charCodeAt(at);
        const other = text.charCodeAt(pos);
        if (one !== other && !(folded && LOWER[one] === LOWER[other])) return -1;
      }
      return pos;
    }
    return -1;
  }

  /** Whether this state was tried before in a search grown long; notes it when not. */
  private remembered(slot: number, pos: number): boolean {
    if (this.steps > this.memoryAfter) return false;
    const positions = this.text.length + 1;
    if (!this.remembers) {
      const { memories, memorable } = this.program;
      if (!memorable || !canRemember(memories, positions)) {
        this.memoryAfter = -1;
        return false;
      }
      forget(memories, positions);
      this.remembers = true;
    }
    return wasTried(slot * positions + pos);
  }
}
