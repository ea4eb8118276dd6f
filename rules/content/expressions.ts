// Many regular expressions tried at once on RE2: linear in the text, whatever expression and text are. Takes patterns an
// administrator wrote, gives which of them match anywhere; one that does not compile is refused with the reason.
import RE2 from 're2';

/** Expressions per set: larger sets outgrow RE2's memory for states and thrash. */
const SET_SIZE = 25;

/** A pattern and the number it is reported by. */
export type Expression = readonly [pattern: string, number: number];

/** `^` and `$` stand for the ends of a line, `.` for anything but a line end, letters for themselves in either case if so set. */
const flagsOf = (caseSensitive: boolean): string => (caseSensitive ? 'um' : 'ium');

/** Why the expression is refused, or null when it compiles. */
export function refusalOf(pattern: string): string | null {
  try {
    new RE2(pattern, flagsOf(false));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The first text that matches, or null. */
export function firstMatch(pattern: string, caseSensitive: boolean, text: string): string | null {
  return new RE2(pattern, flagsOf(caseSensitive)).exec(text)?.[0] ?? null;
}

/** A set of expressions to try at once. Throws for one that does not compile: `refusalOf` tells before. */
export class ExpressionSet {
  readonly #portions: readonly Portion[];

  constructor(expressions: readonly Expression[], caseSensitive: boolean) {
    const portions: Portion[] = [];
    for (let at = 0; at < expressions.length; at += SET_SIZE) {
      portions.push(new Portion(expressions.slice(at, at + SET_SIZE), flagsOf(caseSensitive)));
    }
    this.#portions = portions;
  }

  /** `utf8` is the text; `pace` is called before each portion and may throw. */
  search(utf8: Buffer, found: (number: number) => void, pace: () => void): void {
    for (const portion of this.#portions) {
      pace();
      portion.search(utf8, found);
    }
  }
}

class Portion {
  readonly #set: InstanceType<typeof RE2.Set>;
  /** The same one by one, made when the set runs out of memory for its states. */
  #singles: readonly RE2[] | null = null;

  constructor(
    private readonly expressions: readonly Expression[],
    private readonly flags: string,
  ) {
    this.#set = new RE2.Set(
      expressions.map(([pattern]) => pattern),
      flags,
    );
  }

  search(utf8: Buffer, found: (number: number) => void): void {
    for (const index of this.#indexes(utf8)) found(this.expressions[index]![1]);
  }

  #indexes(utf8: Buffer): readonly number[] {
    if (this.#singles === null) {
      try {
        return this.#set.match(utf8);
      } catch {
        // The set is at the end of its memory on this text: single expressions need less and give the same answer.
        this.#singles = this.expressions.map(([pattern]) => new RE2(pattern, this.flags));
      }
    }
    return this.#singles.flatMap((single, index) => (single.test(utf8) ? [index] : []));
  }
}
