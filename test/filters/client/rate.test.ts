// The rate of one client under a clock of the test: what passes, what blocks, when the block ends.
import { describe, expect, it } from 'vitest';
import { countOne, rateTable, type Rate } from '../../../filters/client/rate.js';

const CAP = { max: 3, spanMs: 60_000, blockMs: 60_000 };

/** Plays events at these times; true: it passed. */
function play(times: readonly number[], cap = CAP): readonly boolean[] {
  let kept: Rate | null = null;
  let endsAt = 0;
  return times.map((nowMs) => {
    const change = countOne(nowMs < endsAt ? kept : null, nowMs, cap);
    if (change.kind === 'write') [kept, endsAt] = [change.value, nowMs + change.ttlMs];
    return change.result === null;
  });
}

describe('a rate', () => {
  it('lets the cap through, and blocks for one block from the first over it', () => {
    expect(play([0, 1, 2, 3, 4, 60_002, 60_003])).toEqual([true, true, true, false, false, false, true]);
  });

  it('counts anew in the next span, so that the cap in every minute is never too much', () => {
    expect(play([0, 1, 2, 60_000, 60_001, 60_002, 120_000])).toEqual(Array(7).fill(true));
  });

  it('is not blocked for longer by what comes meanwhile, and begins anew after it', () => {
    const during = Array.from({ length: 100 }, (_, index) => 10 + index * 500);
    expect(play([0, 0, 0, 0, ...during]).slice(3)).toEqual(Array(101).fill(false));
    expect(play([0, 0, 0, 0, ...during, 60_000, 60_000, 60_000, 60_000]).slice(-4)).toEqual([true, true, true, false]);
  });

  it('tells how long to wait', () => {
    const blocked: Rate = { startedAt: 0, count: 4, blockedUntil: 70_000 };
    expect(countOne(blocked, 30_000, CAP)).toEqual({ kind: 'keep', result: { waitMs: 40_000 } });
  });

  it('survives a clock that was put back: neither a block nor a span lasts for ever', () => {
    const ahead: Rate = { startedAt: 1e9, count: 4, blockedUntil: 1e9 + 60_000 };
    expect(countOne(ahead, 1_000, CAP)).toMatchObject({ kind: 'write', result: null, value: { startedAt: 1_000 } });
    const span: Rate = { startedAt: 1e9, count: 3, blockedUntil: 0 };
    expect(countOne(span, 1_000, CAP)).toMatchObject({ kind: 'write', result: null, value: { count: 1 } });
  });

  it('never blocks who stays at the cap in every minute, at any pace', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const times: number[] = [];
      for (let at = 0, draw = seed; at < 600_000;) {
        draw = (draw * 48_271) % 2_147_483_647;
        at += draw % 30_000;
        const minute = times.filter((time) => time > at - 60_000);
        if (minute.length < CAP.max) times.push(at);
      }
      expect(play(times).every(Boolean)).toBe(true);
    }
  });

  it('takes what is damaged for nothing', () => {
    const { read } = rateTable('client-connections');
    for (const kept of [null, 1, 'x', {}, { startedAt: -1, count: 0, blockedUntil: 0 }, { startedAt: 0, count: 1.5 }])
      expect(read(kept)).toBeNull();
    expect(read({ startedAt: 5, count: 1, blockedUntil: 0 })).toEqual({ startedAt: 5, count: 1, blockedUntil: 0 });
  });
});
