// The stores of one storage directory, opened together: log, search, quarantine, outbox, alerts, free space. Several
// processes may have them open at once; what only one may do (sending, indexing, clearing out) goes by leases.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openAlerts, type Alerts } from '../logs/alerts.js';
import { EXPIRED_RULES_KEEP_MS, hasStore, openAccessStore, type AccessStore } from '../filters/access/store.js';
import type { LogWriter } from '../logs/event.js';
import type { LogKeeper } from '../logs/keeper.js';
import type { LogSearch } from '../logs/search.js';
import type { LogSettings } from '../logs/settings.js';
import { openLogStore, type LogStore } from '../logs/store.js';
import type { TextLog } from '../logs/text-log.js';
import { createOutboxRunner, type OutboxRunner } from '../outbox/runner.js';
import type { OutboxSettings } from '../outbox/settings.js';
import type { OutboxStore } from '../outbox/queue.js';
import { openOutboxStore } from '../outbox/store.js';
import { openBlobs, type Blobs } from '../outside/blobs.js';
import type { Clock } from '../outside/clock.js';
import { openDatabase, type Database } from '../outside/database.js';
import { createSpaceWatch, type SpaceWatch } from '../outside/free-space.js';
import { newIdentifier } from '../outside/identifier.js';
import { openLeases, type Leases } from '../outside/lease.js';
import type { ExpiredCounts } from '../quarantine/quarantine.js';
import { retentionOf, type QuarantineSettings } from '../quarantine/settings.js';
import { openQuarantineStore, type QuarantineStore } from '../quarantine/store.js';
import type { SweptState } from '../state/keeper.js';
import { openState, STATE_FILE, type StateOptions } from '../state/open.js';
import { startSweep } from '../state/sweep.js';
import type { StorageSettings } from './storage-settings.js';
import { clearUnprocessable } from './unprocessable-alert.js';

/** How often old quarantine entries and unused contents are cleared out, ms. */
export const CLEAR_EVERY_MS = 15 * 60_000;
/** The first time after a start, so that it comes about however often the process is replaced, ms. */
const CLEAR_FIRST_MS = 60_000;
/** Longest wait for one answer of the state where no settings say so, ms. */
const STATE_TIME_LIMIT_MS = 2_000;
const CLEAR_LEASE = 'clear-out';
const CLEAR_LEASE_MS = 10 * 60_000;

export interface StoresOptions {
  readonly storage: StorageSettings;
  readonly log: LogSettings;
  readonly outbox: OutboxSettings;
  readonly quarantine: QuarantineSettings;
  /** The directory of block and allow rules; `access` below that of the stores when absent. */
  readonly accessDir?: string;
  /** Where `state` is kept; the embedded store when absent. */
  readonly state?: Omit<StateOptions, 'path'>;
  readonly clock: Clock;
  readonly logger: TextLog;
}

/** The work behind the stores, for the one process that does it (the admin process). */
export interface StoresWork {
  readonly runner: OutboxRunner;
  readonly keeper: LogKeeper;
  stop(): Promise<void>;
}

/** What clearing out did: quarantine entries by class, and contents that nothing referred to any more. */
export interface ClearedOut {
  readonly entries: ExpiredCounts;
  readonly contents: number;
}

export interface Stores {
  readonly log: LogWriter;
  readonly quarantine: QuarantineStore;
  readonly outbox: OutboxStore;
  readonly alerts: Alerts;
  /** The process's text log: audits go there. */
  readonly logger: TextLog;
  /** Below the marks of `storage`; its alerts are raised and cleared here. */
  readonly space: SpaceWatch;
  /** What is remembered between connections; opened when first used. Rejects where a newer program wrote it (SCHEMA_NEWER). */
  state(): Promise<SweptState>;
  /** Block and allow rules; opened, and made, when first used. */
  access(): Promise<AccessStore>;
  /** Opens its own connection when first used. */
  search(): Promise<LogSearch>;
  /**
   * Deletes quarantine entries beyond what `quarantine` keeps, and unused contents. Runs by itself in the process that does
   * the work, whatever stages are on. Null when another process is at it.
   */
  clearOut(): Promise<ClearedOut | null>;
  /** Entries that would go now, by class. */
  countExpired(): Promise<ExpiredCounts>;
  /** Starts outbox runner, log keeper and clearing out. Safe in several processes: leases choose one. */
  startWork(): Promise<StoresWork>;
  /** Stops the work, waits for what is under way, closes all files. */
  close(): Promise<void>;
}

