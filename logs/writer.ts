// Writes events to the log. An event is durable when its promise resolves: in the store, or in the synced spool when the
// store fails, with an alert. When neither takes it the promise rejects, and the caller must put the mail off.
import { DatabaseError, type Database } from '../outside/database.js';
import type { Spool } from '../outside/spool.js';
import type { LogEvent, LogWriter } from './event.js';
import { eventSteps } from './row.js';
import type { SubjectFilter } from './subject.js';

/** After a failure the store is left alone this long before the next event tries it, ms. */
export const STORE_PAUSE_MS = 2_000;
/** How often the spool is looked at, ms. */
export const DRAIN_EVERY_MS = 15_000;
/** Events taken over from the spool in one commit. */
const DRAIN_BATCH = 200;

export interface WriterOptions {
  readonly database: Database;
  readonly spool: Spool;
  readonly filterSubject: SubjectFilter;
  readonly alert: (code: string, raised: boolean, detail: string) => void;
  /** Brings the tables up where the store could not be opened at the start. */
  readonly prepare: () => Promise<void>;
}

export interface DurableLogWriter extends LogWriter {
  /** Takes over what lies in the spool; returns how many events. Runs by itself every `DRAIN_EVERY_MS`. */
  drain(): Promise<number>;
  close(): Promise<void>;
}

export function createLogWriter(options: WriterOptions): DurableLogWriter {
  return new SpoolingWriter(options);
}

class SpoolingWriter implements DurableLogWriter {
  private storeFailedAt = -Infinity;
  private prepared = false;
  private draining: Promise<number> | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: WriterOptions) {
    this.timer = setInterval(() => void this.drainQuietly(), DRAIN_EVERY_MS);
    this.timer.unref();
  }

  async write(event: LogEvent): Promise<void> {
    if (performance.now() - this.storeFailedAt >= STORE_PAUSE_MS) {
      try {
        await this.store([event], this.options.filterSubject);
        return;
      } catch (error) {
        // Trouble with this one event must not keep the others from the store.
        if (isStoreTrouble(error)) this.storeFailedAt = performance.now();
        this.options.alert('log-unwritable', true, errorText(error));
      }
    }
    await this.spool(event);
  }

  drain(): Promise<number> {
    this.draining ??= this.drainNow().finally(() => (this.draining = null));
    return this.draining;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.draining?.catch((error: unknown) => this.options.alert('log-unwritable', true, errorText(error)));
    await this.options.spool.close();
  }

  private async store(events: readonly LogEvent[], filterSubject: SubjectFilter): Promise<void> {
    if (!this.prepared) {
      await this.options.prepare();
      this.prepared = true;
    }
    await this.options.database.write(events.flatMap((event) => eventSteps(event, filterSubject)));
    this.options.alert('log-unwritable', false, '');
  }

  /** What the settings leave out of the log must not stand in the spool either. */
  private async spool(event: LogEvent): Promise<void> {
    const kept = event.kind === 'message' ? { ...event, subject: this.options.filterSubject(event.subject) } : event;
    try {
      await this.options.spool.append(JSON.stringify(kept));
    } catch (error) {
      this.options.alert('spool-unwritable', true, errorText(error));
      throw error;
    }
    this.options.alert('spool-unwritable', false, '');
  }

  private drainNow(): Promise<number> {
    return this.options.spool.drain(async (lines) => {
      let whole = true;
      for (let start = 0; start < lines.length; start += DRAIN_BATCH) {
        const batch = lines.slice(start, start + DRAIN_BATCH);
        if (!(await this.takeOver(batch))) whole = false;
      }
      return whole;
    });
  }

  /** False when some line can never be stored; the rest then is. Rejects when the store itself is in trouble. */
  private async takeOver(lines: readonly string[]): Promise<boolean> {
    try {
      await this.store(
        lines.map((line) => JSON.parse(line) as LogEvent),
        (subject) => subject,
      );
      return true;
    } catch (error) {
      if (isStoreTrouble(error)) throw error;
      if (lines.length === 1) {
        this.options.alert(
          'log-unwritable',
          true,
          `a spooled entry cannot be read and was put aside: ${errorText(error)}`,
        );
        return false;
      }
    }
    let whole = true;
    for (const line of lines) if (!(await this.takeOver([line]))) whole = false;
    return whole;
  }

  private async drainQuietly(): Promise<void> {
    try {
      await this.drain();
    } catch (error) {
      this.options.alert('log-unwritable', true, errorText(error));
    }
  }
}

/** Whether the store failed, rather than one entry. */
function isStoreTrouble(error: unknown): boolean {
  return error instanceof DatabaseError && !/^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(error.code);
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
