// Writes what was turned away at the door into the security log without holding anybody up: a bounded number of writes
// at once; what comes faster is counted and told in one entry. A write that fails is told by the log writer's alerts.
import type { LogWriter, SessionEvent } from '../logs/event.js';

/** Entries on their way to the store at once. */
export const WRITES_MAX = 2_000;
/** How often those left out are told, ms. */
export const SUMMARY_EVERY_MS = 10_000;

export interface RefusalRecord {
  write(event: SessionEvent): void;
  /** Entries that could not be written at all since the start. */
  readonly failed: number;
  /** Waits for what is on its way, and tells what was left out. */
  close(): Promise<void>;
}

/** `summary` makes the entry that stands for so many others. */
export function createRefusalRecord(log: LogWriter, summary: (count: number) => SessionEvent): RefusalRecord {
  return new BoundedRecord(log, summary);
}

class BoundedRecord implements RefusalRecord {
  failed = 0;
  private leftOut = 0;
  private readonly writing = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly log: LogWriter,
    private readonly summary: (count: number) => SessionEvent,
  ) {
    this.timer = setInterval(() => this.tellLeftOut(), SUMMARY_EVERY_MS);
    this.timer.unref();
  }

  write(event: SessionEvent): void {
    if (this.writing.size >= WRITES_MAX) this.leftOut += 1;
    else this.begin(event);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.tellLeftOut();
    await Promise.all(this.writing);
  }

  private tellLeftOut(): void {
    if (this.leftOut === 0) return;
    const count = this.leftOut;
    this.leftOut = 0;
    this.begin(this.summary(count));
  }

  private begin(event: SessionEvent): void {
    const done = this.log
      .write(event)
      .catch(() => {
        this.failed += 1;
      })
      .finally(() => this.writing.delete(done));
    this.writing.add(done);
  }
}
