// Patterns that promise literals: one scan of a text finds those whose literals stand in it. Some literals stand nearly
// everywhere (`https://` in links, field names in headers), so where several patterns of one automaton were found, that
// automaton has the last word on them.
import type { Subject } from '../pattern/pattern.js';
import { buildScanTables, LiteralScan } from './literal-scan.js';
import { portionsOf, type SetPortion } from './set-scan.js';

/** So many patterns of an automaton must be found by their literals before it is asked: each would cost a run. */
const CONFIRMED_MIN = 3;

/** A pattern that promises literals. */
export interface LiteralMember {
  readonly number: number;
  readonly literals: readonly string[];
  /** Its wider source, or null where none says more than the literals. */
  readonly screen: string | null;
}

/** How an automaton is asked about a text. */
export type ReadPortion = (portion: SetPortion, utf8: Buffer) => readonly number[];

export class LiteralStage {
  /** For each literal the numbers of its patterns. */
  private readonly owners: readonly (readonly number[])[];
  private readonly literals: LiteralScan;
  private readonly portions: readonly SetPortion[];
  /** For each pattern its place in `portions`, -1 for none. */
  private readonly portionOf: Int32Array;
  /** The text in which each pattern was found last. */
  private readonly foundIn: Float64Array;
  private readonly foundOf: Int32Array;
  private texts = 0;

  /** `size`: one more than the highest number. */
  constructor(members: readonly LiteralMember[], size: number) {
    const owners = new Map<string, number[]>();
    for (const { number, literals } of members) {
      for (const literal of new Set(literals)) {
        const list = owners.get(literal);
        if (list === undefined) owners.set(literal, [number]);
        else list.push(number);
      }
    }
    this.owners = [...owners.values()];
    this.literals = new LiteralScan(buildScanTables([...owners.keys()]));
    this.portions = portionsOf(
      members.flatMap(({ number, screen }) => (screen === null ? [] : [{ number, source: screen }])),
    );
    this.portionOf = new Int32Array(size).fill(-1);
    this.portions.forEach(({ numbers }, place) => {
      for (const number of numbers) this.portionOf[number] = place;
    });
    this.foundIn = new Float64Array(size);
    this.foundOf = new Int32Array(this.portions.length);
  }

  /** Calls `add` with the number of each pattern that may match the text, once each. */
  scan(subject: Subject, read: ReadPortion, add: (number: number) => void): void {
    const found = this.find(subject.text);
    if (found.length < CONFIRMED_MIN) return found.forEach(add);
    this.foundOf.fill(0);
    for (const number of found) if (this.portionOf[number]! >= 0) this.foundOf[this.portionOf[number]!]!++;
    for (const number of found) if (!this.isAsked(this.portionOf[number]!)) add(number);
    this.portions.forEach((portion, place) => {
      if (!this.isAsked(place)) return;
      for (const number of read(portion, subject.bytes)) if (this.foundIn[number] === this.texts) add(number);
    });
  }

  private isAsked(place: number): boolean {
    return place >= 0 && this.foundOf[place]! >= CONFIRMED_MIN;
  }

  /** Numbers of the patterns one of whose literals stands in the text. */
  private find(text: string): readonly number[] {
    const found: number[] = [];
    this.texts++;
    this.literals.scan(text, (literal) => {
      for (const number of this.owners[literal]!) {
        if (this.foundIn[number] === this.texts) continue;
        this.foundIn[number] = this.texts;
        found.push(number);
      }
    });
    return found;
  }
}
