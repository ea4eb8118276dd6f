// Finds, among very many patterns with `*`, those that match a text: plain ones and those cut at `@` or `.` by look-up,
// all others by a rare piece of their own, so that few are ever tried. Takes canonical patterns and texts; no expression.

/** Lengths of the pieces by which patterns are found, longest first. */
const GRAM_CHARS = [5, 3, 1] as const;

interface Entry<T> {
  readonly pieces: readonly string[];
  readonly pattern: string;
  readonly item: T;
}

/** Patterns and what each stands for. The same pattern may be put several times with different items. */
export class PatternIndex<T> {
  readonly #exact = new Map<string, T[]>();
  /** `*@example.org`, `*.example.org`: by what follows the star. */
  readonly #tails = new Map<string, T[]>();
  /** `bounce@*`: by what stands before the star. */
  readonly #heads = new Map<string, T[]>();
  readonly #all: T[] = [];
  readonly #grams = new Map<string, Entry<T>[]>();
  /** Entries by length of the piece that finds them. */
  readonly #gramCounts = new Map<number, number>();

  put(pattern: string, item: T): void {
    const place = this.#placeOf(pattern);
    if (place !== null) addTo(place.map, place.key, item);
    else if (pattern === '*') this.#all.push(item);
    else this.#putGram({ pieces: pattern.split('*'), pattern, item });
  }

  remove(pattern: string, item: T): void {
    const place = this.#placeOf(pattern);
    if (place !== null) removeFrom(place.map, place.key, (one) => one === item);
    else if (pattern === '*') this.#all.splice(0, this.#all.length, ...this.#all.filter((one) => one !== item));
    else this.#removeGram(pattern, item);
  }

  /** Every item whose pattern matches the whole text. */
  match(text: string): readonly T[] {
    const found: T[] = [...this.#all];
    const take = (items: readonly T[] | undefined): void => {
      if (items !== undefined) found.push(...items);
    };
    take(this.#exact.get(text));
    if (this.#tails.size > 0 || this.#heads.size > 0) this.#matchEnds(text, take);
    if (this.#grams.size > 0) this.#matchGrams(text, found);
    return found;
  }

  #placeOf(pattern: string): { readonly map: Map<string, T[]>; readonly key: string } | null {
    const star = pattern.indexOf('*');
    if (star === -1) return { map: this.#exact, key: pattern };
    if (star !== pattern.lastIndexOf('*')) return null;
    if (star === 0 && isCut(pattern[1])) return { map: this.#tails, key: pattern.slice(1) };
    if (star === pattern.length - 1 && pattern[star - 1] === '@')
      return { map: this.#heads, key: pattern.slice(0, -1) };
    return null;
  }

  #matchEnds(text: string, take: (items: readonly T[] | undefined) => void): void {
    for (let at = 0; at < text.length; at += 1) {
      const character = text[at];
      if (!isCut(character)) continue;
      take(this.#tails.get(text.slice(at)));
      if (character === '@') take(this.#heads.get(text.slice(0, at + 1)));
    }
  }

  /** Under the piece that fewest others share. */
  #putGram(entry: Entry<T>): void {
    const size = GRAM_CHARS.find((chars) => entry.pieces.some((piece) => piece.length >= chars)) ?? 1;
    let best = '';
    let load = Infinity;
    for (const gram of gramsOf(entry.pieces, size)) {
      const count = this.#grams.get(gram)?.length ?? 0;
      if (count < load) [best, load] = [gram, count];
    }
    addTo(this.#grams, best, entry);
    this.#gramCounts.set(size, (this.#gramCounts.get(size) ?? 0) + 1);
  }

  #removeGram(pattern: string, item: T): void {
    const isIt = (entry: Entry<T>): boolean => entry.pattern === pattern && entry.item === item;
    const pieces = pattern.split('*');
    for (const size of GRAM_CHARS) {
      for (const gram of gramsOf(pieces, size)) {
        if (!removeFrom(this.#grams, gram, isIt)) continue;
        this.#gramCounts.set(size, (this.#gramCounts.get(size) ?? 1) - 1);
        return;
      }
    }
  }

  #matchGrams(text: string, found: T[]): void {
    const tried = new Set<readonly Entry<T>[]>();
    for (const size of GRAM_CHARS) {
      if ((this.#gramCounts.get(size) ?? 0) === 0) continue;
      for (let at = 0; at + size <= text.length; at += 1) {
        const entries = this.#grams.get(text.slice(at, at + size));
        if (entries === undefined || tried.has(entries)) continue;
        tried.add(entries);
        for (const { pieces, item } of entries) if (matchesPieces(pieces, text)) found.push(item);
      }
    }
  }
}

/** Whether the pieces between the stars stand in the text in order, the first at its start and the last at its end. */
export function matchesPieces(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return first === text;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (let index = 1; index < pieces.length - 1; index += 1) {
    const piece = pieces[index] ?? '';
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

const isCut = (character: string | undefined): boolean => character === '@' || character === '.';

function* gramsOf(pieces: readonly string[], size: number): Generator<string> {
  for (const piece of pieces) for (let at = 0; at + size <= piece.length; at += 1) yield piece.slice(at, at + size);
}

function addTo<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

function removeFrom<V>(map: Map<string, V[]>, key: string, isIt: (value: V) => boolean): boolean {
  const values = map.get(key);
  const at = values?.findIndex(isIt) ?? -1;
  if (values === undefined || at === -1) return false;
  values.splice(at, 1);
  if (values.length === 0) map.delete(key);
  return true;
}
