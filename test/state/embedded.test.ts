// The embedded store: the contract, several processes on one entry, what outlives processes that are killed, files that
// are newer, damaged or in the way, and a year of triplets in a file that stays small.
import { chownSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../outside/clock.js';
import { openDatabase } from '../../outside/database.js';
import { openState } from '../../state/open.js';
import type { SweptState } from '../../state/keeper.js';
import { StateUnavailable } from '../../state/state.js';
import { requireRoot } from '../ground/packages.js';
import { makePlace, mustRun, waitUntil } from '../ground/place.js';
import { movedClock } from '../ground/state.js';
import { countTable, describeState, more } from './contract.js';
import { countAtOnce, COUNTERS, countsOf, stallAfterSending, startCounting, upTo } from './counting.js';

const place = makePlace('state-embedded');
afterAll(() => place.remove());
const TIME_LIMIT_MS = 20_000;
const NOBODY = 65_534;
const WAIT_MAX_MS = 20_000;
const STALL_LIMIT_MS = 400;
let files = 0;
const newFile = (): string => join(place.directory, `state-${(files += 1)}.db`);
const optionsOf = (path: string) => ({ path, redis: null, timeLimitMs: TIME_LIMIT_MS });

function open(path: string, clock: Clock = systemClock, told: boolean[] = []): Promise<SweptState> {
  return openState(optionsOf(path), { clock, alert: (_, raised) => void told.push(raised) });
}

describeState('the embedded store', async (clock) => {
  const path = newFile();
  const [one, other] = [await open(path, clock), await open(path, clock)];
  return { one, other, close: async () => void (await Promise.all([one.close(), other.close()])) };
});

it('loses and doubles nothing when several processes change the same entries', async () => {
  const path = newFile();
  const { all, ends } = await countAtOnce(optionsOf(path), 3, 900);
  for (const end of ends) expect(end).toEqual({ code: 0, refused: 0, errors: '' });
  for (const key of COUNTERS) expect(countsOf(all, key)).toEqual(upTo(900));
  const state = await open(path);
  for (const key of COUNTERS) expect((await state.read(countTable('counters'), key))?.value.count).toBe(900);
  await state.close();
}, 60_000);

it('has everything that was acknowledged to processes that were killed', async () => {
  const path = newFile();
  const all = [await startCounting(optionsOf(path), 0), await startCounting(optionsOf(path), 0)];
  for (const one of all) one.begin();
  await waitUntil('some counts', WAIT_MAX_MS, () => all.every((one) => (one.told.get('c0')?.length ?? 0) > 50));
  for (const { child } of all) child.kill('SIGKILL');
  await Promise.all(all.map(({ ended }) => ended));
  const state = await open(path);
  for (const key of COUNTERS) {
    const told = countsOf(all, key);
    expect(new Set(told).size).toBe(told.length);
    expect((await state.read(countTable('counters'), key))?.value.count).toBeGreaterThanOrEqual(told.at(-1) ?? 0);
  }
  await state.close();
}, 60_000);

it('refuses what a full disk does not take, and goes on when there is room again', async () => {
  const path = newFile();
  const counting = await startCounting(optionsOf(path), 0);
  const counts = (): number => counting.told.get('c0')?.length ?? 0;
  // A bound on the size of files (setrlimit(2) RLIMIT_FSIZE) fails writes as a full disk does.
  const bound = (bytes: string) =>
    mustRun('prlimit', ['--pid', String(counting.child.pid), `--fsize=${bytes}:unlimited`]);
  counting.begin();
  await waitUntil('some counts', WAIT_MAX_MS, () => counts() > 20);
  await bound('1');
  const before = counting.refused();
  await waitUntil('refusals', WAIT_MAX_MS, () => counting.refused() > before + 20);
  await bound('unlimited');
  const then = counts();
  await waitUntil('further counts', WAIT_MAX_MS, () => counts() > then + 20);
  counting.child.kill('SIGKILL');
  await counting.ended;
  const state = await open(path);
  for (const key of COUNTERS) {
    const told = countsOf([counting], key);
    expect(new Set(told).size).toBe(told.length);
    expect((await state.read(countTable('counters'), key))?.value.count).toBeGreaterThanOrEqual(told.at(-1) ?? 0);
  }
  await state.close();
}, 60_000);

it('is a file of its own, for its user alone', async () => {
  const path = newFile();
  const state = await open(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await state.close();
});

it.skipIf(!requireRoot())('belongs to the owner of its directory, though root made it', async () => {
  const directory = join(place.directory, 'of-nobody');
  mkdirSync(directory);
  chownSync(directory, NOBODY, NOBODY);
  const state = await open(join(directory, 'state.db'));
  await state.update(countTable('t'), 'k', more());
  for (const name of readdirSync(directory))
    expect([name, statSync(join(directory, name)).uid]).toEqual([name, NOBODY]);
  expect(readdirSync(directory)).toContain('state.db-wal');
  await state.close();
});

it('is not opened when a newer program wrote it', async () => {
  const path = newFile();
  const database = await openDatabase({ path });
  await database.migrate('state', ['SELECT 1', 'SELECT 1']);
  await database.close();
  await expect(open(path)).rejects.toMatchObject({ code: 'SCHEMA_NEWER' });
});

it('keeps nobody from starting when the file is damaged: calls are refused, and an alert says so', async () => {
  const path = newFile();
  writeFileSync(path, 'this is no database, '.repeat(1_000));
  const told: boolean[] = [];
  const state = await open(path, systemClock, told);
  expect(told).toEqual([true]);
  await expect(state.read(countTable('t'), 'k')).rejects.toThrow(StateUnavailable);
  await expect(state.update(countTable('t'), 'k', more())).rejects.toThrow(StateUnavailable);
  await state.close();
});

it('is found again when what was in its way is gone', async () => {
  const path = newFile();
  mkdirSync(path);
  const told: boolean[] = [];
  const state = await open(path, systemClock, told);
  await expect(state.update(countTable('t'), 'k', more())).rejects.toThrow(StateUnavailable);
  rmdirSync(path);
  await waitUntil('the way back', WAIT_MAX_MS, () => told.at(-1) === false);
  expect(await state.update(countTable('t'), 'k', more())).toBe(1);
  expect(told.filter((raised) => !raised)).toHaveLength(1);
  await state.close();
});

it('stays small over a year of new triplets that never come again', async () => {
  const path = newFile();
  const clock = movedClock(Date.now());
  const state = await open(path, clock);
  const DAYS = 365;
  const A_DAY = 60;
  const LIFE_DAYS = 2;
  /** Entry and index, pages half full. */
  const DAY_BYTES_MAX = A_DAY * 600;
  const table = countTable('triplets');
  const counts: number[] = [];
  for (let day = 0; day < DAYS; day += 1) {
    const keys = Array.from(
      { length: A_DAY },
      (_, at) => `192.0.2.${at}/sender-${day}-${at}@spam.example/to@own.example`,
    );
    await Promise.all(keys.map((key) => state.update(table, key, more(LIFE_DAYS * 86_400_000))));
    clock.pass(86_400_000);
    await state.sweep(A_DAY * 2);
    counts.push(await state.count(table));
  }
  expect(Math.max(...counts)).toBe(LIFE_DAYS * A_DAY - A_DAY);
  await state.close();
  // A year of them is more than two megabytes of keys alone.
  expect(statSync(path).size).toBeLessThan(DAY_BYTES_MAX * LIFE_DAYS);
}, 120_000);

it('stays within the bound of its table when nobody sweeps', async () => {
  const state = await open(newFile());
  const table = countTable('flood', 1_000);
  for (let round = 0; round < 10; round += 1) {
    const keys = Array.from({ length: 500 }, (_, at) => `${round}-${at}`);
    await Promise.all(keys.map((key) => state.update(table, key, more())));
    expect(await state.count(table)).toBeLessThanOrEqual(1_000);
  }
  expect(await state.count(table)).toBeGreaterThan(900);
  await state.close();
}, 60_000);

it('takes a stall of this process for no silence of the store', async () => {
  const options = { path: newFile(), redis: null, timeLimitMs: STALL_LIMIT_MS };
  const told: boolean[] = [];
  const state = await openState(options, { clock: systemClock, alert: (_, raised) => void told.push(raised) });
  const change = state.update(countTable('t'), 'k', more());
  await stallAfterSending(STALL_LIMIT_MS * 3);
  expect(await change).toBe(1);
  expect(told).toEqual([]);
  await state.close();
});
