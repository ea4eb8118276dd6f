// The work behind the logs: feeds the search index and keeps the logs within their bounds. Of all processes only the one
// that holds the lease does it; it must never stand in the way of a write.
import type { Clock } from '../outside/clock.js';
import type { Database } from '../outside/database.js';
import type { Leases } from '../outside/lease.js';
import { countWaiting, fillNewIndex, INDEX_BATCH, INDEX_BEHIND_ROWS, indexBatch, LOG_NAMES } from './index-file.js';
import { applyRetention, type RetentionLimits } from './retention.js';

/** How often new rows are taken into the index, ms. */
export const INDEX_EVERY_MS = 2_000;
/** How often the bounds are applied, ms. */
export const RETENTION_EVERY_MS = 600_000;
const LEASE = 'log-keeper';
const LEASE_MS = 30_000;

export interface KeeperOptions {
  readonly log: Database;
  readonly index: Database;
  readonly leases: Leases;
  readonly limits: RetentionLimits;
  readonly clock: Clock;
  /** Names this process among the lease's holders. */
  readonly holder: string;
  readonly alert: (code: string, raised: boolean, detail: string) => void;
  readonly onError: (error: unknown) => void;
}

export interface LogKeeper {
  /** Begins the rounds; repeated calls are harmless. */
  start(): void;
  /** One round now: index everything that waits. False when another process has the lease. */
  indexNow(): Promise<boolean>;
  /** Applies the bounds now; returns how many rows went. */
  trimNow(): Promise<number>;
  stop(): Promise<void>;
}

export function createLogKeeper(options: KeeperOptions): LogKeeper {
  return new Keeper(options);
}

class Keeper implements LogKeeper {
  private timer: NodeJS.Timeout | null = null;
  private round: Promise<void> | null = null;
  private isFilled = false;
  private trimmedAt = -Infinity;
  private stopping = false;

  constructor(private readonly options: KeeperOptions) {}

  start(): void {
    if (this.timer !== null) return;
    this.timer = setInterval(() => this.beginRound(), INDEX_EVERY_MS);
    this.timer.unref();
  }

  async indexNow(): Promise<boolean> {
    const { log, index } = this.options;
    if (!(await this.hold())) return false;
    if (!this.isFilled) await fillNewIndex(log, index);
    this.isFilled = true;
    for (const name of LOG_NAMES) {
      let rows = INDEX_BATCH;
      while (rows === INDEX_BATCH && !this.stopping && (await this.hold())) rows = await indexBatch(log, index, name);
    }
    const waiting = await countWaiting(log);
    this.options.alert('log-index-behind', waiting > INDEX_BEHIND_ROWS, `${String(waiting)} rows wait`);
    return true;
  }

  async trimNow(): Promise<number> {
    const { log, index, limits, clock } = this.options;
    return applyRetention(log, index, limits, clock.now());
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.round;
    await this.options.leases.drop(LEASE, this.options.holder);
  }

  private hold(): Promise<boolean> {
    return this.options.leases.take(LEASE, this.options.holder, this.options.clock.now(), LEASE_MS);
  }

  private beginRound(): void {
    this.round ??= this.runRound()
      .catch((error: unknown) => this.options.onError(error))
      .finally(() => (this.round = null));
  }

  private async runRound(): Promise<void> {
    if (!(await this.indexNow()) || this.stopping) return;
    const now = this.options.clock.monotonicMs();
    if (now - this.trimmedAt < RETENTION_EVERY_MS) return;
    this.trimmedAt = now;
    await this.trimNow();
  }
}
