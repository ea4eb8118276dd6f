// What greylisting keeps in the state: triplets by a hash of their parts, clients by their address. What is read back was
// written by this or another version, and is looked at before it is believed.
import { createHash } from 'node:crypto';
import { Type, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { StateTable } from '../../state/state.js';
import type { ClientStanding } from './client-standing.js';
import type { Triplet } from './triplet.js';

/** Most triplets and clients remembered; over it those that end first go, which are waiting triplets before others. */
export const TRIPLETS_MAX = 1_000_000;
export const CLIENTS_MAX = 500_000;
/** Letters of an id: 80 bits. */
const ID_CHARS = 16;

const text = Type.String({ maxLength: 1_000 });
const time = Type.Number({ minimum: 0, maximum: 8.64e15 });
const count = Type.Integer({ minimum: 0 });

const TripletShape = Type.Object({
  client: text,
  sender: text,
  recipient: text,
  firstAt: time,
  seenAt: time,
  attempts: count,
  session: text,
  passedAt: Type.Union([time, Type.Null()]),
});
const ClientShape = Type.Object({ good: count, session: text, seenAt: time });

const reader =
  <Kept>(shape: TSchema) =>
  (kept: unknown): Kept | null =>
    Value.Check(shape, kept) ? (kept as Kept) : null;

export const TRIPLETS: StateTable<Triplet> = {
  name: 'greylist-triplets',
  entriesMax: TRIPLETS_MAX,
  read: reader<Triplet>(TripletShape),
};

export const CLIENTS: StateTable<ClientStanding> = {
  name: 'greylist-clients',
  entriesMax: CLIENTS_MAX,
  read: reader<ClientStanding>(ClientShape),
};

/** The key of a triplet, and its id for people: sixteen lower-case letters and digits. */
export function tripletId({ client, sender, recipient }: Pick<Triplet, 'client' | 'sender' | 'recipient'>): string {
  const digest = createHash('sha256').update(`${client}\n${sender}\n${recipient}`).digest();
  let id = '';
  for (let index = 0; index < ID_CHARS; index += 1) id += ALPHABET[(digest[index] ?? 0) % ALPHABET.length] ?? '';
  return id;
}

/** 32 letters that are hard to confuse. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
