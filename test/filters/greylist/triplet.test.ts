// The core of greylisting at every edge of time: pure functions, no store, no clock but the numbers given.
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { creditClient, useClient, type ClientStanding } from '../../../filters/greylist/client-standing.js';
import type { Answer } from '../../../filters/greylist/passage.js';
import {
  letThrough,
  seeWaiting,
  usePassed,
  type Attempt,
  type Passed,
  type Spans,
  type Waiting,
} from '../../../filters/greylist/triplet.js';
import type { Change } from '../../../state/state.js';

const T = 1_800_000_000_000;
const spans: Spans = { delayMs: 300_000, windowMs: 172_800_000, keepMs: 3_024_000_000 };
const sight = { client: '192.0.2.0/24', sender: 'a@away.test', recipient: 'b@house.test', session: '192.0.2.7:40000' };

/** Applies a change as a store would, expiry included. */
class Slot<Value> {
  value: Value | null = null;
  endsAt = 0;
  writes = 0;
  apply<Result>(nowMs: number, change: (old: Value | null, nowMs: number) => Change<Value, Result>): Result {
    const done = change(nowMs < this.endsAt ? this.value : null, nowMs);
    if (done.kind === 'write') {
      this.value = done.value;
      this.endsAt = nowMs + done.ttlMs;
      this.writes += 1;
    }
    return done.result;
  }
}

/** One triplet in its two tables, seen as `seeTriplet` does. */
class Sights {
  readonly waiting = new Slot<Waiting>();
  readonly passed = new Slot<Passed>();
  see(afterMs: number, session = `192.0.2.7:${String(40_000 + (afterMs % 20_000))}`): Answer {
    const known = this.passed.apply(T + afterMs, (old, nowMs) => usePassed(old, nowMs, spans.keepMs));
    if (known !== null) return { kind: 'known', passedAt: known };
    const attempt: Attempt = this.waiting.apply(T + afterMs, (old, nowMs) =>
      seeWaiting(old, nowMs, { ...sight, session }, spans),
    );
    if (attempt.kind === 'wait') return attempt;
    this.passed.apply(T + afterMs, (old, nowMs) => letThrough(old, nowMs, attempt.triplet, spans.keepMs));
    this.waiting.value = null;
    return { kind: 'through', waitedMs: attempt.waitedMs };
  }
}

describe('a triplet', () => {
  it('waits at first sight, and is told until when', () => {
    expect(new Sights().see(0)).toEqual({ kind: 'wait', attempts: 1, firstAt: T, passesAt: T + 300_000 });
  });

  it('waits until the last millisecond of its delay and goes through with its end', () => {
    const one = new Sights();
    one.see(0);
    expect(one.see(299_999)).toMatchObject({ kind: 'wait', attempts: 2, passesAt: T + 300_000 });
    expect(one.see(300_000)).toEqual({ kind: 'through', waitedMs: 300_000 });
  });

  it('is known once it is through', () => {
    const one = new Sights();
    one.see(0);
    one.see(400_000);
    expect(one.see(400_001)).toEqual({ kind: 'known', passedAt: T + 400_000 });
  });

  it('does not wait longer for trying often', () => {
    const one = new Sights();
    for (let after = 0; after < 300_000; after += 1_000) one.see(after);
    expect(one.see(300_000).kind).toBe('through');
  });

  it('goes through just before the window ends, and begins anew with its end', () => {
    const [early, late] = [new Sights(), new Sights()];
    early.see(0);
    late.see(0);
    expect(early.see(spans.windowMs - 1).kind).toBe('through');
    expect(late.see(spans.windowMs)).toMatchObject({ kind: 'wait', attempts: 1 });
  });

  it('has the whole window from its first sight, not from its last', () => {
    const one = new Sights();
    one.see(0);
    one.see(200_000);
    expect(one.waiting.endsAt).toBe(T + spans.windowMs);
  });

  it('counts one session once, however often it asks', () => {
    const one = new Sights();
    one.see(0, 's');
    expect(one.see(10, 's')).toMatchObject({ kind: 'wait', attempts: 1 });
    expect(one.see(20, 't')).toMatchObject({ kind: 'wait', attempts: 2 });
    expect(one.see(30, 't')).toMatchObject({ kind: 'wait', attempts: 2 });
  });

  it('is remembered on from its use, and forgotten without', () => {
    const [used, unused] = [new Sights(), new Sights()];
    for (const one of [used, unused]) {
      one.see(0);
      one.see(300_000);
    }
    const through = 300_000;
    expect(used.see(through + spans.keepMs / 2).kind).toBe('known');
    expect(used.see(through + spans.keepMs + 1).kind).toBe('known');
    expect(unused.see(through + spans.keepMs).kind).toBe('wait');
  });

  it('writes nothing for most of its uses', () => {
    const one = new Sights();
    one.see(0);
    one.see(300_000);
    for (let use = 1; use <= 100; use += 1) one.see(300_000 + use * 1_000);
    expect([one.waiting.writes, one.passed.writes]).toEqual([1, 1]);
  });

  it('keeps to settings that have become shorter', () => {
    const old = { ...sight, firstAt: T, seenAt: T, attempts: 1 };
    expect(seeWaiting(old, T + 3_600_001, sight, { ...spans, windowMs: 3_600_000 }).result.kind).toBe('wait');
    const through = { ...old, passedAt: T };
    expect(usePassed(through, T + 86_400_001, 86_400_000).result).toBeNull();
    expect(letThrough(through, T + 86_400_001, sight, 86_400_000)).toMatchObject({ kind: 'write', result: null });
  });

  it('makes nobody wait longer for a clock that went back', () => {
    const old: Waiting = { ...sight, firstAt: T, seenAt: T, attempts: 1 };
    const answer = seeWaiting(old, T - 3_600_000, { ...sight, session: 'other' }, spans).result;
    expect(answer).toMatchObject({ kind: 'wait', passesAt: T - 3_600_000 + spans.delayMs });
  });

  it('stays with those that wait until it is kept as through', () => {
    const old: Waiting = { ...sight, firstAt: T, seenAt: T, attempts: 3 };
    expect(seeWaiting(old, T + spans.delayMs, sight, spans)).toMatchObject({
      kind: 'keep',
      result: { kind: 'due', triplet: { firstAt: T, attempts: 3 }, waitedMs: spans.delayMs },
    });
  });

  it('passes at once without a delay', () => {
    expect(seeWaiting(null, T, sight, { ...spans, delayMs: 0 })).toMatchObject({
      kind: 'keep',
      result: { kind: 'due', waitedMs: 0 },
    });
  });

  it('never passes before its delay, always within the window, and its entry always ends', () => {
    const step = fc.integer({ min: 0, max: 90_000_000 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const one = new Sights();
        let after = 0;
        let began = -1;
        for (const gap of steps) {
          after += gap;
          const isKept = ({ value, endsAt }: Slot<unknown>): boolean => value !== null && T + after < endsAt;
          const [waits, wasThrough] = [isKept(one.waiting), isKept(one.passed)];
          if (!waits) began = after;
          const expected = wasThrough ? 'known' : waits && after - began >= spans.delayMs ? 'through' : 'wait';
          expect(one.see(after).kind).toBe(expected);
          expect([isKept(one.waiting), isKept(one.passed)].filter(Boolean)).toHaveLength(1);
          expect(one.waiting.endsAt - (T + after)).toBeLessThanOrEqual(spans.windowMs);
          expect(one.passed.endsAt - (T + after)).toBeLessThanOrEqual(spans.keepMs);
        }
      }),
    );
  });
});

