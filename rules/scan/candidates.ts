// Which patterns are worth running over which texts. Those that promise rare literals are found by one scan for all their
// literals, the others by automata of their wider sources. A pattern that promises nothing is always worth running.
import { Subject, type Pattern } from '../pattern/pattern.js';
import { KEY_LENGTH } from './literal-scan.js';
import { LiteralStage, type LiteralMember } from './literal-stage.js';
import { chanceOfLiterals } from './rarity.js';
import { portionsOf, type SetMember, type SetPortion } from './set-scan.js';

/** Literals whose chance to stand at any place is over this are no promise worth a scan. */
const LITERAL_CHANCE_MAX = 2 ** -20;
/** Texts are put together for the automata, up to so many characters: most of them hold nothing of interest. */
const BATCH_LENGTH_MAX = 8_192;
/** What the automata may take for the texts of one scan, ms, and more for each character; then all their patterns count as possible. */
const SETS_TIME_MAX_MS = 50;
const SETS_TIME_MAX_MS_PER_CHAR = 0.0005;

const NO_PLACES: readonly number[] = [];

/** The patterns of one kind of text, ready to be asked about texts. */
export class CandidateScan {
  /** Number of each pattern that can be left out of a text. */
  private readonly numbers = new Map<Pattern, number>();
  private readonly scans: Scans;

  constructor(patterns: Iterable<Pattern>) {
    const promising: LiteralMember[] = [];
    const members: SetMember[] = [];
    for (const pattern of new Set(patterns)) {
      const number = this.numbers.size;
      const { literals, screen } = pattern.facts;
      if (literals !== null && (screen === null || areRare(literals))) promising.push({ number, literals, screen });
      else if (screen !== null) members.push({ source: screen, number });
      else continue;
      this.numbers.set(pattern, number);
    }
    this.scans = {
      literals: promising.length === 0 ? null : new LiteralStage(promising, this.numbers.size),
      portions: portionsOf(members),
    };
  }

  /** The number of a pattern, as `found` tells it; null where it must be tried on every text. */
  numberOf(pattern: Pattern): number | null {
    return this.numbers.get(pattern) ?? null;
  }

  /** Builds what would else be built when the first text comes. */
  prepare(): void {
    for (const step of this.steps()) step();
  }

  /** The same in steps of some milliseconds each. */
  steps(): readonly (() => void)[] {
    return this.scans.portions.map((portion) => () => portion.prepare());
  }

  /** Scans the texts. */
  candidates(texts: readonly (Subject | string)[]): Candidates {
    const candidates = this.begin();
    for (const text of texts) candidates.look(text);
    return candidates;
  }

  /** Begins a scan to which texts are given one by one. */
  begin(): Candidates {
    return new Candidates(this.numbers, this.scans);
  }
}

/** Whether literals are worth a scan; short ones would need one of their own. */
function areRare(literals: readonly string[]): boolean {
  return literals.every(({ length }) => length >= KEY_LENGTH) && chanceOfLiterals(literals) <= LITERAL_CHANCE_MAX;
}

interface Scans {
  readonly literals: LiteralStage | null;
  readonly portions: readonly SetPortion[];
}

/** What a scan has found. */
export class Candidates {
  private readonly numbersFound: number[] = [];
  private readonly places: (number[] | undefined)[];
  /** Texts that the automata have not read yet, and the index of the first of them. */
  private batch: Subject[] = [];
  private batchLength = 0;
  private batchFrom = 0;
  private index = 0;
  private timeLeftMs = SETS_TIME_MAX_MS;

  constructor(
    private readonly numbers: ReadonlyMap<Pattern, number>,
    private readonly scans: Scans,
  ) {
    this.places = new Array<number[] | undefined>(numbers.size);
  }

  /** Numbers of the patterns that may match in some text, each once. */
  get found(): readonly number[] {
    this.readBatch();
    return this.numbersFound;
  }

  /** Scans the next text. */
  look(text: Subject | string): void {
    const subject = typeof text === 'string' ? new Subject(text) : text;
    const { literals, portions } = this.scans;
    literals?.scan(subject, this.read, (number) => {
      this.add(number, this.index);
    });
    if (portions.length > 0) {
      if (this.batch.length > 0 && this.batchLength + subject.text.length > BATCH_LENGTH_MAX) this.readBatch();
      this.batch.push(subject);
      this.batchLength += subject.text.length;
    }
    this.index++;
  }

  /** Indexes of the texts in which the pattern may match, ascending; null where every text must be tried. */
  placesOf(pattern: Pattern): readonly number[] | null {
    const number = this.numbers.get(pattern);
    return number === undefined ? null : this.placesAt(number);
  }

  /** The same by the pattern's number. */
  placesAt(number: number): readonly number[] {
    this.readBatch();
    return this.places[number] ?? NO_PLACES;
  }

  /** Reads all texts of the batch as one; where something is found, each by itself. */
  private readBatch(): void {
    const { batch, batchFrom } = this;
    if (batch.length === 0) return;
    this.batch = [];
    this.timeLeftMs += SETS_TIME_MAX_MS_PER_CHAR * this.batchLength;
    this.batchLength = 0;
    this.batchFrom = this.index;
    const only = batch.length === 1 ? batch[0]! : null;
    const all = only?.bytes ?? Buffer.from(batch.map(({ text }) => text).join('\n'), 'utf8');
    for (const portion of this.scans.portions) {
      const anywhere = this.read(portion, all);
      if (anywhere.length === 0) continue;
      batch.forEach((subject, offset) => {
        const here = only === null ? this.read(portion, subject.bytes) : anywhere;
        for (const number of here) this.add(number, batchFrom + offset);
      });
    }
  }

  private readonly read = (portion: SetPortion, utf8: Buffer): readonly number[] => {
    if (this.timeLeftMs <= 0) return portion.numbers;
    portion.prepare();
    const from = performance.now();
    const found = portion.match(utf8);
    this.timeLeftMs -= performance.now() - from;
    return found;
  };

  private add(number: number, index: number): void {
    const list = this.places[number];
    if (list === undefined) {
      this.places[number] = [index];
      this.numbersFound.push(number);
    } else if (list[list.length - 1] !== index) list.push(index);
  }
}
