// Which patterns are worth running over a text: one scan for all of them. A long text is scanned piece by piece, for those
// whose matches are short, so that no piece is longer than the automata of the scan take.
import { Subject, type Pattern } from '../pattern/pattern.js';
import { CandidateScan } from '../scan/candidates.js';
import type { Steps } from '../steps.js';

/** Characters of a piece. */
const PIECE_LENGTH = 16_384;
/** How much of a piece is in the next, too: any short match with what stands around it, and any literal. */
const OVERLAP = 1_024;
/** Longest match that is surely within one piece, with a byte on either side. */
export const MATCH_MAX_BYTES = OVERLAP - 2;

interface Screened {
  readonly pattern: Pattern;
}

export class Screen<T extends Screened> {
  readonly #scan: CandidateScan;
  /** By the scan's numbers. */
  readonly #scanned: readonly T[];
  /** Those that the scan cannot leave out. */
  readonly #always: readonly T[];
  #isBuilt = false;

  /** `inPieces`: none of them matches more than MATCH_MAX_BYTES. */
  constructor(
    members: readonly T[],
    private readonly inPieces: boolean,
  ) {
    this.#scan = new CandidateScan(members.map(({ pattern }) => pattern));
    const scanned: T[] = [];
    this.#always = members.filter((member) => {
      const index = this.#scan.numberOf(member.pattern);
      if (index !== null) scanned[index] = member;
      return index === null;
    });
    this.#scanned = scanned;
  }

  /** Those that may match. */
  *worthwhile(subject: Subject): Steps<readonly T[]> {
    yield* this.#build();
    const found = new Set<number>();
    for (const piece of this.inPieces ? piecesOf(subject) : [subject]) {
      for (const index of this.#scan.candidates([piece]).found) found.add(index);
      yield;
    }
    return [...Array.from(found, (index) => this.#scanned[index]!), ...this.#always];
  }

  /** What the scan would else build all at once, for the first text. */
  *#build(): Steps<void> {
    if (this.#isBuilt) return;
    for (const build of this.#scan.steps()) {
      build();
      yield;
    }
    this.#isBuilt = true;
  }
}

function piecesOf(subject: Subject): readonly Subject[] {
  const { text } = subject;
  if (text.length <= PIECE_LENGTH) return [subject];
  const pieces: Subject[] = [];
  for (let from = 0; from + OVERLAP < text.length; from += PIECE_LENGTH - OVERLAP)
    pieces.push(new Subject(text.slice(from, from + PIECE_LENGTH)));
  return pieces;
}
