// What the DNS holds of a domain that somebody claims to be: whether mail or anything at all can reach it. Takes a name in
// A-labels, gives one of a few answers; what could not be looked up is told apart from what is not there.
import { isFailure, type DnsAnswer, type LookupOptions, type Resolver } from '../outside/resolver.js';
import { canonicalDomain } from './authentication/domain.js';

export type DomainStanding =
  /** An MX record that names a host, or an address (AAAA as good as A). */
  | { readonly kind: 'known' }
  /** It says itself that it takes no mail (RFC 7505). */
  | { readonly kind: 'null-mx' }
  /** MX records, and none of them names a host. */
  | { readonly kind: 'malformed-mx'; readonly detail: string }
  /** Neither MX nor A nor AAAA. */
  | { readonly kind: 'absent' }
  /** The DNS failed: nothing is known. */
  | { readonly kind: 'unsure'; readonly detail: string; readonly isSilent?: boolean };

/** A name with a dot that the DNS can hold, in A-labels; null for all else, addresses and address literals included. */
export function fullName(text: string): string | null {
  const name = canonicalDomain(text);
  return name !== null && name.includes('.') ? name : null;
}

/** Looks a domain up as a sender of mail: MX first, addresses where there is none (RFC 5321 §5.1). */
export async function domainStanding(
  name: string,
  resolver: Resolver,
  options: LookupOptions,
): Promise<DomainStanding> {
  const mx = await resolver.lookup('MX', name, options);
  if (mx.status === 'nxdomain') return { kind: 'absent' };
  if (mx.status === 'found') return judgeExchanges(mx.records.map(({ exchange }) => exchange));
  // Whoever is silent about one type would be about the next: one wait is enough.
  if (mx.status === 'timeout') return { kind: 'unsure', detail: 'MX: timeout' };
  const address = await addressStanding(name, resolver, options);
  // Without an answer about MX an address still shows that the domain is there.
  if (address.kind !== 'absent' || !isFailure(mx)) return address;
  return { kind: 'unsure', detail: `MX: ${mx.status}` };
}

/** Looks a name up as a host: any address will do, an MX too. */
export async function hostStanding(name: string, resolver: Resolver, options: LookupOptions): Promise<DomainStanding> {
  const address = await addressStanding(name, resolver, options);
  if (address.kind === 'known' || (address.kind === 'unsure' && address.isSilent)) return address;
  const mx = await resolver.lookup('MX', name, options);
  if (mx.status === 'found') return { kind: 'known' };
  if (isFailure(mx)) return { kind: 'unsure', detail: `MX: ${mx.status}` };
  return address;
}

async function addressStanding(name: string, resolver: Resolver, options: LookupOptions): Promise<DomainStanding> {
  const answers = await Promise.all([resolver.lookup('A', name, options), resolver.lookup('AAAA', name, options)]);
  if (answers.some(({ status }) => status === 'found')) return { kind: 'known' };
  const failed = answers.find((answer: DnsAnswer) => isFailure(answer));
  if (failed === undefined) return { kind: 'absent' };
  return { kind: 'unsure', detail: `addresses: ${failed.status}`, isSilent: failed.status === 'timeout' };
}

/** One record that names the root is a null MX; names that are no host names lead nowhere. */
function judgeExchanges(exchanges: readonly string[]): DomainStanding {
  const [first] = exchanges;
  if (exchanges.length === 1 && first !== undefined && isRoot(first)) return { kind: 'null-mx' };
  if (exchanges.some((exchange) => fullName(exchange) !== null)) return { kind: 'known' };
  const shown = first === undefined || isRoot(first) ? 'the root' : 'what is no host name';
  return { kind: 'malformed-mx', detail: `MX names ${shown}` };
}

const isRoot = (exchange: string): boolean => exchange === '' || exchange === '.';
