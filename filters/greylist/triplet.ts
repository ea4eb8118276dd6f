// Greylisting itself: what is remembered of a triplet of client, sender and recipient, and what becomes of it when it is
// seen again. Pure: what was kept, the time and the settings give the answer and what is kept then.
import type { Change } from '../../state/state.js';

/** What is remembered of one triplet. Times in ms since the epoch. */
export interface Triplet {
  /** Network of the client, `192.0.2.0/24`. */
  readonly client: string;
  /** Key of the sender: folded, '' for the null sender. */
  readonly sender: string;
  readonly recipient: string;
  readonly firstAt: number;
  /** Last attempt that was counted, or last use once it is through. */
  readonly seenAt: number;
  /** Attempts, the first included, each SMTP session counted once. */
  readonly attempts: number;
  /** Which session that was. */
  readonly session: string;
  /** Since when it is through; null while it waits. */
  readonly passedAt: number | null;
}

/** One sight of a triplet. */
export type Sight = Pick<Triplet, 'client' | 'sender' | 'recipient' | 'session'>;

/** All in ms. */
export interface Spans {
  /** From the first sight until a retry is let through. */
  readonly delayMs: number;
  /** From the first sight; a retry that comes later begins anew. */
  readonly windowMs: number;
  /** How long one that is through is remembered after its last use. */
  readonly keepMs: number;
}

export type Answer =
  | { readonly kind: 'wait'; readonly attempts: number; readonly firstAt: number; readonly passesAt: number }
  /** The retry came in time: through from now on. */
  | { readonly kind: 'through'; readonly waitedMs: number }
  | { readonly kind: 'known'; readonly passedAt: number };

/** A use is written down when the one written before lies this part of `keepMs` back: most mail writes nothing. */
export const REFRESH_PART = 1 / 20;

/** What a sight of a triplet leads to. */
export function seeTriplet(old: Triplet | null, nowMs: number, sight: Sight, spans: Spans): Change<Triplet, Answer> {
  if (old === null || isOver(old, nowMs, spans)) return begin(nowMs, sight, spans);
  if (old.passedAt !== null) return use(old, old.passedAt, nowMs, spans);
  // Nodes whose clocks differ must not make anybody wait longer than was told.
  const firstAt = Math.min(old.firstAt, nowMs);
  if (nowMs - firstAt < spans.delayMs) return wait({ ...old, firstAt }, nowMs, sight, spans);
  const value = { ...old, firstAt, seenAt: nowMs, session: sight.session, passedAt: nowMs };
  return { kind: 'write', value, ttlMs: spans.keepMs, result: { kind: 'through', waitedMs: nowMs - firstAt } };
}

/** Somebody vouched for it: through at once, whatever was known of it. */
export function letThrough(old: Triplet | null, nowMs: number, sight: Sight, keepMs: number): Change<Triplet, boolean> {
  if (old !== null && old.passedAt !== null) return { kind: 'keep', result: false };
  const before = old ?? { firstAt: nowMs, attempts: 0 };
  const value = { ...sight, firstAt: before.firstAt, attempts: before.attempts, seenAt: nowMs, passedAt: nowMs };
  return { kind: 'write', value, ttlMs: keepMs, result: true };
}

/** Kept entries end by themselves; settings with shorter spans hold for what was written under longer ones. */
function isOver(old: Triplet, nowMs: number, { windowMs, keepMs }: Spans): boolean {
  return old.passedAt === null ? nowMs - old.firstAt > windowMs : nowMs - old.seenAt > keepMs;
}

function begin(nowMs: number, sight: Sight, spans: Spans): Change<Triplet, Answer> {
  if (spans.delayMs === 0) {
    const value = { ...sight, firstAt: nowMs, seenAt: nowMs, attempts: 1, passedAt: nowMs };
    return { kind: 'write', value, ttlMs: spans.keepMs, result: { kind: 'through', waitedMs: 0 } };
  }
  const value = { ...sight, firstAt: nowMs, seenAt: nowMs, attempts: 1, passedAt: null };
  const result = { kind: 'wait', attempts: 1, firstAt: nowMs, passesAt: nowMs + spans.delayMs } as const;
  return { kind: 'write', value, ttlMs: spans.windowMs, result };
}

function wait(old: Triplet, nowMs: number, { session }: Sight, spans: Spans): Change<Triplet, Answer> {
  const { firstAt } = old;
  const passesAt = firstAt + spans.delayMs;
  // One session that asks twice, by milter and policy server or by two recipients alike, is one attempt.
  if (old.session === session) {
    return { kind: 'keep', result: { kind: 'wait', attempts: old.attempts, firstAt, passesAt } };
  }
  const attempts = old.attempts + 1;
  const value = { ...old, seenAt: nowMs, session, attempts };
  const ttlMs = Math.max(1, firstAt + spans.windowMs - nowMs);
  return { kind: 'write', value, ttlMs, result: { kind: 'wait', attempts, firstAt, passesAt } };
}

function use(old: Triplet, passedAt: number, nowMs: number, { keepMs }: Spans): Change<Triplet, Answer> {
  const result = { kind: 'known', passedAt } as const;
  if (nowMs - old.seenAt < keepMs * REFRESH_PART) return { kind: 'keep', result };
  return { kind: 'write', value: { ...old, seenAt: nowMs }, ttlMs: keepMs, result };
}
