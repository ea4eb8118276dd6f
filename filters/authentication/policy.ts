// From the facts of authentication to findings, by the settings. Pure: the same facts under the same settings always give
// the same findings. It never names an action; a finding of category spf, dkim or dmarc is what `verdict` acts on.
import type { Finding } from '../../pipeline/finding.js';
import type { Author } from './author.js';
import { describeDkim, describeDmarc, describeHelo, describeSpf } from './evidence.js';
import type { AuthenticationFacts, DkimFacts, DkimResult, DmarcFacts, SpfFacts } from './facts.js';
import { authenticationFindings, type AuthenticationFindingId } from './findings.js';
import { AUTHOR_PROBLEMS } from './author.js';
import { joinEvidence, showWord } from '../evidence.js';
import type { AuthenticationSettings } from './settings.js';

/** What the policy needs to know of the client beside its results. */
export interface ClientStanding {
  readonly address: string | null;
  /** By what it is a known forwarder: a network or name of the settings; null where it is none. */
  readonly forwarder: string | null;
  /** Whether failing DKIM signatures from it are not held against mail. */
  readonly dkimAllowed: boolean;
}

export interface PolicyInput {
  readonly facts: AuthenticationFacts;
  /** Null where DMARC is off. */
  readonly author: Author | null;
  readonly client: ClientStanding;
  readonly settings: AuthenticationSettings;
  /** A trusted ARC sealer says that DMARC passed when the mail came to it. */
  readonly vouched: boolean;
}

/** All findings, in the order SPF, DKIM, ARC, From, DMARC. */
export function judge(input: PolicyInput): readonly Finding[] {
  const { settings } = input;
  return [
    ...(settings.spf.enabled ? judgeSpf(input) : []),
    ...(settings.dkim.enabled ? judgeDkim(input) : []),
    ...judgeArc(input),
    ...(settings.dmarc.enabled ? judgeDmarc(input) : []),
  ];
}

const SPECS = new Map(authenticationFindings.map((spec) => [spec.id, spec] as const));

/** A finding as declared; `excused` takes its score away, not the fact. */
function finding(id: AuthenticationFindingId, evidence: string, excused = false): Finding {
  const spec = SPECS.get(id);
  if (spec === undefined) throw new Error(`no finding ${id}`);
  return {
    id,
    category: spec.category,
    ...('group' in spec && { group: spec.group }),
    score: excused ? 0 : spec.score,
    evidence: joinEvidence([evidence]),
  };
}

const SPF_IDS = {
  none: 'AUTH_SPF_NONE',
  neutral: 'AUTH_SPF_NEUTRAL',
  pass: 'AUTH_SPF_PASS',
  fail: 'AUTH_SPF_FAIL',
  softfail: 'AUTH_SPF_SOFTFAIL',
  temperror: 'AUTH_SPF_TEMPERROR',
  permerror: 'AUTH_SPF_PERMERROR',
} as const satisfies Record<SpfFacts['result'], AuthenticationFindingId>;

function judgeSpf(input: PolicyInput): readonly Finding[] {
  const { facts, client, settings } = input;
  const found: Finding[] = [];
  const excuse = spfExcuse(input);
  const { spf, spfHelo } = facts;
  if (spf !== null) {
    const evidence = describeSpf(spf, client.address);
    found.push(finding(SPF_IDS[spf.result], evidence, excuse !== null));
    const action = spfAction(spf, settings);
    const isLater = action !== null && excuseUnknown(facts, settings);
    found.push(...acted(isLater ? 'AUTH_SPF_TRY_LATER' : action, evidence, excuse));
  }
  if (spfHelo !== null && spfHelo.result !== 'none') {
    const evidence = describeHelo(spfHelo, client.address);
    const { result } = spfHelo;
    const id = result === 'pass' || result === 'fail' ? (`AUTH_SPF_HELO_${upper(result)}` as const) : null;
    found.push(finding(id ?? 'AUTH_SPF_HELO_OTHER', evidence, excuse !== null));
    if (result === 'fail' && settings.spf.refuseHeloFail) {
      found.push(...acted('AUTH_SPF_HELO_FAIL_REFUSED', evidence, excuse));
    }
  }
  return found;
}

