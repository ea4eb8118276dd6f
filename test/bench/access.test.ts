// The bench of the block and allow lists, small: its work is done, and always the same.
import { expect, it } from 'vitest';
import { benchLookups, LOAD_NAMES } from '../../bench/access.js';

it.each(LOAD_NAMES)('%s: matches, and the same ones every time', (name) => {
  const first = benchLookups(name, 600, 200);
  expect(first.rules).toBeGreaterThan(500);
  expect(first.matched).toBeGreaterThan(50);
  expect(benchLookups(name, 600, 200).hash).toBe(first.hash);
});
