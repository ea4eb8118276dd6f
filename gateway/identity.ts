// Identifiers of log rows and messages of ours: sortable by time, unique over processes.
import { randomBytes } from 'node:crypto';

const TIME_DIGITS = 9;
const RANDOM_BYTES = 6;

/** Nine base-36 digits of the time in ms, then twelve random hex digits. */
export function newId(nowMs: number): string {
  return nowMs.toString(36).padStart(TIME_DIGITS, '0') + randomBytes(RANDOM_BYTES).toString('hex');
}
