// A pattern ready to run. RE2 runs it, in time linear in the text, where RE2 says what Perl says; the backtracking
// matcher, within a budget of steps, where it would not. Neither is built before it is first needed.
import RE2 from 're2';
import type { PatternSource } from '../definition.js';
import { Backtracker } from './backtrack.js';
import { Effort } from './effort.js';
import { requiredLiterals } from './literals.js';
import { compileProgram, type Program } from './program.js';
import { readPattern } from './read.js';
import type { PatternTree } from './syntax.js';
import { isCountable, isLinear, translate } from './translate.js';

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
  const tree = readPattern(pattern.source, pattern.flags);
  const linear = isLinear(tree.node) ? linearSource(tree) : null;
  const compiled = new CompiledPattern(tree, linear);
  // What is neither linear nor fit for the other engine is refused now, not when mail comes.
  if (linear === null) compiled.prepare();
  return compiled;
}

/** Its RE2 source, or null when RE2 does not take it. */
function linearSource(tree: PatternTree): string | null {
  const source = translate(tree.node);
  try {
    new RE2(source);
    return source;
  } catch {
    // Too large for it (repeats of repeats): the other engine may still take it.
    return null;
  }
}

class CompiledPattern implements Pattern {
  readonly literals: readonly string[] | null;
  readonly names: readonly string[];
  private engine: RE2 | null = null;
  /** The same keeping its place, for counting. */
  private counter: RE2 | null = null;
  private program: Program | null = null;
  private capturing: Program | null = null;
  private countable: boolean | null = null;

  constructor(
    private readonly tree: PatternTree,
    private readonly linear: string | null,
  ) {
    this.literals = requiredLiterals(tree.node);
    this.names = [...tree.names.keys()];
  }

  /** Builds what will run. Throws PatternError. */
  prepare(): Program {
    return (this.program ??= compileProgram(this.tree, new Set()));
  }

  possibleIn(subject: Subject): boolean {
    return this.literals === null || this.literals.some((literal) => subject.lower.includes(literal));
  }

  test(subject: Subject, effort = new Effort()): boolean {
    if (this.linear === null) return this.tried(subject, 1, effort) > 0;
    return (this.engine ??= new RE2(this.linear)).test(subject.bytes);
  }

  count(subject: Subject, countMax: number, effort = new Effort()): number {
    if (countMax <= 1) return countMax === 1 ? Number(this.test(subject, effort)) : 0;
    this.countable ??= this.linear !== null && isCountable(this.tree.node);
    return this.countable ? this.counted(subject, countMax) : this.tried(subject, countMax, effort);
  }

  captures(subject: Subject, countMax: number, effort = new Effort()): ReadonlyMap<string, readonly string[]> {
    const numbers = [...this.tree.names.values()].flat();
    this.capturing ??= compileProgram(this.tree, new Set(numbers));
    const taken = new Map<string, Set<string>>();
    searchAll(new Backtracker(this.capturing, subject.text, effort), countMax, (search) => {
      for (const [name, groups] of this.tree.names) {
        for (const group of groups) {
          const text = search.group(group);
          if (text) taken.set(name, (taken.get(name) ?? new Set()).add(text));
        }
      }
    });
    return new Map([...taken].map(([name, texts]) => [name, [...texts]]));
  }

  private counted(subject: Subject, countMax: number): number {
    const counter = (this.counter ??= new RE2(this.linear!, 'g'));
    counter.lastIndex = 0;
    let count = 0;
    while (count < countMax && counter.test(subject.bytes)) count++;
    return count;
  }

  private tried(subject: Subject, countMax: number, effort: Effort): number {
    return searchAll(new Backtracker(this.prepare(), subject.text, effort), countMax);
  }
}

/** Goes through the matches that do not overlap, at most `countMax`; gives their number. */
function searchAll(search: Backtracker, countMax: number, onMatch?: (search: Backtracker) => void): number {
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
