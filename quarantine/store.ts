// The quarantine's store: entries and a state per recipient as rows, contents as blobs. A content is on disk before its
// row; a release changes states and queues the outbox item in one commit, so that neither can be without the other.
import type { Blobs } from '../outside/blobs.js';
import type { Clock } from '../outside/clock.js';
import type { Database, SqlValue, Step } from '../outside/database.js';
import { change, rowsOf, select } from '../outside/database.js';
import { newIdentifier } from '../outside/identifier.js';
import type { OutboxStore } from '../outbox/queue.js';
import { CATEGORIES, type Category } from '../pipeline/finding.js';
import type {
  ExpiredCounts,
  NewQuarantineEntry,
  Quarantine,
  QuarantineEntry,
  QuarantineFilter,
  RecipientState,
  Retention,
} from './quarantine.js';
import { addressesOf, ENTRIES, insertEntry, mergeKey, toEntry } from './rows.js';
import { QUARANTINE_MIGRATIONS } from './schema.js';
import { conditions } from './search.js';

/** Entries a list gives at most. */
export const LIST_MAX = 1_000;
/** Entries expired in one commit. */
const EXPIRE_BATCH = 200;
const DAY_MS = 86_400_000;

export interface QuarantineOptions {
  readonly database: Database;
  readonly blobs: Blobs;
  readonly outbox: OutboxStore;
  readonly clock: Clock;
  /** Called after a release was committed: the runner may look at once. */
  readonly onRelease?: () => void;
}

export interface QuarantineStore extends Quarantine {
  /** Whether an entry refers to this content. */
  isReferenced(sha256: string): Promise<boolean>;
}

/** Opens the store's tables. Rejects as `Database.migrate` does. */
export async function openQuarantineStore(options: QuarantineOptions): Promise<QuarantineStore> {
  await options.database.migrate('quarantine', QUARANTINE_MIGRATIONS);
  return new SqlQuarantine(options);
}

class SqlQuarantine implements QuarantineStore {
  constructor(private readonly options: QuarantineOptions) {}

  async add(entry: NewQuarantineEntry): Promise<string> {
    const { database, blobs } = this.options;
    if (entry.rcptTo.length === 0) throw new Error('a quarantine entry needs a recipient');
    const sha256 = await blobs.put(entry.content);
    const key = mergeKey(entry, sha256);
    const id = newIdentifier(entry.time);
    const [, , found] = await database.write([
      insertEntry(id, entry, sha256, key),
      change(
        `INSERT INTO quarantine_recipient (entry, place, address) SELECT ?, key, value FROM json_each(?)
         WHERE EXISTS (SELECT 1 FROM quarantine_entry WHERE id = ?)`,
        id,
        JSON.stringify(entry.rcptTo),
        id,
      ),
      select('SELECT id FROM quarantine_entry WHERE merge_key = ? AND held > 0', key),
    ]);
    return rowsOf(found)[0]?.['id'] as string;
  }

  async get(id: string): Promise<QuarantineEntry | null> {
    const [rows] = await this.options.database.read([select(`${ENTRIES} WHERE e.id = ?`, id)]);
    const row = rowsOf(rows)[0];
    return row === undefined ? null : toEntry(row);
  }

  async list(filter: QuarantineFilter, limit: number, before?: string): Promise<readonly QuarantineEntry[]> {
    const { where, params } = conditions(filter, before);
    const [rows] = await this.options.database.read([
      select(
        `${ENTRIES} WHERE ${where} ORDER BY e.id DESC LIMIT ?`,
        ...params,
        Math.min(Math.max(1, Math.trunc(limit)), LIST_MAX),
      ),
    ]);
    return rowsOf(rows).map(toEntry);
  }

  async content(id: string): Promise<Buffer | null> {
    const entry = await this.get(id);
    return entry === null ? null : this.options.blobs.get(entry.contentSha256);
  }

  async release(id: string, rcptTo?: readonly string[]): Promise<readonly string[]> {
    const { database, blobs, outbox, clock, onRelease } = this.options;
    const entry = await this.get(id);
    if (entry === null) return [];
    if ((await blobs.get(entry.contentSha256)) === null) throw new Error(`the content of ${id} is missing`);
    const chosen = chosenRecipients(id, rcptTo, ['held']);
    const now = clock.now();
    const item = {
      id: newIdentifier(now),
      kind: 'release' as const,
      mailFrom: entry.mailFrom,
      sha256: entry.contentSha256,
      sizeBytes: entry.sizeBytes,
      about: id,
      from: `SELECT place, address FROM quarantine_recipient WHERE ${chosen.where}`,
      fromParams: chosen.params,
    };
    const results = await database.write([...outbox.queueSteps(item), setState('released', now, chosen)]);
    const released = addressesOf(rowsOf(results.at(-1)));
    if (released.length > 0) onRelease?.();
    return released;
  }

