// Clients that proved themselves: how many sessions of a client had a triplet that went through, and when that is enough
// for it to wait no more. Pure, over what was kept and the time.
import type { Change } from '../../state/state.js';
import { REFRESH_PART } from './triplet.js';

export interface ClientStanding {
  /** Sessions in which a triplet of the client went through after its delay. */
  readonly good: number;
  /** The last of them: several recipients of one message are one proof. */
  readonly session: string;
  /** ms since the epoch: last proof, or last use. */
  readonly seenAt: number;
}

/** A triplet of the client went through. Gives the proofs it has now. */
export function creditClient(
  old: ClientStanding | null,
  nowMs: number,
  session: string,
  keepMs: number,
): Change<ClientStanding, number> {
  if (old !== null && old.session === session) return { kind: 'keep', result: old.good };
  const good = (old === null || nowMs - old.seenAt > keepMs ? 0 : old.good) + 1;
  return { kind: 'write', value: { good, session, seenAt: nowMs }, ttlMs: keepMs, result: good };
}

/** Whether the client has proofs enough; remembered on from its last use. Gives its proofs, or null when too few. */
export function useClient(
  old: ClientStanding | null,
  nowMs: number,
  goodMin: number,
  keepMs: number,
): Change<ClientStanding, number | null> {
  if (old === null || old.good < goodMin || nowMs - old.seenAt > keepMs) return { kind: 'keep', result: null };
  if (nowMs - old.seenAt < keepMs * REFRESH_PART) return { kind: 'keep', result: old.good };
  return { kind: 'write', value: { ...old, seenAt: nowMs }, ttlMs: keepMs, result: old.good };
}
