// The embedded store: the contract, what outlives processes that are killed, several processes on one entry, files that
// are newer, damaged or in the way, and a year of triplets in a file that stays small.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { openDatabase } from '../../outside/database.js';
import { systemClock, type Clock } from '../../outside/clock.js';
import { openEmbedded } from '../../state/embedded.js';
import { stateOn, type SweptState } from '../../state/keeper.js';
import { makePlace, waitUntil } from '../ground/place.js';
import { movedClock } from '../ground/state.js';
import { countTable, describeState, more } from './contract.js';

const place = makePlace('state-embedded');
afterAll(() => place.remove());
const TIME_LIMIT_MS = 20_000;
let files = 0;
const newFile = (): string => join(place.directory, `state-${(files += 1)}.db`);

async function open(
  path: string,
  clock: Clock = systemClock,
  onAway: (isAway: boolean, reason: string) => void = () => undefined,
): Promise<SweptState> {
  const store = await openEmbedded({ path, busyTimeoutMs: TIME_LIMIT_MS });
  return stateOn(store, { clock, timeLimitMs: TIME_LIMIT_MS, onAway });
}

describeState('the embedded store', async (clock) => {
  const path = newFile();
  const [one, other] = [await open(path, clock), await open(path, clock)];
  return { one, other, close: async () => void (await Promise.all([one.close(), other.close()])) };
});
