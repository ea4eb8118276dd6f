// What the commands on the stores share: readers of option values, output as JSON lines, and their exit codes.
import { InvalidArgumentError, type Command } from 'commander';
import { NoStoresError, STORE_EXIT } from './store-access.js';
import { parseTime, visible } from './table.js';

export { writeJsonLines } from './json-lines.js';

const LIMIT_MAX = 1_000;

/** Reads a number of rows. */
export function readLimit(text: string): number {
  if (!/^[0-9]{1,4}$/.test(text) || Number(text) < 1 || Number(text) > LIMIT_MAX)
    throw new InvalidArgumentError(`Give a number from 1 to ${String(LIMIT_MAX)}.`);
  return Number(text);
}

/** Reads a time or an age. */
export function readTime(text: string): number {
  const time = parseTime(text, Date.now());
  if (time === null)
    throw new InvalidArgumentError(
      'Give a day (2026-03-01), a time (2026-03-01T12:00 or …Z) or an age (90m, 12h, 7d).',
    );
  return time;
}

/** Adds to a list option. */
export function readMany(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** The options that are set, without `undefined`, as parameters of a call. */
export function given(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Runs a command's work: its exit code is what `work` gives; a missing store is said in a line. */
export async function exitWith(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof NoStoresError)) throw error;
    process.stderr.write(`weir: ${visible(error.message)}\n`);
    process.exitCode = STORE_EXIT.noStores;
  }
}

/** The lines on exit codes, at the end of a command's help. */
export function exitHelp(nothing: string): string {
  return `\nExit codes: 0 done; 1 ${nothing}; 64 wrong use; 66 no stores yet; 70 something failed; 78 bad configuration.`;
}

/** Adds `--since`, `--until`. */
export function withTimes(command: Command): Command {
  return command
    .option(
      '--since <time>',
      'not before this day, time, or age (2026-03-01, 2026-03-01T12:00Z, 90m, 12h, 7d)',
      readTime,
    )
    .option('--until <time>', 'not after this day, time, or age', readTime);
}
