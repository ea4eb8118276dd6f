// What people may see and do with the record of greylisting: list what waits and what went through, let one through now,
// forget. Takes a state, looks at a bounded part of it, and changes nothing but what is named.
import { networkOf } from '../../message/network.js';
import { recipientKey, senderKey } from '../../message/sender-key.js';
import type { State, StateEntry, StateTable } from '../../state/state.js';
import { passTriplet } from './passage.js';
import type { GreylistSettings } from './settings.js';
import { HOST_BITS } from './standing.js';
import { CLIENTS, PASSED, tripletId, WAITING } from './tables.js';
import type { Named, Passed, Triplet, Waiting } from './triplet.js';

/** Triplets of one table looked at for one list; a larger record is listed in part, and that is told. */
export const LOOKED_AT_MAX = 200_000;
const PAGE = 5_000;

/** What a list may be narrowed to; texts are looked for anywhere in the value, without case. */
export interface TripletFilter {
  readonly state: 'waiting' | 'passed' | 'all';
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
}

export interface ListedTriplet extends Triplet {
  readonly id: string;
  /** Since when it is through, ms since the epoch; null while it waits. */
  readonly passedAt: number | null;
  /** ms since the epoch. */
  readonly endsAt: number;
}

export interface TripletList {
  /** Seen last first. */
  readonly triplets: readonly ListedTriplet[];
  /** Those that match, shown or not. */
  readonly count: number;
  /** Whether there were more than are looked at. */
  readonly isPart: boolean;
}

/** Looks at the table that is asked for alone. Rejects with StateUnavailable. */
export async function listTriplets(state: State, filter: TripletFilter, limit: number): Promise<TripletList> {
  const parts = await Promise.all([
    ...(filter.state === 'passed' ? [] : [listTable(state, WAITING, filter, limit)]),
    ...(filter.state === 'waiting' ? [] : [listTable(state, PASSED, filter, limit)]),
  ]);
  return {
    triplets: newest(
      parts.flatMap(({ triplets }) => triplets),
      limit,
    ),
    count: parts.reduce((sum, { count }) => sum + count, 0),
    isPart: parts.some(({ isPart }) => isPart),
  };
}

async function listTable<Value extends Waiting | Passed>(
  state: State,
  table: StateTable<Value>,
  filter: TripletFilter,
  limit: number,
): Promise<TripletList> {
  const fits = filterOf(filter);
  let found: ListedTriplet[] = [];
  let count = 0;
  let after: string | null = null;
  for (let looked = 0; looked < LOOKED_AT_MAX; looked += PAGE) {
    const page: readonly StateEntry<Value>[] = await state.list(table, {
      limit: PAGE,
      ...(after !== null && { after }),
    });
    const fitting = page.filter(({ value }) => fits(value));
    count += fitting.length;
    found = newest([...found, ...fitting.map(listed)], limit);
    after = page.at(-1)?.key ?? null;
    // A page may be short for what cannot be read; only an empty one is behind the last.
    if (page.length === 0) return { triplets: found, count, isPart: false };
  }
  return { triplets: found, count, isPart: true };
}

/** Lets waiting triplets through from now on. Gives the ids of those that were waiting. */
export async function passTriplets(state: State, ids: readonly string[], keepMs: number): Promise<readonly string[]> {
  const passed: string[] = [];
  for (const id of ids) {
    const waiting = await state.read(WAITING, id);
    if (waiting !== null && (await passTriplet(state, id, waiting.value, keepMs)) === null) passed.push(id);
  }
  return passed;
}

/** Lets a triplet through whether it was seen or not. Gives its id, and whether that changed anything. */
export async function admitTriplet(
  state: State,
  named: Named,
  keepMs: number,
): Promise<{ readonly id: string; readonly done: boolean }> {
  const id = tripletId(named);
  const waiting = await state.read(WAITING, id);
  return { id, done: (await passTriplet(state, id, waiting?.value ?? named, keepMs)) === null };
}

/** Gives the ids of those that were there. */
export async function forgetTriplets(state: State, ids: readonly string[]): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const id of ids) {
    // In this order no attempt meanwhile finds one that is known waiting, and lets it through anew.
    const wereThere = [await state.remove(WAITING, id), await state.remove(PASSED, id)];
    if (wereThere.includes(true)) gone.push(id);
  }
  return gone;
}

/** Forgets that a client proved itself. False when it had not. */
export async function forgetClient(state: State, address: string): Promise<boolean> {
  const host = networkOf(address, HOST_BITS);
  return host !== null && (await state.remove(CLIENTS, host));
}

/** The parts of a triplet as they are kept; null where the client is no address. */
export function partsOf(
  given: { readonly client: string; readonly sender: string; readonly recipient: string },
  { ipv4PrefixBits: ipv4, ipv6PrefixBits: ipv6 }: Pick<GreylistSettings, 'ipv4PrefixBits' | 'ipv6PrefixBits'>,
): Named | null {
  const client = networkOf(given.client, { ipv4, ipv6 });
  if (client === null) return null;
  const sender = given.sender === '<>' ? '' : given.sender;
  return { client, sender: senderKey(sender), recipient: recipientKey(given.recipient) };
}

function listed({ key: id, value, endsAt }: StateEntry<Waiting | Passed>): ListedTriplet {
  const { client, sender, recipient, firstAt, seenAt, attempts } = value;
  const passedAt = 'passedAt' in value ? value.passedAt : null;
  return { id, client, sender, recipient, firstAt, seenAt, attempts, passedAt, endsAt };
}

function filterOf({ client, sender, recipient }: TripletFilter): (triplet: Triplet) => boolean {
  const has = (text: string, wanted: string | undefined): boolean =>
    wanted === undefined || text.toLowerCase().includes(wanted.toLowerCase());
  const network = client ?? '';
  return (triplet) =>
    (client === undefined || has(triplet.client, network) || isWithin(network, triplet.client)) &&
    has(triplet.sender, sender) &&
    has(triplet.recipient, recipient);
}

/** Whether an address lies in a network of the record. */
function isWithin(address: string, network: string): boolean {
  const bits = Number(network.slice(network.lastIndexOf('/') + 1));
  return networkOf(address, { ipv4: bits, ipv6: bits }) === network;
}

function newest(triplets: readonly ListedTriplet[], limit: number): ListedTriplet[] {
  return [...triplets].sort((one, other) => other.seenAt - one.seenAt).slice(0, limit);
}
