// An outbox and its runner in a folder of their own, with a clock that can be moved.
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { NewOutboxItem } from '../../outbox/outbox.js';
import { createOutboxRunner, type OutboxRunner } from '../../outbox/runner.js';
import type { OutboxSettings } from '../../outbox/settings.js';
import type { OutboxStore } from '../../outbox/queue.js';
import { openOutboxStore } from '../../outbox/store.js';
import { openBlobs } from '../../outside/blobs.js';
import { openDatabase } from '../../outside/database.js';
import { openLeases } from '../../outside/lease.js';
import { makeDir } from '../logs/fixtures.js';

export class MovedClock {
  aheadMs = 0;
  now = (): number => Date.now() + this.aheadMs;
  monotonicMs = (): number => performance.now() + this.aheadMs;
}

export function newItem(fields: Partial<NewOutboxItem> = {}): NewOutboxItem {
  return {
    kind: 'copy',
    mailFrom: 'alice@sender.example',
    rcptTo: ['bob@here.example'],
    content: Buffer.from('Subject: hello\r\n\r\nbody\r\n'),
    about: 'log1',
    notBefore: 0,
    ...fields,
  };
}

export interface OpenedOutbox {
  readonly store: OutboxStore;
  readonly clock: MovedClock;
  readonly alerts: Map<string, boolean>;
  runner(port: number, settings?: Partial<OutboxSettings>, holder?: string): OutboxRunner;
}

export async function openOutbox(dir?: string): Promise<OpenedOutbox> {
  const place = dir ?? (await makeDir());
  const clock = new MovedClock();
  const database = await openDatabase({ path: join(place, 'state.db') });
  onTestFinished(() => database.close());
  const blobs = await openBlobs(join(place, 'content'), clock);
  const store = await openOutboxStore({ database, blobs, clock, expireHours: 1 });
  const leases = await openLeases(database);
  const alerts = new Map<string, boolean>();
  const runner = (port: number, settings: Partial<OutboxSettings> = {}, holder = 'test'): OutboxRunner =>
    createOutboxRunner({
      store,
      leases,
      clock,
      holder,
      settings: {
        host: '127.0.0.1',
        port,
        heloName: 'localhost',
        connections: 4,
        retryMinMs: 1_000,
        retryMaxMs: 60_000,
        expireHours: 1,
        connectTimeoutMs: 2_000,
        replyTimeoutMs: 2_000,
        ...settings,
      },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      alert: (code, raised) => void alerts.set(code, raised),
    });
  return { store, clock, alerts, runner };
}
