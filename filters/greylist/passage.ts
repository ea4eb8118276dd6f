// The way of a triplet through its two tables: waiting first, then through. It is written as through before it is taken
// from those that wait, so whoever dies in between, or looks meanwhile, makes nobody wait anew. Rejects with StateUnavailable.
import type { State } from '../../state/state.js';
import { PASSED, WAITING } from './tables.js';
import {
  letThrough,
  seeWaiting,
  usePassed,
  type Named,
  type Sight,
  type Spans,
  type Triplet,
  type Wait,
} from './triplet.js';

export type Answer =
  | Wait
  /** The retry came in time: through from now on. */
  | { readonly kind: 'through'; readonly waitedMs: number }
  | { readonly kind: 'known'; readonly passedAt: number };

/** What a sight of a triplet leads to; `id` is its `tripletId`. One step for those that are known. */
export async function seeTriplet(state: State, id: string, sight: Sight, spans: Spans): Promise<Answer> {
  const known = await use(state, id, spans.keepMs);
  if (known !== null) return { kind: 'known', passedAt: known };
  const attempt = await state.update(WAITING, id, (old, nowMs) => seeWaiting(old, nowMs, sight, spans));
  if (attempt.kind === 'wait') return (await overtaken(state, id, spans.keepMs)) ?? attempt;
  const before = await passTriplet(state, id, attempt.triplet, spans.keepMs);
  // Of two sessions that are due at once one lets it through, and is the proof; the other finds it known.
  return before === null ? { kind: 'through', waitedMs: attempt.waitedMs } : { kind: 'known', passedAt: before };
}

/** Moves a triplet to those that are through. Gives since when it was there before; null when it was not. */
export async function passTriplet(
  state: State,
  id: string,
  triplet: Named & Partial<Triplet>,
  keepMs: number,
): Promise<number | null> {
  const before = await state.update(PASSED, id, (old, nowMs) => letThrough(old, nowMs, triplet, keepMs));
  await state.remove(WAITING, id);
  return before;
}

/** Another session may have moved it between the look at one table and the step in the other: then it does not wait. */
async function overtaken(state: State, id: string, keepMs: number): Promise<Answer | null> {
  const passedAt = await use(state, id, keepMs);
  if (passedAt === null) return null;
  await state.remove(WAITING, id);
  return { kind: 'known', passedAt };
}

function use(state: State, id: string, keepMs: number): Promise<number | null> {
  return state.update(PASSED, id, (old, nowMs) => usePassed(old, nowMs, keepMs));
}
