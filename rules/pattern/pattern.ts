// A pattern ready to run: compiled by RE2, which takes time linear in the text whatever the pattern. It is asked about
// text prepared once and shared by all patterns, and is only asked where its literals occur.
import RE2 from 're2';
import type { PatternSource } from '../definition.js';
import { requiredLiterals } from './literals.js';
import { readPattern } from './read.js';
import { PatternError } from './syntax.js';
import { translate } from './translate.js';

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
  /** Whether any match is possible at all, by literals alone. */
  possibleIn(subject: Subject): boolean;
  test(subject: Subject): boolean;
  /** Non-overlapping matches, at most `countMax`. */
  count(subject: Subject, countMax: number): number;
}

/** Compiles a pattern. Throws PatternError with the reason when it cannot be run. */
export function compilePattern(pattern: PatternSource): Pattern {
  const tree = readPattern(pattern.source, pattern.flags);
  const source = translate(tree);
  const engine = build(source);
  return new CompiledPattern(engine, source, requiredLiterals(tree));
}

function build(source: string): RE2 {
  try {
    return new RE2(source);
  } catch (error) {
    throw new PatternError(`the pattern engine refuses it: ${error instanceof Error ? error.message : String(error)}`);
  }
}

class CompiledPattern implements Pattern {
  /** The same pattern keeping its place, for counting; made when first needed. */
  private counter: RE2 | null = null;

  constructor(
    private readonly engine: RE2,
    private readonly source: string,
    readonly literals: readonly string[] | null,
  ) {}

  possibleIn(subject: Subject): boolean {
    return this.literals === null || this.literals.some((literal) => subject.lower.includes(literal));
  }

  test(subject: Subject): boolean {
    return this.possibleIn(subject) && this.engine.test(subject.bytes);
  }

  count(subject: Subject, countMax: number): number {
    if (!this.possibleIn(subject)) return 0;
    const counter = (this.counter ??= new RE2(this.source, 'g'));
    counter.lastIndex = 0;
    let count = 0;
    while (count < countMax) {
      const match = counter.exec(subject.bytes);
      if (match === null) break;
      count++;
      if (match[0].length === 0) counter.lastIndex++;
    }
    return count;
  }
}
