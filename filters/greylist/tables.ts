// What greylisting keeps in the state: triplets by a hash of their parts, clients by their address. What is read back was
// written by this or another version, and is looked at before it is believed.
import { createHash } from 'node:crypto';
import { Type, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { StateTable } from '../../state/state.js';
import type { ClientStanding } from './client-standing.js';
import type { Named, Passed, Waiting } from './triplet.js';

/** Most of each that are remembered; over it those that end first go: waiting the longest, or unused the longest. */
export const WAITING_MAX = 1_000_000;
export const PASSED_MAX = 1_000_000;
export const CLIENTS_MAX = 500_000;
/** Letters of an id: 80 bits. */
const ID_CHARS = 16;

const text = Type.String({ maxLength: 1_000 });
const time = Type.Number({ minimum: 0, maximum: 8.64e15 });
const count = Type.Integer({ minimum: 0 });

const triplet = { client: text, sender: text, recipient: text, firstAt: time, seenAt: time, attempts: count };
const WaitingShape = Type.Object({ ...triplet, session: text });
const PassedShape = Type.Object({ ...triplet, passedAt: time });
const ClientShape = Type.Object({ good: count, session: text, seenAt: time });

const reader =
  <Kept>(shape: TSchema) =>
  (kept: unknown): Kept | null =>
    Value.Check(shape, kept) ? (kept as Kept) : null;

/** Apart from those that are through: however many these are, they push nobody out who waits. */
export const WAITING: StateTable<Waiting> = {
  name: 'greylist-waiting',
  entriesMax: WAITING_MAX,
  read: reader<Waiting>(WaitingShape),
};

export const PASSED: StateTable<Passed> = {
  name: 'greylist-passed',
  entriesMax: PASSED_MAX,
  read: reader<Passed>(PassedShape),
};

export const CLIENTS: StateTable<ClientStanding> = {
  name: 'greylist-clients',
  entriesMax: CLIENTS_MAX,
  read: reader<ClientStanding>(ClientShape),
};

/** The key of a triplet in both tables, and its id for people: sixteen lower-case letters and digits. */
export function tripletId({ client, sender, recipient }: Named): string {
  const digest = createHash('sha256').update(`${client}\n${sender}\n${recipient}`).digest();
  let id = '';
  for (let index = 0; index < ID_CHARS; index += 1) id += ALPHABET[(digest[index] ?? 0) % ALPHABET.length] ?? '';
  return id;
}

/** 32 letters that are hard to confuse. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
