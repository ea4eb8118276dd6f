// Finding the DMARC policy for a domain (RFC 7489 §6.6.3): its own record, or that of its organisational domain. Takes a
// canonical name and a resolver, gives the policy or why there is none; a DNS failure is told apart from absence.
import type { DnsAnswer, RecordType, Resolver } from '../../outside/resolver.js';
import { isDmarcRecord, parseDmarcRecord, type DmarcRecord } from './dmarc-record.js';
import { organisationalDomain } from './domain.js';
import type { DmarcPolicy } from './facts.js';

/** What came of it. `domain` is where the record was found, '' where none was. `policy` is null where DNS hid which it is. */
export type DmarcDiscovery =
  | {
      readonly status: 'found';
      readonly domain: string;
      readonly record: DmarcRecord;
      readonly policy: DmarcPolicy | null;
    }
  | { readonly status: 'none'; readonly domain: ''; readonly problem: string | null }
  | { readonly status: 'temperror' | 'permerror'; readonly domain: string; readonly problem: string };

/** What bounds the look-ups: at most four. */
export interface DiscoveryBounds {
  readonly resolver: Resolver;
  readonly signal: AbortSignal;
  /** Longest wait of one look-up, ms; absent: the resolver's own. */
  readonly timeoutMs?: number;
}

/** Looks for the policy of mail whose author is at `domain`. Never rejects. */
export async function discoverPolicy(domain: string, bounds: DiscoveryBounds): Promise<DmarcDiscovery> {
  const own = await readRecord(domain, bounds);
  if (own.status !== 'absent') return own.status === 'found' ? { ...own, policy: own.record.p } : own;
  const organisation = organisationalDomain(domain);
  if (organisation === domain) return { status: 'none', domain: '', problem: null };
  const inherited = await readRecord(organisation, bounds);
  if (inherited.status === 'absent') return { status: 'none', domain: '', problem: null };
  return inherited.status === 'found' ? withSubdomainPolicy(domain, inherited, bounds) : inherited;
}

type Found = { readonly status: 'found'; readonly domain: string; readonly record: DmarcRecord };
type Read = Found | { readonly status: 'absent' } | Exclude<DmarcDiscovery, { status: 'found' }>;

/** The record at one name. More than one is as good as none, and the search ends (§6.6.3 step 5). */
async function readRecord(domain: string, bounds: DiscoveryBounds): Promise<Read> {
  const answer = await ask('TXT', `_dmarc.${domain}`, bounds);
  if (answer.status === 'nxdomain' || answer.status === 'nodata' || answer.status === 'invalid')
    return { status: 'absent' };
  if (answer.status !== 'found')
    return { status: 'temperror', domain: '', problem: `_dmarc.${domain}: ${answer.status}` };
  const texts = answer.records.map((strings) => strings.join('')).filter(isDmarcRecord);
  const [text] = texts;
  if (text === undefined) return { status: 'absent' };
  if (texts.length > 1) return { status: 'none', domain: '', problem: `several records at _dmarc.${domain}` };
  const record = parseDmarcRecord(text);
  return record === null
    ? { status: 'permerror', domain, problem: `the record at _dmarc.${domain} has no usable policy` }
    : { status: 'found', domain, record };
}

/** `sp=`, or `np=` where the domain does not exist; `p=` in place of either. */
async function withSubdomainPolicy(domain: string, found: Found, bounds: DiscoveryBounds): Promise<DmarcDiscovery> {
  const { p, sp, np } = found.record;
  const existing = sp ?? p;
  if (np === null || np === existing) return { ...found, policy: existing };
  const exists = await domainExists(domain, bounds);
  if (exists === null) return { ...found, policy: null };
  return { ...found, policy: exists ? existing : np };
}

/** Any record makes a name exist (RFC 8020); an alias whose target is gone exists itself. Null where DNS failed. */
async function domainExists(domain: string, bounds: DiscoveryBounds): Promise<boolean | null> {
  const address = await ask('A', domain, bounds);
  if (address.status === 'found' || address.status === 'nodata') return true;
  if (address.status === 'invalid') return false;
  if (address.status !== 'nxdomain') return null;
  const alias = await ask('CNAME', domain, bounds);
  if (alias.status === 'found') return true;
  return alias.status === 'nxdomain' || alias.status === 'nodata' ? false : null;
}

async function ask<Type extends RecordType>(
  type: Type,
  name: string,
  { resolver, signal, timeoutMs }: DiscoveryBounds,
): Promise<DnsAnswer<Type>> {
  return resolver.lookup(type, name, { signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}
