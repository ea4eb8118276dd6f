// Finds the delimiter lines of open multiparts (RFC 2046, 5.1.1): each line that begins with `--` is looked at once, from
// the first on. Says of each of which multipart it is and whether it closes it.
import type { OddityCode } from './oddity.js';
import type { Tokens } from './tokens.js';

/** A delimiter longer than this matches nothing (RFC 2046 §5.1.1 allows 70). */
export const BOUNDARY_BYTES_MAX = 1_000;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;

/** A delimiter line: of which open multipart, and where. */
export interface Delimiter {
  readonly level: number;
  readonly close: boolean;
  readonly lineStart: number;
  readonly next: number;
}

/** How delimiters are read where readers differ. */
export interface DelimiterReading {
  /** Whether a delimiter line may go on after the boundary. */
  readonly delimiter: 'whole' | 'prefix';
  /** Whether a closing delimiter closes, or merely delimits. */
  readonly close: 'honour' | 'ignore';
}

/** The open multiparts of one container of bytes. */
export class Delimiters {
  /** Boundaries of the open multiparts, innermost last, and the level of the innermost that has each. */
  readonly #open: string[] = [];
  readonly #levels = new Map<string, number>();
  /** For each open multipart the level of one around it with the same boundary, -1 for none. */
  readonly #around: number[] = [];
  readonly #bytes: Buffer;
  readonly #lines: Tokens['dashLines'];
  #cursor = 0;
  #stopped = false;

  constructor(
    { bytes, dashLines }: Tokens,
    private readonly reading: DelimiterReading,
    private readonly odd: (code: OddityCode, at: number) => void,
  ) {
    this.#bytes = bytes;
    this.#lines = dashLines;
  }

  isOpen(boundary: string): boolean {
    return this.#levels.has(boundary);
  }

  /** Opens a multipart within the innermost; gives its level. */
  open(boundary: string): number {
    this.#around.push(this.#levels.get(boundary) ?? -1);
    const level = this.#open.push(boundary) - 1;
    this.#levels.set(boundary, level);
    return level;
  }

  /** Closes the innermost. */
  close(): void {
    const boundary = this.#open.pop()!;
    const around = this.#around.pop()!;
    if (around < 0) this.#levels.delete(boundary);
    else this.#levels.set(boundary, around);
  }

  /** From now on there is none. */
  stop(): void {
    this.#stopped = true;
  }

  /** The next delimiter of any open multipart at or after `from`. Each candidate line is looked at once. */
  next(from: number): Delimiter | null {
    const lines = this.#lines;
    if (this.#open.length === 0 || this.#stopped) return null;
    for (; this.#cursor < lines.length; this.#cursor++) {
      const lineStart = lines[this.#cursor] as number;
      if (lineStart < from) continue;
      const delimiter = this.at(lineStart);
      if (delimiter !== null) return delimiter;
    }
    return null;
  }

  /** The delimiter at a line that begins with `--`, or null. Innermost wins, opening before closing. */
  at(lineStart: number): Delimiter | null {
    if (this.#open.length === 0) return null;
    const bytes = this.#bytes;
    const lf = bytes.indexOf(LF, lineStart);
    const next = lf < 0 ? bytes.length : lf + 1;
    if (this.reading.delimiter === 'prefix') return this.#matchPrefix(lineStart, next);
    if (next - lineStart > BOUNDARY_BYTES_MAX * 2) return null;
    let end = next;
    while (end > lineStart + 2 && isWhite(bytes[end - 1])) end--;
    const text = bytes.toString('latin1', lineStart + 2, end);
    const opening = this.#levels.get(text) ?? -1;
    const closing = text.endsWith('--') ? (this.#levels.get(text.slice(0, -2)) ?? -1) : -1;
    if (opening < 0 && closing < 0) {
      const inner = this.#open.at(-1) as string;
      if (inner !== '' && text.startsWith(inner)) this.odd('BOUNDARY_AMBIGUOUS', lineStart);
      return null;
    }
    if (opening >= 0 && closing >= 0) this.odd('BOUNDARY_AMBIGUOUS', lineStart);
    return this.#delimiter(Math.max(opening, closing), closing > opening, lineStart, next);
  }

  #matchPrefix(lineStart: number, next: number): Delimiter | null {
    const text = this.#bytes.toString('latin1', lineStart + 2, Math.min(next, lineStart + 4 + BOUNDARY_BYTES_MAX));
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const boundary = this.#open[level] as string;
      if (boundary !== '' && text.startsWith(boundary))
        return this.#delimiter(level, text.startsWith('--', boundary.length), lineStart, next);
    }
    return null;
  }

  #delimiter(level: number, close: boolean, lineStart: number, next: number): Delimiter {
    return { level, close: close && this.reading.close === 'honour', lineStart, next };
  }
}

function isWhite(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CR || byte === LF;
}
