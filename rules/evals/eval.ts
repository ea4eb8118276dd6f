// What an eval is: a named test in code that rule files may call, with checked arguments and a fixed table. A rule file
// can name one and give it texts; it can bring none of its own.
import type { EvalInput } from '../definition.js';
import type { RuleMail } from '../mail/rule-mail.js';

/** What an eval says: how often it holds (0 = not), and a short evidence that is safe to log. */
export interface EvalResult {
  readonly count: number;
  readonly evidence?: string;
}

/** What an eval may know of the rule that calls it. */
export interface EvalContext {
  /** The rule's name. */
  readonly rule: string;
  /** What kind of rule it is. */
  readonly input: EvalInput;
  /** Its tflags. */
  readonly flags: ReadonlySet<string>;
}

export type EvalFunction = (mail: RuleMail, args: readonly string[], context: EvalContext) => EvalResult;

export interface Eval {
  /** One sentence with what the arguments mean, for the reference. */
  readonly summary: string;
  readonly argsMin: number;
  readonly argsMax: number;
  /** What is wrong with the arguments, or null; asked once, when rules are loaded. */
  readonly checkArgs?: (args: readonly string[]) => string | null;
  readonly run: EvalFunction;
}

export const NO: EvalResult = { count: 0 };
export const YES: EvalResult = { count: 1 };

/** A yes or no. */
export function holds(condition: boolean): EvalResult {
  return condition ? YES : NO;
}

/** Every argument is a number. */
export function numbersOnly(args: readonly string[]): string | null {
  const wrong = args.find((arg) => !/^-?\d{1,9}(?:\.\d{1,9})?$/.test(arg));
  return wrong === undefined ? null : `"${wrong}" is no number`;
}
