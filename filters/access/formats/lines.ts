// What the file formats of rules share: files cut into lines within limits, what an import gives, what an export leaves.
import type { RuleBody, RuleFault, Scope } from '../rule.js';

/** X. */
export const IMPORT_MAX_CHARS = 128 * 1_048_576;
export const LINE_MAX_CHARS = 8_192;
export const LINES_MAX = 1_000_000;
export const PROBLEMS_MAX = 1_000;

/** What a line says that cannot be taken; lines count from 1. */
export interface ImportProblem {
  readonly line: number;
  readonly message: string;
}

export interface Imported {
  readonly rules: readonly { readonly line: number; readonly rule: RuleBody }[];
  /** At most `PROBLEMS_MAX`, in the order of the lines. */
  readonly problems: readonly ImportProblem[];
  /** Problems beyond those. */
  readonly problemsLeft: number;
}

export interface Exported {
  readonly text: string;
  /** Rules that the format cannot say, with why. */
  readonly left: readonly { readonly rule: RuleBody; readonly reason: string }[];
}

/** What foreign formats do not say of their rules. */
export interface ImportDefaults {
  readonly scope: Scope;
  /** Whether allow rules for senders hold only where SPF or DKIM vouches for them. */
  readonly authenticated: boolean;
}

/** Gathers what a reader finds. */
export class ImportGatherer {
  readonly #rules: { line: number; rule: RuleBody }[] = [];
  readonly #problems: ImportProblem[] = [];
  #left = 0;

  rule(line: number, made: { readonly rule: RuleBody } | { readonly fault: RuleFault }): void {
    if ('rule' in made) this.#rules.push({ line, rule: made.rule });
    else this.problem(line, `${made.fault.key}: expected ${made.fault.expected}`);
  }

  problem(line: number, message: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ line, message });
    else this.#left += 1;
  }

  /** Takes back what was gathered and fits. */
  drop(fits: (rule: RuleBody) => boolean): void {
    const kept = this.#rules.filter(({ rule }) => !fits(rule));
    this.#rules.splice(0, this.#rules.length, ...kept);
  }

  done(): Imported {
    return { rules: this.#rules, problems: this.#problems, problemsLeft: this.#left };
  }
}

/** The lines of a text with their numbers; one that is too long is told and left out. */
export function* linesOf(text: string, gatherer: ImportGatherer): Generator<readonly [line: number, text: string]> {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  for (let line = 1; at < text.length; line += 1) {
    if (line > LINES_MAX) return gatherer.problem(line, `only the first ${LINES_MAX} lines are read`);
    const end = text.indexOf('\n', at);
    const stop = end === -1 ? text.length : end;
    if (stop - at > LINE_MAX_CHARS) gatherer.problem(line, `longer than ${LINE_MAX_CHARS} characters`);
    else yield [line, text.slice(at, stop).replace(/\r$/, '')];
    at = stop + 1;
  }
}

/** A word of a file as it may stand in a message: bounded, controls made visible. */
export function quoted(word: string): string {
  const shown = word.slice(0, 80).replace(/[^\x20-\x7e]/g, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);
  return `"${shown}${word.length > 80 ? '…' : ''}"`;
}
