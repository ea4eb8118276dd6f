// What is wrong with a configuration file, as a value: where, what was found, what was expected, and the nearest right
// name. Takes whatever the file holds and must never let its control characters reach a terminal.

/** One thing wrong. `line` and `column` count from 1; 0 means the file as a whole. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** One line of plain text. */
  readonly message: string;
}

/** At most so many problems are told of one file; a last one says how many more there are. */
export const PROBLEMS_MAX = 50;

/** Longest piece of a file quoted in a message, in characters. */
const QUOTE_MAX = 60;

/** `sysexits.h` EX_CONFIG: something was found in an unconfigured or misconfigured state. */
export const EXIT_CONFIG = 78;

/** A configuration that is refused, with every problem found. `message` is ready for standard error. */
export class ConfigurationError extends Error {
  readonly exitCode = EXIT_CONFIG;

  constructor(readonly problems: readonly Problem[]) {
    super(describeRefusal(problems));
    this.name = 'ConfigurationError';
  }
}

/** A head line and a line for each problem, without a newline at the end. */
export function describeRefusal(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return [`weir: the configuration is refused: ${count}`, ...problems.map((one) => `  ${formatProblem(one)}`)].join(
    '\n',
  );
}

/** `file:line:column: message`, the form that editors and compilers share. */
export function formatProblem(problem: Problem): string {
  const column = problem.column > 0 ? `:${problem.column}` : '';
  const place = problem.line > 0 ? `${problem.file}:${problem.line}${column}` : problem.file;
  return `${place}: ${problem.message}`;
}

/** Text from a file, quoted for a message: shortened, and with everything but printable characters escaped. */
export function quote(text: string): string {
  const short = text.length > QUOTE_MAX ? `${text.slice(0, QUOTE_MAX)}…` : text;
  return `"${short.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, escape)}"`;
}

function escape(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** File by file, in the order of each, cut off at `PROBLEMS_MAX`. */
export function orderProblems(problems: readonly Problem[]): readonly Problem[] {
  const ordered = [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
  const more = ordered.length - PROBLEMS_MAX;
  const last = ordered[PROBLEMS_MAX];
  if (more <= 0 || last === undefined) return ordered;
  return [...ordered.slice(0, PROBLEMS_MAX), { ...last, message: `and at least ${more} more problems from here on` }];
}
