// Reads when a rule is to expire: a time to come, or how long from now.
import { InvalidArgumentError } from 'commander';
import { parseTime } from '../table.js';

/** ms since the epoch. */
export function readExpiry(text: string): number {
  const now = Date.now();
  const read = parseTime(text, now);
  // An age counts from now on here, not back.
  const time = read !== null && /^[0-9]+[mhd]$/.test(text) ? now + (now - read) : read;
  if (time === null || time <= now)
    throw new InvalidArgumentError(
      'Give a time to come: a day (2027-01-31), a time (2027-01-31T12:00Z) or 90m, 12h, 30d.',
    );
  return time;
}
