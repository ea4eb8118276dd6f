// A pattern ready to run. RE2 runs it, in time linear in the text, where RE2 says what Perl says; the backtracking
// matcher, within a budget of steps, where it would not. Neither is built before it is first needed.
import RE2 from 're2';
import type { PatternSource } from '../definition.js';
import { Backtracker } from './backtrack.js';
import { Effort } from './effort.js';
import { describePattern, type PatternFacts } from './facts.js';
import { compileProgram } from './program.js';
import { readPattern } from './read.js';
import type { PatternTree } from './syntax.js';

/** RE2 sources shorter than this are given to RE2 at once; for longer ones it is slow, having too many states to keep. */
const LINEAR_FIRST_MAX = 5_000;
/** What the other engine may spend on those before RE2 is asked after all: steps, and steps for each byte. */
const FIRST_STEPS = 2_000;
const FIRST_STEPS_PER_BYTE = 50;

/** One text that patterns run over: latin1, one character per byte; its other forms are worked out once, when needed. */
export class Subject {
  private lowered: string | null = null;
  private encoded: Buffer | null = null;

  constructor(readonly text: string) {}

  /** In lower case, for literals. */
  get lower(): string {
    return (this.lowered ??= this.text.toLowerCase());
  }

  /** Each character as UTF-8: what the engine reads without copying. */
  get bytes(): Buffer {
    return (this.encoded ??= Buffer.from(this.text, 'utf8'));
  }
}

export interface Pattern {
  /** All that is known of it, as plain data: `patternOf` makes the same pattern of it. */
  readonly facts: PatternFacts;
  /** Lower-case literals, one of which every match contains; null where any text must be tried. */
  readonly literals: readonly string[] | null;
  /** Names of its named groups. */
  readonly names: readonly string[];
  /** Whether any match is possible at all, by literals alone. */
  possibleIn(subject: Subject): boolean;
  /** Whether it matches. False, and `effort.givenUp` grows, when the steps are used up before that is known. */
  test(subject: Subject, effort?: Effort): boolean;
  /** Non-overlapping matches, at most `countMax`; those found so far when the steps are used up. */
  count(subject: Subject, countMax: number, effort?: Effort): number;
  /** What the named groups took in the first `countMax` matches: each text once and none empty; nothing where none matches. */
  captures(subject: Subject, countMax: number, effort?: Effort): ReadonlyMap<string, readonly string[]>;
}

/** Compiles a pattern. Throws PatternError with the reason when it cannot be run. */
export function compilePattern(pattern: PatternSource): Pattern {
  return patternOf(describePattern(pattern));
}

/** The pattern of which these facts are known. Reads and builds nothing yet. */
export function patternOf(facts: PatternFacts): Pattern {
  return new CompiledPattern(facts);
}

const NO_GROUPS: ReadonlySet<number> = new Set();

class CompiledPattern implements Pattern {
  readonly literals: readonly string[] | null;
  readonly names: readonly string[];
  private readTree: PatternTree | null = null;
  /** Undefined when not asked for yet, null where RE2 cannot run it. */
  private engine: RE2 | null | undefined = undefined;
  /** The same keeping its place, for counting. */
  private counter: RE2 | null = null;
  private matcher: Backtracker | null = null;
  private capturing: Backtracker | null = null;

  constructor(readonly facts: PatternFacts) {
    this.literals = facts.literals;
    this.names = facts.names;
  }

  possibleIn(subject: Subject): boolean {
    return this.literals === null || this.literals.some((literal) => subject.lower.includes(literal));
  }

  test(subject: Subject, effort = new Effort()): boolean {
    const engine = this.linearEngine();
    if (engine === null) return this.tried(subject, 1, effort) > 0;
    if (this.facts.linear!.length >= LINEAR_FIRST_MAX) {
      const first = new Effort(FIRST_STEPS + FIRST_STEPS_PER_BYTE * subject.text.length);
      const matched = this.tried(subject, 1, first) > 0;
      if (first.givenUp === 0) return matched;
    }
    return engine.test(subject.bytes);
  }

  count(subject: Subject, countMax: number, effort = new Effort()): number {
    if (countMax <= 1) return countMax === 1 ? Number(this.test(subject, effort)) : 0;
    return this.facts.countable && this.linearEngine() !== null
      ? this.counted(subject, countMax)
      : this.tried(subject, countMax, effort);
  }

  captures(subject: Subject, countMax: number, effort = new Effort()): ReadonlyMap<string, readonly string[]> {
    const tree = this.tree();
    this.capturing ??= new Backtracker(compileProgram(tree, new Set([...tree.names.values()].flat())));
    const taken = new Map<string, Set<string>>();
    searchAll(this.capturing, subject.text, effort, countMax, (search) => {
      for (const [name, groups] of tree.names) {
        for (const group of groups) {
          const text = search.group(group);
          if (text) taken.set(name, (taken.get(name) ?? new Set()).add(text));
        }
      }
    });
    return new Map([...taken].map(([name, texts]) => [name, [...texts]]));
  }

  /** RE2 for this pattern, or null where it would not say what Perl says, or finds it too large. */
  private linearEngine(): RE2 | null {
    if (this.engine === undefined) this.engine = this.facts.linear === null ? null : build(this.facts.linear);
    return this.engine;
  }

  private tree(): PatternTree {
    return (this.readTree ??= readPattern(this.facts.source, this.facts.flags));
  }

  private counted(subject: Subject, countMax: number): number {
    const counter = (this.counter ??= new RE2(this.facts.linear!, 'g'));
    counter.lastIndex = 0;
    let count = 0;
    while (count < countMax && counter.test(subject.bytes)) count++;
    return count;
  }

  private tried(subject: Subject, countMax: number, effort: Effort): number {
    if (effort.exhausted) {
      effort.giveUp();
      return 0;
    }
    this.matcher ??= new Backtracker(compileProgram(this.tree(), NO_GROUPS));
    return searchAll(this.matcher, subject.text, effort, countMax);
  }
}

/** The linear engine, or null where the pattern has more states than it takes: repeats of repeats, most often. */
function build(source: string): RE2 | null {
  try {
    return new RE2(source);
  } catch {
    return null;
  }
}

/** Goes through the matches that do not overlap, at most `countMax`; gives their number. */
function searchAll(
  search: Backtracker,
  text: string,
  effort: Effort,
  countMax: number,
  onMatch?: (search: Backtracker) => void,
): number {
  search.begin(text, effort);
  let count = 0;
  let found = search.find(0);
  while (found !== null) {
    count++;
    onMatch?.(search);
    if (count >= countMax) break;
    found = search.find(found.end, found.end > found.start);
  }
  search.finish();
  return count;
}
