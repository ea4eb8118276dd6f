// How often each rule came to hold, and when last: gathered in memory, added up in the shared state. A count that the
// state does not take waits, bounded; it never holds up mail.
import type { Clock } from '../../outside/clock.js';
import { StateUnavailable, type State, type StateTable } from '../../state/state.js';

export interface Hits {
  readonly count: number;
  /** ms since the epoch. */
  readonly lastAt: number;
}

const DAY_MS = 86_400_000;
/** How long a count is kept after the last hit, ms. */
export const HITS_KEEP_MS = 400 * DAY_MS;
/** How long counts are gathered, ms. */
export const FLUSH_EVERY_MS = 2_000;
/** Rules with counts that wait; hits of further ones are not counted. */
export const HITS_WAITING_MAX = 20_000;

/** By the rule's id. */
export const HITS_TABLE: StateTable<Hits> = {
  name: 'access-hits',
  entriesMax: 600_000,
  read: (kept) => {
    const { count, lastAt } = (kept ?? {}) as Partial<Hits>;
    return typeof count === 'number' && typeof lastAt === 'number' ? { count, lastAt } : null;
  },
};

/** Adds to what is kept. */
export function addHits(old: Hits | null, { count, lastAt }: Hits): Hits {
  return { count: (old?.count ?? 0) + count, lastAt: Math.max(old?.lastAt ?? 0, lastAt) };
}

export class HitCounter {
  #waiting = new Map<string, Hits>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly state: State,
    private readonly clock: Clock,
  ) {}

  count(rules: readonly string[]): void {
    const lastAt = this.clock.now();
    for (const id of rules) this.#wait(id, { count: 1, lastAt });
    if (this.#waiting.size > 0) this.#later();
  }

  /** Resolves when everything counted so far is kept, or the state does not take it. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  /** As `flush`, and nothing more is tried. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  #wait(id: string, hits: Hits): void {
    const old = this.#waiting.get(id) ?? null;
    if (old !== null || this.#waiting.size < HITS_WAITING_MAX) this.#waiting.set(id, addHits(old, hits));
  }

  #later(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_EVERY_MS).unref();
  }

  async #write(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = new Map();
    for (const [id, hits] of taken) {
      try {
        await this.#add(id, hits);
        taken.delete(id);
      } catch (error) {
        if (!(error instanceof StateUnavailable)) throw error;
        // The state tells its own trouble; what was gathered waits for the next turn.
        for (const [left, count] of taken) this.#wait(left, count);
        this.#later();
        return;
      }
    }
  }

  #add(id: string, hits: Hits): Promise<void> {
    return this.state.update(HITS_TABLE, id, (old) => ({
      kind: 'write',
      value: addHits(old, hits),
      ttlMs: HITS_KEEP_MS,
      result: undefined,
    }));
  }
}

/** The counts of some rules; those that never held are absent. */
export async function readHits(state: State, ids: readonly string[]): Promise<ReadonlyMap<string, Hits>> {
  const entries = await Promise.all(ids.map((id) => state.read(HITS_TABLE, id)));
  return new Map(entries.flatMap((entry) => (entry === null ? [] : [[entry.key, entry.value] as const])));
}
