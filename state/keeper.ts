// `State` over any store: values to texts, keys to keys that fit, the atomic step, and what happens while the store is
// away. One per process and store.
import type { Clock } from '../outside/clock.js';
import { checkTable, storeKey, valueOf } from './entry.js';
import { Reach } from './reach.js';
import { StateUnavailable, type Change, type State, type StateEntry, type StateTable } from './state.js';
import type { Kept, Place, Store } from './store.js';
import { Turns } from './turns.js';

/** Entries one call of `list` gives at most. */
export const LIST_MAX = 10_000;
/** What goes through many entries may take so many times the limit of one answer. */
const LONG_FACTOR = 30;

export interface KeeperOptions {
  readonly clock: Clock;
  /** Longest wait for one answer of the store, ms. */
  readonly timeLimitMs: number;
  /** Told when the store is away, and when it is back. */
  readonly onAway: (isAway: boolean, reason: string) => void;
}

/** A state that can be cleared of what ended. */
export interface SweptState extends State {
  /** Deletes at most `limit` entries that ended; how many there were. Rejects with StateUnavailable. */
  sweep(limit: number): Promise<number>;
  /** Finds out whether the store takes writes; while it does not, that is told, and calls are refused. Never rejects. */
  check(): Promise<boolean>;
}

/** The state kept in that store, which it closes. */
export function stateOn(store: Store, options: KeeperOptions): SweptState {
  return new Keeper(store, options);
}

class Keeper implements SweptState {
  private readonly reach: Reach;
  private readonly turns: Turns;
  private readonly clock: Clock;
  private readonly longLimitMs: number;

  constructor(
    private readonly store: Store,
    { clock, timeLimitMs, onAway }: KeeperOptions,
  ) {
    this.clock = clock;
    this.longLimitMs = timeLimitMs * LONG_FACTOR;
    this.reach = new Reach({ probe: () => store.probe(), timeLimitMs, onAway });
    const { reach } = this;
    const swapper = {
      get: (place: Place, nowMs: number) => reach.run(() => store.get(place, nowMs)),
      swap: (place: Place, expected: Kept | null, next: Kept | null, nowMs: number) =>
        reach.run(() => store.swap(place, expected, next, nowMs)),
    };
    this.turns = new Turns(swapper, clock);
  }

  async read<Value>(table: StateTable<Value>, key: string): Promise<StateEntry<Value> | null> {
    const place = placeOf(table, key);
    return entryOf(table, place.key, await this.reach.run(() => this.store.get(place, this.clock.now())));
  }

  async update<Value, Result>(
    table: StateTable<Value>,
    key: string,
    change: (old: Value | null, nowMs: number) => Change<Value, Result>,
  ): Promise<Result> {
    checkTable(table);
    return this.turns.update(table, storeKey(key), change);
  }

  async remove(table: StateTable<unknown>, key: string): Promise<boolean> {
    return this.reach.run(() => this.store.remove(placeOf(table, key), this.clock.now()));
  }

  async list<Value>(
    table: StateTable<Value>,
    { prefix = '', after, limit }: { readonly prefix?: string; readonly after?: string; readonly limit: number },
  ): Promise<readonly StateEntry<Value>[]> {
    checkTable(table);
    const span = { prefix, after: after ?? null, limit: Math.min(limit, LIST_MAX) };
    const found = await this.reach.run(() => this.store.page(table.name, span, this.clock.now()), this.longLimitMs);
    return found.map(([key, kept]) => entryOf(table, key, kept)).filter((entry) => entry !== null);
  }

  async count(table: StateTable<unknown>): Promise<number> {
    checkTable(table);
    return this.reach.run(() => this.store.count(table.name));
  }

  sweep(limit: number): Promise<number> {
    return this.reach.run(() => this.store.sweep(this.clock.now(), limit), this.longLimitMs);
  }

  check(): Promise<boolean> {
    return this.reach.check();
  }

  async close(): Promise<void> {
    this.reach.close();
    try {
      await this.store.close();
    } catch (error) {
      throw new StateUnavailable('the store could not be closed', { cause: error });
    }
  }
}

function placeOf(table: StateTable<unknown>, key: string): Place {
  checkTable(table);
  return { table: table.name, key: storeKey(key), entriesMax: table.entriesMax };
}

function entryOf<Value>(table: StateTable<Value>, key: string, kept: Kept | null): StateEntry<Value> | null {
  const value = valueOf(table, kept);
  return kept === null || value === null ? null : { key, value, endsAt: kept.endsAt };
}
