// Search over the mail log and the security log (product F2): one box, or field by field, newest first, page by page.
// Every search ends within its time budget; where the budget ends it early the page says so and how to go on.
import type { Database, Row, ScanResult, SqlValue } from '../outside/database.js';
import { rowsOf, select } from '../outside/database.js';
import type { Action } from '../pipeline/decide.js';
import type { Direction } from '../pipeline/stage.js';
import type { MessageEvent, SecurityCategory } from './event.js';
import { fold, indexQuery } from './fold.js';
import { exactWord, TEXT_COLUMNS, type LogName } from './index-file.js';
import { rowToMessageEvent, rowToSecurityEntry, type SecurityEntry } from './row.js';
import { SEQ_PER_MS, SEQ_SLACK_MS } from './schema.js';

/** Rows on one page at most. */
export const PAGE_ROWS_MAX = 1_000;
/** Time one page may take, ms, unless the query says otherwise. */
export const SEARCH_BUDGET_MS = 2_000;
/** Needles are cut to this length, characters. */
export const NEEDLE_CHARS_MAX = 500;

/** All conditions must hold. Texts are substrings, case and width aside. */
export interface LogQuery {
  /** The one box: mail log: Message-ID, sender, recipient, subject and the like; security log: source, sender, recipient, subject, event. */
  readonly text?: string;
  /** Exactly this event. */
  readonly id?: string;
  readonly messageId?: string;
  /** Envelope or (mail log) header sender. */
  readonly sender?: string;
  readonly recipient?: string;
  readonly subject?: string;
  /** Client address or name. */
  readonly source?: string;
  readonly event?: string;
  readonly queueId?: string;
  readonly helo?: string;
  readonly login?: string;
  readonly category?: SecurityCategory;
  /** Mail log only: some recipient's. */
  readonly action?: Action;
  readonly direction?: Direction;
  /** ms since the epoch, both ends included. */
  readonly sinceTime?: number;
  readonly untilTime?: number;
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
  readonly budgetMs?: number;
}

export interface LogPage<Entry> {
  readonly entries: readonly Entry[];
  /** Give it as `cursor` for what follows; null when there is nothing more. */
  readonly next: string | null;
  /** True when the time budget ended the page before it was full: there may be more behind `next`. */
  readonly isCutShort: boolean;
}

export interface LogSearch {
  mail(query: LogQuery): Promise<LogPage<MessageEvent>>;
  security(query: LogQuery): Promise<LogPage<SecurityEntry>>;
}

/** `reader` is the log's file with the index attached as `idx`. */
export function createLogSearch(reader: Database): LogSearch {
  return {
    mail: (query) => searchLog(reader, 'mail', query, rowToMessageEvent),
    security: (query) => searchLog(reader, 'security', query, rowToSecurityEntry),
  };
}

const FIELDS: Readonly<Record<LogName, Readonly<Record<string, readonly string[]>>>> = {
  mail: {
    text: TEXT_COLUMNS.mail,
    messageId: ['message_id'],
    sender: ['mail_from', 'header_from'],
    recipient: ['recipients'],
    subject: ['subject'],
    source: ['client_address', 'client_name'],
    event: ['event'],
    queueId: ['queue_id'],
    helo: ['helo'],
    login: ['login'],
  },
  security: {
    text: TEXT_COLUMNS.security,
    sender: ['mail_from'],
    recipient: ['recipients'],
    subject: ['subject'],
    source: ['client_address', 'client_name'],
    event: ['event'],
    queueId: ['queue_id'],
    helo: ['helo'],
    login: ['login'],
  },
};

interface Conditions {
  readonly tests: readonly { readonly columns: readonly string[]; readonly needle: string }[];
  /** FTS5 query that every match satisfies, or null. */
  readonly match: string | null;
  /** Exact conditions on the row, as SQL over alias `r`. */
  readonly where: readonly string[];
  readonly params: readonly SqlValue[];
  readonly fromSeq: number;
  /** Below this. */
  readonly toSeq: number;
}

async function searchLog<Entry>(
  reader: Database,
  name: LogName,
  query: LogQuery,
  decode: (row: Row) => Entry,
): Promise<LogPage<Entry>> {
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), PAGE_ROWS_MAX);
  const conditions = readConditions(name, query);
  if (conditions === null) return { entries: [], next: null, isCutShort: false };
  const budgetMs = query.budgetMs ?? SEARCH_BUDGET_MS;
  const scans = await runScans(reader, name, conditions, limit + 1, budgetMs);
  const cutAt = Math.max(...scans.map(reach));
  const seqs = newestFirst(scans).filter((seq) => seq >= cutAt);
  const page = seqs.slice(0, limit);
  const isFull = seqs.length > limit;
  const last = isFull ? page.at(-1) : cutAt;
  return {
    entries: (await wholeRows(reader, name, page)).map(decode),
    next: isFull || cutAt > -Infinity ? String(last) : null,
    isCutShort: !isFull && cutAt > -Infinity,
  };
}

/** The rows a scan vouches for are those from here on: where it stopped early, nothing is known of older ones. */
function reach(scan: ScanResult): number {
  return scan.complete ? -Infinity : (scan.last ?? Infinity);
}

