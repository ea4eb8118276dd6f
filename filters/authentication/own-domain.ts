// What a domain of ours publishes about its mail, for `weir doctor`: without SPF and DMARC others cannot tell forged mail
// of ours, nor can we. Takes a name and a resolver, gives one line per fact; never throws for what DNS says.
import { isFailure, type Resolver } from '../../outside/resolver.js';
import type { Check } from '../../pipeline/stage.js';
import { discoverPolicy } from './dmarc-discovery.js';
import { canonicalDomain } from './domain.js';

/** Looks up SPF and DMARC of one domain. */
export async function checkOwnDomain(name: string, resolver: Resolver, signal: AbortSignal): Promise<readonly Check[]> {
  const domain = canonicalDomain(name);
  if (domain === null) return [{ name, state: 'warn', detail: 'no domain name' }];
  const [spf, dmarc] = await Promise.all([spfOf(domain, resolver, signal), dmarcOf(domain, resolver, signal)]);
  return [
    { name: domain, ...spf },
    { name: domain, ...dmarc },
  ];
}

type Line = Omit<Check, 'name'>;

async function spfOf(domain: string, resolver: Resolver, signal: AbortSignal): Promise<Line> {
  const answer = await resolver.lookup('TXT', domain, { signal });
  if (isFailure(answer)) return { state: 'warn', detail: `SPF could not be looked up: ${answer.status}` };
  const records = answer.status === 'found' ? answer.records.map((strings) => strings.join('')) : [];
  const found = records.filter((text) => /^v=spf1(?: |$)/i.test(text));
  if (found.length === 0) return { state: 'warn', detail: 'publishes no SPF record: anybody may send in its name' };
  if (found.length > 1) return { state: 'warn', detail: `publishes ${found.length} SPF records: receivers take none` };
  return { state: 'ok', detail: 'publishes SPF' };
}

async function dmarcOf(domain: string, resolver: Resolver, signal: AbortSignal): Promise<Line> {
  const found = await discoverPolicy(domain, { resolver, signal });
  if (found.status === 'found') return { state: 'ok', detail: `publishes DMARC, policy ${found.policy ?? 'unknown'}` };
  const reason = found.problem === null ? '' : `: ${found.problem}`;
  if (found.status === 'none') return { state: 'warn', detail: `publishes no DMARC policy${reason}` };
  return { state: 'warn', detail: `DMARC ${found.status}${reason}` };
}
