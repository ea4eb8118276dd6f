// The state of tests keeps the contract of the real ones, and fails when it is told to.
import { expect, it } from 'vitest';
import { StateUnavailable } from '../../state/state.js';
import { MemoryStore, memoryState, movedClock } from '../ground/state.js';
import { stateOn } from '../../state/keeper.js';
import { waitUntil } from '../ground/place.js';
import { countTable, describeState, more } from './contract.js';

describeState('the state of tests', async (clock) => {
  const store = new MemoryStore();
  const options = { clock, timeLimitMs: 60_000, onAway: () => undefined };
  return { one: stateOn(store, options), other: stateOn(store, options), close: () => store.close() };
});

it('fails when told to, for all at once, and is back by itself', async () => {
  const told: boolean[] = [];
  const state = memoryState(movedClock(), (isAway) => void told.push(isAway));
  const table = countTable('t');
  expect(await state.update(table, 'k', more())).toBe(1);
  state.fail(true);
  const all = await Promise.allSettled([state.update(table, 'k', more()), state.read(table, 'k'), state.count(table)]);
  for (const one of all) expect(one).toMatchObject({ reason: expect.any(StateUnavailable) });
  await waitUntil('the alert', 30_000, () => told.length > 0);
  state.fail(false);
  await waitUntil('the way back', 30_000, () => told.at(-1) === false);
  expect(told).toEqual([true, false]);
  expect(await state.update(table, 'k', more())).toBe(2);
  await state.close();
  await expect(state.read(table, 'k')).rejects.toThrow(StateUnavailable);
});