const upper = <Word extends string>(word: Word) => word.toUpperCase() as Uppercase<Word>;

/** The result acted on, or why it was not. */
function acted(id: AuthenticationFindingId | null, evidence: string, excuse: string | null): readonly Finding[] {
  if (id === null) return [];
  return [excuse === null ? finding(id, evidence) : finding('AUTH_SPF_EXEMPT', `${excuse}; ${evidence}`)];
}

function spfAction({ result }: SpfFacts, { spf }: AuthenticationSettings): AuthenticationFindingId | null {
  if (result === 'fail') return spf.refuseFail ? 'AUTH_SPF_FAIL_REFUSED' : null;
  if (result === 'softfail') return spf.refuseSoftfail ? 'AUTH_SPF_SOFTFAIL_REFUSED' : null;
  if (result === 'permerror') return spf.onPermerror === 'refuse' ? 'AUTH_SPF_PERMERROR_REFUSED' : null;
  if (result === 'temperror') return spf.onTemperror === 'tempfail' ? 'AUTH_SPF_TRY_LATER' : null;
  return null;
}

/** Why no SPF result counts against this message, or null (RFC 7489 §10.1 for mail that DKIM carries through DMARC). */
function spfExcuse({ facts: { dmarc }, client, settings, vouched }: PolicyInput): string | null {
  if (client.forwarder !== null) return `the client is a known forwarder (${showWord(client.forwarder)})`;
  if (vouched) return 'a trusted ARC sealer vouches for it';
  if (dmarc === null || settings.spf.refuseDespiteDmarc) return null;
  return dmarc.result === 'pass' && dmarc.alignedDkim ? `DMARC passes by DKIM for ${showWord(dmarc.domain)}` : null;
}

/** Whether DNS kept from us if DKIM carries the message through DMARC: a refusal would then rest on a failure of DNS. */
function excuseUnknown({ dmarc, dkim }: AuthenticationFacts, { spf }: AuthenticationSettings): boolean {
  if (dmarc?.result !== 'temperror' || spf.refuseDespiteDmarc) return false;
  return dkim.some(({ result, alignment }) => alignment !== null && (result === 'pass' || result === 'temperror'));
}

const DKIM_IDS = {
  none: 'AUTH_DKIM_NONE',
  pass: 'AUTH_DKIM_PASS',
  fail: 'AUTH_DKIM_FAIL',
  policy: 'AUTH_DKIM_POLICY',
  neutral: 'AUTH_DKIM_NEUTRAL',
  temperror: 'AUTH_DKIM_TEMPERROR',
  permerror: 'AUTH_DKIM_PERMERROR',
} as const satisfies Record<DkimResult, AuthenticationFindingId>;

/** Best first: findings come in this order. */
const DKIM_ORDER = ['pass', 'fail', 'policy', 'neutral', 'permerror', 'temperror', 'none'] as const;

function judgeDkim({ facts, client, settings }: PolicyInput): readonly Finding[] {
  const signatures = facts.dkim.filter(({ result }) => result !== 'none');
  if (signatures.length === 0) return [finding('AUTH_DKIM_NONE', 'no DKIM-Signature field')];
  const passes = signatures.some(({ result }) => result === 'pass');
  // A failing signature beside one that holds is what every mailing list makes of mail: no sign of anything.
  const excused = passes || client.dkimAllowed;
  const found = DKIM_ORDER.flatMap((result) => {
    const own = signatures.filter((signature) => signature.result === result);
    return own.length === 0 ? [] : [dkimFinding(result, own, excused)];
  });
  const broken = signatures.filter(isBroken);
  const unknown = signatures.filter(({ result }) => result === 'temperror');
  if (passes || client.dkimAllowed) return found;
  if (unknown.length > 0) {
    if (settings.dkim.onTemperror === 'tempfail') found.push(dkimActing('AUTH_DKIM_TRY_LATER', unknown));
  } else if (broken.length > 0) found.push(dkimActing('AUTH_DKIM_BROKEN', broken));
  return found;
}

