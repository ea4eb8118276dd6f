// Greylisting itself: what is remembered of a triplet of client, sender and recipient while it waits and once it is through,
// and what becomes of it when it is seen again. Pure: what was kept, the time and the settings give answer and change.
import type { Change } from '../../state/state.js';

/** The three parts. */
export interface Named {
  /** Network of the client, `192.0.2.0/24`. */
  readonly client: string;
  /** Key of the sender: folded, '' for the null sender. */
  readonly sender: string;
  readonly recipient: string;
}

/** What is remembered of one triplet. Times in ms since the epoch. */
export interface Triplet extends Named {
  readonly firstAt: number;
  /** Last attempt that was counted, or last use once it is through. */
  readonly seenAt: number;
  /** Attempts before it was through, the first included, each SMTP session counted once. */
  readonly attempts: number;
}

export interface Waiting extends Triplet {
  /** Which session its last attempt was. */
  readonly session: string;
}

export interface Passed extends Triplet {
  /** Since when it is through. */
  readonly passedAt: number;
}

/** One sight of a triplet. */
export interface Sight extends Named {
  readonly session: string;
}

/** All in ms. */
export interface Spans {
  /** From the first sight until a retry is let through. */
  readonly delayMs: number;
  /** From the first sight; a retry that comes later begins anew. */
  readonly windowMs: number;
  /** How long one that is through is remembered after its last use. */
  readonly keepMs: number;
}

export interface Wait {
  readonly kind: 'wait';
  readonly attempts: number;
  readonly firstAt: number;
  readonly passesAt: number;
}

/** What an attempt of one that is not through leads to. Who is due is still kept as waiting, until it is kept as through. */
export type Attempt = Wait | { readonly kind: 'due'; readonly triplet: Triplet; readonly waitedMs: number };

/** A use is written down when the one written before lies this part of `keepMs` back: most mail writes nothing. */
export const REFRESH_PART = 1 / 20;

/** Since when it is through, remembered on from this use; null when it is not. */
export function usePassed(old: Passed | null, nowMs: number, keepMs: number): Change<Passed, number | null> {
  if (old === null || isForgotten(old, nowMs, keepMs)) return { kind: 'keep', result: null };
  const result = old.passedAt;
  if (nowMs - old.seenAt < keepMs * REFRESH_PART) return { kind: 'keep', result };
  return { kind: 'write', value: { ...old, seenAt: nowMs }, ttlMs: keepMs, result };
}

/** An attempt of one that is not through. */
export function seeWaiting(old: Waiting | null, nowMs: number, sight: Sight, spans: Spans): Change<Waiting, Attempt> {
  // Kept entries end by themselves; settings with shorter spans hold for what was written under longer ones.
  if (old === null || nowMs - old.firstAt > spans.windowMs) return begin(nowMs, sight, spans);
  // Nodes whose clocks differ must not make anybody wait longer than was told.
  const triplet = { ...old, firstAt: Math.min(old.firstAt, nowMs) };
  const waitedMs = nowMs - triplet.firstAt;
  if (waitedMs < spans.delayMs) return wait(triplet, nowMs, sight, spans);
  return { kind: 'keep', result: { kind: 'due', triplet, waitedMs } };
}

/** It is through from now on. Gives since when it was before; null when it was not. What never tried has only its name. */
export function letThrough(
  old: Passed | null,
  nowMs: number,
  { client, sender, recipient, firstAt = nowMs, attempts = 0 }: Named & Partial<Triplet>,
  keepMs: number,
): Change<Passed, number | null> {
  if (old !== null && !isForgotten(old, nowMs, keepMs)) return { kind: 'keep', result: old.passedAt };
  const value = { client, sender, recipient, firstAt, attempts, seenAt: nowMs, passedAt: nowMs };
  return { kind: 'write', value, ttlMs: keepMs, result: null };
}

function isForgotten({ seenAt }: Passed, nowMs: number, keepMs: number): boolean {
  return nowMs - seenAt > keepMs;
}

function begin(nowMs: number, sight: Sight, { delayMs, windowMs }: Spans): Change<Waiting, Attempt> {
  const value = { ...sight, firstAt: nowMs, seenAt: nowMs, attempts: 1 };
  if (delayMs === 0) return { kind: 'keep', result: { kind: 'due', triplet: value, waitedMs: 0 } };
  const result = { kind: 'wait', attempts: 1, firstAt: nowMs, passesAt: nowMs + delayMs } as const;
  return { kind: 'write', value, ttlMs: windowMs, result };
}

function wait(old: Waiting, nowMs: number, { session }: Sight, spans: Spans): Change<Waiting, Attempt> {
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
