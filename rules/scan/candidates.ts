// Which patterns are worth running over which texts: one scan of each text for the literals of all patterns. A pattern
// that promises no literal is always worth running.
import type { Pattern } from '../pattern/pattern.js';
import { buildScanTables, LiteralScan } from './literal-scan.js';

const NO_PLACES: readonly number[] = [];

/** The patterns of one kind of text, ready to be asked about texts. */
export class CandidateScan {
  /** Number of each pattern that has literals. */
  private readonly numbers = new Map<Pattern, number>();
  /** For each literal the numbers of its patterns. */
  private readonly owners: (readonly number[])[] = [];
  private readonly scan: LiteralScan;

  constructor(patterns: Iterable<Pattern>) {
    const owners = new Map<string, number[]>();
    for (const pattern of patterns) {
      if (pattern.literals === null || this.numbers.has(pattern)) continue;
      const number = this.numbers.size;
      this.numbers.set(pattern, number);
      for (const literal of new Set(pattern.literals)) {
        const list = owners.get(literal);
        if (list === undefined) owners.set(literal, [number]);
        else list.push(number);
      }
    }
    this.owners = [...owners.values()];
    this.scan = new LiteralScan(buildScanTables([...owners.keys()]));
  }

  /** Scans the texts. */
  candidates(texts: readonly string[]): Candidates {
    const places: (number[] | undefined)[] = new Array<number[] | undefined>(this.numbers.size);
    texts.forEach((text, index) => {
      this.scan.scan(text, (literal) => {
        for (const number of this.owners[literal]!) {
          const list = places[number];
          if (list === undefined) places[number] = [index];
          else if (list[list.length - 1] !== index) list.push(index);
        }
      });
    });
    return new Candidates(this.numbers, places);
  }
}

/** What a scan has found. */
export class Candidates {
  constructor(
    private readonly numbers: ReadonlyMap<Pattern, number>,
    private readonly places: readonly (readonly number[] | undefined)[],
  ) {}

  /** Indexes of the texts in which the pattern may match, ascending; null where every text must be tried. */
  placesOf(pattern: Pattern): readonly number[] | null {
    const number = this.numbers.get(pattern);
    return number === undefined ? null : (this.places[number] ?? NO_PLACES);
  }
}
