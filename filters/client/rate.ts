// How often something may happen in a span, and the block that follows when it happens too often. Pure: what was kept and
// the time in, what to keep and whether it passes out.
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { Change, StateTable } from '../../state/state.js';

/** Clients remembered per cap; over it those whose minute ends first go. */
export const RATE_CLIENTS_MAX = 500_000;

const RateShape = Type.Object({
  /** Start of the span, ms since the epoch. */
  startedAt: Type.Number({ minimum: 0 }),
  count: Type.Integer({ minimum: 0 }),
  /** End of the block; 0 without one. */
  blockedUntil: Type.Number({ minimum: 0 }),
});
export type Rate = Static<typeof RateShape>;

export interface RateCap {
  /** Most in one span. */
  readonly max: number;
  readonly spanMs: number;
  readonly blockMs: number;
}

/** Null: it passes. Otherwise for how long nothing does, ms. */
export type RateAnswer = { readonly waitMs: number } | null;

export const rateTable = (name: string): StateTable<Rate> => ({
  name,
  entriesMax: RATE_CLIENTS_MAX,
  read: (kept) => (Value.Check(RateShape, kept) ? kept : null),
});

/**
 * Counts one. The span begins with the first, so that nobody is blocked who stayed at or under the cap in every span of
 * that length. What comes while the block lasts is not counted and does not lengthen it.
 */
export function countOne(old: Rate | null, nowMs: number, { max, spanMs, blockMs }: RateCap): Change<Rate, RateAnswer> {
  const isBlocked = old !== null && old.blockedUntil > nowMs && old.blockedUntil <= nowMs + blockMs;
  if (isBlocked) return { kind: 'keep', result: { waitMs: old.blockedUntil - nowMs } };
  const isSameSpan = old !== null && old.blockedUntil === 0 && nowMs >= old.startedAt && nowMs - old.startedAt < spanMs;
  const startedAt = isSameSpan ? old.startedAt : nowMs;
  const count = (isSameSpan ? old.count : 0) + 1;
  if (count > max) {
    const value = { startedAt, count, blockedUntil: nowMs + blockMs };
    return { kind: 'write', value, ttlMs: blockMs, result: { waitMs: blockMs } };
  }
  const ttlMs = Math.max(1, startedAt + spanMs - nowMs);
  return { kind: 'write', value: { startedAt, count, blockedUntil: 0 }, ttlMs, result: null };
}
