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

  /** The number of a pattern, as `found` tells it; null where it must be tried on every text. */
  numberOf(pattern: Pattern): number | null {
    return this.numbers.get(pattern) ?? null;
  }

  /** Scans the texts. */
  candidates(texts: readonly string[]): Candidates {
    const candidates = this.begin();
    for (const text of texts) candidates.look(text);
    return candidates;
  }

  /** Begins a scan to which texts are given one by one. */
  begin(): Candidates {
    return new Candidates(this.numbers, this.scanInto);
  }

  private readonly scanInto = (text: string, add: (number: number) => void): void => {
    this.literals.scan(text, (literal) => {
      for (const number of this.owners[literal]!) add(number);
    });
    this.windows.scan(text, (window) => {
      add(this.windowed[window]!);
    });
  };
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
  /** Numbers of the patterns that may match in some text, each once. */
  readonly found: number[] = [];
  private readonly places: (number[] | undefined)[];
  private looked = 0;

  constructor(
    private readonly numbers: ReadonlyMap<Pattern, number>,
    private readonly scan: (text: string, add: (number: number) => void) => void,
  ) {
    this.places = new Array<number[] | undefined>(numbers.size);
  }

  /** Scans the next text. */
  look(text: string): void {
    this.scan(text, this.add);
    this.looked++;
  }

  private readonly add = (number: number): void => {
    const index = this.looked;
    const list = this.places[number];
    if (list === undefined) {
      this.places[number] = [index];
      this.found.push(number);
    } else if (list[list.length - 1] !== index) list.push(index);
  };

  /** Indexes of the texts in which the pattern may match, ascending; null where every text must be tried. */
  placesOf(pattern: Pattern): readonly number[] | null {
    const number = this.numbers.get(pattern);
    return number === undefined ? null : this.placesAt(number);
  }

  /** The same by the pattern's number. */
  placesAt(number: number): readonly number[] {
    return this.places[number] ?? NO_PLACES;
  }
}
