// Evals on dates: how far Date is from when servers received the message, and how long ago that was.
import { readMailDate } from '../mail/mail-date.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, type Eval, type EvalResult } from './eval.js';

const HOUR_S = 3_600;
const YEAR_S = 31_556_952;
/** Received fields whose dates are read. */
const RECEIVED_MAX = 500;

const RECEIVED_DATE = /[ \t\r\f\v].?\d{1,20} [^ \t\r\f\v]{3} \d{1,20} \d{1,20}:\d{1,20}:\d{1,20} [^ \t\r\f\v]+/;

interface MailDates {
  /** Resent-Date or Date, seconds since 1970, or null. */
  readonly header: number | null;
  readonly received: readonly number[];
  /** When a program fetched it from a mailbox. */
  readonly fetched: number | null;
  /** Date less the received time next to it; 0 where either is unknown. */
  readonly difference: number;
}

const KNOWN = new WeakMap<RuleMail, MailDates>();

function datesOf(mail: RuleMail): MailDates {
  let dates = KNOWN.get(mail);
  if (dates === undefined) {
    const header = headerDate(mail);
    const { received, fetched } = receivedDates(mail);
    dates = { header, received, fetched, difference: differenceOf(header, received) };
    KNOWN.set(mail, dates);
  }
  return dates;
}

function headerDate(mail: RuleMail): number | null {
  for (const key of ['resent-date', 'date'])
    for (const field of mail.headers.fields(key)) {
      const time = readMailDate(field.decoded());
      if (time !== null) return time;
    }
  return null;
}

function receivedDates(mail: RuleMail): Pick<MailDates, 'received' | 'fetched'> {
  const lines = mail.headers
    .text('Received')
    .split('\n')
    .filter((line) => /[^ \t\r\f\v]/.test(line))
    .slice(0, RECEIVED_MAX);
  const local: string[] = [];
  if (lines[0] !== undefined && isLocal(lines[0])) local.push(lines.shift()!);
  if (lines[0] !== undefined && /\bby localhost with \w+ \(fetchmail-[\d.]+/.test(lines[0])) local.push(lines.shift()!);
  else if (local.length > 0) lines.unshift(local.shift()!);
  const fetched = timesIn(local).filter((time) => time <= mail.nowMs / 1000);
  return { received: timesIn(lines), fetched: fetched.length === 0 ? null : Math.max(...fetched) };
}

function isLocal(line: string): boolean {
  return (
    /\bfrom (?:localhost[ \t\r\f\v]|(?:[^ ]+ ){1,2}[^ ]*\b127\.0\.0\.1\b)/.test(line) ||
    /qmail \d+ invoked by uid \d+/.test(line)
  );
}

function timesIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const date = RECEIVED_DATE.exec(line);
    const time = date === null ? null : readMailDate(date[0]);
    return time === null ? [] : [time];
  });
}

function differenceOf(header: number | null, received: readonly number[]): number {
  if (header === null || received.length === 0) return 0;
  const differences = received.map((time) => header - time);
  // The oldest server may have written the date itself.
  if (differences.length > 1 && differences.at(-1) === 0) differences.pop();
  return differences.reduce((least, each) => (Math.abs(each) < Math.abs(least) ? each : least));
}

function isWithin(value: number, from: string, to: string, unit: number): boolean {
  return (from === 'undef' || value >= unit * Number(from)) && (to === 'undef' || value < unit * Number(to));
}

function shiftedDate(mail: RuleMail, [from = 'undef', to = 'undef']: readonly string[]): EvalResult {
  return holds(isWithin(datesOf(mail).difference, from, to, HOUR_S));
}

function receivedWithin(mail: RuleMail, [from = 'undef', to = 'undef']: readonly string[]): EvalResult {
  const { header, received, fetched, difference } = datesOf(mail);
  const possible = [
    header,
    received[0] ?? null,
    fetched,
    header !== null && received.length > 0 ? header - difference : null,
  ]
    .filter((time) => time !== null)
    .sort((a, b) => b - a);
  const median = possible[Math.trunc((possible.length - 1) / 2)] ?? 0;
  return holds(isWithin(mail.nowMs / 1000 - median, from, to, YEAR_S / 12));
}

export const HEADER_DATE_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_for_shifted_date',
    {
      summary: 'Date is at least the first and less than the second number of hours after the message was received.',
      argsMin: 2,
      argsMax: 2,
      run: shiftedDate,
    },
  ],
  [
    'received_within_months',
    {
      summary: 'The message is at least the first and less than the second number of months old.',
      argsMin: 0,
      argsMax: 2,
      run: receivedWithin,
    },
  ],
];
