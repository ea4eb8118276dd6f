// Clears a state of what ended, a little at a time, so that nobody waits for it long.
import { StateUnavailable } from './state.js';
import type { SweptState } from './keeper.js';

/** Pause between two sweeps, ms. */
const SWEEP_EVERY_MS = 60_000;
/** Entries of one slice, and the pause behind one that was full, ms. */
const SLICE_ENTRIES = 1_000;
const SLICE_PAUSE_MS = 20;

/** Sweeps until the function given back is called, which resolves when nothing is under way. `onError`: a bug, not a store that is away. */
export function startSweep(state: SweptState, onError: (error: unknown) => void): () => Promise<void> {
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  let work: Promise<void> = Promise.resolve();
  const turn = async (): Promise<void> => {
    const isFull = await slice(state, onError);
    if (!isStopped) plan(isFull ? SLICE_PAUSE_MS : SWEEP_EVERY_MS);
  };
  const plan = (pauseMs: number): void => {
    timer = setTimeout(() => {
      work = turn();
    }, pauseMs);
    timer.unref();
  };
  plan(SWEEP_EVERY_MS);
  return async () => {
    isStopped = true;
    if (timer !== null) clearTimeout(timer);
    await work;
  };
}

/** Whether there may be more. */
async function slice(state: SweptState, onError: (error: unknown) => void): Promise<boolean> {
  try {
    // Also tells of a store that is away while nobody asks it.
    if (!(await state.check())) return false;
    return (await state.sweep(SLICE_ENTRIES)) === SLICE_ENTRIES;
  } catch (error) {
    if (!(error instanceof StateUnavailable)) onError(error);
    return false;
  }
}
