// The outbox's store: items and their recipients as rows, contents as blobs. A content is on disk before its row, a row
// before the promise resolves; nothing leaves before `commit`, nothing committed is ever dropped unsent.
import type { Blobs } from '../outside/blobs.js';
import type { Clock } from '../outside/clock.js';
import type { Database, Step } from '../outside/database.js';
import { change, rowsOf, select } from '../outside/database.js';
import { newIdentifier } from '../outside/identifier.js';
import type { NewOutboxItem, OutboxItem } from './outbox.js';
import type { DueItem, OutboxStore, QueuedFrom, RecipientResult } from './queue.js';
import { commitStep, idsOf, ITEMS, mergeKey, resultStep, toItem, waitingOf } from './rows.js';
import { OUTBOX_MIGRATIONS, PREPARED_MAX_MS } from './schema.js';

/** Rows a list gives at most. */
export const LIST_MAX = 1_000;
const HOUR_MS = 3_600_000;

export interface OutboxStoreOptions {
  readonly database: Database;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly expireHours: number;
}

/** Opens the store's tables. Rejects as `Database.migrate` does. */
export async function openOutboxStore(options: OutboxStoreOptions): Promise<OutboxStore> {
  await options.database.migrate('outbox', OUTBOX_MIGRATIONS);
  return new SqlOutbox(options);
}

class SqlOutbox implements OutboxStore {
  constructor(private readonly options: OutboxStoreOptions) {}

  async prepare(items: readonly NewOutboxItem[]): Promise<readonly string[]> {
    return this.insert(items, false);
  }

  async send(items: readonly NewOutboxItem[]): Promise<readonly string[]> {
    return this.insert(items, true);
  }

  async commit(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.options.database.write([commitStep(ids)]);
  }

  async cancel(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const list = JSON.stringify(ids);
    await this.options.database.write([
      change(
        `UPDATE outbox_item SET holders = holders - (SELECT count(*) FROM json_each(?) WHERE value = outbox_item.id)
         WHERE state = 'prepared' AND id IN (SELECT value FROM json_each(?))`,
        list,
        list,
      ),
      change(
        `DELETE FROM outbox_item WHERE state = 'prepared' AND holders <= 0 AND id IN (SELECT value FROM json_each(?))`,
        list,
      ),
    ]);
  }

  async list(limit: number, after = ''): Promise<readonly OutboxItem[]> {
    const [rows] = await this.options.database.read([
      select(`${ITEMS} WHERE i.id > ? ORDER BY i.id LIMIT ?`, after, Math.min(Math.max(1, limit), LIST_MAX)),
    ]);
    return rowsOf(rows).map(toItem);
  }

  async recipients(id: string) {
    const [rows] = await this.options.database.read([
      select('SELECT address, state, reply FROM outbox_recipient WHERE item = ? ORDER BY place', id),
    ]);
    return rowsOf(rows).map((row) => ({
      address: row['address'] as string,
      state: row['state'] as 'waiting' | 'failed',
      reply: row['reply'] as string | null,
    }));
  }

  async retry(ids: readonly string[]): Promise<readonly string[]> {
    const now = this.options.clock.now();
    const list = JSON.stringify(ids);
    const [, rows] = await this.options.database.write([
      change(
        `UPDATE outbox_recipient SET state = 'waiting', reply = NULL WHERE state = 'failed'
         AND item IN (SELECT id FROM outbox_item WHERE state = 'failed' AND id IN (SELECT value FROM json_each(?)))`,
        list,
      ),
      select(
        `UPDATE outbox_item SET state = 'queued', attempts = 0, next_try_at = ?, expires_at = ?
         WHERE state = 'failed' AND id IN (SELECT value FROM json_each(?)) RETURNING id`,
        now,
        this.expiresAt(now),
        list,
      ),
    ]);
    return idsOf(rowsOf(rows));
  }

  async remove(ids: readonly string[]): Promise<readonly string[]> {
    const [rows] = await this.options.database.write([
      select(
        `DELETE FROM outbox_item WHERE state IN ('failed', 'queued') AND id IN (SELECT value FROM json_each(?)) RETURNING id, sha256`,
        JSON.stringify(ids),
      ),
    ]);
    return idsOf(rowsOf(rows));
  }

  async recover(inHand: readonly string[]): Promise<void> {
    const cutOff = this.options.clock.now() - PREPARED_MAX_MS;
    const others = 'id NOT IN (SELECT value FROM json_each(?))';
    await this.options.database.write([
      change(`UPDATE outbox_item SET state = 'queued' WHERE state = 'prepared' AND prepared_at < ?`, cutOff),
      change(`UPDATE outbox_item SET state = 'queued' WHERE state = 'sending' AND ${others}`, JSON.stringify(inHand)),
    ]);
  }

  async take(limit: number): Promise<readonly DueItem[]> {
    const { database, clock } = this.options;
    const [due] = await database.read([
      select(
        `SELECT id FROM outbox_item WHERE state = 'queued' AND next_try_at <= ? ORDER BY next_try_at LIMIT ?`,
        clock.now(),
        limit,
      ),
    ]);
    const ids = idsOf(rowsOf(due));
    if (ids.length === 0) return [];
    const list = JSON.stringify(ids);
    const [marked, items, waiting] = await database.write([
      select(
        `UPDATE outbox_item SET state = 'sending', attempts = attempts + 1
         WHERE state = 'queued' AND id IN (SELECT value FROM json_each(?)) RETURNING id`,
        list,
      ),
      select(`${ITEMS} WHERE i.id IN (SELECT value FROM json_each(?)) ORDER BY i.next_try_at, i.id`, list),
      select(
        `SELECT item, place, address FROM outbox_recipient
         WHERE state = 'waiting' AND item IN (SELECT value FROM json_each(?)) ORDER BY item, place`,
        list,
      ),
    ]);
    const mine = new Set(idsOf(rowsOf(marked)));
    return rowsOf(items)
      .map(toItem)
      .filter(({ id }) => mine.has(id))
      .map((item) => ({ ...item, waiting: waitingOf(item.id, rowsOf(waiting)) }));
  }

