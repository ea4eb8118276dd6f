// The facts of authentication in plain words, for the evidence of findings: which domain, which client, what matched. What
// comes from mail or DNS is shown as bounded printable ASCII.
import { showWord } from '../evidence.js';
import type { AuthenticationFacts, DkimFacts, DmarcFacts, SpfFacts } from './facts.js';

/** Longest text of a problem or explanation, characters. */
const PROBLEM_MAX_CHARS = 160;

/** Text of our own or of a record, printable ASCII, bounded. */
export function showText(text: string): string {
  return text.slice(0, PROBLEM_MAX_CHARS).replace(/[^ -~]/g, '?');
}

export function describeSpf(spf: SpfFacts, client: string | null): string {
  const domain = spf.domain === '' ? 'a sender without a domain' : showWord(spf.domain);
  return describeHost(spf, domain, client);
}

export function describeHelo(spf: SpfFacts, client: string | null): string {
  return describeHost(spf, `HELO name ${showWord(spf.domain)}`, client);
}

function describeHost(spf: SpfFacts, domain: string, client: string | null): string {
  const matched = spf.mechanism === null ? '' : `, matched ${showWord(spf.mechanism)}`;
  const problem = spf.problem === null ? '' : `: ${showText(spf.problem)}`;
  const says = spf.explanation === null ? '' : `; the domain explains: ${showText(spf.explanation)}`;
  return `${spf.result} for ${domain} from ${client ?? 'an unknown client'}${matched}${problem}${says}`;
}

export function describeDkim(signature: DkimFacts): string {
  const key = signature.selector === '' ? '' : `, selector ${showWord(signature.selector)}`;
  const bits = signature.keyBits === null ? '' : `, ${signature.keyBits} bits`;
  const test = signature.testing ? ', in test mode' : '';
  const problem = signature.problem === null ? '' : `: ${showText(signature.problem)}`;
  const domain = signature.domain === '' ? 'no domain' : showWord(signature.domain);
  return `${domain}${key}${bits}${test}${problem}`;
}

export function describeDmarc(facts: AuthenticationFacts): string {
  const { dmarc } = facts;
  if (dmarc === null) return '';
  const problem = dmarc.problem === null ? '' : `; ${showText(dmarc.problem)}`;
  return `From ${showWord(dmarc.domain)}: ${describePolicy(dmarc)}${describeAlignment(facts, dmarc)}${problem}`;
}

function describePolicy({ published, recordDomain, domain, applied, override }: DmarcFacts): string {
  if (published === null) return 'no policy';
  const where = recordDomain === domain ? '' : ` at ${showWord(recordDomain)}`;
  return `policy ${published}${where}${override === null ? '' : `, ${applied} by ${OVERRIDES[override]}`}`;
}

const OVERRIDES = {
  'sampled-out': "the policy's own pct",
  'local-policy': 'a local policy',
  'trusted-arc': 'a trusted ARC sealer',
  'trusted-forwarder': 'a known forwarder',
} as const satisfies Record<NonNullable<DmarcFacts['override']>, string>;

function describeAlignment(
  { spf, dkim }: AuthenticationFacts,
  { alignedSpf, alignedDkim, result }: DmarcFacts,
): string {
  if (result === 'temperror' || result === 'permerror') return '';
  const spfWords = alignedSpf
    ? 'SPF passes for it'
    : spf?.result === 'pass'
      ? `SPF passes for ${showWord(spf.domain)} only`
      : 'SPF does not pass';
  const others = dkim.filter((signature) => signature.result === 'pass').map(({ domain }) => showWord(domain));
  const dkimWords = alignedDkim
    ? 'DKIM passes for it'
    : others.length > 0
      ? `DKIM passes for ${others.slice(0, 3).join(', ')} only`
      : 'no DKIM signature passes';
  return `; ${spfWords}; ${dkimWords}`;
}
