// The stored rules as one process has them compiled: read once, then only what changed, whenever the generation file says
// so. Shared by all stages of the process that come and go with settings. When the store cannot be read any more, the
// rules known last go on, and an alert says so.
import type { Clock } from '../../outside/clock.js';
import { openDatabase, rowsOf, select, type Database } from '../../outside/database.js';
import { fileOf, GenerationFile } from './generation.js';
import { RULE_COLUMNS, ruleOf } from './schema.js';
import { accessFile, hasStore, openAccessStore } from './store.js';
import { RuleTable } from './table.js';

/** Rules read at once: what is compiled in one turn of the event loop. */
const PAGE = 1_000;
/** How long mail waits for changed rules; over it those known are used, ms. */
export const REFRESH_WAIT_MS = 1_000;
/** Pause after a failure, ms. */
const RETRY_MS = 1_000;
/** How long the store stays open after it was read, ms. */
const LINGER_MS = 10_000;

export interface BookOptions {
  readonly dir: string;
  readonly clock: Clock;
  /** Makes the store where there is none; else it is as if empty until it is there. */
  readonly make: boolean;
  /** Told when the store cannot be read, and when it can again. */
  readonly onTrouble: (raised: boolean, detail: string) => void;
}

/** How far a table has read. */
interface Place {
  readonly epoch: string;
  readonly generation: number;
}

const NOWHERE: Place = { epoch: '', generation: 0 };

export class AccessBook {
  #table = new RuleTable();
  #place = NOWHERE;
  #stamp: string | null = null;
  #refreshing: Promise<void> | null = null;
  #failedAt = -Infinity;
  #inTrouble = false;
  #database: Promise<Database> | null = null;
  #closing: NodeJS.Timeout | null = null;
  readonly #generation: GenerationFile;

  private constructor(private readonly options: BookOptions) {
    this.#generation = new GenerationFile(options.dir);
  }

  /** Reads everything. Rejects with what kept it from doing so. */
  static async open(options: BookOptions): Promise<AccessBook> {
    // A file that is there may be one that another process is only just making: migrating waits for it.
    if (options.make) await (await openAccessStore(options.dir, options.clock)).close();
    const book = new AccessBook(options);
    book.#stamp = book.#generation.read(options.clock.monotonicMs());
    try {
      await book.#read();
    } catch (error) {
      await book.close();
      throw error;
    }
    return book;
  }

  /** The rules as they are now; a promise only where they changed since the last call. */
  current(): RuleTable | Promise<RuleTable> {
    const nowMs = this.options.clock.monotonicMs();
    if (this.#refreshing === null) {
      const stamp = this.#generation.read(nowMs);
      if (stamp === this.#stamp || nowMs - this.#failedAt < RETRY_MS) return this.#table;
      this.#refreshing = this.#refresh(stamp);
    }
    return Promise.race([this.#refreshing, pause(REFRESH_WAIT_MS)]).then(() => this.#table);
  }

  async close(): Promise<void> {
    if (this.#closing !== null) clearTimeout(this.#closing);
    this.#generation.close();
    await this.#refreshing;
    await this.#letGo();
  }

  async #refresh(stamp: string | null): Promise<void> {
    try {
      // Another store in the place of the one that may still be open.
      if (fileOf(stamp) !== fileOf(this.#stamp)) await this.#letGo();
      await this.#read();
      this.#stamp = stamp;
      if (this.#inTrouble) this.options.onTrouble(false, 'rules are read again');
      this.#inTrouble = false;
    } catch (error) {
      this.#failedAt = this.options.clock.monotonicMs();
      this.#inTrouble = true;
      this.options.onTrouble(true, error instanceof Error ? error.message : String(error));
    } finally {
      this.#refreshing = null;
    }
  }

  /** What changed since the place read last; everything where traces of it are gone. */
  async #read(): Promise<void> {
    if (!hasStore(this.options.dir)) {
      this.#table = new RuleTable();
      this.#place = NOWHERE;
      return;
    }
    const database = await this.#open();
    const [rows] = await database.read([select('SELECT epoch, generation, gone_from FROM access_state')]);
    const state = rowsOf(rows)[0] as { epoch: string; generation: number; gone_from: number } | undefined;
    if (state === undefined) throw new Error(`${database.path} has no rules in it`);
    const { epoch, generation } = state;
    const isWhole =
      epoch !== this.#place.epoch || generation < this.#place.generation || state.gone_from > this.#place.generation;
    const table = isWhole ? new RuleTable() : this.#table;
    const from = isWhole ? 0 : this.#place.generation;
    await readInto(table, database, from);
    this.#table = table;
    this.#place = { epoch, generation };
    this.#linger();
  }

  /** Kept open for a while: changes often come several at once. */
  #open(): Promise<Database> {
    if (this.#closing !== null) clearTimeout(this.#closing);
    this.#closing = null;
    this.#database ??= openDatabase({ path: accessFile(this.options.dir), readOnly: true }).catch((error: unknown) => {
      this.#database = null;
      throw error;
    });
    return this.#database;
  }

  #linger(): void {
    this.#closing = setTimeout(() => void this.#letGo(), LINGER_MS).unref();
  }

  async #letGo(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    if (database !== null) await (await database).close();
  }
}

/** Rules changed after a generation, in pages, then those taken away: an id never comes again. */
async function readInto(table: RuleTable, database: Database, from: number): Promise<void> {
  let [generation, id] = [from, '\u{10ffff}'];
  for (;;) {
    const [rows] = await database.read([
      select(
        `SELECT ${RULE_COLUMNS}, generation FROM access_rule WHERE (generation, id) > (?, ?) ORDER BY generation, id LIMIT ?`,
        ...[generation, id, PAGE],
      ),
    ]);
    const found = rowsOf(rows);
    for (const row of found) {
      const rule = ruleOf(row);
      if (rule !== null) table.put(rule);
      [generation, id] = [row['generation'] as number, row['id'] as string];
    }
    if (found.length < PAGE) break;
  }
  if (from === 0) return;
  const [gone] = await database.read([select('SELECT id FROM access_gone WHERE generation > ?', from)]);
  for (const row of rowsOf(gone)) table.remove(row['id'] as string);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

interface Shared {
  readonly book: Promise<AccessBook>;
  uses: number;
}

/** The books of this process, by directory: settings change, rules stay compiled. */
const SHARED = new Map<string, Shared>();

/** The process's book of that directory, and how to give it back. */
export async function borrowBook(options: BookOptions): Promise<{ book: AccessBook; giveBack: () => Promise<void> }> {
  const shared = SHARED.get(options.dir) ?? { book: AccessBook.open(options), uses: 0 };
  SHARED.set(options.dir, shared);
  shared.uses += 1;
  const giveBack = async (): Promise<void> => {
    shared.uses -= 1;
    if (shared.uses > 0) return;
    if (SHARED.get(options.dir) === shared) SHARED.delete(options.dir);
    await (await shared.book).close();
  };
  try {
    return { book: await shared.book, giveBack };
  } catch (error) {
    shared.uses -= 1;
    if (SHARED.get(options.dir) === shared) SHARED.delete(options.dir);
    throw error;
  }
}
