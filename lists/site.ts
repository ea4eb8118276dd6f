// One list as Postfix's postscreen writes it, `zone[=filter][*weight]`: which answers count, and how much. Takes a line of
// the settings, gives its parts or says what is wrong with it; looks nothing up.

/** Longest item, characters. */
export const SITE_MAX_CHARS = 400;
/** Largest weight either way. */
export const WEIGHT_MAX = 100;
/** Stands in a zone for a key that is read from a file. */
export const KEY_MARK = '{key}';

/** For each octet of an IPv4 address the ranges it may lie in. */
export type CodeFilter = readonly (readonly (readonly [low: number, high: number])[])[];

/** An item read. `filter` null: any answer that can count. */
export interface Site {
  /** Lower case, no dot at the end; may begin with `{key}.`. */
  readonly zone: string;
  readonly filter: CodeFilter | null;
  /** Points; below 0 an allow list. */
  readonly weight: number;
}

const ZONE = /^(?:\{key\}\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const ZONE_MAX_CHARS = 190;

/** Reads an item. A string is what is wrong with it, as the rest of "expected ...". */
export function parseSite(text: string): Site | string {
  const star = text.lastIndexOf('*');
  const weight = star === -1 ? 1 : parseWeight(text.slice(star + 1));
  if (weight === null) return `a weight from -${WEIGHT_MAX} to ${WEIGHT_MAX} after \`*\``;
  const rest = star === -1 ? text : text.slice(0, star);
  const equals = rest.indexOf('=');
  const zone = (equals === -1 ? rest : rest.slice(0, equals)).trim().toLowerCase().replace(/\.$/, '');
  if (!ZONE.test(zone) || zone.length > ZONE_MAX_CHARS) return 'the name of a DNS zone, such as `bl.example.org`';
  if (equals === -1) return { zone, filter: null, weight };
  const filter = parseFilter(rest.slice(equals + 1).trim());
  if (filter === null) return 'a filter of four octets after `=`, such as `127.0.0.[2..11]` or `127.0.[1;2].[0..255]`';
  return { zone, filter, weight };
}

/** Four octets, each a number or `[...]` with numbers and ranges `low..high` separated by `;`. Null for anything else. */
export function parseFilter(text: string): CodeFilter | null {
  const octets = splitOctets(text).map(parseOctet);
  if (octets.length !== 4 || octets.some((octet) => octet === null)) return null;
  return octets.filter((octet) => octet !== null);
}

/** Whether an IPv4 address in dotted form fits the filter. */
export function matchesFilter(filter: CodeFilter, address: string): boolean {
  const octets = address.split('.');
  return filter.every((ranges, index) => {
    const octet = Number(octets[index]);
    return ranges.some(([low, high]) => octet >= low && octet <= high);
  });
}

function parseWeight(text: string): number | null {
  if (!/^[-+]?\d{1,3}(?:\.\d{1,3})?$/.test(text.trim())) return null;
  const weight = Number(text);
  return Math.abs(weight) <= WEIGHT_MAX ? weight : null;
}

/** At dots outside brackets. */
function splitOctets(text: string): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  let inside = false;
  for (const character of text) {
    if (character === '.' && !inside) {
      pieces.push(piece);
      piece = '';
      continue;
    }
    if (character === '[') inside = true;
    if (character === ']') inside = false;
    piece += character;
  }
  return [...pieces, piece];
}

function parseOctet(text: string): readonly (readonly [number, number])[] | null {
  if (!text.startsWith('[')) {
    const value = parseNumber(text);
    return value === null ? null : [[value, value]];
  }
  if (!text.endsWith(']')) return null;
  const ranges = text.slice(1, -1).split(';').map(parseRange);
  return ranges.some((range) => range === null) ? null : ranges.filter((range) => range !== null);
}

function parseRange(text: string): readonly [number, number] | null {
  const [from = '', to, ...more] = text.split('..');
  const low = parseNumber(from);
  const high = to === undefined ? low : parseNumber(to);
  return low === null || high === null || more.length > 0 || low > high ? null : [low, high];
}

function parseNumber(text: string): number | null {
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null;
}
