// Sets of characters as runs of code points: what is in them and what is not.

/** First and last code point of a run. */
export type Run = readonly [from: number, to: number];
/** Characters as runs, ascending, none touching the next. */
export type Characters = readonly Run[];

export const CODE_POINT_MAX = 0x10_ffff;
/** The same in order, with runs that touch made one. */
export function charactersOf(runs: Iterable<Run>): Characters {
  const ordered = [...runs].sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [from, to] of ordered) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** All characters that are not in it. */
export function othersThan(characters: Characters): Characters {
  const others: Run[] = [];
  let next = 0;
  for (const [from, to] of characters) {
    if (from > next) others.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= CODE_POINT_MAX) others.push([next, CODE_POINT_MAX]);
  return others;
}
