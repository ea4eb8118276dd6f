// The countries a message came through, as rules see them in X-Relay-Countries: those of the client and of the hops that
// Received fields below it claim, newest first, blanks between. Received fields may be forged; the first country is not.
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import { receivedFrom } from '../message/received.js';
import type { Countries } from '../outside/countries.js';

/** Hops looked at. */
const HOPS_MAX = 50;
/** What stands for an address whose country is not known, and for one of a private network. */
const UNKNOWN = 'XX';
const PRIVATE = '**';

/** Pseudo headers with that value: no relay of ours is among the hops, so that all three are one. */
const NAMES = new Set(['x-relay-countries', 'x-relay-countries-external', 'x-relay-countries-all']);

/** Whether a header of that name is this one, never one of the message. */
export function isRelayCountries(name: string): boolean {
  return NAMES.has(name.toLowerCase());
}

/** Such as `NL XX DE`; null where no country is known at all, for want of a database. */
export function relayCountries(
  message: Message,
  transaction: Transaction | null,
  countries: Countries | null,
): string | null {
  if (countries === null) return null;
  const hops = message
    .headersNamed('Received')
    .slice(0, HOPS_MAX)
    .map((field) => receivedFrom(field.value))
    .filter((address) => address !== null && isIP(address) !== 0)
    .map((address) => address ?? '');
  const client = transaction?.connection.clientAddress ?? null;
  // Behind a relay of ours its own Received field names the client again.
  const claimed = client === null ? hops : hops.slice(hops.indexOf(client) + 1);
  const path = client === null ? claimed : [client, ...claimed];
  return path.map((address) => countryOf(address, countries)).join(' ');
}

function countryOf(address: string, countries: Countries): string {
  if (ipaddr.isValid(address) && PRIVATE_RANGES.has(ipaddr.process(address).range())) return PRIVATE;
  return countries.countryOf(address) ?? UNKNOWN;
}

const PRIVATE_RANGES = new Set(['private', 'loopback', 'linkLocal', 'uniqueLocal', 'carrierGradeNat']);
