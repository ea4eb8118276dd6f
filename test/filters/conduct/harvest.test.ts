// The count of unknown recipients under a clock of the test: distinct ones, one day, a block of one day.
import { describe, expect, it } from 'vitest';
import {
  addUnknown,
  blockLeft,
  HARVEST_CAP_MAX,
  HARVESTS,
  memberOf,
  settle,
  type Harvest,
} from '../../../filters/conduct/harvest.js';
import { VALUE_MAX_CHARS } from '../../../state/entry.js';

const DAY_MS = 86_400_000;
const CAP = { max: 2, dayMs: DAY_MS };

/** One client's record, as the state would keep it. */
class Kept {
  value: Harvest | null = null;
  endsAt = 0;

  name(recipient: string, nowMs: number, isOnAllowList = false): boolean {
    const change = addUnknown(this.at(nowMs), nowMs, memberOf(recipient), CAP);
    if (change.kind === 'write') this.put(change, nowMs);
    if (!change.result) return false;
    const settled = settle(this.at(nowMs), nowMs, isOnAllowList, CAP);
    if (settled.kind === 'write') this.put(settled, nowMs);
    return true;
  }

  blocked(nowMs: number): number | null {
    return blockLeft(this.at(nowMs), nowMs);
  }

  private at(nowMs: number): Harvest | null {
    return nowMs < this.endsAt ? this.value : null;
  }

  private put({ value, ttlMs }: { readonly value: Harvest; readonly ttlMs: number }, nowMs: number): void {
    [this.value, this.endsAt] = [value, nowMs + ttlMs];
  }
}

describe('unknown recipients', () => {
  it('block for a day from the first over the cap, each counted once however it is written', () => {
    const kept = new Kept();
    const names = ['ann@house.test', 'ANN@House.Test', 'bob@house.test', 'ann@house.test'];
    expect(names.map((name) => kept.name(name, 5))).toEqual([false, false, false, false]);
    expect(kept.blocked(6)).toBeNull();
    expect(kept.name('eve@house.test', 10)).toBe(true);
    expect(kept.blocked(10)).toBe(DAY_MS);
    expect(kept.name('zoe@house.test', 1_000)).toBe(false);
    expect(kept.blocked(DAY_MS + 9)).toBe(1);
    expect(kept.blocked(DAY_MS + 10)).toBeNull();
  });

  it('are counted anew the next day, and after a block', () => {
    const kept = new Kept();
    expect([0, 1, DAY_MS, DAY_MS + 1].map((at) => kept.name(`x${at}@house.test`, at))).toEqual(Array(4).fill(false));
    expect(kept.name('more@house.test', DAY_MS + 2)).toBe(true);
    const after = 2 * DAY_MS + 2;
    expect([after, after + 1, after + 2].map((at) => kept.name(`y${at}@house.test`, at))).toEqual([false, false, true]);
  });

  it('never block whom an allow list vouches for, who is asked about once a day', () => {
    const kept = new Kept();
    const over = Array.from({ length: 10 }, (_, index) => kept.name(`x${index}@house.test`, index, true));
    expect(over.filter(Boolean)).toHaveLength(1);
    expect(kept.blocked(20)).toBeNull();
    const next = Array.from({ length: 3 }, (_, index) => kept.name(`y${index}@house.test`, DAY_MS + index, true));
    expect(next).toEqual([false, false, true]);
  });

  it('of two processes that pass the cap at once make one block', () => {
    const once = settle({ since: 0, members: [], blockedUntil: 0, isSpared: false }, 10, false, CAP);
    expect(once).toMatchObject({ kind: 'write', ttlMs: DAY_MS });
    const blocked = once.kind === 'write' ? once.value : null;
    expect(settle(blocked, 20, false, CAP)).toEqual({ kind: 'keep', result: null });
  });

  it('fit into one entry of the state at the highest cap, and what is damaged counts for nothing', () => {
    const members = Array.from({ length: HARVEST_CAP_MAX }, (_, index) => memberOf(`${index}@house.test`));
    expect(new Set(members).size).toBe(HARVEST_CAP_MAX);
    const full = { since: 8.64e15, members, blockedUntil: 8.64e15, isSpared: false };
    expect(JSON.stringify(full).length).toBeLessThan(VALUE_MAX_CHARS);
    expect(HARVESTS.read(full)).toEqual(full);
    for (const kept of [null, 7, {}, { ...full, members: [1] }, { ...full, since: -1 }])
      expect(HARVESTS.read(kept)).toBeNull();
  });
});
