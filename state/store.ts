// What every store behind `State` does: texts under a table and a key, each with an end, and one atomic step, `swap`. It
// knows neither values nor policies; whatever it rejects with counts as a failure of the store.

/** A text as kept. */
export interface Kept {
  readonly text: string;
  /** ms since the epoch, by the clock of whoever wrote it. */
  readonly endsAt: number;
}

/** Where an entry lies. */
export interface Place {
  readonly table: string;
  /** At most KEY_MAX_BYTES. */
  readonly key: string;
  /** Over it the entries of the table that end first go. */
  readonly entriesMax: number;
}

export type Swap = { readonly done: true } | { readonly done: false; readonly current: Kept | null };

/** Keys that begin with `prefix`, in the order of their bytes (UTF-8). */
export interface Span {
  readonly prefix: string;
  /** Only those behind this one; null: from the first. */
  readonly after: string | null;
  readonly limit: number;
}

export interface Store {
  /** Null when absent or ended at `nowMs`. */
  get(place: Place, nowMs: number): Promise<Kept | null>;
  /** Puts `next` (null: nothing) where exactly `expected` lies (null: nothing, or what ended); else tells what lies there. */
  swap(place: Place, expected: Kept | null, next: Kept | null, nowMs: number): Promise<Swap>;
  /** True when there was one that had not ended. */
  remove(place: Place, nowMs: number): Promise<boolean>;
  /** Entries that have not ended, by key. */
  page(table: string, span: Span, nowMs: number): Promise<readonly (readonly [key: string, kept: Kept])[]>;
  count(table: string): Promise<number>;
  /** Resolves when the store takes writes. */
  probe(): Promise<void>;
  /** Deletes at most `limit` entries that ended; returns how many there were. 0 where the store does so by itself. */
  sweep(nowMs: number, limit: number): Promise<number>;
  close(): Promise<void>;
}
