// What tests of DMARC share: an evaluation against a zone in memory or a resolver, and hashes of known sample points.
import type { Author } from '../../../filters/authentication/author.js';
import { evaluateDmarc, type DmarcInput } from '../../../filters/authentication/dmarc.js';
import type { DmarcFacts } from '../../../filters/authentication/facts.js';
import type { Resolver } from '../../../outside/resolver.js';
import type { Zone } from '../../ground/scripted-dns.js';
import { spfFacts } from './facts-made.js';
import { zoneResolver } from './zone-resolver.js';

/** Hashes whose sample points are 0 and 99. */
export const FIRST = '00000000'.padEnd(64, '0');
export const LAST = (99).toString(16).padStart(8, '0').padEnd(64, '0');

export const at = (domain: string): Author => ({ domain, problem: null });
export const signal = new AbortController().signal;

/** Evaluates mail by `author` that neither SPF nor DKIM speaks for, unless `fields` says otherwise. */
export function evaluate(
  zone: Zone,
  author: string,
  fields: Partial<DmarcInput & { readonly resolver: Resolver }> = {},
): Promise<DmarcFacts> {
  return evaluateDmarc({
    author: at(author),
    spf: null,
    dkim: [],
    sha256: FIRST,
    resolver: zoneResolver(zone),
    signal,
    ...fields,
  });
}
export const policy = (text: string, at = 'good.test'): Zone => ({ [`_dmarc.${at}`]: { TXT: [text] } });
export const passing = { spf: spfFacts('pass', { domain: 'good.test' }) };