/** The list of rows not yet indexed is read first: a row that is indexed meanwhile is then seen twice, never missed. */
async function runScans(reader: Database, name: LogName, conditions: Conditions, limit: number, budgetMs: number) {
  const { where, params, fromSeq, toSeq, tests, match } = conditions;
  const looked = ['seq', ...new Set(tests.flatMap(({ columns }) => columns))].map((column) => `r.${column}`).join(', ');
  const bounds = ['r.seq >= ?', 'r.seq < ?', ...where].join(' AND ');
  const common = { tests, limit, budgetMs: budgetMs / 2 };
  if (match === null) {
    const sql = `SELECT ${looked} FROM ${name} r WHERE ${bounds} ORDER BY r.seq DESC`;
    return [await reader.scan({ ...common, budgetMs, sql, params: [fromSeq, toSeq, ...params] })];
  }
  const fresh = await reader.scan({
    ...common,
    sql: `SELECT ${looked} FROM ${name}_unindexed u JOIN ${name} r ON r.seq = u.seq WHERE u.seq >= ? AND u.seq < ? AND ${bounds} ORDER BY u.seq DESC`,
    params: [fromSeq, toSeq, fromSeq, toSeq, ...params],
  });
  const indexed = await reader.scan({
    ...common,
    sql: `SELECT ${looked} FROM idx.${name}_words w CROSS JOIN ${name} r ON r.seq = w.rowid
      WHERE ${name}_words MATCH ? AND w.rowid >= ? AND w.rowid < ? AND ${bounds} ORDER BY w.rowid DESC`,
    params: [match, fromSeq, toSeq, fromSeq, toSeq, ...params],
  });
  return [fresh, indexed];
}

/** Null when nothing can match. */
/** `<id@host>`, as mail programs and the MTA's log show it, finds what is kept as `id@host`. */
function withoutBrackets(text: string): string {
  return text.length > 2 && text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}

function readConditions(name: LogName, query: LogQuery): Conditions | null {
  const tests: { columns: readonly string[]; needle: string }[] = [];
  for (const [key, columns] of Object.entries(FIELDS[name])) {
    const text = query[key as keyof LogQuery];
    if (typeof text === 'string' && text !== '')
      tests.push({ columns, needle: fold(withoutBrackets(text)).slice(0, NEEDLE_CHARS_MAX) });
  }
  const exact = exactConditions(name, query);
  if (exact === null) return null;
  const needles = tests.map(({ needle }) => needle);
  return {
    tests,
    match: query.id === undefined ? indexQuery(needles, exact.words) : null,
    ...exact,
    ...seqBounds(query),
  };
}

function exactConditions(name: LogName, query: LogQuery) {
  const where: string[] = [];
  const params: SqlValue[] = [];
  const words: number[] = [];
  const add = (sql: string, param: SqlValue): void => void (where.push(sql), params.push(param));
  for (const kind of ['action', 'direction', 'category'] as const) {
    const value = query[kind];
    if (value === undefined) continue;
    const word = exactWord(kind, value);
    if (word === null || (name === 'security' && kind !== 'category')) return null;
    words.push(word);
    if (kind === 'category') add('r.category = ?', value);
    else add(`instr(r.${kind}s, ?) > 0`, ` ${value} `);
  }
  if (query.id !== undefined) add('r.id = ?', query.id);
  if (query.sinceTime !== undefined) add('r.time >= ?', query.sinceTime);
  if (query.untilTime !== undefined) add('r.time <= ?', query.untilTime);
  return { where, params, words };
}

function seqBounds(query: LogQuery): { fromSeq: number; toSeq: number } {
  const fromSeq = query.sinceTime === undefined ? 0 : Math.trunc(query.sinceTime) * SEQ_PER_MS;
  const untilMs = query.untilTime === undefined ? Infinity : Math.trunc(query.untilTime) + 1 + SEQ_SLACK_MS;
  const untilSeq = Math.min(untilMs * SEQ_PER_MS, Number.MAX_SAFE_INTEGER);
  const cursor = query.cursor !== undefined && /^[0-9]{1,16}$/.test(query.cursor) ? Number(query.cursor) : untilSeq;
  return { fromSeq, toSeq: Math.min(cursor, untilSeq) };
}

function newestFirst(scans: readonly ScanResult[]): readonly number[] {
  const seqs = new Set(scans.flatMap(({ rows }) => rows.map((row) => row['seq'] as number)));
  return [...seqs].sort((a, b) => b - a);
}

/** Newest first; a row that retention took in between is left out. */
async function wholeRows(reader: Database, name: LogName, seqs: readonly number[]): Promise<readonly Row[]> {
  if (seqs.length === 0) return [];
  const from = name === 'mail' ? 'mail r LEFT JOIN sub_rule s ON s.seq = r.seq' : 'security r';
  const columns = name === 'mail' ? 'r.*, s.names AS sub_rules' : 'r.*';
  const [rows] = await reader.read([
    select(
      `SELECT ${columns} FROM ${from} WHERE r.seq IN (SELECT value FROM json_each(?)) ORDER BY r.seq DESC`,
      JSON.stringify(seqs),
    ),
  ]);
  return rowsOf(rows);
}
