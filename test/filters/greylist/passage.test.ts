// A triplet's way through its two tables, on a state in memory and a moved clock: what it costs, in any order of the steps of
// sessions at once, when one dies between two steps, and when one of the tables is full.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passTriplet, seeTriplet, type Answer } from '../../../filters/greylist/passage.js';
import { forgetTriplets, listTriplets, passTriplets } from '../../../filters/greylist/records.js';
import { PASSED, tripletId, WAITING } from '../../../filters/greylist/tables.js';
import type { Sight, Spans } from '../../../filters/greylist/triplet.js';
import type { State, StateTable } from '../../../state/state.js';
import { memoryState, movedClock } from '../../ground/state.js';

const spans: Spans = { delayMs: 300_000, windowMs: 172_800_000, keepMs: 3_024_000_000 };
const ONE: Sight = { client: '192.0.2.0/24', sender: 'a@away.test', recipient: 'b@house.test', session: 's' };
const ID = tripletId(ONE);

const see = (state: State, session: string, fields: Partial<Sight> = {}): Promise<Answer> => {
  const sight = { ...ONE, session, ...fields };
  return seeTriplet(state, tripletId(sight), sight, spans);
};

/** The same state, where something happens before each step in a table, and tables may be smaller. */
function stepping(
  state: State,
  before: (table: string) => Promise<void>,
  entriesMax: (table: string) => number = () => 1_000,
): State {
  const small = <Value>(table: StateTable<Value>) => ({ ...table, entriesMax: entriesMax(table.name) });
  return {
    ...{ count: (table) => state.count(table), close: () => state.close() },
    list: (table, options) => state.list(table, options),
    read: async (table, key) => {
      await before(table.name);
      return state.read(small(table), key);
    },
    update: async (table, key, change) => {
      await before(table.name);
      return state.update(small(table), key, change);
    },
    remove: async (table, key) => {
      await before(table.name);
      return state.remove(table, key);
    },
  };
}

describe('what a sight costs', () => {
  it('is one step for a known triplet, and three for one that waits', async () => {
    const clock = movedClock();
    const steps: string[] = [];
    const state = stepping(memoryState(clock), (table) => Promise.resolve(void steps.push(table)));
    await see(state, '1');
    expect(steps.splice(0)).toEqual([PASSED.name, WAITING.name, PASSED.name]);
    clock.pass(spans.delayMs);
    expect(await see(state, '2')).toEqual({ kind: 'through', waitedMs: spans.delayMs });
    expect(steps.splice(0)).toEqual([PASSED.name, WAITING.name, PASSED.name, WAITING.name]);
    expect((await see(state, '3')).kind).toBe('known');
    expect(steps).toEqual([PASSED.name]);
  });

  it('moves it: it is in one of the tables', async () => {
    const clock = movedClock();
    const state = memoryState(clock);
    const counts = async () => [await state.count(WAITING), await state.count(PASSED)];
    await see(state, '1');
    expect(await counts()).toEqual([1, 0]);
    clock.pass(spans.delayMs);
    await see(state, '2');
    expect(await counts()).toEqual([0, 1]);
    expect(await listTriplets(state, { state: 'waiting' }, 10)).toMatchObject({ count: 0 });
    expect((await listTriplets(state, { state: 'all' }, 10)).triplets).toMatchObject([
      { id: ID, attempts: 1, passedAt: clock.now() },
    ]);
  });
});

/** Whose turn comes next; what is left when the turns are over goes on in order. */
class Turns {
  private readonly waiting = new Map<number, () => void>();
  private readonly running = new Set<number>();

  /** Runs all tasks, one step at a time, in that order. `died`: tasks that never take a step after so many. */
  async run<Result>(
    state: State,
    tasks: readonly ((state: State) => Promise<Result>)[],
    order: readonly number[],
    died: ReadonlyMap<number, number> = new Map(),
  ): Promise<readonly (Result | null)[]> {
    const results: (Result | null)[] = tasks.map(() => null);
    for (const [index, task] of tasks.entries()) {
      this.running.add(index);
      let left = died.get(index) ?? Infinity;
      const mine = stepping(state, () => {
        if (left <= 0) this.running.delete(index);
        left -= 1;
        return new Promise((go) => left < 0 || this.waiting.set(index, go));
      });
      void task(mine)
        .then((result) => (results[index] = result))
        .finally(() => this.running.delete(index));
    }
    for (let step = 0; this.running.size > 0; step += 1) await this.step(order[step]);
    return results;
  }

  private async step(wanted: number | undefined): Promise<void> {
    while ([...this.running].some((index) => !this.waiting.has(index))) await new Promise(setImmediate);
    const next = wanted !== undefined && this.waiting.has(wanted) ? wanted : [...this.running][0];
    if (next === undefined) return;
    const go = this.waiting.get(next);
    this.waiting.delete(next);
    go?.();
    while (this.running.has(next) && !this.waiting.has(next)) await new Promise(setImmediate);
  }
}

const orders = (tasks: number) => fc.array(fc.nat(tasks - 1), { maxLength: 5 * tasks });

/** Every order of two tasks' steps: neither takes more than four. */
const PAIR_ORDERS = Array.from({ length: 2 ** 8 }, (_, bits) =>
  Array.from({ length: 8 }, (_step, at) => (bits >> at) & 1),
);

