// The search index of the logs: a file that can be built anew at any time. One process at a time feeds it from the list
// of rows not yet indexed; whatever is on that list is searched directly, so no row is ever missing from a search.
import { rm } from 'node:fs/promises';
import type { Database, Row } from '../outside/database.js';
import { change, DatabaseError, openDatabase, rowsOf, select } from '../outside/database.js';
import type { Action } from '../pipeline/decide.js';
import type { Direction } from '../pipeline/stage.js';
import type { SecurityCategory } from './event.js';
import { indexText } from './fold.js';
import { INDEX_MIGRATIONS } from './schema.js';

export type LogName = 'mail' | 'security';
export const LOG_NAMES: readonly LogName[] = ['mail', 'security'];

/** Rows indexed in one commit. */
export const INDEX_BATCH = 5_000;
/** Rows waiting for the index above which the operator is told. */
export const INDEX_BEHIND_ROWS = 100_000;

/** The columns of each log whose text is indexed, and which the one-box search looks into (product F2). */
export const TEXT_COLUMNS: Readonly<Record<LogName, readonly string[]>> = {
  mail: [
    'message_id',
    'mail_from',
    'header_from',
    'recipients',
    'subject',
    'client_address',
    'client_name',
    'helo',
    'login',
    'queue_id',
    'event',
  ],
  security: [
    'client_address',
    'client_name',
    'mail_from',
    'recipients',
    'subject',
    'event',
    'helo',
    'login',
    'queue_id',
  ],
};

/** Numbers of the exact words in the index, each below 4,096; one that has shipped never changes. */
const ACTION_WORDS: Readonly<Record<Action, number>> = {
  accept: 0,
  tag: 1,
  quarantine: 2,
  discard: 3,
  tempfail: 4,
  reject: 5,
};
const DIRECTION_WORDS: Readonly<Record<Direction, number>> = { received: 100, sent: 101, internal: 102 };
const CATEGORY_WORDS: Readonly<Record<SecurityCategory, number>> = {
  reject: 200,
  spam: 201,
  virus: 202,
  dnsbl: 203,
  'dangerous-content': 204,
  attachment: 205,
  'block-list': 206,
  spf: 207,
  dkim: 208,
  dmarc: 209,
  'data-protection': 210,
  greylist: 211,
  postscreen: 212,
  policy: 213,
};
const WORDS = { action: ACTION_WORDS, direction: DIRECTION_WORDS, category: CATEGORY_WORDS };

/** The index's number for an enumerated value, or null for one it does not know. */
export function exactWord(kind: keyof typeof WORDS, value: string): number | null {
  const words: Readonly<Record<string, number>> = WORDS[kind];
  return Object.hasOwn(words, value) ? (words[value] ?? null) : null;
}

/** Opens or makes the index; one that is damaged is thrown away and filled anew. */
export async function openIndex(path: string): Promise<Database> {
  try {
    return await tryOpenIndex(path);
  } catch (error) {
    if (!(error instanceof DatabaseError) || !/^SQLITE_(CORRUPT|NOTADB)/.test(error.code)) throw error;
    for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
    return tryOpenIndex(path);
  }
}

async function tryOpenIndex(path: string): Promise<Database> {
  const index = await openDatabase({ path, synchronous: 'NORMAL' });
  try {
    await index.migrate('log-index', INDEX_MIGRATIONS);
    return index;
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** Where the index is new: puts every row of both logs on the list of rows to index. */
export async function fillNewIndex(log: Database, index: Database): Promise<void> {
  const [rows] = await index.read([select('SELECT 1 FROM filled')]);
  if (rowsOf(rows).length > 0) return;
  await log.write(LOG_NAMES.map((name) => change(`INSERT OR IGNORE INTO ${name}_unindexed SELECT seq FROM ${name}`)));
  await index.write([change('INSERT INTO filled VALUES (1)')]);
}

/** Indexes one batch of one log, oldest first; returns how many rows. Safe to repeat after a crash at any point. */
export async function indexBatch(log: Database, index: Database, name: LogName): Promise<number> {
  const [listed, found] = await log.read([
    select(`SELECT seq FROM ${name}_unindexed ORDER BY seq LIMIT ${String(INDEX_BATCH)}`),
    select(
      `SELECT * FROM ${name} WHERE seq IN (SELECT seq FROM ${name}_unindexed ORDER BY seq LIMIT ${String(INDEX_BATCH)})`,
    ),
  ]);
  const seqs = rowsOf(listed).map((row) => row['seq'] as number);
  if (seqs.length === 0) return 0;
  const words = `${name}_words`;
  await index.write(
    rowsOf(found).map((row) =>
      change(`INSERT OR REPLACE INTO ${words} (rowid, text) VALUES (?, ?)`, row['seq'] ?? null, rowText(name, row)),
    ),
  );
  await log.write([
    change(`DELETE FROM ${name}_unindexed WHERE seq IN (SELECT value FROM json_each(?))`, JSON.stringify(seqs)),
  ]);
  return seqs.length;
}

/** Rows of both logs that wait for the index. */
export async function countWaiting(log: Database): Promise<number> {
  const results = await log.read(LOG_NAMES.map((name) => select(`SELECT count(*) AS n FROM ${name}_unindexed`)));
  return results.reduce((sum: number, rows) => sum + (rowsOf(rows)[0]?.['n'] as number), 0);
}

function rowText(name: LogName, row: Row): string {
  return indexText(
    TEXT_COLUMNS[name].map((column) => row[column] as string | null),
    rowWords(row),
  );
}

function rowWords(row: Row): readonly number[] {
  const kinds = { action: row['actions'], direction: row['directions'], category: row['category'] };
  return Object.entries(kinds).flatMap(([kind, values]) =>
    String(values ?? '')
      .split(' ')
      .map((value) => exactWord(kind as keyof typeof WORDS, value))
      .filter((word) => word !== null),
  );
}
