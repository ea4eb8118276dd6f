// Which patterns are worth running over which texts: one scan of each text for the literals of all patterns, and their first bytes. A pattern
// that promises neither a literal nor telling first bytes is always worth running.
import type { Pattern } from '../pattern/pattern.js';
import type { ByteSet } from '../pattern/syntax.js';
import { buildScanTables, LiteralScan } from './literal-scan.js';
import { isUsefulWindow, WindowScan } from './window-scan.js';

const NO_PLACES: readonly number[] = [];

/** The patterns of one kind of text, ready to be asked about texts. */
export class CandidateScan {
  /** Number of each pattern that can be left out of a text. */
  private readonly numbers = new Map<Pattern, number>();
  /** For each literal the numbers of its patterns. */
  private readonly owners: (readonly number[])[];
  private readonly literals: LiteralScan;
  /** For each window the number of its pattern. */
  private readonly windowed: readonly number[];
  private readonly windows: WindowScan;

  constructor(patterns: Iterable<Pattern>) {
    const owners = new Map<string, number[]>();
    const windowed: number[] = [];
    const windows: (readonly ByteSet[])[] = [];
    for (const pattern of new Set(patterns)) {
      const number = this.numbers.size;
      if (pattern.literals !== null) own(owners, pattern.literals, number);
      else if (isUsefulWindow(pattern.window)) {
        windowed.push(number);
        windows.push(pattern.window);
      } else continue;
      this.numbers.set(pattern, number);
    }
    this.owners = [...owners.values()];
    this.literals = new LiteralScan(buildScanTables([...owners.keys()]));
    this.windowed = windowed;
    this.windows = new WindowScan(windows);
  }

  /** Scans the texts. */
  candidates(texts: readonly string[]): Candidates {
    const places = new Array<number[] | undefined>(this.numbers.size);
    texts.forEach((text, index) => {
      const add = (number: number): void => {
        const list = places[number];
        if (list === undefined) places[number] = [index];
        else if (list[list.length - 1] !== index) list.push(index);
      };
      this.literals.scan(text, (literal) => {
        for (const number of this.owners[literal]!) add(number);
      });
      this.windows.scan(text, (window) => {
        add(this.windowed[window]!);
      });
    });
    return new Candidates(this.numbers, places);
  }
}

function own(owners: Map<string, number[]>, literals: readonly string[], number: number): void {
  for (const literal of new Set(literals)) {
    const list = owners.get(literal);
    if (list === undefined) owners.set(literal, [number]);
    else list.push(number);
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