describe('sessions at once', () => {
  it('lets a due triplet through once for two, in every order, and never makes them wait', async () => {
    for (const order of PAIR_ORDERS) {
      const clock = movedClock();
      const state = memoryState(clock);
      await see(state, 'first');
      clock.pass(spans.delayMs);
      const tasks = ['x', 'y'].map((session) => (mine: State) => see(mine, session));
      const answers = await new Turns().run(state, tasks, order);
      expect(answers.map((answer) => answer?.kind).sort(), order.join('')).toEqual(['known', 'through']);
      expect([await state.count(WAITING), await state.count(PASSED)]).toEqual([0, 1]);
    }
  });

  it('lets it through once for three, in any order of their steps', async () => {
    await fc.assert(
      fc.asyncProperty(orders(3), async (order) => {
        const clock = movedClock();
        const state = memoryState(clock);
        await see(state, 'first');
        clock.pass(spans.delayMs);
        const tasks = ['x', 'y', 'z'].map((session) => (mine: State) => see(mine, session));
        const answers = await new Turns().run(state, tasks, order);
        expect(answers.map((answer) => answer?.kind).sort()).toEqual(['known', 'known', 'through']);
        expect([await state.count(WAITING), await state.count(PASSED)]).toEqual([0, 1]);
      }),
      { numRuns: 300 },
    );
  });

  it('makes nobody wait anew for one that died between two steps', async () => {
    await fc.assert(
      fc.asyncProperty(orders(2), fc.nat(4), async (order, steps) => {
        const clock = movedClock();
        const state = memoryState(clock);
        await see(state, 'first');
        clock.pass(spans.delayMs);
        const tasks = ['x', 'y'].map((session) => (mine: State) => see(mine, session));
        const [, other] = await new Turns().run(state, tasks, order, new Map([[0, steps]]));
        expect(['through', 'known']).toContain(other?.kind);
        expect((await see(state, 'later')).kind).toBe('known');
      }),
      { numRuns: 200 },
    );
  });

  it('counts each session that waits once, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(orders(3), async (order) => {
        const state = memoryState(movedClock());
        const tasks = ['x', 'y', 'z'].map((session) => (mine: State) => see(mine, session));
        const answers = await new Turns().run(state, tasks, order);
        expect(answers.map((answer) => (answer?.kind === 'wait' ? answer.attempts : 0)).sort()).toEqual([1, 2, 3]);
      }),
      { numRuns: 100 },
    );
  });

  it('is known behind a pass by hand, whatever tried meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(orders(3), async (order) => {
        const state = memoryState(movedClock());
        await see(state, 'first');
        const tasks = [
          async (mine: State) => (await passTriplets(mine, [ID], spans.keepMs)).join(),
          ...['x', 'y'].map((session) => async (mine: State) => (await see(mine, session)).kind),
        ];
        expect((await new Turns().run<string>(state, tasks, order))[0]).toBe(ID);
        expect((await see(state, 'later')).kind).toBe('known');
        expect([await state.count(WAITING), await state.count(PASSED)]).toEqual([0, 1]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('full tables', () => {
  const MANY = 20;
  const stranger = (index: number): Partial<Sight> => ({ sender: `s${String(index)}@away.test` });

  it('lets no number of passed triplets push out one that waits', async () => {
    const clock = movedClock();
    const state = stepping(
      memoryState(clock),
      () => Promise.resolve(),
      () => MANY,
    );
    for (let index = 0; index < 2 * MANY; index += 1) {
      const named = { ...ONE, ...stranger(index) };
      await passTriplet(state, tripletId(named), named, spans.keepMs);
    }
    expect(await state.count(PASSED)).toBe(MANY);
    await see(state, 'new');
    clock.pass(spans.delayMs);
    expect((await see(state, 'again')).kind).toBe('through');
    expect((await see(state, 'more')).kind).toBe('known');
  });

  it('forgets first who waited longest, and nobody who is through', async () => {
    const clock = movedClock();
    const state = stepping(
      memoryState(clock),
      () => Promise.resolve(),
      () => MANY,
    );
    await passTriplet(state, ID, ONE, spans.keepMs);
    for (let index = 0; index <= MANY; index += 1) {
      await see(state, String(index), stranger(index));
      clock.pass(1);
    }
    clock.pass(spans.delayMs);
    expect((await see(state, 'known')).kind).toBe('known');
    expect((await see(state, 'last', stranger(MANY))).kind).toBe('through');
    expect(await see(state, 'gone', stranger(0))).toMatchObject({ kind: 'wait', attempts: 1 });
  });
});

describe('what people do', () => {
  it('forgets a triplet in both tables', async () => {
    const clock = movedClock();
    const state = memoryState(clock);
    await see(state, '1');
    // As one that died before it took it from those that wait.
    await state.update(PASSED, ID, (_, nowMs) => ({
      kind: 'write',
      value: { ...ONE, firstAt: nowMs, seenAt: nowMs, attempts: 1, passedAt: nowMs },
      ttlMs: spans.keepMs,
      result: null,
    }));
    expect(await passTriplets(state, [ID], spans.keepMs)).toEqual([]);
    expect(await state.count(WAITING)).toBe(0);
    await see(state, '2', { sender: 'c@away.test' });
    const other = tripletId({ ...ONE, sender: 'c@away.test' });
    expect(await forgetTriplets(state, [ID, other, 'none'])).toEqual([ID, other]);
    expect([await state.count(WAITING), await state.count(PASSED)]).toEqual([0, 0]);
  });

  it('lists on behind entries that cannot be read', async () => {
    const state = memoryState(movedClock());
    const raw = { ...WAITING, read: (kept: unknown) => kept };
    await state.update(raw, '0', () => ({ kind: 'write', value: { version: 99 }, ttlMs: 1e9, result: null }));
    for (let index = 0; index < 5_001; index += 1) await see(state, 's', { sender: `${String(index)}@away.test` });
    expect(await listTriplets(state, { state: 'waiting' }, 10)).toMatchObject({ count: 5_001, isPart: false });
  });
});
