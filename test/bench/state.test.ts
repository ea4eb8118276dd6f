// The bench of the state, small: every kind of work gets done, and a year leaves a small file.
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fillYear, runTask } from '../../bench/state.js';
import { makePlace } from '../ground/place.js';

const place = makePlace('bench-state-small');
afterAll(() => place.remove());

test('every kind of work is done', async () => {
  const options = { path: join(place.directory, 'work.db'), redis: null, timeLimitMs: 20_000 };
  for (const kind of ['new', 'known', 'read'] as const)
    expect((await runTask({ options, kind, seconds: 0.05, atOnce: 4, who: 1 })).length).toBeGreaterThan(0);
});

test('a year of triplets leaves the entries of two days', async () => {
  const { entriesMax, fileBytes } = await fillYear(join(place.directory, 'year.db'), 3_650);
  expect(entriesMax).toBe(20);
  expect(fileBytes).toBeLessThan(100_000);
});
