// Whether the store can be reached. A failure closes the way at once: nobody else waits for a store that is away, calls
// are refused until one probe at a time, ever more slowly, finds that it takes writes again. Tells both by an alert.
import { startTimeLimit } from '../outside/time-limit.js';
import { StateUnavailable } from './state.js';

/** Pause before the second probe, ms; doubled up to the last. The first goes at once. */
const PROBE_PAUSE_MS = 100;
const PROBE_PAUSE_MAX_MS = 2_000;

export interface ReachOptions {
  /** Rejects while the store takes no writes. */
  readonly probe: () => Promise<void>;
  readonly timeLimitMs: number;
  /** Told when a probe fails, and when the store is back. */
  readonly onAway: (isAway: boolean, reason: string) => void;
}

export class Reach {
  private away: string | null = null;
  private isTold = false;
  private isClosed = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: ReachOptions) {}

  /** Runs one call to the store within the time limit. Rejects with StateUnavailable alone. */
  async run<Result>(call: () => Promise<Result>, limitMs = this.options.timeLimitMs): Promise<Result> {
    if (this.isClosed) throw new StateUnavailable('closed');
    if (this.away !== null) throw new StateUnavailable(this.away);
    try {
      return await within(call(), limitMs);
    } catch (error) {
      this.lose(reasonOf(error));
      throw new StateUnavailable(reasonOf(error), { cause: error });
    }
  }

  /** Whether the store takes writes now; while it does not, the next probe is on its way. Never rejects. */
  async check(): Promise<boolean> {
    if (this.away !== null || this.isClosed) return false;
    try {
      await within(this.options.probe(), this.options.timeLimitMs);
      return true;
    } catch (error) {
      if (this.away === null) this.miss(reasonOf(error), PROBE_PAUSE_MS);
      return false;
    }
  }

  /** Nothing is asked any more. */
  close(): void {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private lose(reason: string): void {
    if (this.away !== null || this.isClosed) return;
    this.away = reason;
    void this.probe(PROBE_PAUSE_MS);
  }

  private async probe(pauseMs: number): Promise<void> {
    try {
      await within(this.options.probe(), this.options.timeLimitMs);
      if (this.isClosed) return;
      this.away = null;
      this.tell(false, 'the store answers again');
    } catch (error) {
      this.miss(reasonOf(error), pauseMs);
    }
  }

  /** A probe failed: that is told, and there will be another. */
  private miss(reason: string, pauseMs: number): void {
    if (this.isClosed) return;
    this.away = reason;
    this.tell(true, reason);
    this.timer = setTimeout(() => void this.probe(Math.min(pauseMs * 2, PROBE_PAUSE_MAX_MS)), pauseMs);
    this.timer.unref();
  }

  /** A failure that the very first probe finds over is nobody's business. */
  private tell(isAway: boolean, reason: string): void {
    if (!isAway && !this.isTold) return;
    this.isTold = isAway;
    this.options.onAway(isAway, reason);
  }
}

function within<Result>(work: Promise<Result>, limitMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = startTimeLimit(limitMs, () => reject(new Error(`no answer in ${limitMs} ms`)));
    work.finally(stop).then(resolve, reject);
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
