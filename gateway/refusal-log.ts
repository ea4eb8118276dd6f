// Writes refusals before the content to the security log, without anybody waiting for it: a refusal promises nothing. A
// storm of them does not flood the log: over a client's share they are counted, and told in one event.
import type { LogWriter, SecurityCategory, SessionEvent } from '../logs/event.js';
import type { Clock } from '../outside/clock.js';
import { newIdentifier } from '../outside/identifier.js';

/** Over which time refusals are counted, ms. */
export const REFUSALS_WINDOW_MS = 60_000;
/** Refusals of one client written within the window, one event each. */
export const REFUSALS_PER_CLIENT_MAX = 600;
/** Refusals of all clients written within the window. */
export const REFUSALS_MAX = 60_000;
/** Clients counted apart; further ones share one count. */
export const REFUSED_CLIENTS_MAX = 10_000;
/** Events on their way to the log at once; further refusals are counted. */
export const REFUSALS_WRITING_MAX = 5_000;

/** A refusal, as far as it is the caller's to tell. */
export type RefusalEvent = Omit<SessionEvent, 'kind' | 'id' | 'time'>;

export interface RefusalLogDeps {
  readonly log: LogWriter;
  readonly clock: Clock;
  readonly text: { error(fields: object, text: string): void };
}

/** One client's refusals within the window. */
interface Share {
  written: number;
  leftOut: Map<SecurityCategory, number>;
  /** Tells who it was. */
  last: RefusalEvent;
}

/** Clients beyond those counted apart. */
const OTHERS = 'others';

export class RefusalLog {
  readonly #shares = new Map<string, Share>();
  readonly #writing = new Set<Promise<void>>();
  #written = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly deps: RefusalLogDeps) {}

  /** Takes one refusal; never throws and never waits. True when it gets an event of its own. */
  note(event: RefusalEvent): boolean {
    const share = this.#shareOf(event);
    this.#timer ??= setTimeout(() => this.sweep(), REFUSALS_WINDOW_MS).unref();
    share.last = event;
    const isFull =
      share.written >= REFUSALS_PER_CLIENT_MAX ||
      this.#written >= REFUSALS_MAX ||
      this.#writing.size >= REFUSALS_WRITING_MAX;
    if (isFull) {
      share.leftOut.set(event.category, (share.leftOut.get(event.category) ?? 0) + 1);
      return false;
    }
    share.written += 1;
    this.#written += 1;
    this.#write(event);
    return true;
  }

  /** The window is over: what was left out is told, and all counts begin anew. */
  sweep(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const shares = [...this.#shares];
    this.#shares.clear();
    this.#written = 0;
    for (const [client, share] of shares) if (share.leftOut.size > 0) this.#write(summaryOf(share, client === OTHERS));
  }

  /** Resolves when everything noted is written. */
  async close(): Promise<void> {
    this.sweep();
    await Promise.all(this.#writing);
  }

  #shareOf(event: RefusalEvent): Share {
    const client = event.clientAddress ?? 'unknown';
    const key = this.#shares.has(client) || this.#shares.size < REFUSED_CLIENTS_MAX ? client : OTHERS;
    const share = this.#shares.get(key) ?? { written: 0, leftOut: new Map<SecurityCategory, number>(), last: event };
    this.#shares.set(key, share);
    return share;
  }

  #write(event: RefusalEvent): void {
    const time = this.deps.clock.now();
    const writing = this.deps.log.write({ kind: 'session', id: newIdentifier(time), time, ...event }).then(
      () => void this.#writing.delete(writing),
      (error: unknown) => {
        this.#writing.delete(writing);
        // The writer has raised its alert; this line is what is left of the event.
        this.deps.text.error({ err: error, refusal: event }, 'a refusal could not be logged');
      },
    );
    this.#writing.add(writing);
  }
}

function summaryOf({ leftOut, last }: Share, isOfMany: boolean): RefusalEvent {
  const counts = [...leftOut].sort(([, a], [, b]) => b - a);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const parts = counts.map(([category, count]) => `${category} ${count}`).join(', ');
  const whose = isOfMany ? 'of clients not counted apart' : 'of this client';
  const event = `${total} more refusals ${whose} within ${REFUSALS_WINDOW_MS / 1_000} s, not listed one by one: ${parts}`;
  const who = isOfMany ? { clientAddress: null, clientName: null, helo: null, login: null } : {};
  const category = counts[0]?.[0] ?? last.category;
  return { ...last, ...who, mailFrom: null, rcptTo: null, category, event, findings: [] };
}
