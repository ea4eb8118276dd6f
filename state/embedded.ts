// The embedded store: one SQLite file that all processes of a node open. What was answered outlives any process; the last
// seconds may be lost with the power, since the log of writes is not forced to disk each time. Holds only what can be
// learnt again.
import { closeSync, existsSync, openSync } from 'node:fs';
import { change, changesOf, DatabaseError, openDatabaseLater, rowsOf, select } from '../outside/database.js';
import type { Database, Row, Step, StepResult } from '../outside/database.js';
import { giveTo, ownerAbove } from '../outside/ownership.js';
import { behind, byBytes, KEY_MAX_BYTES } from './entry.js';
import type { Kept, Place, Span, Store, Swap } from './store.js';

/** Entries that go at most when a table is over its bound: about a hundredth of it, so that not each write pays. */
export const EVICT_MAX = 500;
const EVICT_SHARE = 100;
const CACHE_KIB = 8_192;
/** Behind every key that fits. */
const BEHIND_ALL = '\u{10ffff}'.repeat(KEY_MAX_BYTES);

const MIGRATIONS = [
  `CREATE TABLE entry (
     bucket TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, ends_at INTEGER NOT NULL, PRIMARY KEY (bucket, key)
   ) WITHOUT ROWID;
   CREATE INDEX entry_end ON entry (bucket, ends_at);
   CREATE TABLE tally (bucket TEXT PRIMARY KEY, entries INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TRIGGER entry_more AFTER INSERT ON entry BEGIN
     INSERT INTO tally VALUES (NEW.bucket, 1) ON CONFLICT (bucket) DO UPDATE SET entries = entries + 1;
   END;
   CREATE TRIGGER entry_less AFTER DELETE ON entry BEGIN
     UPDATE tally SET entries = entries - 1 WHERE bucket = OLD.bucket;
   END;
   CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), turns INTEGER NOT NULL);`,
];

const GET = 'SELECT value, ends_at FROM entry WHERE bucket = ? AND key = ? AND ends_at > ?';
const INSERT = `INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT (bucket, key)
  DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at WHERE ends_at <= ?`;
const UPDATE = `UPDATE entry SET value = ?, ends_at = ? WHERE bucket = ? AND key = ? AND value = ? AND ends_at = ?`;
const DELETE = 'DELETE FROM entry WHERE bucket = ? AND key = ? AND value = ? AND ends_at = ?';
const REMOVE = 'DELETE FROM entry WHERE bucket = ? AND key = ? AND ends_at > ?';
const EVICT = `DELETE FROM entry WHERE bucket = ? AND key IN (
  SELECT key FROM entry INDEXED BY entry_end WHERE bucket = ? ORDER BY ends_at
  LIMIT CASE WHEN (SELECT entries FROM tally WHERE bucket = ?) > ? THEN ? ELSE 0 END)`;
const PAGE = `SELECT key, value, ends_at FROM entry
  WHERE bucket = ? AND key >= ? AND key IS NOT ? AND key < ? AND ends_at > ? ORDER BY key LIMIT ?`;
const COUNT = 'SELECT entries FROM tally WHERE bucket = ?';
const BUCKETS = 'SELECT bucket FROM tally';
const SWEEP = `DELETE FROM entry WHERE bucket = ? AND key IN (
  SELECT key FROM entry INDEXED BY entry_end WHERE bucket = ? AND ends_at <= ? ORDER BY ends_at LIMIT ?)`;
const PROBE = 'INSERT INTO probe VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET turns = turns + 1';

export interface EmbeddedOptions {
  /** The file; its directory must be there. */
  readonly path: string;
  /** How long a write waits for other processes, ms. */
  readonly busyTimeoutMs: number;
}

/**
 * Opens the store, and makes the file (0600). A file that cannot be opened now fails each call until it can; rejects only
 * with a DatabaseError SCHEMA_NEWER, where a newer program wrote it.
 */
export async function openEmbedded({ path, busyTimeoutMs }: EmbeddedOptions): Promise<Store> {
  const store = new EmbeddedStore(
    openDatabaseLater({ path, busyTimeoutMs, synchronous: 'NORMAL', cacheKib: CACHE_KIB }),
  );
  try {
    await store.prepare();
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'SCHEMA_NEWER') {
      await store.close();
      throw error;
    }
    // Told when the way to the store is first tried, which is whoever opened it.
  }
  return store;
}

