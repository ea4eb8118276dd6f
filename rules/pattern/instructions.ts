// The instructions of the backtracking matcher: numbers, each with its operands behind it.

/** Instructions; their operands follow them in the program. */
export const OP = {
  match: 0,
  /** set offset. */
  set: 1,
  /** byte. */
  byte: 2,
  /** target. */
  jump: 3,
  /** preferred target, other target, memory slot, and for both targets the offset of the set they begin with (-1 any). */
  split: 4,
  /** number of the assertion. */
  assert: 5,
  /** slot: keeps the position in it. */
  save: 6,
  /** set offset, least, most (-1 none), mode, memory slot, offset of the set that may follow (-1 any): a repeat of one set. */
  run: 7,
  /** case folded or not, how many groups, their numbers. */
  reference: 8,
  /** kind, target after it, least and most looked back; the body follows. */
  look: 9,
  /** target after it; the body follows. */
  atomic: 10,
  /** slot, target: leaves a loop whose turn took no text. */
  leaveIfEmpty: 11,
  /** offset of a table in which the next byte gives the target: of many branches only those that can begin with it. */
  dispatch: 12,
} as const;

export const RUN_GREEDY = 0;
export const RUN_LAZY = 1;
export const RUN_POSSESSIVE = 2;
export const RUN_LENGTH = 7;
export const SPLIT_LENGTH = 6;

const LENGTHS: Readonly<Record<number, number>> = {
  [OP.match]: 1,
  [OP.set]: 2,
  [OP.byte]: 2,
  [OP.jump]: 2,
  [OP.split]: SPLIT_LENGTH,
  [OP.assert]: 2,
  [OP.run]: RUN_LENGTH,
  [OP.look]: 5,
  [OP.atomic]: 2,
  [OP.leaveIfEmpty]: 3,
  [OP.dispatch]: 2,
};

/** How many numbers the instruction at `at` takes. */
export function lengthAt(code: readonly number[], at: number): number {
  const op = code[at]!;
  if (op === OP.reference) return 3 + code[at + 2]!;
  if (op === OP.save) return code[at + 1]! < 0 ? 3 : 2;
  return LENGTHS[op]!;
}
