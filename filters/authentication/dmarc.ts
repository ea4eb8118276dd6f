// DMARC (RFC 7489 §6.6.2): what SPF and DKIM proved, held against the domain of the From field and the policy it publishes.
// Gives facts; a message without exactly one author domain never passes.
import { alignmentOf, satisfies } from './alignment.js';
import { AUTHOR_PROBLEMS, type Author, type AuthorProblem } from './author.js';
import { discoverPolicy, type DiscoveryBounds, type DmarcDiscovery } from './dmarc-discovery.js';
import type { DmarcRecord } from './dmarc-record.js';
import type { DkimFacts, DmarcFacts, DmarcPolicy, SpfFacts } from './facts.js';

/** What DMARC stands on. */
export interface DmarcInput {
  readonly author: Author;
  /** Of scope `mfrom`; the null sender's is that of the HELO name. */
  readonly spf: SpfFacts | null;
  readonly dkim: readonly DkimFacts[];
  /** Hex SHA-256 of the message: decides what `pct` samples, so that a retry fares the same. */
  readonly sha256: string;
  /** The administrator's policy for failing mail of a domain in place of the published one; null where there is none. */
  readonly localPolicy?: (domain: string) => DmarcPolicy | null;
  /** Who vouches for the message in spite of a failure. */
  readonly rescuedBy?: 'trusted-arc' | 'trusted-forwarder' | null;
}

/** What was found for each domain that is, or that some reader may take for, the author's. */
export type Discovered = ReadonlyMap<string, DmarcDiscovery>;

/** Looks up the policies that matter for an author: those of all domains claimed where none is the author's. */
export async function discoverPolicies(author: Author, bounds: DiscoveryBounds): Promise<Discovered> {
  const domains = author.domain === null ? (author.claimed ?? []) : [author.domain];
  return new Map(
    await Promise.all(domains.map(async (domain) => [domain, await discoverPolicy(domain, bounds)] as const)),
  );
}

/** Looks up the policy and concludes. Never rejects. */
export async function evaluateDmarc(input: DmarcInput & DiscoveryBounds): Promise<DmarcFacts> {
  return concludeDmarc(input, await discoverPolicies(input.author, input));
}

/** The same with the policies already looked up, which may run beside SPF and DKIM. */
export function concludeDmarc(input: DmarcInput, found: Discovered): DmarcFacts {
  const { domain, problem } = input.author;
  return domain === null ? concludeUnclear(input, problem, found) : concludeFor(input, domain, found.get(domain));
}

/**
 * Without one author nothing passes; the strictest policy among the claimed domains whose check fails is applied (RFC 7489
 * §6.6.1), so that a comma in the From field is no way around a policy.
 */
function concludeUnclear(input: DmarcInput, problem: AuthorProblem, found: Discovered): DmarcFacts {
  const checks = [...found].map(([domain, one]) => concludeFor(input, domain, one));
  const failures = checks.filter(({ result }) => result === 'fail');
  const strictest = POLICIES.map((policy) => failures.find(({ applied }) => applied === policy)).find(Boolean);
  const reason = AUTHOR_PROBLEMS[problem];
  if (strictest !== undefined) return { ...strictest, alignedSpf: false, alignedDkim: false, problem: reason };
  return { ...NOTHING, result: 'permerror', domain: '', problem: reason };
}

/** Policies that ask for something, strictest first. */
const POLICIES = ['reject', 'quarantine'] as const satisfies DmarcPolicy[];

function concludeFor(input: DmarcInput, domain: string, found: DmarcDiscovery | undefined): DmarcFacts {
  if (found === undefined) return { ...NOTHING, result: 'temperror', domain, problem: 'the policy was not looked up' };
  if (found.status === 'found') return judge(input, domain, found);
  const local = input.localPolicy?.(domain) ?? null;
  if (found.status === 'none' && local !== null) return judge(input, domain, WITHOUT_RECORD);
  const { status, problem: reason, domain: recordDomain } = found;
  return { ...NOTHING, result: status, domain, recordDomain, problem: reason, ...proofOf(input, domain, RELAXED) };
}

