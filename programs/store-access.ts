// How a command reaches the stores: through the running server when there is one, else by opening them itself. SQLite's
// own locks keep both from harming each other; each change is one transaction.
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { createTextLog } from '../logs/text-log.js';
import { callControl, controlSocketPath } from './control.js';
import { openStoresOf } from './process-stores.js';
import { readSettings } from './settings.js';
import { storageSection } from './storage-settings.js';
import { storeControlMethods } from './store-methods.js';

/** Exit codes of the commands on the stores. */
export const STORE_EXIT = { done: 0, nothing: 1, usage: 64, noStores: 66, failed: 70 } as const;

/** There is nothing to work on: no storage directory yet. */
export class NoStoresError extends Error {
  constructor(dir: string) {
    super(`${dir} does not exist: nothing has been stored there yet (storage.dir)`);
    this.name = 'NoStoresError';
  }
}

export type StoreCall = <Result>(method: string, params: object) => Promise<Result>;

/** Runs `work` with a way to call the stores' methods, and closes what was opened for it. */
export async function withStores<Result>(
  program: Command,
  work: (call: StoreCall) => Promise<Result>,
): Promise<Result> {
  const configuration = readSettings(program.opts<{ config?: string }>().config);
  const storage = configuration.section(storageSection);
  await demandDir(storage.dir);
  const socket = controlSocketPath(storage.dir);
  const probe = await callControl(socket, 'alerts', {});
  if (probe.running) return work((method, params) => callRunning(socket, method, params));
  const stores = await openStoresOf(configuration, createTextLog('command', 'warn'));
  try {
    const methods = storeControlMethods(stores);
    return await work(<One>(method: string, params: object) => callOpened<One>(methods, method, params));
  } finally {
    await stores.close();
  }
}

async function callRunning<Result>(socket: string, method: string, params: object): Promise<Result> {
  const answer = await callControl(socket, method, params);
  if (!answer.running) throw new Error('the server stopped in the middle of this command');
  return answer.result as Result;
}

/** Through JSON as over the socket, so that a command sees the same in both ways. */
async function callOpened<Result>(
  methods: ReturnType<typeof storeControlMethods>,
  name: string,
  params: object,
): Promise<Result> {
  const run = methods[name];
  if (run === undefined) throw new Error(`no method ${name}`);
  return JSON.parse(JSON.stringify(await run(JSON.parse(JSON.stringify(params))))) as Result;
}

async function demandDir(dir: string): Promise<void> {
  await stat(dir).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new NoStoresError(dir) : error;
  });
}
