// Time for a stage that works through one message in one go: asked between pieces of the work, it throws once the time
// is over or nobody waits any more, so that the break policy decides instead of half a result.
import type { MessageJob, Outside } from '../pipeline/stage.js';

/** A stage ran out of time for one message. */
export class StageTimeError extends Error {
  override readonly name = 'StageTimeError';
  constructor(stage: string) {
    super(`${stage}: out of time`);
  }
}

/** A function that throws `StageTimeError` when the job's time is over. */
export function makePace(stage: string, job: Pick<MessageJob, 'deadline' | 'signal'>, outside: Outside): () => void {
  return () => {
    if (job.signal.aborted || outside.clock.monotonicMs() > job.deadline) throw new StageTimeError(stage);
  };
}
