// Redis killed and restarted, standing still, and full, in the middle of work: calls fail at once, an alert shows, and
// afterwards everything that was acknowledged is there.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../outside/clock.js';
import type { SweptState } from '../../state/keeper.js';
import { openState, type StateOptions } from '../../state/open.js';
import { StateUnavailable } from '../../state/state.js';
import { requirePackage } from '../ground/packages.js';
import { makePlace, waitUntil } from '../ground/place.js';
import { startRedis, type PrivateRedis, type RedisGround } from '../ground/redis.js';
import { countTable, more } from './contract.js';
import { COUNTERS, countsOf, stallAfterSending, startCounting } from './counting.js';

const isHere = requirePackage('redis-server');
const WAIT_MAX_MS = 30_000;
const LONG_MS = 30_000;
const SHORT_MS = 300;
const open: (() => Promise<unknown>)[] = [];
const places: { remove(): void }[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => {
  for (const place of places) place.remove();
});

async function serve(ground?: RedisGround): Promise<PrivateRedis> {
  const place = makePlace('redis-trouble');
  places.push(place);
  const redis = await startRedis(place.directory, ground);
  open.push(() => redis.stop());
  return redis;
}

function optionsOf({ port }: PrivateRedis, timeLimitMs: number): StateOptions {
  const address = { host: '127.0.0.1', port, path: null, db: 0, username: null, isTls: false };
  return { path: '', redis: { address, password: null, authorities: null, prefix: 'p', timeLimitMs }, timeLimitMs };
}

async function connect(redis: PrivateRedis, timeLimitMs: number, told: boolean[]): Promise<SweptState> {
  const alert = (_code: string, raised: boolean): void => void told.push(raised);
  const state = await openState(optionsOf(redis, timeLimitMs), { clock: systemClock, alert });
  open.push(() => state.close());
  return state;
}

const table = countTable('t');
const tryMany = (state: SweptState, count: number) =>
  Promise.allSettled(Array.from({ length: count }, (_, at) => state.update(table, `k${at}`, more())));

describe.skipIf(!isHere)('Redis', () => {
  it('killed in the middle: refused at once, told, and whole afterwards', async () => {
    const redis = await serve({ isDurable: true });
    const told: boolean[] = [];
    // A limit so long that no call could be refused by it within this test.
    const state = await connect(redis, LONG_MS, told);
    const counting = [
      await startCounting(optionsOf(redis, LONG_MS), 0),
      await startCounting(optionsOf(redis, LONG_MS), 0),
    ];
    open.push(() => Promise.all(counting.map(({ child, ended }) => (child.kill('SIGKILL'), ended))));
    for (const one of counting) one.begin();
    const counts = (): readonly number[] => counting.map(({ told: seen }) => seen.get('c0')?.length ?? 0);
    await waitUntil('some counts', WAIT_MAX_MS, () => counts().every((count) => count > 50));
    await redis.kill();

    const before = performance.now();
    const refused = await tryMany(state, 1_000);
    expect(performance.now() - before).toBeLessThan(LONG_MS / 2);
    for (const one of refused) expect(one).toMatchObject({ reason: expect.any(StateUnavailable) });
    await waitUntil('the alert', WAIT_MAX_MS, () => told.at(-1) === true);
    const atKill = COUNTERS.map((key) => countsOf(counting, key).at(-1) ?? 0);

    await redis.start();
    await waitUntil('the way back', WAIT_MAX_MS, () => told.at(-1) === false);
    expect(told.filter((raised) => !raised)).toHaveLength(1);
    const done = counts();
    await waitUntil('further counts', WAIT_MAX_MS, () => counts().every((count, at) => count > (done[at] ?? 0) + 50));
    expect(await state.update(table, 'after', more())).toBe(1);
    for (const { child } of counting) child.kill('SIGKILL');
    await Promise.all(counting.map(({ ended }) => ended));
    for (const [at, key] of COUNTERS.entries()) {
      const all = countsOf(counting, key);
      // No count was given twice, so nothing that was acknowledged before the kill was forgotten.
      expect(new Set(all).size).toBe(all.length);
      expect(all.at(-1)).toBeGreaterThan(atKill[at] ?? 0);
      expect((await state.read(countTable('counters'), key))?.value.count).toBeGreaterThanOrEqual(all.at(-1) ?? 0);
    }
  }, 120_000);

  it('standing still: one call waits for its limit, those behind it are refused, and it is found again', async () => {
    const redis = await serve();
    const told: boolean[] = [];
    const state = await connect(redis, SHORT_MS, told);
    expect(await state.update(table, 'k', more())).toBe(1);
    redis.signal('SIGSTOP');
    await expect(state.update(table, 'k', more())).rejects.toThrow(StateUnavailable);
    const before = performance.now();
    for (let at = 0; at < 200; at += 1) await expect(state.read(table, 'k')).rejects.toThrow(StateUnavailable);
    expect(performance.now() - before).toBeLessThan((200 * SHORT_MS) / 4);
    await waitUntil('the alert', WAIT_MAX_MS, () => told.at(-1) === true);
    redis.signal('SIGCONT');
    await waitUntil('the way back', WAIT_MAX_MS, () => told.at(-1) === false);
    // The change that was not answered in time may have been done all the same.
    expect(await state.update(table, 'k', more())).toBeGreaterThanOrEqual(2);
  }, 60_000);

  it('full: it counts as away until it takes writes again', async () => {
    const redis = await serve({ settings: ['--maxmemory-policy', 'noeviction'] });
    const told: boolean[] = [];
    const state = await connect(redis, LONG_MS, told);
    expect(await state.update(table, 'k', more())).toBe(1);
    await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
    await expect(state.update(table, 'k', more())).rejects.toThrow(/OOM|maxmemory/);
    await waitUntil('the alert', WAIT_MAX_MS, () => told.at(-1) === true);
    await expect(state.read(table, 'k')).rejects.toThrow(StateUnavailable);
    await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
    await waitUntil('the way back', WAIT_MAX_MS, () => told.at(-1) === false);
    expect(await state.update(table, 'k', more())).toBe(2);
  }, 60_000);

  it('not there at the start: nobody is kept from starting, and it is found when it comes', async () => {
    const redis = await serve();
    await redis.kill();
    const told: boolean[] = [];
    const state = await connect(redis, SHORT_MS, told);
    expect(told).toEqual([true]);
    await expect(state.update(table, 'k', more())).rejects.toThrow(StateUnavailable);
    await redis.start();
    await waitUntil('the way to it', WAIT_MAX_MS, () => told.at(-1) === false);
    expect(await state.update(table, 'k', more())).toBe(1);
  }, 60_000);

  it('a replica that takes no writes counts as away until it is the master', async () => {
    const redis = await serve();
    const told: boolean[] = [];
    const state = await connect(redis, SHORT_MS, told);
    await redis.ask('REPLICAOF', '127.0.0.1', '1');
    await expect(state.update(table, 'k', more())).rejects.toThrow(StateUnavailable);
    await waitUntil('the alert', WAIT_MAX_MS, () => told.at(-1) === true);
    await redis.ask('REPLICAOF', 'NO', 'ONE');
    await waitUntil('the way back', WAIT_MAX_MS, () => told.at(-1) === false);
    expect(await state.update(table, 'k', more())).toBe(1);
  }, 60_000);

  it('a stall of this process is no silence of the store', async () => {
    const told: boolean[] = [];
    const state = await connect(await serve(), SHORT_MS, told);
    const change = state.update(table, 'k', more());
    await stallAfterSending(SHORT_MS * 3);
    expect(await change).toBe(1);
    expect(told).toEqual([]);
  });
});
