// Turns a pattern tree into a small program of numbers for the backtracking matcher: instructions in one array, byte
// sets in another. A counted repeat is written out, so the program is bounded by a limit on its length.
import { ASSERTIONS } from './assertions.js';
import { FirstBytes, tellApart } from './first-bytes.js';
import { lengthAt, OP, RUN_GREEDY, RUN_LAZY, RUN_LENGTH, RUN_POSSESSIVE, SPLIT_LENGTH } from './instructions.js';
import { lengthOf } from './length.js';
import { prefixOf, START_SETS_MAX } from './starts.js';
import { BYTES, PatternError, type ByteSet, type PatternNode, type PatternTree } from './syntax.js';
import { isAnchored, isSingle, referencesIn, singleSet } from './shape.js';
import { windowOf } from './window.js';

/** Longest program, numbers; beyond it the pattern is refused. */
export const PROGRAM_LENGTH_MAX = 400_000;

export interface Program {
  readonly code: Int32Array;
  /** Byte sets one after another, 256 bytes each. */
  readonly sets: Uint8Array;
  /** Tables of `dispatch`: a target for each byte, then one for the end of the text; -1 for none. */
  readonly tables: Int32Array;
  /** Slots for positions: two for each group number (0 unused), then one for each loop that may turn on nothing. */
  readonly slots: number;
  /** Memory slots: places where the same state may be reached again. */
  readonly memories: number;
  /** Whether a state's outcome depends on its place alone, so that what failed once need not be tried again. */
  readonly memorable: boolean;
  /** Offsets of the sets of the bytes that a match begins with; at most START_SETS_MAX. */
  readonly starts: readonly number[];
  /** The text that a match begins with, where it is worth looking for; else ''. */
  readonly prefix: string;
  /** Whether a match can only begin at the start of the text. */
  readonly anchored: boolean;
}

/** Throws PatternError when the program of a pattern would be too long; otherwise it can be compiled at any time. */
export function refuseTooLong(node: PatternNode): void {
  if (lengthOfProgram(node) > PROGRAM_LENGTH_MAX) throw new PatternError('its repeats multiply to too much');
}

/** Numbers that the instructions of a node take, at most. */
function lengthOfProgram(node: PatternNode): number {
  const around = SPLIT_LENGTH + 4;
  switch (node.kind) {
    case 'concat':
      return node.items.reduce((sum, item) => sum + lengthOfProgram(item), 0);
    case 'alternate':
      return node.branches.reduce((sum, branch) => sum + lengthOfProgram(branch) + around, around);
    case 'repeat': {
      if (isSingle(node.item)) return RUN_LENGTH;
      return (lengthOfProgram(node.item) + around) * (node.max === null ? node.min + 1 : Math.max(1, node.max));
    }
    case 'group':
    case 'atomic':
    case 'look':
      return lengthOfProgram(node.item) + around;
    case 'reference':
      return 3 + node.captures.length;
    default:
      return 2;
  }
}

/** Compiles what `refuseTooLong` lets pass. `kept` are the groups whose text is wanted apart from back references. */
export function compileProgram(tree: PatternTree, kept: ReadonlySet<number>): Program {
  return new Compiler(tree, kept).compile();
}

class Compiler {
  readonly code: number[] = [];
  readonly sets: ByteSet[] = [];
  private readonly setOffsets = new Map<string, number>();
  /** The same by the set itself, which is quicker to ask. */
  private readonly offsetOf = new Map<ByteSet, number>();
  private readonly referenced: Set<number>;
  /** Where branches part, and where each begins. */
  private readonly partings: { readonly at: number; readonly branches: readonly number[] }[] = [];
  readonly branchesAt = new Map<number, readonly number[]>();
  private readonly tables: Int32Array[] = [];
  private readonly firsts = new FirstBytes(this);
  private slots: number;
  private memories = 0;
  private memorable = true;

  constructor(
    private readonly tree: PatternTree,
    kept: ReadonlySet<number>,
  ) {
    this.referenced = new Set([...kept, ...referencesIn(tree.node)]);
    this.slots = 2 * (tree.captures + 1);
  }

