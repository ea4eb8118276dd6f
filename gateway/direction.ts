// Which way mail goes, per recipient (behaviour 3), and who the client really is when a trusted relay stands between.
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import { NetworkSet } from '../message/network.js';
import { receivedFrom } from '../message/received.js';
import { domainKey } from '../message/sender-key.js';
import type { Direction } from '../pipeline/stage.js';
import { createMainNames } from './domain-names.js';
import type { DirectionsSettings } from './settings.js';

const FROM_INSIDE: readonly Direction[] = ['sent', 'internal'];
const FROM_OUTSIDE: readonly Direction[] = ['received'];
/** Received lines looked at behind trusted relays. */
const RELAY_HOPS_MAX = 20;

/** Who hands mail in. */
export type Sender = Pick<Transaction, 'connection' | 'login'>;

/** Answers direction and client questions under one settings version. */
export interface Directions {
  of(transaction: Transaction): readonly Direction[];
  /** Of one recipient. */
  one(sender: Sender, address: string): Direction;
  /** What a sender's mail can be while no recipient is known. */
  possible(sender: Sender): readonly Direction[];
  /** Whether the connection is a trusted relay's, so that the client is somebody behind it. */
  isRelayed(connection: Connection): boolean;
  /** The connection with the client that handed the mail to the outermost trusted relay. */
  client(connection: Connection, message: Message): Connection;
  isOwnDomain(address: string): boolean;
  underMainName(address: string): string;
  /** Recipients under the main names of their domains: what settings are looked up by. The same list where none differs. */
  underMainNames(addresses: readonly EnvelopeAddress[]): readonly EnvelopeAddress[];
}

/** `ownDomains` holds those of the settings and those read from file and MTA. Throws RangeError for a bad network. */
export function createDirections(settings: DirectionsSettings, ownDomains: readonly string[]): Directions {
  const exact = new Set<string>();
  const suffixes: string[] = [];
  for (const entry of ownDomains) {
    const domain = domainKey(entry);
    if (domain.startsWith('*.')) suffixes.push(domain.slice(1));
    else exact.add(domain);
  }
  const ownNetworks = new NetworkSet(settings.ownNetworks);
  const trusted = new NetworkSet(settings.trustedRelays);
  const daemons = new Set(settings.submissionDaemons);
  const names = createMainNames(settings.domainAliases);
  const isOwn = (domain: string) => exact.has(domain) || suffixes.some((suffix) => domain.endsWith(suffix));
  const isOwnDomain = (address: string) => {
    const domain = domainKey(address.slice(address.lastIndexOf('@') + 1));
    return isOwn(domain) || isOwn(names.mainName(domain));
  };
  const senderInside = ({ login, connection }: Sender) =>
    login !== null ||
    !connection.smtp ||
    (connection.daemonName !== null && daemons.has(connection.daemonName)) ||
    (ownNetworks.has(connection.clientAddress) && !trusted.has(connection.clientAddress));
  const directionTo = (address: string, inside: boolean): Direction => {
    if (!inside) return 'received';
    return !address.includes('@') || isOwnDomain(address) ? 'internal' : 'sent';
  };
  return {
    isOwnDomain,
    underMainName: (address) => names.underMainName(address),
    underMainNames: (addresses) => names.rename(addresses),
    of(transaction) {
      const inside = senderInside(transaction);
      return transaction.rcptTo.map(({ address }) => directionTo(address, inside));
    },
    one: (sender, address) => directionTo(address, senderInside(sender)),
    possible: (sender) => (senderInside(sender) ? FROM_INSIDE : FROM_OUTSIDE),
    isRelayed: ({ clientAddress }) => trusted.has(clientAddress),
    client: (connection, message) => effectiveClient(connection, message, trusted),
  };
}

function effectiveClient(connection: Connection, message: Message, trusted: NetworkSet): Connection {
  let address = connection.clientAddress;
  if (!trusted.has(address)) return connection;
  for (const field of message.headersNamed('Received').slice(0, RELAY_HOPS_MAX)) {
    const next = receivedFrom(field.value);
    if (next === null) break;
    address = next;
    if (!trusted.has(address)) {
      return behindRelay(connection, address);
    }
  }
  return connection;
}

/** The connection of a client of whom at most the address is known. */
export function behindRelay(connection: Connection, clientAddress: string | null): Connection {
  return {
    ...connection,
    clientAddress,
    clientPort: 0,
    clientName: null,
    clientPtr: null,
    clientResolve: 'unknown',
    // The name given here is the relay's own: held against the client's address it would fail SPF.
    helo: null,
  };
}
