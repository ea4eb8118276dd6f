// Reads the date of a Date or Received field (RFC 5322 §3.3, with the obsolete forms §4.3 that mail still carries), strictly:
// what is impossible is null, a sign by itself. The lenient reader of SpamAssassin is rules/mail/mail-date.ts.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** Longest text looked at. */
const DATE_LENGTH_MAX = 200;

const ZONES: ReadonlyMap<string, number> = new Map([
  ['ut', 0],
  ['gmt', 0],
  ['utc', 0],
  ['z', 0],
  ['est', -300],
  ['edt', -240],
  ['cst', -360],
  ['cdt', -300],
  ['mst', -420],
  ['mdt', -360],
  ['pst', -480],
  ['pdt', -420],
  ['cet', 60],
  ['cest', 120],
  ['bst', 60],
]);

const DATE =
  /(?:^|[ ,;])(\d{1,2})[ -]{1,3}([A-Za-z]{3})[a-z]{0,6}[ -]{1,3}(\d{2,4}) {1,3}(\d{1,2}):(\d{2})(?::(\d{2}))?(?: {0,3}([-+]\d{4}|[A-Za-z]{1,5}))?/;

/** Milliseconds since the epoch, or null when the text holds no date that can be read. */
export function readDate(text: string): number | null {
  const found = DATE.exec(text.slice(0, DATE_LENGTH_MAX).replace(/[\t\r\n]/g, ' '));
  if (found === null) return null;
  const month = MONTHS.indexOf(found[2]!.toLowerCase());
  const [day, hour, minute, second] = [found[1], found[4], found[5], found[6] ?? '0'].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  const zone = zoneMinutes(found[7]);
  return zone === null ? null : Date.UTC(year(found[3]!), month, day, hour, minute, second) - zone * 60_000;
}

/** Two and three digits as RFC 5322 §4.3 counts them. */
function year(text: string): number {
  const value = Number(text);
  if (text.length === 2) return value < 50 ? 2000 + value : 1900 + value;
  return text.length === 3 ? 1900 + value : value;
}

function zoneMinutes(text: string | undefined): number | null {
  if (text === undefined) return 0;
  if (!/^[-+]/.test(text)) return ZONES.get(text.toLowerCase()) ?? 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(3));
  if (minutes > 14 * 60) return null;
  return text.startsWith('-') ? -minutes : minutes;
}
