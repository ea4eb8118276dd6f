// One stage at one moment: run within its time, its answer or its failure as a value. What the runners of messages and of
// the moments before them share; neither order nor merging is decided here.
import type { Clock } from '../outside/clock.js';
import type { CommonStageSettings } from './stage-section.js';
import type { BreakPolicy, Stage, StageReport, StageSpec } from './stage.js';

/** Longest reason kept of a broken stage, characters. */
const REASON_MAX_CHARS = 300;

/** A stage that threw or overran its time. */
export interface BrokenStage {
  readonly stage: string;
  readonly reason: string;
  readonly policy: BreakPolicy;
  /** Index in `rcptTo` when it broke over that recipient alone. */
  readonly recipient?: number;
}

/** A stage at work under its settings. */
export interface Running {
  readonly spec: StageSpec;
  readonly settings: CommonStageSettings;
  readonly stage: Stage;
}

/** What became of one run: a report or a failure. */
export interface Outcome {
  readonly running: Running;
  readonly report: StageReport | null;
  readonly broken: BrokenStage | null;
  readonly ms: number;
}

/** The time one run has. */
export interface StageTime {
  /** ms on the monotonic clock. */
  readonly deadline: number;
  /** Aborted when the time is over or whoever asked is gone. */
  readonly signal: AbortSignal;
}

/** What bounds a run beside the stage's own limit. */
export interface RunBounds {
  readonly clock: Clock;
  /** ms on the monotonic clock at which all stages together must be done. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

type Call = (time: StageTime) => Promise<StageReport> | StageReport;

class StageOverrun extends Error {
  constructor(limitMs: number) {
    super(`over its time limit of ${limitMs} ms`);
  }
}

/** Splits the list into runs of neighbours none of which reads another's results. List order is kept. */
export function planWaves<S extends { readonly spec: StageSpec }>(stages: readonly S[]): readonly (readonly S[])[] {
  const waves: S[][] = [];
  for (const stage of stages) {
    const wave = waves.at(-1);
    if (wave && !wave.some(({ spec }) => stage.spec.needs.includes(spec.name))) wave.push(stage);
    else waves.push([stage]);
  }
  return waves;
}

/** Runs `call` for the stage; never rejects. */
export async function runStage(running: Running, bounds: RunBounds, call: Call): Promise<Outcome> {
  const { spec, settings } = running;
  const startedMs = bounds.clock.monotonicMs();
  const limitMs = Math.min(settings.timeLimitMs, Math.floor(bounds.deadline - startedMs));
  let outcome: { report: StageReport } | { error: unknown };
  try {
    outcome = { report: await withinTime(call, bounds.signal, startedMs, limitMs) };
  } catch (error) {
    outcome = { error };
  }
  const ms = bounds.clock.monotonicMs() - startedMs;
  if ('report' in outcome) return { running, report: outcome.report, broken: null, ms };
  const { error } = outcome;
  const reason = (error instanceof Error ? error.message : String(error)).slice(0, REASON_MAX_CHARS);
  return { running, report: null, broken: { stage: spec.name, reason, policy: settings.onBreak }, ms };
}

/** An answer that is there at once costs no timer, and a signal that nobody looks at is never made. */
async function withinTime(call: Call, outer: AbortSignal, startedMs: number, limitMs: number): Promise<StageReport> {
  if (limitMs <= 0) throw new StageOverrun(0);
  const overrun = new AbortController();
  let signal: AbortSignal | null = null;
  const answer = call({
    deadline: startedMs + limitMs,
    get signal() {
      return (signal ??= AbortSignal.any([outer, overrun.signal]));
    },
  });
  if (!(answer instanceof Promise)) return answer;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      answer,
      new Promise<never>((_, fail) => {
        timer = setTimeout(() => {
          const error = new StageOverrun(limitMs);
          fail(error);
          overrun.abort(error);
        }, limitMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