  async delete(id: string, rcptTo?: readonly string[]): Promise<readonly string[]> {
    const { database, blobs, clock } = this.options;
    const entry = await this.get(id);
    if (entry === null) return [];
    const chosen = chosenRecipients(id, rcptTo, ['held', 'released']);
    const results = await database.write([
      setState('deleted', clock.now(), chosen),
      change(
        `DELETE FROM quarantine_entry WHERE id = ? AND NOT EXISTS (SELECT 1 FROM quarantine_recipient WHERE entry = ? AND state <> 'deleted')`,
        id,
        id,
      ),
    ]);
    await blobs.removeUnused(entry.contentSha256, (sha256) => this.isUsed(sha256));
    return addressesOf(rowsOf(results[0]));
  }

  async expire(now: number, retention: Retention): Promise<ExpiredCounts> {
    return this.byClass(async (category) => {
      const { days, entriesMax } = retention[category];
      return this.deleteBatches(...(await this.expired(category, now - days * DAY_MS, entriesMax)));
    });
  }

  async countExpired(now: number, retention: Retention): Promise<ExpiredCounts> {
    return this.byClass(async (category) => {
      const { days, entriesMax } = retention[category];
      const [where, ...params] = await this.expired(category, now - days * DAY_MS, entriesMax);
      const [rows] = await this.options.database.read([
        select(`SELECT count(*) AS n FROM quarantine_entry WHERE ${where}`, ...params),
      ]);
      return rowsOf(rows)[0]?.['n'] as number;
    });
  }

  async isReferenced(sha256: string): Promise<boolean> {
    const [rows] = await this.options.database.read([
      select('SELECT 1 FROM quarantine_entry WHERE sha256 = ? LIMIT 1', sha256),
    ]);
    return rowsOf(rows).length > 0;
  }

  private async byClass(count: (category: Category) => Promise<number>): Promise<ExpiredCounts> {
    const counts: [Category, number][] = [];
    for (const category of CATEGORIES) counts.push([category, await count(category)]);
    return Object.fromEntries(counts) as ExpiredCounts;
  }

  /** What goes of one class, as a condition: what is older than `before`, and all from the first entry over the number on. */
  private async expired(category: Category, before: number, entriesMax: number): Promise<[string, ...SqlValue[]]> {
    const [rows] = await this.options.database.read([
      select(
        'SELECT time, id FROM quarantine_entry WHERE category = ? ORDER BY time DESC, id DESC LIMIT 1 OFFSET ?',
        category,
        entriesMax,
      ),
    ]);
    const over = rowsOf(rows)[0];
    if (over === undefined) return ['category = ? AND time < ?', category, before];
    const { time, id } = over as { time: number; id: string };
    return ['category = ? AND (time < ? OR (time, id) <= (?, ?))', category, before, time, id];
  }

  private async deleteBatches(where: string, ...params: readonly SqlValue[]): Promise<number> {
    const { database, blobs } = this.options;
    for (let gone = 0; ;) {
      const [rows] = await database.write([
        select(
          `DELETE FROM quarantine_entry WHERE id IN (SELECT id FROM quarantine_entry WHERE ${where} LIMIT ?) RETURNING sha256`,
          ...params,
          EXPIRE_BATCH,
        ),
      ]);
      const hashes = rowsOf(rows).map((row) => row['sha256'] as string);
      for (const sha256 of hashes) await blobs.removeUnused(sha256, (hash) => this.isUsed(hash));
      gone += hashes.length;
      if (hashes.length < EXPIRE_BATCH) return gone;
    }
  }

  private async isUsed(sha256: string): Promise<boolean> {
    return (await this.isReferenced(sha256)) || this.options.outbox.isReferenced(sha256);
  }
}

interface Chosen {
  readonly where: string;
  readonly params: readonly SqlValue[];
}

function chosenRecipients(
  id: string,
  rcptTo: readonly string[] | undefined,
  states: readonly RecipientState[],
): Chosen {
  const inStates = `state IN (${states.map((state) => `'${state}'`).join(', ')})`;
  if (rcptTo === undefined) return { where: `entry = ? AND ${inStates}`, params: [id] };
  return {
    where: `entry = ? AND ${inStates} AND address IN (SELECT value FROM json_each(?))`,
    params: [id, JSON.stringify(rcptTo)],
  };
}

function setState(state: RecipientState, now: number, chosen: Chosen): Step {
  return select(
    `UPDATE quarantine_recipient SET state = ?, changed_at = ? WHERE ${chosen.where} RETURNING place, address`,
    state,
    now,
    ...chosen.params,
  );
}
