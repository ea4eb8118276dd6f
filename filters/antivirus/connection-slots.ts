// A cap on connections to the engine: whoever wants one waits in order, within their own time.
import { EngineError } from './engine-error.js';

export class ConnectionSlots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(connectionsMax: number) {
    this.#free = connectionsMax;
  }

  /** Runs `work` as soon as a slot is free. Throws EngineError `timeout` or `aborted` when none is in time. */
  async run<T>(waitMaxMs: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(waitMaxMs, signal);
    try {
      return await work();
    } finally {
      this.#free += 1;
      this.#wakeNext();
    }
  }

  #take(waitMaxMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(new EngineError('aborted', 'called off'));
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = (error: EngineError | null) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(wake);
        if (error) reject(error);
        else resolve();
      };
      const wake = () => {
        this.#free -= 1;
        leave(null);
      };
      const onAbort = () => leave(new EngineError('aborted', 'called off'));
      const timer = setTimeout(
        () => leave(new EngineError('timeout', `no free connection within ${Math.round(waitMaxMs)} ms`)),
        Math.max(0, waitMaxMs),
      );
      signal.addEventListener('abort', onAbort);
      this.#waiting.add(wake);
    });
  }

  #wakeNext(): void {
    const [next] = this.#waiting;
    if (this.#free > 0 && next) next();
  }
}
