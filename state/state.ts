// What Weir remembers between connections: one small interface over an embedded store or Redis, shared by all processes of
// a node, or of several. Every entry ends by itself; every table has a bound. One atomic step, `update`, carries all
// policies: what they decide is a pure function of what was kept and the time.

/** A table as the code that uses it declares it. */
export interface StateTable<Value> {
  /** Lower-case words and dashes; part of every key in the store. */
  readonly name: string;
  /** Over it the entries that end first go. */
  readonly entriesMax: number;
  /** Gives the value of what was kept, or null when it is none (written by another version, damaged): then as if absent. */
  readonly read: (kept: unknown) => Value | null;
}

export interface StateEntry<Value> {
  readonly key: string;
  readonly value: Value;
  /** ms since the epoch. */
  readonly endsAt: number;
}

/** What becomes of an entry, and what the caller learns. */
export type Change<Value, Result> =
  | { readonly kind: 'keep'; readonly result: Result }
  | { readonly kind: 'write'; readonly value: Value; readonly ttlMs: number; readonly result: Result }
  | { readonly kind: 'remove'; readonly result: Result };

/** The store cannot be reached or does not answer in time. What follows is the policy of whoever asked. */
export class StateUnavailable extends Error {}

/** All methods reject with StateUnavailable when the store fails, and never otherwise but for a bug. */
export interface State {
  /** Null when absent or ended. */
  read<Value>(table: StateTable<Value>, key: string): Promise<StateEntry<Value> | null>;
  /**
   * Reads, asks `change`, writes what it says, all as one step for everybody else. `change` must be pure: it is asked again
   * when somebody else was faster. `nowMs` is the store's caller's clock.
   */
  update<Value, Result>(
    table: StateTable<Value>,
    key: string,
    change: (old: Value | null, nowMs: number) => Change<Value, Result>,
  ): Promise<Result>;
  /** True when there was one. */
  remove(table: StateTable<unknown>, key: string): Promise<boolean>;
  /** Entries whose key begins with `prefix`, by key, after `after`, at most `limit`. */
  list<Value>(
    table: StateTable<Value>,
    options: { readonly prefix?: string; readonly after?: string; readonly limit: number },
  ): Promise<readonly StateEntry<Value>[]>;
  /** Entries kept, those that ended and are not swept yet included. */
  count(table: StateTable<unknown>): Promise<number>;
  close(): Promise<void>;
}
