// One pattern over the texts of a message, counted as its rule counts. It can stop between two texts and go on later.
import type { Effort } from './pattern/effort.js';
import type { Pattern, Subject } from './pattern/pattern.js';

/** What a text counts, in bytes, towards the next look at the clock, beside its length. */
const TEXT_BYTES = 512;
/** Bytes tried between two looks at the clock. */
const BYTES_PER_LOOK = 65_536;

/** What is searched, and for how much. */
export interface SearchOrder {
  readonly pattern: Pattern;
  readonly texts: readonly Subject[];
  /** Indexes of the texts to try; null for all. */
  readonly places: readonly number[] | null;
  /** Whether the first text is left out. */
  readonly skipsFirst: boolean;
  readonly countMax: number;
}

export class TextSearch {
  count = 0;
  /** The first text that matched. */
  first: Subject | null = null;
  private at = 0;
  private room = BYTES_PER_LOOK;

  constructor(
    private readonly order: SearchOrder,
    private readonly effort: Effort,
    private readonly onMatch: (pattern: Pattern, subject: Subject) => void,
  ) {}

  /** Goes on until all is searched: true; or until `isDue` says, which is asked now and then, that it is time to stop. */
  advance(isDue: () => boolean): boolean {
    const { pattern, texts, places, skipsFirst, countMax } = this.order;
    const end = (places ?? texts).length;
    while (this.at < end && this.count < countMax) {
      const index = places === null ? this.at : places[this.at]!;
      this.at++;
      if (index === 0 && skipsFirst) continue;
      const subject = texts[index]!;
      const found = countIn(pattern, subject, countMax - this.count, this.effort);
      if (found > 0) {
        this.count += found;
        this.first ??= subject;
        this.onMatch(pattern, subject);
      }
      this.room -= subject.text.length + TEXT_BYTES;
      if (this.room > 0) continue;
      this.room = BYTES_PER_LOOK;
      if (isDue()) return this.at >= end;
    }
    return true;
  }
}

/** Matches of the pattern in one text, at most `countMax`. */
export function countIn(pattern: Pattern, subject: Subject, countMax: number, effort: Effort): number {
  return countMax === 1 ? Number(pattern.test(subject, effort)) : pattern.count(subject, countMax, effort);
}
