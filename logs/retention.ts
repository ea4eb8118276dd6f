// Keeps the logs within their bounds: the oldest rows beyond the number or age set go, and sub-rule hits after their days.
// Works in small commits, so that a worker's write never waits long behind one.
import type { Database } from '../outside/database.js';
import { change, changesOf, rowsOf, select } from '../outside/database.js';
import { LOG_NAMES, type LogName } from './index-file.js';
import { SEQ_PER_MS } from './schema.js';

/** Rows deleted in one commit. */
export const RETENTION_BATCH = 500;
/** Commits of one run; the next run goes on. */
const BATCHES_MAX = 2_000;
const DAY_MS = 86_400_000;

export interface RetentionLimits {
  readonly mailRowsMax: number;
  readonly securityRowsMax: number;
  /** 0 = by number alone. */
  readonly keepDays: number;
  readonly subRuleDays: number;
}

/** One run; `now` in ms since the epoch. Returns the rows that went from both logs. */
export async function applyRetention(
  log: Database,
  index: Database,
  limits: RetentionLimits,
  now: number,
): Promise<number> {
  let gone = 0;
  for (const name of LOG_NAMES) gone += await trimLog(log, index, name, limits, now);
  await deleteInBatches(
    log,
    `DELETE FROM sub_rule WHERE seq < ? LIMIT ${String(RETENTION_BATCH)}`,
    (now - limits.subRuleDays * DAY_MS) * SEQ_PER_MS,
  );
  return gone;
}

async function trimLog(
  log: Database,
  index: Database,
  name: LogName,
  limits: RetentionLimits,
  now: number,
): Promise<number> {
  const rowsMax = name === 'mail' ? limits.mailRowsMax : limits.securityRowsMax;
  const [counted] = await log.read([select(`SELECT count(*) AS n FROM ${name}`)]);
  const excess = (rowsOf(counted)[0]?.['n'] as number) - rowsMax;
  let gone = await deleteOldest(log, name, excess);
  if (limits.keepDays > 0) {
    const before = (now - limits.keepDays * DAY_MS) * SEQ_PER_MS;
    gone += await deleteInBatches(
      log,
      `DELETE FROM ${name} WHERE seq < ? ORDER BY seq LIMIT ${String(RETENTION_BATCH)}`,
      before,
    );
  }
  if (gone > 0) await followInIndex(log, index, name);
  return gone;
}

async function deleteOldest(log: Database, name: LogName, excess: number): Promise<number> {
  let left = Math.min(excess, BATCHES_MAX * RETENTION_BATCH);
  let gone = 0;
  while (left > 0) {
    const batch = Math.min(left, RETENTION_BATCH);
    const [deleted] = await log.write([
      change(`DELETE FROM ${name} WHERE seq IN (SELECT seq FROM ${name} ORDER BY seq LIMIT ?)`, batch),
    ]);
    gone += changesOf(deleted);
    left -= batch;
  }
  return gone;
}

async function deleteInBatches(database: Database, sql: string, before: number): Promise<number> {
  let gone = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const [deleted] = await database.write([change(sql, before)]);
    gone += changesOf(deleted);
    if (changesOf(deleted) < RETENTION_BATCH) break;
  }
  return gone;
}

/** Whatever the index and the lists hold below the oldest row kept is of rows that went. */
async function followInIndex(log: Database, index: Database, name: LogName): Promise<void> {
  const [oldest] = await log.read([select(`SELECT min(seq) AS seq FROM ${name}`)]);
  const before = (rowsOf(oldest)[0]?.['seq'] as number | null) ?? Number.MAX_SAFE_INTEGER;
  await log.write([
    change(`DELETE FROM ${name}_unindexed WHERE seq < ?`, before),
    ...(name === 'mail' ? [change('DELETE FROM sub_rule WHERE seq < ?', before)] : []),
  ]);
  const words = `${name}_words`;
  await deleteInBatches(
    index,
    `DELETE FROM ${words} WHERE rowid IN (SELECT rowid FROM ${words} WHERE rowid < ? ORDER BY rowid LIMIT ${String(RETENTION_BATCH)})`,
    before,
  );
}