const NOTHING = {
  recordDomain: '',
  published: null,
  applied: 'none',
  override: null,
  alignedSpf: false,
  alignedDkim: false,
} as const;

type Policy = Omit<Extract<DmarcDiscovery, { status: 'found' }>, 'status' | 'record'> & {
  readonly record: Pick<DmarcRecord, 'adkim' | 'aspf' | 'pct' | 'testing'> | null;
};
type Modes = Pick<DmarcRecord, 'adkim' | 'aspf'>;

const RELAXED: Modes = { adkim: 'r', aspf: 'r' };

/** A domain that publishes nothing, held to the administrator's policy for it. */
const WITHOUT_RECORD: Policy = { domain: '', record: null, policy: null };

/** Pass or fail, and what a failure leads to. A check that DNS kept from its result can still turn a failure around. */
function judge(input: DmarcInput, domain: string, found: Policy): DmarcFacts {
  const { record, policy: published } = found;
  const modes = record ?? RELAXED;
  const proof = proofOf(input, domain, modes);
  const base = { ...NOTHING, domain, recordDomain: found.domain, published, ...proof };
  if (proof.alignedSpf || proof.alignedDkim) return { ...base, result: 'pass', problem: null };
  const unknown =
    unknownOf(input, domain, modes) ?? (record !== null && published === null ? 'whether the domain exists' : null);
  if (unknown !== null) return { ...base, result: 'temperror', problem: `DNS did not tell: ${unknown}` };
  return { ...base, result: 'fail', problem: null, ...appliedTo(input, domain, found) };
}

/** Which methods passed for an aligned domain. */
function proofOf(
  { spf, dkim }: DmarcInput,
  domain: string,
  modes: Modes,
): Pick<DmarcFacts, 'alignedSpf' | 'alignedDkim'> {
  return {
    alignedSpf:
      spf?.result === 'pass' && spf.scope === 'mfrom' && satisfies(alignmentOf(spf.domain, domain), modes.aspf),
    alignedDkim: dkim.some((one) => one.result === 'pass' && satisfies(alignmentOf(one.domain, domain), modes.adkim)),
  };
}

/** The method whose temporary error may hide a pass, or null. */
function unknownOf({ spf, dkim }: DmarcInput, domain: string, modes: Modes): string | null {
  const mayPass = (result: string, other: string, mode: 'r' | 's') =>
    result === 'temperror' && satisfies(alignmentOf(other, domain), mode);
  if (spf !== null && spf.scope === 'mfrom' && mayPass(spf.result, spf.domain, modes.aspf)) return 'SPF';
  return dkim.some((one) => mayPass(one.result, one.domain, modes.adkim)) ? 'DKIM' : null;
}

/** The policy for a failure: the administrator's or the published one after sampling, unless somebody vouches for the mail. */
function appliedTo(
  input: DmarcInput,
  domain: string,
  { record, policy }: Policy,
): Pick<DmarcFacts, 'applied' | 'override'> {
  const local = input.localPolicy?.(domain) ?? null;
  const published = policy ?? 'none';
  const sampled = record === null ? published : sampledPolicy(published, record, input.sha256);
  const asked = local ?? sampled;
  if (asked !== 'none' && input.rescuedBy) return { applied: 'none', override: input.rescuedBy };
  if (local !== null && local !== policy) return { applied: local, override: 'local-policy' };
  return { applied: asked, override: sampled === published || local !== null ? null : 'sampled-out' };
}

const MILDER = { reject: 'quarantine', quarantine: 'none', none: 'none' } as const satisfies Record<
  DmarcPolicy,
  DmarcPolicy
>;

/** One level milder for mail outside the share that `pct` asks for (§6.6.4), and for a policy on trial. */
function sampledPolicy(policy: DmarcPolicy, record: Pick<DmarcRecord, 'pct' | 'testing'>, sha256: string): DmarcPolicy {
  return record.testing || samplePoint(sha256) >= record.pct ? MILDER[policy] : policy;
}

/** 0 to 99, evenly spread, the same for the same message. */
function samplePoint(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 8), 16) % 100;
}
