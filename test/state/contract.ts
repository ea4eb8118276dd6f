// What every state must do, whatever it is kept in: the same tests run on memory, on the embedded store and on Redis.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TTL_MAX_MS, VALUE_MAX_CHARS } from '../../state/entry.js';
import type { SweptState } from '../../state/keeper.js';
import type { Change, State, StateTable } from '../../state/state.js';
import { movedClock, type MovedClock } from '../ground/state.js';

export interface Seen {
  readonly count: number;
}

/** A table of counts. */
export function countTable(name: string, entriesMax = 100_000): StateTable<Seen> {
  return { name, entriesMax, read: (kept) => (isSeen(kept) ? kept : null) };
}

function isSeen(kept: unknown): kept is Seen {
  return typeof kept === 'object' && kept !== null && 'count' in kept && typeof kept.count === 'number';
}

const HOUR_MS = 3_600_000;

/** Counts one more and gives the count. */
export const more =
  (ttlMs = HOUR_MS) =>
  (old: Seen | null): Change<Seen, number> => {
    const count = (old?.count ?? 0) + 1;
    return { kind: 'write', value: { count }, ttlMs, result: count };
  };

const put = (state: State, table: StateTable<Seen>, key: string, count: number, ttlMs = HOUR_MS): Promise<void> =>
  state.update(table, key, () => ({ kind: 'write', value: { count }, ttlMs, result: undefined }));

/** Two states on one store, as two processes have them. */
export interface Pair {
  readonly one: SweptState;
  readonly other: SweptState;
  close(): Promise<void>;
}