/**
 * Opens (and makes, 0700 and 0600) everything under `storage.dir`. Rejects with a DatabaseError: SCHEMA_NEWER where a newer
 * program wrote it. A log that cannot be opened does not reject: its entries go to the spool.
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const dir = options.storage.dir;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const state = await openDatabase({ path: join(dir, 'state.db') });
  try {
    return await openOn(state, options);
  } catch (error) {
    await state.close();
    throw error;
  }
}

async function openOn(state: Database, options: StoresOptions): Promise<Stores> {
  const { storage, clock, logger } = options;
  const holder = `${String(process.pid)}-${newIdentifier(clock.now())}`;
  const leases = await openLeases(state);
  const alerts = await openAlerts(state, clock, logger);
  const alert = alerts.alert.bind(alerts);
  const blobs = await openBlobs(join(storage.dir, 'content'), clock);
  const outbox = await openOutboxStore({ database: state, blobs, clock, expireHours: options.outbox.expireHours });
  const log = await openLogStore({
    dir: storage.dir,
    ...options.log,
    limits: options.log,
    leases,
    clock,
    holder,
    alert,
    onError: (error) => logger.error({ err: error }, 'log keeper failed'),
  });
  const parts = { state, leases, alerts, alert, blobs, outbox, log, holder };
  const stores = new OpenStores(options, parts, await openQuarantine(options, parts, () => stores.wake()));
  await stores.space.check();
  return stores;
}

interface Parts {
  readonly state: Database;
  readonly leases: Leases;
  readonly alerts: Alerts;
  readonly alert: (code: string, raised: boolean, detail: string) => void;
  readonly blobs: Blobs;
  readonly outbox: OutboxStore;
  readonly log: LogStore;
  readonly holder: string;
}

function openQuarantine(options: StoresOptions, parts: Parts, onRelease: () => void): Promise<QuarantineStore> {
  const { state: database, blobs, outbox } = parts;
  return openQuarantineStore({ database, blobs, outbox, clock: options.clock, onRelease });
}

class OpenStores implements Stores {
  readonly log: LogWriter;
  readonly outbox: OutboxStore;
  readonly alerts: Alerts;
  readonly space: SpaceWatch;
  readonly logger: TextLog;
  private work: StoresWork | null = null;
  private rules: Promise<AccessStore> | null = null;
  private remembered: Promise<SweptState> | null = null;

  constructor(
    private readonly options: StoresOptions,
    private readonly parts: Parts,
    readonly quarantine: QuarantineStore,
  ) {
    this.log = parts.log.writer;
    this.outbox = parts.outbox;
    this.alerts = parts.alerts;
    this.logger = options.logger;
    this.space = createSpaceWatch({
      dir: options.storage.dir,
      lowBytes: options.storage.freeAlertBytes,
      outBytes: options.storage.freeTempfailBytes,
      clock: options.clock,
      onState: ({ state, detail }) => {
        parts.alert('disk-space-low', state !== 'ok', detail);
        parts.alert('disk-space-out', state === 'out', detail);
      },
    });
  }

  search(): Promise<LogSearch> {
    return this.parts.log.search();
  }

  access(): Promise<AccessStore> {
    this.rules ??= openAccessStore(this.accessDir(), this.options.clock);
    return this.rules;
  }

  state(): Promise<SweptState> {
    const { options, parts } = this;
    const settings = options.state ?? { redis: null, timeLimitMs: STATE_TIME_LIMIT_MS };
    this.remembered ??= openState(
      { path: join(options.storage.dir, STATE_FILE), ...settings },
      { clock: options.clock, alert: parts.alert },
    );
    return this.remembered;
  }

  async startWork(): Promise<StoresWork> {
    this.work ??= await this.beginWork();
    return this.work;
  }

  wake(): void {
    this.work?.runner.wake();
  }

  async close(): Promise<void> {
    await this.work?.stop();
    // One that did not open was told of when it was asked for.
    await (await this.remembered?.catch(() => null))?.close();
    await (await this.rules?.catch(() => null))?.close();
    await this.parts.log.close();
    await this.parts.alerts.settled();
    await this.parts.state.close();
  }

  private async beginWork(): Promise<StoresWork> {
    const { options, parts } = this;
    const runner = createOutboxRunner({
      store: parts.outbox,
      leases: parts.leases,
      settings: options.outbox,
      clock: options.clock,
      log: options.logger,
      alert: parts.alert,
      holder: parts.holder,
    });
    const keeper = await parts.log.keeper();
    const stopSweep = startSweep(await this.state(), (error) =>
      options.logger.error({ err: error }, 'what ended could not be cleared from the state'),
    );
    runner.start();
    keeper.start();
    const timers = [
      setTimeout(() => void this.clearOutQuietly(), CLEAR_FIRST_MS),
      setInterval(() => void this.clearOutQuietly(), CLEAR_EVERY_MS),
    ];
    for (const timer of timers) timer.unref();
    return {
      runner,
      keeper,
      stop: async () => {
        for (const timer of timers) clearTimeout(timer);
        await stopSweep();
        await runner.stop();
        await keeper.stop();
      },
    };
  }

  async clearOut(): Promise<ClearedOut | null> {
    const { parts, options, quarantine } = this;
    const now = options.clock.now();
    if (!(await parts.leases.take(CLEAR_LEASE, parts.holder, now, CLEAR_LEASE_MS))) return null;
    try {
      const entries = await quarantine.expire(now, retentionOf(options.quarantine));
      if (hasStore(this.accessDir())) await (await this.access()).removeExpired(now - EXPIRED_RULES_KEEP_MS);
      await clearUnprocessable(this);
      const isUsed = async (sha256: string): Promise<boolean> =>
        (await quarantine.isReferenced(sha256)) || parts.outbox.isReferenced(sha256);
      return { entries, contents: await parts.blobs.sweep(isUsed) };
    } finally {
      await parts.leases.drop(CLEAR_LEASE, parts.holder);
    }
  }

  countExpired(): Promise<ExpiredCounts> {
    const { options, quarantine } = this;
    return quarantine.countExpired(options.clock.now(), retentionOf(options.quarantine));
  }

  private accessDir(): string {
    return this.options.accessDir ?? join(this.options.storage.dir, 'access');
  }

  private async clearOutQuietly(): Promise<void> {
    try {
      const gone = await this.clearOut();
      if (gone === null) return;
      const entries = Object.values(gone.entries).reduce((sum, count) => sum + count, 0);
      if (entries + gone.contents > 0) this.options.logger.info(gone, 'cleared out');
    } catch (error) {
      this.options.logger.error({ err: error }, 'clearing out failed');
    }
  }
}
