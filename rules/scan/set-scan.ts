// Tells which of many patterns may match a text, by their wider sources for the linear engine: some dozen of them are
// one automaton, which reads the text once. Its states are made as texts ask for them and kept up to a limit; where it
// would take too long or too much memory, all its patterns count as possible. It never says no where one matches.
import RE2 from 're2';

/** Patterns, and characters of their sources, that one automaton takes. */
const PATTERNS_MAX = 12;
const SOURCES_LENGTH_MAX = 12_000;
/** Longest text that is read: on a hostile one each byte may ask for a new state. */
export const SET_TEXT_MAX_BYTES = 32_768;

/** A wider source, and the number by which it is told. */
export interface SetMember {
  readonly source: string;
  readonly number: number;
}

/** One automaton. */
export interface SetPortion {
  /** Builds it, if it is not built yet: some milliseconds. */
  prepare(): void;
  /** Numbers of all its patterns. */
  readonly numbers: readonly number[];
  /** Numbers of the patterns that may match. */
  match(utf8: Buffer): readonly number[];
}

/** Puts patterns of like length together. */
export function portionsOf(members: readonly SetMember[]): readonly SetPortion[] {
  const portions: SetPortion[] = [];
  let open: SetMember[] = [];
  let length = 0;
  for (const member of [...members].sort((a, b) => a.source.length - b.source.length)) {
    if (open.length >= PATTERNS_MAX || (open.length > 0 && length + member.source.length > SOURCES_LENGTH_MAX)) {
      portions.push(new Portion(open));
      open = [];
      length = 0;
    }
    open.push(member);
    length += member.source.length;
  }
  if (open.length > 0) portions.push(new Portion(open));
  return portions;
}

type LinearSet = InstanceType<typeof RE2.Set>;

class Portion implements SetPortion {
  readonly numbers: readonly number[];
  /** Undefined before the first text; null where it cannot be built. */
  private set: LinearSet | null | undefined = undefined;

  constructor(private readonly members: readonly SetMember[]) {
    this.numbers = members.map(({ number }) => number);
  }

  prepare(): void {
    if (this.set === undefined) this.set = build(this.members);
  }

  match(utf8: Buffer): readonly number[] {
    this.prepare();
    if (this.set === undefined || this.set === null || utf8.length > SET_TEXT_MAX_BYTES) return this.numbers;
    let found: readonly number[];
    try {
      found = this.set.match(utf8);
    } catch {
      // Out of memory for states, on this text.
      return this.numbers;
    }
    return found.length === 0 ? found : found.map((index) => this.numbers[index]!);
  }
}

function build(members: readonly SetMember[]): LinearSet | null {
  try {
    return new RE2.Set(
      members.map(({ source }) => source),
      's',
    );
  } catch {
    // More states than it takes before any text: its patterns are always tried.
    return null;
  }
}
