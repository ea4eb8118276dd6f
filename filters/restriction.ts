// Restriction checks (product A4 to A6): each is off, noted or refused by its own setting. What is noted stands in the log
// with no weight, so that an administrator can see whom a refusal would have met before asking for it.
import { Type, type Static } from 'typebox';
import type { Clock } from '../outside/clock.js';
import type { LookupOptions } from '../outside/resolver.js';
import type { Finding, FindingSpec } from '../pipeline/finding.js';
import type { EarlyJob, Hearing } from '../pipeline/stage.js';

export const restrictionMode = (value: 'off' | 'note' | 'refuse', description: string) =>
  Type.Union([Type.Literal('off'), Type.Literal('note'), Type.Literal('refuse')], { default: value, description });
export type RestrictionMode = Static<ReturnType<typeof restrictionMode>>;

/** Longest wait for one look-up, ms; after one that nobody answers no other is made: where a refusal hangs on it, and where it is only noted. */
export const REFUSE_WAIT_MS = 5_000;
export const NOTE_WAIT_MS = 1_000;

/** Bounds of look-ups for checks in these modes: what is only noted must not keep mail waiting when the DNS is slow. */
export function lookupBounds(
  modes: readonly RestrictionMode[],
  { deadline, signal }: Pick<EarlyJob, 'deadline' | 'signal'>,
  clock: Clock,
): LookupOptions {
  const waitMs = modes.includes('refuse') ? REFUSE_WAIT_MS : NOTE_WAIT_MS;
  return { signal, timeoutMs: Math.max(1, Math.min(waitMs, deadline - clock.monotonicMs())) };
}

/** Nothing where the check is off. */
export function restrict(mode: RestrictionMode, id: string, evidence: string): readonly Finding[] {
  return mode === 'off' ? [] : [{ id, category: 'policy', score: mode === 'refuse' ? 1 : 0, evidence }];
}

/** How soon checks in these modes must be told: what may refuse is said at RCPT, what is noted goes with the message. */
export function hearingOf(modes: readonly RestrictionMode[]): Hearing {
  return modes.includes('refuse') ? 'by-rcpt' : 'with-message';
}

/** A refusal that an allow rule spares. */
export function restriction(id: string, meaning: string, reply: NonNullable<FindingSpec['reply']>): FindingSpec {
  return { id, category: 'policy', score: 1, meaning, check: 'restriction', reply };
}

/** What the DNS failed to tell: never a refusal, the sender tries again. */
export function unsureRestriction(id: string, meaning: string, reply: NonNullable<FindingSpec['reply']>): FindingSpec {
  return { id, category: 'policy', score: 1, meaning, check: 'restriction', action: 'tempfail', reply };
}
