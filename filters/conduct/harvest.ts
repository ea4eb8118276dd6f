// Directory harvest (product A5): how many unknown recipients a client named in a day, and the block that follows. Pure:
// what was kept and the time in, what to keep out. Recipients are kept as short hashes, each counted once.
import { createHash } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { recipientKey } from '../../message/sender-key.js';
import type { Change, StateTable } from '../../state/state.js';

/** Clients remembered; over it those whose day ends first go. */
export const HARVEST_CLIENTS_MAX = 200_000;
/** Highest cap: so many hashes fit into one entry of the state. */
export const HARVEST_CAP_MAX = 2_000;
/** 48 bits: among 2,000 recipients one is taken for another in one case of a hundred million. */
const HASH_CHARS = 8;

const HarvestShape = Type.Object({
  /** Start of the day, ms since the epoch. */
  since: Type.Number({ minimum: 0 }),
  members: Type.Array(Type.String({ maxLength: HASH_CHARS }), { maxItems: HARVEST_CAP_MAX }),
  /** End of the block; 0 without one. */
  blockedUntil: Type.Number({ minimum: 0 }),
  /** That it went over the cap and is on an allow list: not asked again on this day. */
  isSpared: Type.Boolean(),
});
export type Harvest = Static<typeof HarvestShape>;

export const HARVESTS: StateTable<Harvest> = {
  name: 'conduct-harvest',
  entriesMax: HARVEST_CLIENTS_MAX,
  read: (kept) => (Value.Check(HarvestShape, kept) ? kept : null),
};

export interface HarvestCap {
  /** Most unknown recipients in one day. */
  readonly max: number;
  readonly dayMs: number;
}

/** A recipient as it is counted. */
export function memberOf(recipient: string): string {
  return createHash('sha256').update(recipientKey(recipient)).digest('base64url').slice(0, HASH_CHARS);
}

/** Counts one unknown recipient. True: it is one too many, and whoever asked is to `settle` it. */
export function addUnknown(
  old: Harvest | null,
  nowMs: number,
  member: string,
  { max, dayMs }: HarvestCap,
): Change<Harvest, boolean> {
  const day = isOfToday(old, nowMs, dayMs) ? old : { since: nowMs, members: [], blockedUntil: 0, isSpared: false };
  if (day.blockedUntil > nowMs || day.isSpared || day.members.includes(member)) return { kind: 'keep', result: false };
  if (day.members.length >= max) return { kind: 'keep', result: true };
  const value = { ...day, members: [...day.members, member] };
  return { kind: 'write', value, ttlMs: Math.max(1, day.since + dayMs - nowMs), result: false };
}

/** The cap was passed: a block for a day from now on, or nothing more on this day for whom an allow list vouches. */
export function settle(
  old: Harvest | null,
  nowMs: number,
  isSpared: boolean,
  { dayMs }: HarvestCap,
): Change<Harvest, null> {
  if (old !== null && old.blockedUntil > nowMs) return { kind: 'keep', result: null };
  const since = old?.since ?? nowMs;
  const value = { since, members: [], blockedUntil: isSpared ? 0 : nowMs + dayMs, isSpared };
  const ttlMs = isSpared ? Math.max(1, since + dayMs - nowMs) : dayMs;
  return { kind: 'write', value, ttlMs, result: null };
}

/** How long the block still lasts, ms; null without one. */
export function blockLeft(kept: Harvest | null, nowMs: number): number | null {
  return kept !== null && kept.blockedUntil > nowMs ? kept.blockedUntil - nowMs : null;
}

function isOfToday(old: Harvest | null, nowMs: number, dayMs: number): old is Harvest {
  if (old === null) return false;
  return old.blockedUntil > nowMs || (old.blockedUntil === 0 && nowMs >= old.since && nowMs - old.since < dayMs);
}
