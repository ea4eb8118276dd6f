// Output as JSON lines, for every command that has --json.
import { escapeLine } from '../logs/escape-line.js';

/** One value a line; no character of a mail can steer a terminal or break the line. */
export function writeJsonLines(values: readonly unknown[]): void {
  for (const value of values) process.stdout.write(`${escapeLine(JSON.stringify(value))}\n`);
}
