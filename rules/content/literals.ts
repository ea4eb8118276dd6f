// Many words looked for in one pass (Aho and Corasick, 1975), over UTF-16 code units. Time is linear in the text whatever
// text and words are; memory is bounded by tables of a fixed size, of which there are as many as the words need.

/** Most entries of one table (states times different characters), four bytes each. */
const ENTRIES_MAX = 4_000_000;
const CODE_UNITS = 65_536;

/** A word and the number it is reported by. Words are not empty. */
export type Literal = readonly [word: string, number: number];

/** A set of words to look for at once. */
export class LiteralSet {
  readonly #tables: readonly Table[];

  constructor(literals: readonly Literal[]) {
    this.#tables = portions(literals).map((portion) => new Table(portion));
  }

  /** Calls `found` with the number of each word that occurs, once for each occurrence that is new. */
  search(text: string, found: (number: number) => void): void {
    for (const table of this.#tables) table.search(text, found);
  }
}

/** Cuts the list so that each portion fits a table. */
function portions(literals: readonly Literal[]): readonly (readonly Literal[])[] {
  const all: Literal[][] = [];
  let units = new Set<string>();
  let states = 1;
  for (const literal of literals) {
    const [word] = literal;
    for (const unit of word.split('')) units.add(unit);
    states += word.length;
    const portion = all.at(-1);
    if (portion !== undefined && states * (units.size + 1) <= ENTRIES_MAX) {
      portion.push(literal);
      continue;
    }
    all.push([literal]);
    units = new Set(word.split(''));
    states = word.length + 1;
  }
  return all;
}

class Table {
  /** Code unit → column; 0 for every unit that is in no word. */
  readonly #columns = new Uint16Array(CODE_UNITS);
  readonly #width: number;
  /** Next state by state and column. */
  readonly #next: Int32Array;
  /** Numbers of the words that end in a state. */
  readonly #ends: (number[] | undefined)[] = [];
  /** Per state the longest proper suffix in which a word ends, or 0. */
  readonly #shorter: Int32Array;
  /** Whether a word ends in a state or in one of its suffixes. */
  readonly #hit: Uint8Array;
  /** Per state the search that last told it: what hangs on it was told then as well. */
  readonly #toldIn: Uint32Array;
  #searches = 0;

  constructor(literals: readonly Literal[]) {
    let width = 1;
    let statesMax = 1;
    for (const [word] of literals) {
      statesMax += word.length;
      for (let at = 0; at < word.length; at++) {
        const unit = word.charCodeAt(at);
        if (this.#columns[unit] === 0) this.#columns[unit] = width++;
      }
    }
    this.#width = width;
    this.#next = new Int32Array(statesMax * width);
    const states = this.#plant(literals);
    this.#shorter = new Int32Array(states);
    this.#hit = new Uint8Array(states);
    this.#toldIn = new Uint32Array(states);
    this.#link(states);
  }

  search(text: string, found: (number: number) => void): void {
    const columns = this.#columns;
    const next = this.#next;
    const width = this.#width;
    const hit = this.#hit;
    const search = ++this.#searches;
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      state = next[state * width + columns[text.charCodeAt(at)]!]!;
      if (hit[state] === 1 && this.#toldIn[state] !== search) this.#tell(state, search, found);
    }
  }

  #tell(from: number, search: number, found: (number: number) => void): void {
    for (let state = from; state !== 0 && this.#toldIn[state] !== search; state = this.#shorter[state]!) {
      this.#toldIn[state] = search;
      for (const number of this.#ends[state] ?? []) found(number);
    }
  }

  /** The tree of the words; gives the count of its states. */
  #plant(literals: readonly Literal[]): number {
    let states = 1;
    for (const [word, number] of literals) {
      let state = 0;
      for (let at = 0; at < word.length; at++) {
        const entry = state * this.#width + this.#columns[word.charCodeAt(at)]!;
        if (this.#next[entry] === 0) this.#next[entry] = states++;
        state = this.#next[entry]!;
      }
      (this.#ends[state] ??= []).push(number);
    }
    return states;
  }

  /** Completes the tree level by level: where a word cannot go on, its longest suffix that can does. */
  #link(states: number): void {
    const width = this.#width;
    const suffix = new Int32Array(states);
    const queue = [0];
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!;
      const back = suffix[state]!;
      if (state !== 0) {
        this.#shorter[state] = this.#ends[back] === undefined ? this.#shorter[back]! : back;
        this.#hit[state] = this.#ends[state] !== undefined || this.#shorter[state] !== 0 ? 1 : 0;
      }
      for (let column = 0; column < width; column++) {
        const child = this.#next[state * width + column]!;
        const fallback = state === 0 ? 0 : this.#next[back * width + column]!;
        if (child === 0) this.#next[state * width + column] = fallback;
        else {
          suffix[child] = fallback;
          queue.push(child);
        }
      }
    }
  }
}