/** Signers in test mode count as unsigned (RFC 6376 §3.6.1, t=y). */
const isBroken = ({ result, testing }: DkimFacts) => result !== 'pass' && result !== 'temperror' && !testing;

function dkimFinding(result: DkimResult, signatures: readonly DkimFacts[], excused: boolean): Finding {
  const testing = signatures.every((signature) => signature.testing);
  return { ...finding(DKIM_IDS[result], '', excused || testing), evidence: joinEvidence(signatures.map(describeDkim)) };
}

const dkimActing = (id: AuthenticationFindingId, signatures: readonly DkimFacts[]): Finding => ({
  ...finding(id, ''),
  evidence: joinEvidence(signatures.map(describeDkim)),
});

function judgeArc({ facts: { arc } }: PolicyInput): readonly Finding[] {
  if (arc === null || arc.result === 'none') return [];
  const sets = `${arc.instances} ${arc.instances === 1 ? 'set' : 'sets'}`;
  if (arc.result === 'fail') return [finding('AUTH_ARC_FAIL', `${sets}; ${showProblem(arc.problem)}`)];
  const trust = arc.trusted ? 'trusted' : 'not trusted here';
  return [finding('AUTH_ARC_PASS', `${sets}, newest seal by ${showWord(arc.sealer)}, ${trust}`)];
}

const showProblem = (problem: string | null) =>
  problem === null ? 'no reason known' : problem.replace(/[^ -~]/g, '?');

function judgeDmarc(input: PolicyInput): readonly Finding[] {
  const { author, facts } = input;
  if (author !== null && author.problem !== null) {
    const unclear = judgeAuthor(author.problem, input.settings);
    // A domain that the field claims asks for refusal or quarantine (RFC 7489 §6.6.1).
    return facts.dmarc?.result === 'fail' ? [...unclear, ...judgePolicy(facts.dmarc, input)] : unclear;
  }
  return facts.dmarc === null ? [] : judgePolicy(facts.dmarc, input);
}

function judgePolicy(dmarc: DmarcFacts, { facts, settings }: PolicyInput): readonly Finding[] {
  const evidence = describeDmarc(facts);
  const found = dmarcIds(dmarc).map((id) => finding(id, evidence));
  const isLate = dmarc.result === 'temperror' && settings.dmarc.onTemperror === 'tempfail';
  return isLate ? [...found, finding('AUTH_DMARC_TRY_LATER', evidence)] : found;
}

function judgeAuthor(problem: NonNullable<Author['problem']>, { dmarc }: AuthenticationSettings): readonly Finding[] {
  const evidence = AUTHOR_PROBLEMS[problem];
  if (problem === 'several' || problem === 'group') return [finding('AUTH_FROM_SEVERAL', evidence)];
  const unclear = finding('AUTH_FROM_UNCLEAR', evidence);
  const refused = problem === 'repeated' && dmarc.refuseRepeatedFrom;
  return refused ? [unclear, finding('AUTH_FROM_REPEATED', evidence)] : [unclear];
}

function dmarcIds({ result, applied, override }: DmarcFacts): readonly AuthenticationFindingId[] {
  if (result !== 'fail') return [`AUTH_DMARC_${upper(result)}`];
  if (applied === 'reject') return ['AUTH_DMARC_REJECT'];
  if (applied === 'quarantine') return ['AUTH_DMARC_QUARANTINE'];
  const rescued = override === 'trusted-arc' || override === 'trusted-forwarder';
  return [rescued ? 'AUTH_DMARC_FAIL_RESCUED' : 'AUTH_DMARC_FAIL_NONE'];
}
