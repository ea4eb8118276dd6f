// The store in Redis, on a real server.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../outside/clock.js';
import { systemClock } from '../../outside/clock.js';
import { stateOn, type SweptState } from '../../state/keeper.js';
import { openRedis } from '../../state/redis.js';
import { requirePackage } from '../ground/packages.js';
import { makePlace, waitUntil } from '../ground/place.js';
import { startRedis, type PrivateRedis } from '../ground/redis.js';
import { countTable, describeState, more } from './contract.js';

const isHere = requirePackage('redis-server');
const place = makePlace('state-redis');
let redis: PrivateRedis;
beforeAll(async () => {
  if (isHere) redis = await startRedis(place.directory, { isDurable: true });
}, 60_000);
afterAll(async () => {
  await redis?.stop();
  place.remove();
});

let prefixes = 0;
async function open(clock: Clock, prefix: string, onAway: (isAway: boolean) => void = () => undefined) {
  const address = { host: '127.0.0.1', port: redis.port, path: null, db: 0, username: null, isTls: false };
  const store = await openRedis({ address, password: null, authorities: null, prefix, timeLimitMs: 10_000 });
  return stateOn(store, { clock, timeLimitMs: 10_000, onAway });
}

describe.skipIf(!isHere)('Redis', () => {
  describeState('keeps the contract', async (clock) => {
    const prefix = `p${(prefixes += 1)}`;
    const [one, other] = [await open(clock, prefix), await open(clock, prefix)];
    return { one, other, close: async () => void (await Promise.all([one.close(), other.close()])) };
  });
});
