// Whether a client's address has a name that leads back to it (RFC 8601 §2.7.3). The MTA looked first; where it was not
// content its word is checked by a look-up of our own, since an MTA may be told not to look at all.
import type { Connection } from '../../message/envelope.js';
import { canonicalAddress, publicAddress, reverseAddress } from '../../lists/question.js';
import { isFailure, type LookupOptions, type Resolver } from '../../outside/resolver.js';
import { fullName } from '../domain-standing.js';

/** Names of one address that are looked up (RFC 7208 §5.5 looks at ten). */
export const NAMES_MAX = 10;

export type ReverseName =
  | { readonly kind: 'ok' }
  /** No name at all. */
  | { readonly kind: 'missing' }
  /** A name that has no address. */
  | { readonly kind: 'unresolved'; readonly name: string }
  /** A name whose addresses are others. */
  | { readonly kind: 'mismatch'; readonly name: string }
  | { readonly kind: 'unsure'; readonly detail: string };

/** Null where nothing is to be said: an address of a private network, or unknown to everybody asked. */
export async function reverseName(
  connection: Connection,
  resolver: Resolver | null,
  options: LookupOptions,
): Promise<ReverseName | null> {
  if (connection.clientResolve === 'ok') return { kind: 'ok' };
  const address = publicAddress(connection.clientAddress);
  if (address === null) return null;
  return resolver === null ? byTheMta(connection) : await byLookup(address, resolver, options);
}

function byTheMta({ clientResolve, clientPtr }: Connection): ReverseName | null {
  switch (clientResolve) {
    case 'ok':
      return { kind: 'ok' };
    case 'forged':
      return { kind: 'mismatch', name: clientPtr ?? '' };
    case 'fail':
      return clientPtr === null ? { kind: 'missing' } : { kind: 'unresolved', name: clientPtr };
    case 'temp':
      return { kind: 'unsure', detail: 'the MTA could not look it up' };
    case 'unknown':
      return null;
  }
}

async function byLookup(address: string, resolver: Resolver, options: LookupOptions): Promise<ReverseName> {
  const isV6 = address.includes(':');
  const ptr = await resolver.lookup('PTR', `${reverseAddress(address)}.${isV6 ? 'ip6' : 'in-addr'}.arpa`, options);
  if (isFailure(ptr)) return { kind: 'unsure', detail: `PTR: ${ptr.status}` };
  if (ptr.status !== 'found') return { kind: 'missing' };
  const names = ptr.records.slice(0, NAMES_MAX).flatMap((name) => fullName(name) ?? []);
  if (names.length === 0) return { kind: 'unresolved', name: ptr.records[0] ?? '' };
  const type = isV6 ? 'AAAA' : 'A';
  const answers = await Promise.all(names.map((name) => resolver.lookup(type, name, options)));
  const found = answers.flatMap((answer) => (answer.status === 'found' ? [answer.records] : []));
  if (found.some((records) => records.some((one) => canonicalAddress(one) === address))) return { kind: 'ok' };
  const failed = answers.find((answer) => isFailure(answer));
  const name = names[0] ?? '';
  if (failed !== undefined) return { kind: 'unsure', detail: `${type} of the name: ${failed.status}` };
  return found.length > 0 ? { kind: 'mismatch', name } : await withoutAddress(name, resolver, type, options);
}

/** A name that has an address of the other family only does resolve, though not back. */
async function withoutAddress(
  name: string,
  resolver: Resolver,
  type: 'A' | 'AAAA',
  options: LookupOptions,
): Promise<ReverseName> {
  const other = await resolver.lookup(type === 'A' ? 'AAAA' : 'A', name, options);
  if (isFailure(other)) return { kind: 'unsure', detail: `addresses of the name: ${other.status}` };
  return { kind: other.status === 'found' ? 'mismatch' : 'unresolved', name };
}