  compile(): Program {
    this.write(this.tree.node);
    this.emit(OP.match);
    this.fillTables();
    this.fillSets();
    const window = windowOf(this.tree.node);
    const starts = window.slice(0, START_SETS_MAX).map((set) => this.setOffset(set));
    const sets = new Uint8Array(this.sets.length * BYTES);
    this.sets.forEach((set, index) => sets.set(set, index * BYTES));
    return {
      code: Int32Array.from(this.code),
      sets,
      tables: joined(this.tables),
      slots: this.slots,
      memories: this.memories,
      memorable: this.memorable,
      starts,
      prefix: prefixOf(window),
      anchored: isAnchored(this.tree.node),
    };
  }

  private emit(...numbers: number[]): number {
    const at = this.code.length;
    this.code.push(...numbers);
    return at;
  }

  private setOffset(set: ByteSet): number {
    const known = this.offsetOf.get(set);
    if (known !== undefined) return known;
    const key = Buffer.from(set).toString('latin1');
    let offset = this.setOffsets.get(key);
    if (offset === undefined) {
      offset = this.sets.length * BYTES;
      this.sets.push(set);
      this.setOffsets.set(key, offset);
    }
    this.offsetOf.set(set, offset);
    return offset;
  }

  private write(node: PatternNode): void {
    switch (node.kind) {
      case 'set':
        return this.writeSet(node.set);
      case 'assert':
        this.emit(OP.assert, ASSERTIONS.indexOf(node.assertion));
        return;
      case 'concat':
        for (const item of node.items) this.write(item);
        return;
      case 'alternate':
        return this.writeAlternate(node.branches);
      case 'group':
        return this.writeGroup(node.item, node.capture);
      case 'repeat':
        return this.writeRepeat(node);
      case 'atomic':
        return this.writeAtomic(node.item);
      case 'look':
        return this.writeLook(node);
      case 'reference':
        this.memorable = false;
        this.emit(OP.reference, Number(node.insensitive), node.captures.length, ...node.captures);
    }
  }

  private writeSet(set: ByteSet): void {
    const first = set.indexOf(1);
    if (first >= 0 && set.indexOf(1, first + 1) < 0) this.emit(OP.byte, first);
    else this.emit(OP.set, this.setOffset(set));
  }

  private writeAlternate(branches: readonly PatternNode[]): void {
    const at = this.emit(OP.dispatch, 0);
    const starts: number[] = [];
    const ends: number[] = [];
    for (const branch of branches) {
      starts.push(this.code.length);
      this.write(branch);
      ends.push(this.emit(OP.jump, 0));
    }
    for (const end of ends) this.code[end + 1] = this.code.length;
    this.partings.push({ at, branches: starts });
    this.branchesAt.set(at, starts);
  }

  private writeGroup(item: PatternNode, capture: number | null): void {
    if (capture === null || !this.referenced.has(capture)) return this.write(item);
    // The end alone says that the group took part, so the start waits in a slot of its own until then.
    const start = this.slots++;
    this.emit(OP.save, start);
    this.write(item);
    this.emit(OP.save, -1 - 2 * capture, start);
  }

  private writeAtomic(item: PatternNode): void {
    if (item.kind === 'repeat' && isSingle(item.item)) return this.writeRun(item, RUN_POSSESSIVE);
    const at = this.emit(OP.atomic, 0);
    this.write(item);
    this.emit(OP.match);
    this.code[at + 1] = this.code.length;
  }

  private writeLook(node: Extract<PatternNode, { kind: 'look' }>): void {
    const { min, max } = node.behind ? lengthOf(node.item) : { min: 0, max: 0 };
    const at = this.emit(OP.look, (node.behind ? 2 : 0) + Number(node.negated), 0, min, max ?? 0);
    this.write(node.item);
    this.emit(OP.match);
    this.code[at + 2] = this.code.length;
  }

  private writeRepeat(node: Extract<PatternNode, { kind: 'repeat' }>): void {
    if (isSingle(node.item)) return this.writeRun(node, node.lazy ? RUN_LAZY : RUN_GREEDY);
    for (let turn = 0; turn < node.min; turn++) this.write(node.item);
    if (node.max === null) return this.writeLoop(node.item, node.lazy);
    const splits: number[] = [];
    for (let turn = node.min; turn < node.max; turn++) {
      splits.push(this.split(node.lazy));
      this.write(node.item);
    }
    for (const split of splits) this.closeSplit(split, node.lazy);
  }

