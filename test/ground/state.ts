// A state in memory on a clock that a test moves, with the very steps of the real ones; it can be made to fail.
import type { Clock } from '../../outside/clock.js';
import { byBytes } from '../../state/entry.js';
import { stateOn, type SweptState } from '../../state/keeper.js';
import type { Kept, Place, Span, Store, Swap } from '../../state/store.js';

/** A clock that stands until it is moved. */
export interface MovedClock extends Clock {
  pass(ms: number): void;
}

/** Begins at a time that is no round number. */
export function movedClock(startMs = 1_767_225_723_456): MovedClock {
  let passed = 0;
  return {
    now: () => startMs + passed,
    monotonicMs: () => passed,
    pass: (ms) => {
      passed += ms;
    },
  };
}

export interface MemoryState extends SweptState {
  /** While true every call rejects with StateUnavailable. */
  fail(isFailing: boolean): void;
}

/** An empty state. `onAway` as a process would hear of it. */
export function memoryState(clock: Clock, onAway: (isAway: boolean) => void = () => undefined): MemoryState {
  const store = new MemoryStore();
  const state = stateOn(store, { clock, timeLimitMs: 10_000, onAway });
  return Object.assign(state, {
    fail: (isFailing: boolean) => {
      store.isFailing = isFailing;
    },
  });
}

/** Answers in later turns of the event loop, as a store would. */
export class MemoryStore implements Store {
  isFailing = false;
  private readonly tables = new Map<string, Map<string, Kept>>();

  get(place: Place, nowMs: number): Promise<Kept | null> {
    return this.answer(() => this.at(place, nowMs));
  }

  swap(place: Place, expected: Kept | null, next: Kept | null, nowMs: number): Promise<Swap> {
    return this.answer(() => {
      const current = this.at(place, nowMs);
      const fits = current?.text === expected?.text && current?.endsAt === expected?.endsAt;
      if (!fits) return { done: false, current };
      const table = this.table(place.table);
      if (next === null) table.delete(place.key);
      else table.set(place.key, next);
      if (table.size > place.entriesMax) this.evict(table);
      return { done: true };
    });
  }

  remove(place: Place, nowMs: number): Promise<boolean> {
    return this.answer(() => this.at(place, nowMs) !== null && this.table(place.table).delete(place.key));
  }

  page(table: string, { prefix, after, limit }: Span, nowMs: number) {
    return this.answer(() =>
      [...this.table(table)]
        .filter(([key, { endsAt }]) => endsAt > nowMs && key.startsWith(prefix))
        .filter(([key]) => after === null || byBytes(key, after) > 0)
        .sort(([one], [other]) => byBytes(one, other))
        .slice(0, limit),
    );
  }

  count(table: string): Promise<number> {
    return this.answer(() => this.table(table).size);
  }

  probe(): Promise<void> {
    return this.answer(() => undefined);
  }

  sweep(nowMs: number, limit: number): Promise<number> {
    return this.answer(() => {
      let gone = 0;
      for (const table of this.tables.values())
        for (const [key, { endsAt }] of table) if (endsAt <= nowMs && gone < limit && table.delete(key)) gone += 1;
      return gone;
    });
  }

  async close(): Promise<void> {
    this.tables.clear();
  }

  private table(name: string): Map<string, Kept> {
    const table = this.tables.get(name) ?? new Map<string, Kept>();
    this.tables.set(name, table);
    return table;
  }

  private at({ table, key }: Place, nowMs: number): Kept | null {
    const kept = this.table(table).get(key);
    return kept === undefined || kept.endsAt <= nowMs ? null : kept;
  }

  private evict(table: Map<string, Kept>): void {
    const [first] = [...table].sort(([, one], [, other]) => one.endsAt - other.endsAt);
    if (first !== undefined) table.delete(first[0]);
  }

  private async answer<Result>(work: () => Result): Promise<Result> {
    await Promise.resolve();
    if (this.isFailing) throw new Error('the test lets it fail');
    return work();
  }
}
