// The outbox's runner: takes what is due, hands it to the mail server, records the outcome, and waits longer after each
// failure. Of all processes only the holder of the lease runs. An item is sent at least once; it must never be lost.
import type { Clock } from '../outside/clock.js';
import type { Leases } from '../outside/lease.js';
import { deliver, type Delivery, type Route } from './delivery.js';
import type { OutboxSettings } from './settings.js';
import type { DueItem, OutboxStore, RecipientResult } from './queue.js';

/** How often it looks for due items, ms. */
export const POLL_MS = 500;
/** Without renewal the lease ends after this, ms. */
export const LEASE_MS = 15_000;
const RENEW_MS = 4_000;
const LEASE = 'outbox-runner';

export interface RunnerLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface RunnerOptions {
  readonly store: OutboxStore;
  readonly leases: Leases;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  readonly log: RunnerLog;
  readonly alert: (code: string, raised: boolean, detail: string) => void;
  /** Names this process among the lease's holders. */
  readonly holder: string;
}

export interface OutboxRunner {
  start(): void;
  /** Looks at once rather than at the next poll. */
  wake(): void;
  /** One look now; resolves when all tries it began have been recorded. Returns how many items it tried. */
  runOnce(): Promise<number>;
  /** Begins nothing new, waits for running tries, gives the lease back. */
  stop(): Promise<void>;
}

export function createOutboxRunner(options: RunnerOptions): OutboxRunner {
  return new Runner(options);
}

/** Wait after the nth failed try, ms: doubled each time, between the bounds. */
export function retryDelayMs(attempts: number, settings: Pick<OutboxSettings, 'retryMinMs' | 'retryMaxMs'>): number {
  return Math.min(settings.retryMaxMs, settings.retryMinMs * 2 ** Math.min(Math.max(0, attempts - 1), 30));
}

class Runner implements OutboxRunner {
  private timer: NodeJS.Timeout | null = null;
  private readonly tries = new Map<string, Promise<void>>();
  private look: Promise<number> | null = null;
  private renewAt = -Infinity;
  private isStopping = false;

  constructor(private readonly options: RunnerOptions) {}

  start(): void {
    if (this.timer !== null) return;
    this.timer = setInterval(() => this.wake(), POLL_MS);
    this.timer.unref();
  }

  wake(): void {
    if (this.isStopping) return;
    this.lookOnce().catch((error: unknown) =>
      this.options.log.error({ err: error }, 'outbox: cannot look for due items'),
    );
  }

  async runOnce(): Promise<number> {
    const count = await this.lookOnce();
    await Promise.all(this.tries.values());
    return count;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.look?.catch((error: unknown) => this.options.log.error({ err: error }, 'outbox: last look failed'));
    await Promise.all(this.tries.values());
    await this.options.leases.drop(LEASE, this.options.holder);
  }

  private lookOnce(): Promise<number> {
    this.look ??= this.takeDue().finally(() => (this.look = null));
    return this.look;
  }

  private async takeDue(): Promise<number> {
    if (!(await this.hold())) return 0;
    const { store, settings } = this.options;
    const free = settings.connections - this.tries.size;
    const due = free > 0 ? await store.take(free) : [];
    for (const item of due) {
      const attempt = this.tryItem(item).finally(() => {
        this.tries.delete(item.id);
        if (due.length === free) this.wake();
      });
      this.tries.set(item.id, attempt);
    }
    return due.length;
  }

  /** Takes or renews the lease in good time; whatever a dead runner left is picked up then. */
  private async hold(): Promise<boolean> {
    const { leases, clock, holder, store } = this.options;
    const now = clock.now();
    if (now < this.renewAt) return true;
    if (!(await leases.take(LEASE, holder, now, LEASE_MS))) {
      this.renewAt = -Infinity;
      return false;
    }
    this.renewAt = now + RENEW_MS;
    await store.recover([...this.tries.keys()]);
    await this.tellFailed();
    return true;
  }

  private async tryItem(item: DueItem): Promise<void> {
    const { store, settings, clock, log, alert } = this.options;
    try {
      const delivery = await this.handOver(item, settings);
      alert(
        'outbox-unreachable',
        !delivery.isReached,
        `${settings.host}:${String(settings.port)}: ${firstTrouble(delivery)}`,
      );
      const state = await store.record(item, delivery.results, clock.now() + retryDelayMs(item.attempts, settings));
      const fields = {
        outbox: item.id,
        kind: item.kind,
        about: item.about,
        attempts: item.attempts,
        results: tell(item, delivery.results),
      };
      if (state === 'done') log.info(fields, 'outbox: sent');
      else log.warn({ ...fields, state }, state === 'failed' ? 'outbox: given up' : 'outbox: will be tried again');
      if (state === 'failed') await this.tellFailed();
    } catch (error) {
      // The item stays `sending`; once it is no longer in hand the next renewal of the lease puts it back.
      log.error({ err: error, outbox: item.id }, 'outbox: outcome of a try could not be recorded');
    }
  }

  private async handOver(item: DueItem, route: Route): Promise<Delivery> {
    const content = await this.options.store.content(item).catch((error: unknown) => {
      this.options.log.error({ err: error, outbox: item.id }, 'outbox: content cannot be read');
      return null;
    });
    if (content !== null) return deliver(route, item.mailFrom, item.waiting, content);
    this.options.alert('content-damaged', true, `outbox item ${item.id}`);
    const results = item.waiting.map(({ place }): RecipientResult => ({
      place,
      outcome: 'failed',
      reply: 'the stored content is missing or damaged',
    }));
    return { results, isReached: true };
  }

  private async tellFailed(): Promise<void> {
    const { failed } = await this.options.store.counts();
    this.options.alert('outbox-failed', failed > 0, `${String(failed)} failed`);
  }
}

function firstTrouble(delivery: Delivery): string {
  return delivery.results.find(({ outcome }) => outcome !== 'sent')?.reply ?? '';
}

function tell(item: DueItem, results: readonly RecipientResult[]): readonly object[] {
  return results.map(({ place, outcome, reply }) => ({
    to: item.waiting.find((one) => one.place === place)?.address,
    outcome,
    reply,
  }));
}
