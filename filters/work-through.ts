// For a stage that works through one message by itself: in slices, between which other messages have their turn. Once the
// time is over or nobody waits any more it throws, so that the break policy decides instead of half a result.
import { setImmediate } from 'node:timers/promises';
import type { MessageJob, Outside } from '../pipeline/stage.js';
import type { Steps } from '../rules/steps.js';

/** After so long the event loop has its turn, ms. */
export const SLICE_MS = 20;

/** A stage ran out of time for one message. */
export class StageTimeError extends Error {
  override readonly name = 'StageTimeError';
  constructor(stage: string) {
    super(`${stage}: out of time`);
  }
}

/** Does the work; the result at once where the first slice is enough, as it is for nearly all mail. */
export function workThrough<T>(
  stage: string,
  { deadline, signal }: Pick<MessageJob, 'deadline' | 'signal'>,
  { clock }: Outside,
  steps: Steps<T>,
): T | Promise<T> {
  const slice = (): { readonly value: T } | null => {
    const end = clock.monotonicMs() + SLICE_MS;
    for (;;) {
      const now = clock.monotonicMs();
      if (signal.aborted || now > deadline) throw new StageTimeError(stage);
      if (now >= end) return null;
      const step = steps.next();
      if (step.done === true) return { value: step.value };
    }
  };
  const first = slice();
  return first === null ? theRest(slice) : first.value;
}

async function theRest<T>(slice: () => { readonly value: T } | null): Promise<T> {
  for (;;) {
    await setImmediate();
    const done = slice();
    if (done !== null) return done.value;
  }
}
