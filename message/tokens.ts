// The one pass over the raw bytes: line starts, delimiter-like lines and what the bytes are made of, as offsets. Takes
// bytes, gives tables; interprets nothing, so that every reading (RFC, SpamAssassin's, antivirus') can stand on it.

/** Entries kept in the line table and in the delimiter table (4 bytes each). */
export const LINES_MAX = 4_000_000;
export const DASH_LINES_MAX = 1_000_000;

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
const TABLE_START = 128;

/** What one pass saw. Offsets count from the first byte of `bytes`. */
export interface Tokens {
  readonly bytes: Buffer;
  /** Offset of the first byte of every line (a line ends after LF), at most `LINES_MAX`. */
  readonly lines: Uint32Array;
  /** Offset of every line that begins with `--`: candidates for MIME delimiters, at most `DASH_LINES_MAX`. */
  readonly dashLines: Uint32Array;
  /** True when a table was cut at its limit. */
  readonly cut: boolean;
  readonly crlfCount: number;
  /** LF without CR before it. */
  readonly bareLfCount: number;
  /** CR without LF after it, and where the first one stands (-1: none). */
  readonly bareCrCount: number;
  readonly firstBareCr: number;
  readonly nulCount: number;
  readonly firstNul: number;
  readonly firstHigh: number;
  /** Bytes of the longest line, line end included, and where it starts. */
  readonly longestLine: number;
  readonly longestLineStart: number;
}

/** A growing table of offsets. */
class OffsetTable {
  #entries = new Uint32Array(TABLE_START);
  #length = 0;
  constructor(readonly max: number) {}

  /** False when the table is full. */
  push(offset: number): boolean {
    if (this.#length >= this.max) return false;
    if (this.#length === this.#entries.length) {
      const wider = new Uint32Array(Math.min(this.max, this.#entries.length * 2));
      wider.set(this.#entries);
      this.#entries = wider;
    }
    this.#entries[this.#length++] = offset;
    return true;
  }

  view(): Uint32Array {
    return this.#entries.subarray(0, this.#length);
  }
}

/** Reads every byte once. */
export function tokenise(bytes: Buffer): Tokens {
  const lines = new OffsetTable(LINES_MAX);
  const dashLines = new OffsetTable(DASH_LINES_MAX);
  const length = bytes.length;
  let cut = false;
  let crlfCount = 0;
  let bareLfCount = 0;
  let bareCrCount = 0;
  let firstBareCr = -1;
  let nulCount = 0;
  let firstNul = -1;
  let firstHigh = -1;
  let longestLine = 0;
  let longestLineStart = 0;
  let lineStart = 0;
  while (lineStart < length) {
    if (!lines.push(lineStart)) cut = true;
    if (bytes[lineStart] === DASH && bytes[lineStart + 1] === DASH && !dashLines.push(lineStart)) cut = true;
    let at = lineStart;
    for (; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte > CR) {
        if (byte > 0x7f && firstHigh < 0) firstHigh = at;
        continue;
      }
      if (byte === LF) break;
      if (byte === CR) {
        if (bytes[at + 1] === LF) continue;
        if (bareCrCount++ === 0) firstBareCr = at;
      } else if (byte === 0 && nulCount++ === 0) firstNul = at;
    }
    if (at < length) {
      if (at > lineStart && bytes[at - 1] === CR) crlfCount++;
      else bareLfCount++;
    }
    const next = at + 1;
    if (next - lineStart > longestLine) {
      longestLine = Math.min(next, length) - lineStart;
      longestLineStart = lineStart;
    }
    lineStart = next;
  }
  return {
    bytes,
    lines: lines.view(),
    dashLines: dashLines.view(),
    cut,
    crlfCount,
    bareLfCount,
    bareCrCount,
    firstBareCr,
    nulCount,
    firstNul,
    firstHigh,
    longestLine,
    longestLineStart,
  };
}
