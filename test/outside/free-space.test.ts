// Free space: marks, one look a second, and no space where nothing is known.
import { expect, test } from 'vitest';
import { createSpaceWatch, freeBytes, SPACE_LOOK_MS } from '../../outside/free-space.js';
import { makeDir } from '../logs/fixtures.js';

test('a real file system tells its free bytes', async () => {
  expect(await freeBytes(await makeDir())).toBeGreaterThan(0);
});

test('states by marks, looked at once a second', async () => {
  let nowMs = 0;
  let free = 1_000;
  let looks = 0;
  const clock = { now: () => nowMs, monotonicMs: () => nowMs };
  const probe = async (): Promise<number> => {
    looks += 1;
    return free;
  };
  const watch = createSpaceWatch({ dir: '/', lowBytes: 500, outBytes: 100, clock, probe });
  expect(watch.state()).toBe('out');
  expect((await watch.check()).state).toBe('ok');
  for (const [bytes, state] of [
    [499, 'low'],
    [500, 'ok'],
    [100, 'low'],
    [99, 'out'],
  ] as const) {
    free = bytes;
    expect((await watch.check()).state).not.toBeUndefined();
    nowMs += SPACE_LOOK_MS;
    expect((await watch.check()).state).toBe(state);
    expect(watch.state()).toBe(state);
  }
  expect(looks).toBe(5);
});

test('a look that fails counts as no space', async () => {
  const watch = createSpaceWatch({
    dir: '/nowhere/at/all',
    lowBytes: 2,
    outBytes: 1,
    clock: { now: () => 0, monotonicMs: () => 0 },
  });
  expect(await watch.check()).toMatchObject({ state: 'out', freeBytes: null });
});