  private writeRun(node: Extract<PatternNode, { kind: 'repeat' }>, mode: number): void {
    const single = singleSet(node.item)!;
    this.emit(OP.run, this.setOffset(single), node.min, node.max ?? -1, mode, this.memories++, -1);
  }

  private writeLoop(item: PatternNode, lazy: boolean): void {
    const split = this.split(lazy);
    if (lengthOf(item).min > 0) {
      this.write(item);
      this.emit(OP.jump, split);
      this.closeSplit(split, lazy);
      return;
    }
    const slot = this.slots++;
    this.emit(OP.save, slot);
    this.write(item);
    const leave = this.emit(OP.leaveIfEmpty, slot, 0);
    this.emit(OP.jump, split);
    this.closeSplit(split, lazy);
    this.code[leave + 2] = this.code.length;
  }

  /** A choice between what follows it and what comes after, preferring the latter when lazy. */
  private split(lazy: boolean): number {
    const at = this.emit(OP.split, 0, 0, this.memories++, -1, -1);
    this.code[at + (lazy ? 2 : 1)] = this.code.length;
    return at;
  }

  private closeSplit(at: number, lazy: boolean): void {
    this.code[at + (lazy ? 1 : 2)] = this.code.length;
  }

  /** For each parting and each byte, a chain of choices between the branches that can begin with it. */
  private fillTables(): void {
    for (const { at, branches } of this.partings) {
      this.code[at + 1] = this.tables.length * TABLE_LENGTH;
      this.tables.push(this.tableOf(branches));
    }
  }

  private tableOf(branches: readonly number[]): Int32Array {
    const firsts = branches.map((branch) => this.firsts.at(branch));
    const { classes, count } = tellApart(firsts);
    const fitting: (readonly number[])[] = [];
    const chains: number[] = [];
    let made = 0;
    const chainOf = (place: number, those: readonly number[]): number => {
      if (chains[place] === undefined) made++;
      return (chains[place] ??= this.writeChain(those));
    };
    return Int32Array.from(classes, (own, byte) => {
      const fit = (fitting[own] ??= branches.filter(
        (_, index) => firsts[index] === null || firsts[index]![byte] === 1,
      ));
      // Many branches told apart in many ways would take more room than they save time.
      const apart = fit.length * (made + 1) <= CHAINS_LENGTH_MAX && fit.length < branches.length;
      return apart ? chainOf(own, fit) : chainOf(count, branches);
    });
  }

  private writeChain(branches: readonly number[]): number {
    if (branches.length <= 1) return branches[0] ?? -1;
    const at = this.code.length;
    branches.slice(0, -1).forEach((branch, index) => {
      const last = index === branches.length - 2;
      const next = last ? branches[index + 1]! : this.code.length + SPLIT_LENGTH;
      this.emit(OP.split, branch, next, this.memories++, -1, -1);
    });
    return at;
  }

  /** Gives repeats and choices the sets of bytes that may come next, so that most ways are never gone. */
  private fillSets(): void {
    for (let at = 0; at < this.code.length; at += lengthAt(this.code, at)) {
      if (this.code[at] === OP.run) this.fillRun(at);
      if (this.code[at] !== OP.split) continue;
      this.code[at + 4] = this.firstOffset(this.code[at + 1]!);
      this.code[at + 5] = this.firstOffset(this.code[at + 2]!);
    }
  }

  /** A repeat after which none of its own bytes can come has one place to end: ways back into it are never gone. */
  private fillRun(at: number): void {
    const follow = this.firsts.at(at + RUN_LENGTH);
    this.code[at + 6] = follow === null ? -1 : this.setOffset(follow);
    const own = this.sets[this.code[at + 1]! / BYTES]!;
    if (follow !== null && !follow.some((value, byte) => value === 1 && own[byte] === 1))
      this.code[at + 4] = RUN_POSSESSIVE;
  }

  private firstOffset(from: number): number {
    const set = this.firsts.at(from);
    return set === null ? -1 : this.setOffset(set);
  }
}

/** Most choices written out to tell the branches of one parting apart. */
const CHAINS_LENGTH_MAX = 4_000;
/** Of one table: a place for each byte, and one for the end of the text. */
const TABLE_LENGTH = BYTES + 1;

function joined(tables: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(tables.length * TABLE_LENGTH);
  tables.forEach((table, index) => all.set(table, index * TABLE_LENGTH));
  return all;
}
