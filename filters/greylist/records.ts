// What people may see and do with the record of greylisting: list what waits and what went through, let one through now,
// forget. Takes a state, looks at a bounded part of it, and changes nothing but what is named.
import { networkOf } from '../../message/network.js';
import { recipientKey, senderKey } from '../../message/sender-key.js';
import type { State } from '../../state/state.js';
import type { GreylistSettings } from './settings.js';
import { HOST_BITS } from './standing.js';
import { CLIENTS, TRIPLETS, tripletId } from './tables.js';
import { letThrough, type Sight, type Triplet } from './triplet.js';

/** Triplets looked at for one list; a larger record is listed in part, and that is told. */
export const LOOKED_AT_MAX = 200_000;
const PAGE = 5_000;

/** What a list may be narrowed to; texts are looked for anywhere in the value, without case. */
export interface TripletFilter {
  readonly state: 'waiting' | 'passed' | 'all';
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
}

export interface ListedTriplet extends Omit<Triplet, 'session'> {
  readonly id: string;
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

/** Rejects with StateUnavailable. */
export async function listTriplets(state: State, filter: TripletFilter, limit: number): Promise<TripletList> {
  const fits = filterOf(filter);
  let found: ListedTriplet[] = [];
  let count = 0;
  let looked = 0;
  let after: string | null = null;
  while (looked < LOOKED_AT_MAX) {
    const page: Awaited<ReturnType<typeof state.list<Triplet>>> = await state.list(TRIPLETS, {
      limit: PAGE,
      ...(after !== null && { after }),
    });
    looked += page.length;
    for (const { key, value, endsAt } of page) {
      if (!fits(value)) continue;
      count += 1;
      found.push({ ...withoutSession(value), id: key, endsAt });
    }
    found = newest(found, limit);
    after = page.at(-1)?.key ?? null;
    if (page.length < PAGE) return { triplets: found, count, isPart: false };
  }
  return { triplets: found, count, isPart: true };
}

/** Lets waiting triplets through from now on. Gives the ids of those that were waiting. */
export async function passTriplets(state: State, ids: readonly string[], keepMs: number): Promise<readonly string[]> {
  const passed: string[] = [];
  for (const id of ids) {
    const done = await state.update<Triplet, boolean>(TRIPLETS, id, (old, nowMs) =>
      old === null ? { kind: 'keep', result: false } : letThrough(old, nowMs, old, keepMs),
    );
    if (done) passed.push(id);
  }
  return passed;
}

/** Lets a triplet through whether it was seen or not. Gives its id, and whether that changed anything. */
export async function admitTriplet(
  state: State,
  named: Pick<Sight, 'client' | 'sender' | 'recipient'>,
  keepMs: number,
): Promise<{ readonly id: string; readonly done: boolean }> {
  const id = tripletId(named);
  const sight = { ...named, session: '' };
  const done = await state.update(TRIPLETS, id, (old, nowMs) => letThrough(old, nowMs, sight, keepMs));
  return { id, done };
}

/** Gives the ids of those that were there. */
export async function forgetTriplets(state: State, ids: readonly string[]): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const id of ids) if (await state.remove(TRIPLETS, id)) gone.push(id);
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
): Pick<Sight, 'client' | 'sender' | 'recipient'> | null {
  const client = networkOf(given.client, { ipv4, ipv6 });
  if (client === null) return null;
  const sender = given.sender === '<>' ? '' : given.sender;
  return { client, sender: senderKey(sender), recipient: recipientKey(given.recipient) };
}

function withoutSession({ client, sender, recipient, firstAt, seenAt, attempts, passedAt }: Triplet) {
  return { client, sender, recipient, firstAt, seenAt, attempts, passedAt };
}

function filterOf({ state, client, sender, recipient }: TripletFilter): (triplet: Triplet) => boolean {
  const has = (text: string, wanted: string | undefined): boolean =>
    wanted === undefined || text.toLowerCase().includes(wanted.toLowerCase());
  const network = client ?? '';
  return (triplet) =>
    (state === 'all' || (triplet.passedAt === null) === (state === 'waiting')) &&
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
