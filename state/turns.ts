// The atomic step: reads, asks the change, and writes only if nobody else wrote meanwhile, else asks again. Changes of
// one process to one entry that wait together are done in one step, in their order, so that a hot entry costs one write.
import type { Clock } from '../outside/clock.js';
import { keep, valueOf } from './entry.js';
import { StateUnavailable, type Change, type StateTable } from './state.js';
import type { Kept, Place, Swap } from './store.js';

/** How often others may be faster before a step fails. Each time one of them got on. */
export const TRIES_MAX = 200;
/** From this try on there is a pause of random length, ms, so that the same two do not meet for ever. */
const PAUSE_FROM_TRY = 3;
const PAUSE_MAX_MS = 5;
/** Steps of one process that may wait at once. */
export const WAITING_MAX = 50_000;
/** Entries whose text is remembered, so that the usual step is one way to the store and back. */
const GUESSES_MAX = 2_000;
const GUESS_CHARS_MAX = 2_000;

/** The part of a store used here, each call within its limit of time. */
export interface Swapper {
  get(place: Place, nowMs: number): Promise<Kept | null>;
  swap(place: Place, expected: Kept | null, next: Kept | null, nowMs: number): Promise<Swap>;
}

/** One caller's change. What it throws goes to its caller alone. */
interface Ask {
  readonly change: (old: unknown, nowMs: number) => Change<unknown, unknown>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

interface Outcome {
  readonly next: Kept | null;
  readonly isSame: boolean;
  /** What each caller learns, in their order. */
  readonly tell: readonly (() => void)[];
}

export class Turns {
  /** By entry: who waits for the next turn. An entry is in it while a turn is under way. */
  private readonly waiting = new Map<string, Ask[]>();
  private readonly guesses = new Map<string, Kept>();
  private count = 0;

  constructor(
    private readonly store: Swapper,
    private readonly clock: Clock,
  ) {}

  async update<Value, Result>(
    table: StateTable<Value>,
    key: string,
    change: (old: Value | null, nowMs: number) => Change<Value, Result>,
  ): Promise<Result> {
    if (this.count >= WAITING_MAX) throw new StateUnavailable(`more than ${WAITING_MAX} changes wait`);
    this.count += 1;
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.join(table, key, { change, resolve, reject } as Ask);
      });
    } finally {
      this.count -= 1;
    }
  }

  private join(table: StateTable<unknown>, key: string, ask: Ask): void {
    const id = `${table.name}:${key}`;
    const queue = this.waiting.get(id);
    if (queue !== undefined) {
      queue.push(ask);
      return;
    }
    this.waiting.set(id, [ask]);
    void this.serve(table, { table: table.name, key, entriesMax: table.entriesMax }, id);
  }

  private async serve(table: StateTable<unknown>, place: Place, id: string): Promise<void> {
    for (let asks = this.waiting.get(id) ?? []; asks.length > 0; asks = this.waiting.get(id) ?? []) {
      this.waiting.set(id, []);
      try {
        for (const tell of await this.step(table, place, id, asks)) tell();
      } catch (error) {
        this.guesses.delete(id);
        for (const ask of asks) ask.reject(error);
      }
    }
    this.waiting.delete(id);
  }

  /** Begins with what was there last time; that is believed only once the store says the same. */
  private async step(
    table: StateTable<unknown>,
    place: Place,
    id: string,
    asks: readonly Ask[],
  ): Promise<Outcome['tell']> {
    let current = this.guesses.get(id) ?? null;
    let isSure = false;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (tries >= PAUSE_FROM_TRY) await pause();
      const now = this.clock.now();
      const before = current !== null && current.endsAt > now ? current : null;
      const { next, isSame, tell } = apply(table, asks, before, now);
      if (isSame && isSure) return tell;
      if (isSame) {
        current = await this.store.get(place, now);
        isSure = true;
        if (isEqual(current, before)) return tell;
        continue;
      }
      const swap = await this.store.swap(place, before, next, now);
      if (swap.done) {
        this.remember(id, next);
        return tell;
      }
      current = swap.current;
      isSure = true;
    }
    throw new StateUnavailable(`others were faster ${TRIES_MAX} times in a row`);
  }

  private remember(id: string, kept: Kept | null): void {
    this.guesses.delete(id);
    if (kept === null || kept.text.length > GUESS_CHARS_MAX) return;
    this.guesses.set(id, kept);
    if (this.guesses.size <= GUESSES_MAX) return;
    for (const oldest of this.guesses.keys()) {
      this.guesses.delete(oldest);
      break;
    }
  }
}

/** All changes, one after the other. */
function apply(table: StateTable<unknown>, asks: readonly Ask[], before: Kept | null, now: number): Outcome {
  let next = before;
  let value = valueOf(table, before);
  const tell = asks.map((ask) => {
    try {
      const change = ask.change(value, now);
      if (change.kind === 'write') next = keep(change.value, change.ttlMs, now);
      else if (change.kind === 'remove') next = null;
      // As it would be read back, so that a change never sees what a store would not keep.
      if (change.kind !== 'keep') value = valueOf(table, next);
      return () => ask.resolve(change.result);
    } catch (error) {
      return () => ask.reject(error);
    }
  });
  return { next, isSame: isEqual(before, next), tell };
}

function isEqual(one: Kept | null, other: Kept | null): boolean {
  return one === other || (one?.text === other?.text && one?.endsAt === other?.endsAt);
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, Math.random() * PAUSE_MAX_MS));
}
