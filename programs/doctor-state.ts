// What `weir doctor` says of what is remembered between connections: whether the store takes writes, how fast, and what a
// restart of Redis would lose. It makes no file: an embedded store that is not there yet is made by the server.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import { STATE_FILE } from '../state/open.js';
import { inspectRedis } from '../state/redis-check.js';
import { stateSection } from '../state/settings.js';
import { line, reasonOf, type DoctorLine } from './doctor-checks.js';
import { openStateOf, stateOf } from './process-stores.js';
import { storageSection } from './storage-settings.js';

/** A store that takes longer for one write is worth a word, ms. */
export const SLOW_STATE_MS = 1_000;
const READ_BY_OTHERS = 0o004;

/** One line; never throws. */
export async function checkState(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const { kind, url } = configuration.section(stateSection);
  const path = join(configuration.section(storageSection).dir, STATE_FILE);
  if (kind === 'embedded' && !existsSync(path))
    return [line('state', 'ok', `there is no ${path} yet`, 'weir serve makes it')];
  const where = kind === 'redis' ? `Redis at ${url}` : path;
  try {
    return [await look(configuration, where, kind === 'redis')];
  } catch (error) {
    return [line('state', 'fail', `${where}: ${reasonOf(error)}`, 'use a Weir that is at least as new as the file')];
  }
}

async function look(configuration: Configuration, where: string, isRedis: boolean): Promise<DoctorLine> {
  let objection = '';
  const alert = (_code: string, raised: boolean, detail: string): void => {
    objection = raised ? detail : '';
  };
  const state = await openStateOf(configuration, alert);
  try {
    const began = performance.now();
    const isThere = await state.check();
    const tookMs = Math.round(performance.now() - began);
    if (!isThere) return line('state', 'fail', `${where}: ${objection}`, adviceOf(isRedis));
    const { redis } = stateOf(configuration);
    const faults = redis === null ? [] : await inspectRedis(redis);
    if (isReadByOthers(configuration.section(stateSection).passwordFile)) faults.push('others can read its password');
    if (tookMs > SLOW_STATE_MS) faults.push('that is slow');
    const detail = [`${where} takes writes, in ${tookMs} ms`, ...faults].join('; ');
    return line('state', faults.length > 0 ? 'warn' : 'ok', detail, faults.length > 0 ? 'see docs/state.md' : '');
  } finally {
    await state.close();
  }
}

function isReadByOthers(file: string): boolean {
  const found = file === '' ? undefined : statSync(file, { throwIfNoEntry: false });
  return found !== undefined && (found.mode & READ_BY_OTHERS) !== 0;
}

function adviceOf(isRedis: boolean): string {
  return isRedis
    ? 'start Redis or correct `state`; meanwhile the break policies of greylisting, rates and blocks decide'
    : 'look at the disk; a damaged file may be deleted while Weir is stopped, what it held is learnt again';
}