describe('let through by hand', () => {
  it('keeps what was known of it', () => {
    const one = new Sights();
    one.see(0);
    const before = one.waiting.value ?? sight;
    expect(one.passed.apply(T + 5_000, (old, nowMs) => letThrough(old, nowMs, before, spans.keepMs))).toBeNull();
    expect(one.passed.value).toEqual({
      ...{ client: sight.client, sender: sight.sender, recipient: sight.recipient },
      ...{ firstAt: T, seenAt: T + 5_000, attempts: 1, passedAt: T + 5_000 },
    });
    expect(one.see(6_000).kind).toBe('known');
  });
  it('prepares one that was never seen, and does nothing twice', () => {
    const one = new Sights();
    const pass = (afterMs: number): number | null =>
      one.passed.apply(T + afterMs, (old, nowMs) => letThrough(old, nowMs, sight, spans.keepMs));
    expect([pass(0), pass(1)]).toEqual([null, T]);
    expect(one.passed.value).toMatchObject({ firstAt: T, attempts: 0, passedAt: T });
    expect(one.see(1).kind).toBe('known');
  });
});

describe('a client', () => {
  const credit = (slot: Slot<ClientStanding>, nowMs: number, session: string): number =>
    slot.apply(nowMs, (old, now) => creditClient(old, now, session, spans.keepMs));
  const use = (slot: Slot<ClientStanding>, nowMs: number): number | null =>
    slot.apply(nowMs, (old, now) => useClient(old, now, 5, spans.keepMs));

  it('waits no more after five sessions whose mail came again', () => {
    const slot = new Slot<ClientStanding>();
    for (const [index, session] of ['a', 'b', 'c', 'd'].entries()) credit(slot, T + index, session);
    expect(use(slot, T + 10)).toBeNull();
    credit(slot, T + 11, 'e');
    expect(use(slot, T + 12)).toBe(5);
  });

  it('proves nothing more by many recipients in one session', () => {
    const slot = new Slot<ClientStanding>();
    for (let recipient = 0; recipient < 50; recipient += 1) credit(slot, T, 'a');
    expect(slot.value?.good).toBe(1);
  });

  it('is remembered while it comes, and forgotten when it stays away', () => {
    const slot = new Slot<ClientStanding>();
    for (const session of ['a', 'b', 'c', 'd', 'e']) credit(slot, T, session);
    const later = T + spans.keepMs - 1;
    expect(use(slot, later)).toBe(5);
    expect(use(slot, later + spans.keepMs - 1)).toBe(5);
    expect(use(slot, later + 3 * spans.keepMs)).toBeNull();
  });
});
