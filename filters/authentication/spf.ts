// SPF (RFC 7208): check_host() for MAIL FROM or HELO. Identity, limits and time are ours; the record's syntax, macros and
// mechanisms are mailauth's in strict mode. Gives facts, never throws on what a client or a domain said.
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { spfVerify, type Match } from 'mailauth/lib/spf/spf-verify.js';
import { canonicalDomain } from './domain.js';
import type { SpfFacts, SpfResult } from './facts.js';
import { SpfLookups, type SpfBounds } from './spf-lookups.js';

/** One check. `mailFrom` is the envelope's address without brackets, '' for the null sender. */
export interface SpfInput extends SpfBounds {
  readonly clientAddress: string;
  readonly scope: 'mfrom' | 'helo';
  readonly mailFrom: string;
  /** As the client gave it; null where it gave none. */
  readonly helo: string | null;
  /** For the macro `r`. */
  readonly receiverName?: string;
}

/** Longest local-part and HELO name that macros are given; longer ones are cut (RFC 5321 §4.5.3.1 allows 64 and 255). */
const MACRO_VALUE_MAX = 256;
/** Longest explanation and mechanism kept. */
const EXPLANATION_MAX = 400;
const MECHANISM_MAX = 200;
const PROBLEM_MAX = 300;

/** Runs check_host(). Whatever fails without a word from DNS is a temporary error. */
export async function checkSpf(input: SpfInput): Promise<SpfFacts> {
  const identity = identityOf(input);
  const address = addressOf(input.clientAddress);
  if (identity.domain === null) return factsOf(input, '', { error: 'none', text: 'no domain name to check' });
  if (address === null)
    return factsOf(input, identity.domain, { error: 'temperror', text: 'the client has no IP address' });
  return factsOf(input, identity.domain, await evaluate(input, identity.domain, identity.localPart, address));
}

/** The identity's parts (§2.3, §2.4, §4.3): `postmaster` where there is no local-part; no domain where it is no name of several labels. */
function identityOf({ scope, mailFrom, helo }: SpfInput): { domain: string | null; localPart: string } {
  if (scope === 'helo' || mailFrom === '') return { domain: multiLabel(helo ?? ''), localPart: 'postmaster' };
  const at = mailFrom.lastIndexOf('@');
  if (at < 0) return { domain: null, localPart: 'postmaster' };
  const localPart = mailFrom.slice(0, Math.min(at, MACRO_VALUE_MAX));
  return { domain: multiLabel(mailFrom.slice(at + 1)), localPart: localPart === '' ? 'postmaster' : localPart };
}

function multiLabel(name: string): string | null {
  const domain = canonicalDomain(name);
  return domain?.includes('.') === true ? domain : null;
}

/** Canonical text, IPv4-mapped IPv6 as IPv4 (§5); null for what is no address. */
function addressOf(text: string): string | null {
  return isIP(text) === 0 ? null : ipaddr.process(text.replace(/%.*$/, '')).toString();
}

async function evaluate(input: SpfInput, domain: string, localPart: string, address: string): Promise<Match> {
  const lookups = new SpfLookups(input);
  try {
    const match = await spfVerify(domain, {
      sender: `${localPart}@${domain}`,
      ip: address,
      helo: (input.helo ?? '').slice(0, MACRO_VALUE_MAX),
      mta: input.receiverName ?? 'unknown',
      strict: true,
      ctx: { warnings: new Set(), usedLocalPart: false },
      resolver: lookups.term,
      expResolver: lookups.explanation,
      createSubResolver: lookups.namesOfTerm,
    });
    return match === false ? { error: 'temperror', text: 'the client has no IP address' } : match;
  } catch (error) {
    return stoppedBy(error);
  }
}

/** What an evaluation that ended by an error came to. */
function stoppedBy(error: unknown): Match {
  const text = error instanceof Error ? error.message : String(error);
  if (typeof error === 'object' && error !== null && 'spfResult' in error)
    return { text, ...(error.spfResult as Match) };
  return { error: 'temperror', text };
}

const RESULTS: Readonly<Record<string, SpfResult>> = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' };

function factsOf(input: SpfInput, domain: string, match: Match): SpfFacts {
  const result = match.error ?? RESULTS[match.qualifier ?? '?'] ?? 'neutral';
  const isError = match.error !== undefined;
  return {
    result,
    scope: input.scope,
    domain,
    mechanism: isError ? null : mechanismOf(match),
    explanation: result === 'fail' && match.explanation ? printable(match.explanation, EXPLANATION_MAX) : null,
    problem: isError ? printable(match.text ?? match.error, PROBLEM_MAX) : null,
  };
}

/** As in the record where mailauth tells it; a, mx, ptr and exists by their name alone. */
function mechanismOf({ type, val }: Match): string | null {
  if (type === undefined) return null;
  const isTold = type === 'ip4' || type === 'ip6' || type === 'include';
  return printable(isTold && val !== undefined ? `${type}:${val}` : type, MECHANISM_MAX);
}

function printable(text: string, lengthMax: number): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, lengthMax);
}
