// Time, handed in rather than read from the air, so that tests can move it.

/** Milliseconds since the epoch, and a monotonic clock for measuring spans. */
export interface Clock {
  /** Wall clock, ms since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Monotonic, ms with fractions; only differences mean anything. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};
