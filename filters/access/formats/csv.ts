// Rules as CSV (RFC 4180) with a heading: everything a rule says, for spreadsheets and for another Weir. Cells that a
// spreadsheet would run as formulas are written so that it shows them, and read back as they were.
import { skipsText } from '../matrix.js';
import { makeRule, type AccessRule, type RuleWish } from '../rule.js';
import { ImportGatherer, linesOf, quoted, type Imported } from './lines.js';

/** Columns that are read; a file need not have all of them, nor in this order. */
const READ = [
  'name',
  'kind',
  'value',
  'effect',
  'enabled',
  'scope',
  'final',
  'authenticated',
  'skips',
  'expires',
  'note',
] as const;
/** Columns that are written besides, and passed over when read. */
const WRITTEN = ['author', 'created', 'hits', 'last_hit'] as const;
const NEEDED = ['kind', 'value', 'effect'] as const;
/** What a spreadsheet takes for the start of a formula, and the mark that keeps it from doing so. */
const FORMULA = /^['=+\-@\t\r]/;

/** Counts of hits, by the id of a rule. */
export type HitCounts = ReadonlyMap<string, { readonly count: number; readonly lastAt: number }>;

/** The heading, with the end of its line. */
export const CSV_HEADING = `${[...READ, ...WRITTEN].join(',')}\r\n`;

/** Rules as lines below the heading. */
export function writeCsvRows(rules: readonly AccessRule[], hits: HitCounts = new Map()): string {
  return rules
    .map((rule) => {
      const { name, kind, value, effect, enabled, scope, final, authenticated, skips, expiresAt, note } = rule;
      const found = hits.get(rule.id);
      return [
        ...[name, kind, value, effect, yesNo(enabled), scope, yesNo(final), yesNo(authenticated), skipsText(skips)],
        ...[time(expiresAt), note, rule.author, time(rule.createdAt)],
        ...[String(found?.count ?? 0), time(found?.lastAt ?? null)],
      ];
    })
    .map((cells) => `${cells.map(cellText).join(',')}\r\n`)
    .join('');
}

/** Reads such a file. */
export function readCsv(text: string): Imported {
  const gatherer = new ImportGatherer();
  let columns: readonly string[] | null = null;
  for (const [line, cells] of recordsOf(text, gatherer)) {
    if (columns === null) {
      columns = cells.map((cell) => cell.trim().toLowerCase());
      if (!isHeading(columns, line, gatherer)) return gatherer.done();
    } else if (cells.length !== columns.length)
      gatherer.problem(line, `${cells.length} cells in place of ${columns.length}`);
    else readRule(columns, cells, line, gatherer);
  }
  if (columns === null) gatherer.problem(1, `a heading is missing: ${READ.join(',')}`);
  return gatherer.done();
}

function isHeading(columns: readonly string[], line: number, gatherer: ImportGatherer): boolean {
  const known: readonly string[] = [...READ, ...WRITTEN];
  const strange = columns.find((name, index) => !known.includes(name) || columns.indexOf(name) !== index);
  const missing = NEEDED.find((name) => !columns.includes(name));
  if (strange !== undefined)
    gatherer.problem(
      line,
      `no column is called ${quoted(strange)}, or it is there twice; there are: ${known.join(', ')}`,
    );
  else if (missing !== undefined) gatherer.problem(line, `the column ${missing} is missing`);
  return strange === undefined && missing === undefined;
}

function readRule(columns: readonly string[], cells: readonly string[], line: number, gatherer: ImportGatherer): void {
  const of = (name: (typeof READ)[number]): string => {
    const cell = cells[columns.indexOf(name)] ?? '';
    return /^'['=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
  };
  const flags = new Map((['enabled', 'final', 'authenticated'] as const).map((name) => [name, readYesNo(of(name))]));
  const wrong = [...flags].find(([, value]) => value === null);
  if (wrong !== undefined) return gatherer.problem(line, `${wrong[0]}: expected yes or no`);
  const expiresAt = of('expires') === '' ? null : Date.parse(of('expires'));
  if (Number.isNaN(expiresAt)) return gatherer.problem(line, 'expires: expected a time such as 2027-01-31T00:00:00Z');
  const flag = (name: 'enabled' | 'final' | 'authenticated') => {
    const value = flags.get(name);
    return typeof value === 'boolean' ? { [name]: value } : {};
  };
  const wish: RuleWish = {
    ...{ name: of('name'), kind: of('kind').trim(), value: of('value'), effect: of('effect').trim(), note: of('note') },
    ...(of('scope') !== '' && { scope: of('scope') }),
    ...(of('skips') !== '' && { skips: of('skips') }),
    ...{ expiresAt, ...flag('enabled'), ...flag('final'), ...flag('authenticated') },
  };
  gatherer.rule(line, makeRule(wish));
}

const yesNo = (flag: boolean): string => (flag ? 'yes' : 'no');

/** Undefined for an empty cell, null for what is neither. */
function readYesNo(text: string): boolean | null | undefined {
  const plain = text.trim().toLowerCase();
  if (plain === '') return undefined;
  if (['yes', 'true', '1', 'on'].includes(plain)) return true;
  return ['no', 'false', '0', 'off'].includes(plain) ? false : null;
}

const time = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString());

function cellText(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lines with their cells; empty ones are passed over. No cell of a rule holds a line feed, so a line is a record. */
function* recordsOf(
  text: string,
  gatherer: ImportGatherer,
): Generator<readonly [line: number, cells: readonly string[]]> {
  for (const [line, record] of linesOf(text, gatherer)) {
    const cells = cellsOf(record);
    if (cells === null) gatherer.problem(line, 'a quote stands where none may, or is not closed in its line');
    else if (cells.length > 1 || cells[0]?.trim() !== '') yield [line, cells];
  }
}

/** The cells of one record; null where its quotes are wrong. */
function cellsOf(record: string): readonly string[] | null {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (record[at] === '"') {
      let cell = '';
      let end = record.indexOf('"', at + 1);
      let from = at + 1;
      while (end !== -1 && record[end + 1] === '"') {
        cell += record.slice(from, end + 1);
        from = end + 2;
        end = record.indexOf('"', from);
      }
      if (end === -1) return null;
      cells.push(cell + record.slice(from, end));
      at = end + 1;
      if (at < record.length && record[at] !== ',') return null;
    } else {
      const comma = record.indexOf(',', at);
      const cell = record.slice(at, comma === -1 ? record.length : comma);
      if (cell.includes('"')) return null;
      cells.push(cell);
      at = comma === -1 ? record.length : comma;
    }
    if (at >= record.length) return cells;
    at += 1;
  }
}
