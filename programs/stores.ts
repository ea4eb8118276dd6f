// The stores of one storage directory, opened together: log, search, quarantine, outbox, alerts, free space. Several
// processes may have them open at once; what only one may do (sending, indexing, clearing out) goes by leases.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openAlerts, type Alerts } from '../logs/alerts.js';
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
import { keepDays, type QuarantineSettings } from '../quarantine/settings.js';
import { openQuarantineStore, type QuarantineStore } from '../quarantine/store.js';
import type { StorageSettings } from './storage-settings.js';
import { clearUnprocessable } from './unprocessable-alert.js';

/** How often old quarantine entries and unused contents are cleared out, ms. */
export const CLEAR_EVERY_MS = 15 * 60_000;
const CLEAR_LEASE = 'clear-out';
const CLEAR_LEASE_MS = 10 * 60_000;

export interface StoresOptions {
  readonly storage: StorageSettings;
  readonly log: LogSettings;
  readonly outbox: OutboxSettings;
  readonly quarantine: QuarantineSettings;
  readonly clock: Clock;
  readonly logger: TextLog;
}

/** The work behind the stores, for the one process that does it (the admin process). */
export interface StoresWork {
  readonly runner: OutboxRunner;
  readonly keeper: LogKeeper;
  /** Expires quarantine entries and removes unused contents; returns how many of each went. Runs by itself as well. */
  clearOut(): Promise<{ readonly entries: number; readonly contents: number }>;
  stop(): Promise<void>;
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
  /** Opens its own connection when first used. */
  search(): Promise<LogSearch>;
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

  async startWork(): Promise<StoresWork> {
    this.work ??= await this.beginWork();
    return this.work;
  }

  wake(): void {
    this.work?.runner.wake();
  }

  async close(): Promise<void> {
    await this.work?.stop();
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
    runner.start();
    keeper.start();
    const timer = setInterval(() => void this.clearOutQuietly(), CLEAR_EVERY_MS);
    timer.unref();
    return {
      runner,
      keeper,
      clearOut: () => this.clearOut(),
      stop: async () => {
        clearInterval(timer);
        await runner.stop();
        await keeper.stop();
      },
    };
  }

  private async clearOut(): Promise<{ entries: number; contents: number }> {
    const { parts, options, quarantine } = this;
    const now = options.clock.now();
    if (!(await parts.leases.take(CLEAR_LEASE, parts.holder, now, CLEAR_LEASE_MS))) return { entries: 0, contents: 0 };
    const entries = await quarantine.expire(now, keepDays(options.quarantine));
    await clearUnprocessable(this);
    const isUsed = async (sha256: string): Promise<boolean> =>
      (await quarantine.isReferenced(sha256)) || parts.outbox.isReferenced(sha256);
    const contents = await parts.blobs.sweep(isUsed);
    return { entries, contents };
  }

  private async clearOutQuietly(): Promise<void> {
    try {
      const gone = await this.clearOut();
      if (gone.entries + gone.contents > 0) this.options.logger.info(gone, 'cleared out');
    } catch (error) {
      this.options.logger.error({ err: error }, 'clearing out failed');
    }
  }
}