class EmbeddedStore implements Store {
  private prepared: Promise<unknown> | null = null;

  constructor(private readonly database: Database) {}

  async get({ table, key }: Place, nowMs: number): Promise<Kept | null> {
    const [found] = await this.read([select(GET, table, key, nowMs)]);
    return keptOf(found);
  }

  async swap(place: Place, expected: Kept | null, next: Kept | null, nowMs: number): Promise<Swap> {
    const { table, key, entriesMax } = place;
    const steps = [exchange(place, expected, next, nowMs), select(GET, table, key, nowMs)];
    if (expected === null) steps.push(change(EVICT, table, table, table, entriesMax, evictedOf(entriesMax)));
    const [changed, current] = await this.write(steps);
    return changesOf(changed) > 0 ? { done: true } : { done: false, current: keptOf(current) };
  }

  async remove({ table, key }: Place, nowMs: number): Promise<boolean> {
    const [removed] = await this.write([change(REMOVE, table, key, nowMs)]);
    return changesOf(removed) > 0;
  }

  async page(table: string, { prefix, after, limit }: Span, nowMs: number) {
    const from = after !== null && byBytes(after, prefix) > 0 ? after : prefix;
    const params = [table, from, after, behind(prefix) ?? BEHIND_ALL, nowMs, limit];
    const [rows] = await this.read([select(PAGE, ...params)]);
    return rowsOf(rows).map((row) => [row['key'] as string, keptOfRow(row)] as const);
  }

  async count(table: string): Promise<number> {
    const [rows] = await this.read([select(COUNT, table)]);
    return (rowsOf(rows)[0]?.['entries'] as number | undefined) ?? 0;
  }

  async probe(): Promise<void> {
    await this.write([change(PROBE)]);
  }

  async sweep(nowMs: number, limit: number): Promise<number> {
    const [rows] = await this.read([select(BUCKETS)]);
    let gone = 0;
    for (const { bucket = '' } of rowsOf(rows)) {
      const [deleted] = await this.write([change(SWEEP, bucket, bucket, nowMs, limit - gone)]);
      gone += changesOf(deleted);
      if (gone >= limit) break;
    }
    return gone;
  }

  close(): Promise<void> {
    return this.database.close();
  }

  /** Brings the tables forward, once. */
  async prepare(): Promise<void> {
    this.prepared ??= this.begin();
    try {
      await this.prepared;
    } catch (error) {
      this.prepared = null;
      throw error;
    }
  }

  private async begin(): Promise<void> {
    makeFile(this.database.path);
    await this.database.migrate('state', MIGRATIONS);
  }

  private async read(steps: readonly Step[]): Promise<readonly StepResult[]> {
    await this.prepare();
    return this.database.read(steps);
  }

  private async write(steps: readonly Step[]): Promise<readonly StepResult[]> {
    await this.prepare();
    return this.database.write(steps);
  }
}

/** Made before SQLite sees it: whoever makes it as root makes it for the owner of the directory. */
function makeFile(path: string): void {
  if (existsSync(path)) return;
  const owner = ownerAbove(path);
  closeSync(openSync(path, 'a', 0o600));
  giveTo(owner, path);
}

function exchange({ table, key }: Place, expected: Kept | null, next: Kept | null, nowMs: number): Step {
  if (next === null) return change(DELETE, table, key, expected?.text ?? '', expected?.endsAt ?? nowMs);
  if (expected === null) return change(INSERT, table, key, next.text, next.endsAt, nowMs);
  return change(UPDATE, next.text, next.endsAt, table, key, expected.text, expected.endsAt);
}

function evictedOf(entriesMax: number): number {
  return Math.min(EVICT_MAX, Math.ceil(entriesMax / EVICT_SHARE));
}

function keptOf(result: StepResult | undefined): Kept | null {
  const [row] = rowsOf(result);
  return row === undefined ? null : keptOfRow(row);
}

function keptOfRow(row: Row): Kept {
  return { text: row['value'] as string, endsAt: row['ends_at'] as number };
}