  async record(
    item: DueItem,
    results: readonly RecipientResult[],
    nextTryAt: number,
  ): Promise<'done' | 'queued' | 'failed'> {
    const { database, clock } = this.options;
    const isExpired = clock.now() >= item.expiresAt;
    const steps = results.map((result) => resultStep(item.id, result, isExpired));
    const trouble = results.find(({ outcome }) => outcome !== 'sent')?.reply ?? null;
    const waits = `EXISTS (SELECT 1 FROM outbox_recipient WHERE item = outbox_item.id AND state = 'waiting')`;
    const outcomes = await database.write([
      ...steps,
      select(
        `DELETE FROM outbox_item WHERE id = ? AND NOT EXISTS (SELECT 1 FROM outbox_recipient WHERE item = outbox_item.id) RETURNING id`,
        item.id,
      ),
      select(
        `UPDATE outbox_item SET state = CASE WHEN ${waits} THEN 'queued' ELSE 'failed' END, next_try_at = ?, last_error = ?
         WHERE id = ? RETURNING state`,
        nextTryAt,
        trouble,
        item.id,
      ),
    ]);
    const state = rowsOf(outcomes.at(-1))[0]?.['state'];
    return state === undefined ? 'done' : (state as 'queued' | 'failed');
  }

  content(item: OutboxItem): Promise<Buffer | null> {
    return this.options.blobs.get(item.contentSha256);
  }

  async counts(): Promise<Readonly<Record<OutboxItem['state'], number>>> {
    const [rows] = await this.options.database.read([
      select('SELECT state, count(*) AS n FROM outbox_item GROUP BY state'),
    ]);
    const counts = { prepared: 0, queued: 0, sending: 0, failed: 0 };
    for (const row of rowsOf(rows)) counts[row['state'] as OutboxItem['state']] = row['n'] as number;
    return counts;
  }

  async isReferenced(sha256: string): Promise<boolean> {
    const [rows] = await this.options.database.read([
      select('SELECT 1 FROM outbox_item WHERE sha256 = ? LIMIT 1', sha256),
    ]);
    return rowsOf(rows).length > 0;
  }

  queueSteps(item: QueuedFrom): readonly Step[] {
    const now = this.options.clock.now();
    return [
      change(
        `INSERT INTO outbox_recipient (item, place, address) SELECT ?, place, address FROM (${item.from})`,
        item.id,
        ...item.fromParams,
      ),
      change(
        `INSERT INTO outbox_item (id, kind, mail_from, sha256, size, about, not_before, time, state, next_try_at, expires_at, merge_key, prepared_at)
         SELECT ?, ?, ?, ?, ?, ?, 0, ?, 'queued', ?, ?, '', ? WHERE EXISTS (SELECT 1 FROM outbox_recipient WHERE item = ?)`,
        ...[item.id, item.kind, item.mailFrom, item.sha256, item.sizeBytes, item.about],
        ...[now, now, this.expiresAt(now), now, item.id],
      ),
    ];
  }

  private async insert(items: readonly NewOutboxItem[], isCommitted: boolean): Promise<readonly string[]> {
    const { database, blobs, clock } = this.options;
    const real = items.filter(({ rcptTo }) => rcptTo.length > 0);
    const hashes = await Promise.all(real.map(({ content }) => blobs.put(content)));
    const now = clock.now();
    const perItem = real.map((item, index) => this.insertSteps(item, hashes[index] ?? '', now, isCommitted));
    if (perItem.length === 0) return [];
    const outcome = await database.write(perItem.flat());
    return perItem.map((steps, index) => rowsOf(outcome[index * steps.length])[0]?.['id'] as string);
  }

  /** The first step gives the id: the new one, or that of an item of the same key that still is prepared. */
  private insertSteps(item: NewOutboxItem, sha256: string, now: number, isCommitted: boolean): readonly Step[] {
    const id = newIdentifier(now);
    const key = mergeKey(item, sha256);
    const addresses = JSON.stringify(item.rcptTo);
    const steps = [
      select(
        `INSERT INTO outbox_item (id, kind, mail_from, sha256, size, about, not_before, time, state, next_try_at, expires_at, merge_key, prepared_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'prepared', ?, ?, ?, ?)
         ON CONFLICT (merge_key) WHERE state = 'prepared' DO UPDATE SET holders = holders + 1, prepared_at = excluded.prepared_at RETURNING id`,
        ...[id, item.kind, item.mailFrom, sha256, item.content.length, item.about, item.notBefore, now],
        ...[Math.max(now, item.notBefore), this.expiresAt(Math.max(now, item.notBefore)), key, now],
      ),
      change(
        `INSERT INTO outbox_recipient (item, place, address) SELECT ?, key, value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM outbox_item WHERE id = ?)`,
        id,
        addresses,
        id,
      ),
    ];
    if (!isCommitted) return steps;
    return [
      ...steps,
      change(`UPDATE outbox_item SET state = 'queued' WHERE state = 'prepared' AND merge_key = ?`, key),
    ];
  }

  private expiresAt(now: number): number {
    return now + this.options.expireHours * HOUR_MS;
  }
}
