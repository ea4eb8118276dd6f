// The log store of a directory: the log's file, its search index, the spool, and what writes, searches and keeps them.
import { join } from 'node:path';
import type { Clock } from '../outside/clock.js';
import type { Database } from '../outside/database.js';
import { DatabaseError, openDatabase, openDatabaseLater } from '../outside/database.js';
import type { Leases } from '../outside/lease.js';
import { openSpool } from '../outside/spool.js';
import { openIndex } from './index-file.js';
import { createLogKeeper, type LogKeeper } from './keeper.js';
import type { RetentionLimits } from './retention.js';
import { LOG_MIGRATIONS } from './schema.js';
import { createLogSearch, type LogSearch } from './search.js';
import { subjectFilter, subjectKey, type SubjectPolicy } from './subject.js';
import { createLogWriter, type DurableLogWriter } from './writer.js';

export interface LogStoreOptions {
  readonly dir: string;
  /** '' = `spool` in `dir`. */
  readonly spoolDir: string;
  readonly subjects: SubjectPolicy;
  readonly limits: RetentionLimits;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly holder: string;
  readonly alert: (code: string, raised: boolean, detail: string) => void;
  readonly onError: (error: unknown) => void;
}

export interface LogStore {
  readonly writer: DurableLogWriter;
  /** Opens its own connection when first used. */
  search(): Promise<LogSearch>;
  /** Opens the index for writing when first used. */
  keeper(): Promise<LogKeeper>;
  close(): Promise<void>;
}

/**
 * Opens the store, making what is missing. A log that cannot be opened does not stop the house: entries go to the spool
 * until it can. Rejects only where the log was written by a newer program (SCHEMA_NEWER).
 */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const path = join(options.dir, 'log.db');
  const database = openDatabaseLater({ path });
  const prepare = async (): Promise<void> => void (await database.migrate('log', LOG_MIGRATIONS));
  await prepare().catch(async (error: unknown) => {
    if (error instanceof DatabaseError && error.code === 'SCHEMA_NEWER') {
      await database.close();
      throw error;
    }
    options.alert('log-unwritable', true, String(error));
  });
  const key = options.subjects === 'hash' ? await subjectKey(join(options.dir, 'subject.key')) : Buffer.alloc(0);
  const spool = await openSpool(options.spoolDir === '' ? join(options.dir, 'spool') : options.spoolDir);
  const filterSubject = subjectFilter(options.subjects, key);
  const writer = createLogWriter({ database, spool, filterSubject, prepare, alert: options.alert });
  return new OpenLogStore(options, database, writer, (subject) => filterSubject(subject));
}

class OpenLogStore implements LogStore {
  private reader: Promise<Database> | null = null;
  private index: Promise<Database> | null = null;
  private madeKeeper: LogKeeper | null = null;

  constructor(
    private readonly options: LogStoreOptions,
    private readonly log: Database,
    readonly writer: DurableLogWriter,
    private readonly filterSubject: (subject: string | null) => string | null,
  ) {}

  async search(): Promise<LogSearch> {
    this.reader ??= this.openReader().catch((error: unknown) => {
      this.reader = null;
      throw error;
    });
    const search = createLogSearch(await this.reader);
    if (this.options.subjects !== 'hash') return search;
    // Hashed subjects are found by the whole subject alone.
    const hashed = <Query extends { subject?: string }>(query: Query): Query =>
      query.subject === undefined ? query : { ...query, subject: this.filterSubject(query.subject) ?? '' };
    return { mail: (query) => search.mail(hashed(query)), security: (query) => search.security(hashed(query)) };
  }

  async keeper(): Promise<LogKeeper> {
    const { leases, limits, clock, holder, alert, onError } = this.options;
    const index = await this.openIndex();
    this.madeKeeper ??= createLogKeeper({ log: this.log, index, leases, limits, clock, holder, alert, onError });
    return this.madeKeeper;
  }

  async close(): Promise<void> {
    await this.madeKeeper?.stop();
    await this.writer.close();
    // One that never opened was told of when it was asked for, and holds nothing.
    for (const opened of [this.reader, this.index]) await (await opened?.catch(() => null))?.close();
    await this.log.close();
  }

  private openIndex(): Promise<Database> {
    this.index ??= openIndex(join(this.options.dir, 'search.db')).catch((error: unknown) => {
      this.index = null;
      throw error;
    });
    return this.index;
  }

  /** The index must be there before it can be attached. */
  private async openReader(): Promise<Database> {
    await this.openIndex();
    const attach = [{ name: 'idx', path: join(this.options.dir, 'search.db') }];
    return openDatabase({ path: join(this.options.dir, 'log.db'), readOnly: true, attach });
  }
}