/** `open` gives two states on one empty store under that clock. */
export function describeState(what: string, open: (clock: MovedClock) => Promise<Pair>): void {
  describe(what, () => {
    const clock = movedClock(Date.now());
    let pair: Pair;
    let one: SweptState;
    let other: SweptState;
    beforeAll(async () => {
      pair = await open(clock);
      ({ one, other } = pair);
    });
    afterAll(() => pair.close());

    it('reads what was written, here and there, and nothing where nothing is', async () => {
      const table = countTable('basic');
      expect(await one.read(table, 'k')).toBeNull();
      expect(await one.update(table, 'k', more())).toBe(1);
      const kept = { key: 'k', value: { count: 1 }, endsAt: clock.now() + HOUR_MS };
      expect(await one.read(table, 'k')).toEqual(kept);
      expect(await other.read(table, 'k')).toEqual(kept);
      expect(await other.read(countTable('basic-too'), 'k')).toBeNull();
    });

    it('keeps, writes and removes as the change says, and gives its result', async () => {
      const table = countTable('changes');
      const look = (old: Seen | null): Change<Seen, string> => ({
        kind: 'keep',
        result: `saw ${old?.count ?? 'none'}`,
      });
      expect(await one.update(table, 'k', look)).toBe('saw none');
      expect(await one.count(table)).toBe(0);
      await one.update(table, 'k', more());
      expect(await other.update(table, 'k', more())).toBe(2);
      expect(await one.update(table, 'k', look)).toBe('saw 2');
      expect(await one.update(table, 'k', (old) => ({ kind: 'remove', result: old?.count }))).toBe(2);
      expect(await other.read(table, 'k')).toBeNull();
      expect(await other.update(table, 'k', more())).toBe(1);
      expect(await one.remove(table, 'k')).toBe(true);
      expect(await one.remove(table, 'k')).toBe(false);
      expect(await other.update(table, 'k', look)).toBe('saw none');
    });

    it('forgets at the very end, and begins anew as if nothing had been', async () => {
      const table = countTable('ends');
      await one.update(table, 'k', more(1_000));
      clock.pass(999);
      expect((await other.read(table, 'k'))?.value.count).toBe(1);
      clock.pass(1);
      expect(await one.read(table, 'k')).toBeNull();
      expect(await other.read(table, 'k')).toBeNull();
      expect(await one.remove(table, 'k')).toBe(false);
      await one.update(table, 'k', more(1_000));
      clock.pass(1_000);
      expect(await one.update(table, 'k', more(1_000))).toBe(1);
      clock.pass(1_000);
      expect(await other.update(table, 'k', more(1_000))).toBe(1);
      expect(await other.update(table, 'k', more(5_000))).toBe(2);
      clock.pass(1_000);
      expect(await one.update(table, 'k', more(1_000))).toBe(3);
    });

    it('takes a life that is over for none, and one without end for the longest', async () => {
      const table = countTable('lives');
      await put(one, table, 'over', 1, 0);
      expect(await one.read(table, 'over')).toBeNull();
      await put(one, table, 'over', 1);
      await put(one, table, 'over', 2, -1);
      expect(await other.read(table, 'over')).toBeNull();
      await put(one, table, 'ever', 1, Infinity);
      expect((await other.read(table, 'ever'))?.endsAt).toBe(clock.now() + TTL_MAX_MS);
      await put(one, table, 'broken', 1, 0.4);
      expect((await other.read(table, 'broken'))?.endsAt).toBe(clock.now() + 1);
    });

    it('loses no change, however many come at once', async () => {
      const table = countTable('at-once');
      const counts = await Promise.all(
        Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? one : other).update(table, 'k', more())),
      );
      expect(new Set(counts).size).toBe(400);
      expect((await one.read(table, 'k'))?.value.count).toBe(400);
    });

    it('does changes that wait together one after the other', async () => {
      const table = countTable('in-turn');
      const results = await Promise.all([
        one.update(table, 'k', more()),
        one.update(table, 'k', more()),
        one.update(table, 'k', () => ({ kind: 'remove', result: -1 })),
        one.update(table, 'k', more()),
        one.update(table, 'k', (old) => ({ kind: 'keep', result: old?.count ?? 0 })),
      ]);
      expect(results).toEqual([1, 2, -1, 1, 1]);
      expect((await other.read(table, 'k'))?.value.count).toBe(1);
    });

    it('gives what a change throws to its caller alone', async () => {
      const table = countTable('throws');
      const bug = new Error('bug');
      const [first, second, third] = await Promise.allSettled([
        one.update(table, 'k', more()),
        one.update(table, 'k', () => {
          throw bug;
        }),
        one.update(table, 'k', more()),
      ]);
      expect(first).toMatchObject({ value: 1 });
      expect(second).toMatchObject({ reason: bug });
      expect(third).toMatchObject({ value: 2 });
      const large = { count: 1, text: 'x'.repeat(VALUE_MAX_CHARS) };
      const tooLarge = one.update(table, 'k', () => ({ kind: 'write', value: large, ttlMs: 1, result: 0 }));
      await expect(tooLarge).rejects.toThrow(RangeError);
      expect((await one.read(table, 'k'))?.value.count).toBe(2);
    });

    it('takes what another version wrote as absent, and writes over it', async () => {
      const written: StateTable<string> = { name: 'versions', entriesMax: 10, read: (kept) => String(kept) };
      await one.update(written, 'k', () => ({ kind: 'write', value: 'old', ttlMs: HOUR_MS, result: 0 }));
      const table = countTable('versions');
      expect(await one.read(table, 'k')).toBeNull();
      expect(await one.list(table, { limit: 9 })).toEqual([]);
      expect(await other.update(table, 'k', more())).toBe(1);
      expect((await one.read(table, 'k'))?.value.count).toBe(1);
    });

    it('takes any text for a key, and tells them apart', async () => {
      const table = countTable('keys');
      const long = 'x'.repeat(5_000);
      const keys = ['', ' ', ':', 'a:b', 'a*?[b]', '\0', 'a\0b', "';--", 'é', 'e\u0301', '😀', '\ud83d', '\ude00'];
      keys.push('\ud83d!', long, `${long}y`, `y${long}`, '\u{10ffff}', '__proto__', 'line\r\nend', '€'.repeat(300));
      for (const [at, key] of keys.entries()) await put(one, table, key, at);
      for (const [at, key] of keys.entries())
        expect([at, (await other.read(table, key))?.value.count]).toEqual([at, at]);
      expect(await one.count(table)).toBe(keys.length);
      const listed = await other.list(table, { limit: 1_000 });
      expect(listed.map(({ value }) => value.count).sort((a, b) => a - b)).toEqual(keys.map((_, at) => at));
      for (const { key, value } of listed) expect((await one.read(table, key))?.value).toEqual(value);
    });

    it('lists by the beginning of keys, page by page, in the order of their bytes, without what ended', async () => {
      const table = countTable('lists');
      const keys = ['a', 'b/', 'b/1', 'b/2', 'b/2/x', 'b/é', 'b/\uffff', 'b/😀', 'b0', 'c', 'b*', 'b[1]', 'b\\'];
      for (const [at, key] of keys.entries()) await put(one, table, key, at);
      await put(one, table, 'b/0', 99, 10);
      clock.pass(10);
      const keysOf = async (options: Parameters<State['list']>[1]): Promise<readonly string[]> =>
        (await other.list(table, options)).map(({ key }) => key);
      expect(await keysOf({ prefix: 'b/', limit: 100 })).toEqual([
        'b/',
        'b/1',
        'b/2',
        'b/2/x',
        'b/é',
        'b/\uffff',
        'b/😀',
      ]);
      expect(await keysOf({ prefix: 'b/', limit: 2 })).toEqual(['b/', 'b/1']);
      expect(await keysOf({ prefix: 'b/', after: 'b/1', limit: 2 })).toEqual(['b/2', 'b/2/x']);
      expect(await keysOf({ prefix: 'b/', after: 'b/😀', limit: 2 })).toEqual([]);
      expect(await keysOf({ prefix: 'b/', after: 'a', limit: 1 })).toEqual(['b/']);
      expect(await keysOf({ prefix: 'b*', limit: 9 })).toEqual(['b*']);
      expect(await keysOf({ prefix: 'b[', limit: 9 })).toEqual(['b[1]']);
      expect(await keysOf({ prefix: 'b\\', limit: 9 })).toEqual(['b\\']);
      expect(await keysOf({ limit: 3 })).toEqual(['a', 'b*', 'b/']);
      expect(await keysOf({ prefix: '\u{10ffff}', limit: 3 })).toEqual([]);
      expect(await keysOf({ limit: 0 })).toEqual([]);
    });

    it('keeps no more than the table may have: those that end first go', async () => {
      const table = countTable('bounded', 50);
      for (let at = 0; at < 80; at += 1) await put(one, table, `k${at}`, at, HOUR_MS + (79 - at) * 1_000);
      const left = (await other.list(table, { limit: 100 })).map(({ value }) => value.count).sort((a, b) => a - b);
      expect(left.length).toBeLessThanOrEqual(50);
      expect(left.length).toBeGreaterThan(40);
      // Later ones end sooner here, so the earlier ones are those that stay.
      expect(left.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, at) => at));
      expect(await one.count(table)).toBe(left.length);
      await put(one, countTable('bounded-not'), 'k', 1);
      expect(await one.count(countTable('bounded-not'))).toBe(1);
    });

    it('sweeps what ended, in slices, and leaves the rest', async () => {
      const table = countTable('swept');
      while ((await one.sweep(1_000)) > 0);
      for (let at = 0; at < 30; at += 1) await put(one, table, `old${at}`, at, 1_000);
      await put(one, table, 'new', 1);
      clock.pass(1_000);
      await other.sweep(10);
      await other.sweep(1_000);
      expect(await other.sweep(1_000)).toBe(0);
      expect((await one.list(table, { limit: 100 })).map(({ key }) => key)).toEqual(['new']);
      await put(one, table, 'newer', 1);
      expect(await one.count(table)).toBeLessThanOrEqual(32);
      expect(await one.update(table, 'old1', more())).toBe(1);
    });

    it('refuses names that are no part of a key', async () => {
      for (const name of ['', 'A', 'a:b', 'a b', '1', 'x'.repeat(100)])
        await expect(one.read(countTable(name), 'k')).rejects.toThrow(RangeError);
    });
  });
}
