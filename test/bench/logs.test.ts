// The log's bench, small: it runs, and finds the same for the same seed.
import { expect, test } from 'vitest';
import { benchLogs } from '../../bench/logs.js';
import { makeDir } from '../logs/fixtures.js';

test('same seed, same finds, in every kind of search', { timeout: 60_000 }, async () => {
  const said: string[] = [];
  const result = await benchLogs(600, await makeDir(), (line) => void said.push(line));
  const again = await benchLogs(600, await makeDir(), () => undefined);
  expect(again.hash).toBe(result.hash);
  expect(said.join('\n')).not.toMatch(/ALERT|cut short/);
  expect(result.searches.length).toBeGreaterThan(20);
  expect(result.searches.find(({ name }) => name === 'newest page')?.found).toBe(50);
  expect(result.searches.find(({ name }) => name === 'box: absent')?.found).toBe(0);
  expect(result.durableRowsPerS).toBeGreaterThan(0);
});
