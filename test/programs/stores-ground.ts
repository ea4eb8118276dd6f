// Opens all stores in a folder for a test, and runs children that work them until they are killed.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Value } from 'typebox/value';
import { onTestFinished } from 'vitest';
import { createTextLog } from '../../logs/text-log.js';
import { systemClock } from '../../outside/clock.js';
import { quarantineSection, type QuarantineSettings } from '../../quarantine/settings.js';
import { openStores, type Stores, type StoresOptions } from '../../programs/stores.js';

const CHILD = fileURLToPath(new URL('./stores-child.mjs', import.meta.url));
const STORES = new URL('../../dist/programs/stores.js', import.meta.url).href;

export function settings(dir: string, port: number, spoolDir = ''): Omit<StoresOptions, 'clock' | 'logger'> {
  return {
    storage: { dir, freeAlertBytes: 2, freeTempfailBytes: 1 },
    log: {
      level: 'error',
      mailRowsMax: 1_000_000,
      securityRowsMax: 1_000_000,
      keepDays: 0,
      subRuleDays: 30,
      subjects: 'keep',
      spoolDir,
    },
    outbox: {
      host: '127.0.0.1',
      port,
      heloName: 'localhost',
      connections: 4,
      retryMinMs: 100,
      retryMaxMs: 1_000,
      expireHours: 1,
      connectTimeoutMs: 2_000,
      replyTimeoutMs: 5_000,
    },
    quarantine: Value.Default(quarantineSection.schema, {}) as QuarantineSettings,
  };
}

export async function open(given: Omit<StoresOptions, 'clock' | 'logger'>): Promise<Stores> {
  const logger = createTextLog('test', 'error', { write: () => undefined });
  const stores = await openStores({ ...given, clock: systemClock, logger });
  onTestFinished(() => stores.close());
  return stores;
}

export type Told = Map<string, string[]>;

/** Runs children until each has told enough or the time is over, then kills them; gives what they told, by kind. */
export async function runAndKill(
  given: object,
  names: readonly string[],
  until: (told: Told) => boolean,
  limit: readonly string[] = [],
): Promise<Told> {
  const told: Told = new Map();
  const children = names.map((name) => {
    const [command = '', ...args] = [...limit, process.execPath, CHILD, STORES, JSON.stringify(given), name];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let held = '';
    child.stdout.on('data', (bytes: Buffer) => {
      const lines = (held + bytes.toString()).split('\n');
      held = lines.pop() ?? '';
      for (const [kind = '', id = ''] of lines.map((line) => line.split(' ')))
        told.set(kind, [...(told.get(kind) ?? []), id]);
    });
    return { child, closed: new Promise((resolve) => child.once('close', resolve)) };
  });
  const end = Date.now() + 20_000;
  while (!until(told) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const { child, closed } of children) {
    child.kill('SIGKILL');
    await closed;
  }
  return told;
}

export async function securityIds(stores: Stores): Promise<ReadonlySet<string>> {
  const search = await stores.search();
  const ids = new Set<string>();
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await search.security({ limit: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    for (const { id } of page.entries) ids.add(id);
    cursor = page.next;
  }
  return ids;
}
