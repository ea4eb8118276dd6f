// Dates of mail as SpamAssassin reads them: lenient, parts found anywhere in the text, impossible values pulled to possible
// ones. Gives seconds since 1970, or null where no day can be found.

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const MONTH = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';
/** Longest text that is read. */
const DATE_LENGTH_MAX = 16_384;

/** Abbreviations, as hours and minutes east of Greenwich. */
const ZONES: ReadonlyMap<string, string> = new Map(
  (
    'UT+0000 UTC+0000 NDT-0230 AST-0400 ADT-0300 NST-0330 EST-0500 EDT-0400 CST-0600 CDT-0500 MST-0700 MDT-0600 ' +
    'PST-0800 PDT-0700 HST-1000 AKST-0900 AKDT-0800 HADT-0900 HAST-1000 GMT+0000 BST+0100 IST+0100 WET+0000 WEST+0100 ' +
    'CET+0100 CEST+0200 EET+0200 EEST+0300 MSK+0300 MSD+0400 MET+0100 MEZ+0100 MEST+0200 MESZ+0200 BRST-0200 BRT-0300 ' +
    'AEST+1000 AEDT+1100 ACST+0930 ACDT+1030 AWST+0800 NZST+1200 NZDT+1300 JST+0900 KST+0900 HKT+0800 SGT+0800 ' +
    'PHT+0800 IDT+0300'
  )
    .split(' ')
    .map((zone) => [zone.slice(0, -5), zone.slice(-5)]),
);

const DAY_FORMS: readonly { readonly pattern: RegExp; readonly monthFirst: boolean }[] = [
  { pattern: new RegExp(` (\\d+) (${MONTH}) (\\d{4}) `, 'i'), monthFirst: false },
  { pattern: new RegExp(` (${MONTH}) +(\\d+) \\d+:\\d+:\\d+ (\\d{4}) `, 'i'), monthFirst: true },
  { pattern: new RegExp(` (\\d+) (${MONTH}) (\\d{2,3}) `, 'i'), monthFirst: false },
];

/** Reads a date. */
export function readMailDate(text: string): number | null {
  let rest = ` ${text.slice(0, DATE_LENGTH_MAX)} `.replace(/, */g, ' ').replace(/[ \t\n\r\f\v]+/g, ' ');
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const found = pattern.exec(rest);
    if (found !== null) rest = `${rest.slice(0, found.index)} ${rest.slice(found.index + found[0].length)}`;
    return found;
  };
  const form = DAY_FORMS.find(({ pattern }) => pattern.test(rest));
  if (form === undefined) return null;
  const [, first = '', second = '', year = ''] = take(form.pattern)!;
  const [day, month] = form.monthFirst ? [second, first] : [first, second];
  const time = take(/ (\d?\d):(\d\d)(?::(\d\d))? /);
  const offset = take(/ ([-+]\d{4}) /)?.[1] ?? ZONES.get(take(/\b([A-Z]{2,4}(?:-DST)?)\b/)?.[1] ?? '') ?? '-0000';
  const at = secondsOf(fullYear(year), MONTHS.indexOf(month.toLowerCase()) + 1, Number(day), time);
  if (at === null) return null;
  const shift = (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3))) * 60;
  return offset.startsWith('-') ? at + shift : Math.max(0, at - shift);
}

function fullYear(year: string): number {
  const value = Number(year);
  if (year.length === 2 && value < 50) return value + 2000;
  return year.length === 4 ? value : value + 1900;
}

function secondsOf(year: number, month: number, day: number, time: RegExpExecArray | null): number | null {
  const [hours, minutes, seconds] = [1, 2, 3].map((index) => Number(time?.[index] ?? 0)) as [number, number, number];
  let [y, m, d] = [year, month, day];
  if (d > daysIn(y, m)) {
    d = 1;
    m++;
    if (m > 12) {
      m = 1;
      y++;
    }
  }
  if (d < 1) return null;
  y = Math.min(2037, Math.max(1970, y));
  // The last day of February may not be in the year that was made of it.
  if (d > daysIn(y, m)) return null;
  return Date.UTC(y, m - 1, d, Math.min(23, hours), Math.min(59, minutes), Math.min(59, seconds)) / 1000;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}
