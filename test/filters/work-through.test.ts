// Work on one message in slices: short work is done at once, long work lets others have their turn, and none goes on when
// its time is over or nobody waits any more.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StageTimeError, workThrough } from '../../filters/work-through.js';
import type { Outside } from '../../pipeline/stage.js';
import type { Steps } from '../../rules/steps.js';

/** Work of so many steps, each of which takes so long by the clock. */
function makeWork(steps: number, stepMs: number, onStep: (step: number) => void = () => undefined) {
  let now = 0;
  let done = 0;
  const outside = { clock: { monotonicMs: () => now } } as unknown as Outside;
  function* work(): Steps<string> {
    for (let step = 0; step < steps; step++) {
      now += stepMs;
      done++;
      onStep(step);
      yield;
    }
    return 'done';
  }
  const run = (deadline: number, signal = new AbortController().signal) =>
    workThrough('some', { deadline, signal }, outside, work());
  return { run, steps: () => done };
}

describe('work through one message', () => {
  it('is done at once where it is short', () => {
    expect(makeWork(9, 2).run(1_000)).toBe('done');
  });

  it('lets others have their turn where it is long', async () => {
    const work = makeWork(30, 5);
    const result = work.run(1_000);
    expect(result).toBeInstanceOf(Promise);
    expect(work.steps()).toBe(4);
    await setImmediate();
    expect(work.steps()).toBeLessThan(30);
    expect(await result).toBe('done');
    expect(work.steps()).toBe(30);
  });

  it('ends when its time is over, in the first slice and in later ones', async () => {
    expect(() => makeWork(9, 2).run(5)).toThrow(StageTimeError);
    const work = makeWork(100, 5);
    await expect(work.run(200)).rejects.toThrow('some: out of time');
    expect(work.steps()).toBe(41);
  });

  it('ends when nobody waits any more', async () => {
    const abort = new AbortController();
    const work = makeWork(100, 5, (step) => {
      if (step === 10) abort.abort();
    });
    await expect(work.run(1_000, abort.signal)).rejects.toThrow(StageTimeError);
    expect(work.steps()).toBe(11);
  });

  it('fails as the work does', async () => {
    const work = makeWork(100, 5, (step) => {
      if (step === 10) throw new Error('broken');
    });
    await expect(work.run(1_000)).rejects.toThrow('broken');
  });
});
