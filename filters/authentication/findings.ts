// The findings of the authentication stage: one per result worth knowing later, with the score of those that are a sign
// of spam, and one per policy that refuses. Ids begin with AUTH_, since rule sets have SPF_PASS and its like as rules.
import type { FindingSpec, RefusalReply } from '../../pipeline/finding.js';

/** RFC 7372 §3.2: the codes of results that refuse. */
const SPF_FAIL_REPLY: RefusalReply = { code: 550, enhanced: '5.7.23', text: 'SPF validation failed' };
const SPF_ERROR_REPLY: RefusalReply = { code: 550, enhanced: '5.7.24', text: 'SPF validation error' };
const SPF_TEMPORARY_REPLY: RefusalReply = {
  code: 451,
  enhanced: '4.7.24',
  text: 'SPF validation error, try again later',
};
const DKIM_REPLY: RefusalReply = { code: 550, enhanced: '5.7.20', text: 'No passing DKIM signature found' };
const DKIM_TEMPORARY_REPLY: RefusalReply = {
  code: 451,
  enhanced: '4.7.20',
  text: 'DKIM signature could not be checked, try again later',
};
const DMARC_REPLY: RefusalReply = {
  code: 550,
  enhanced: '5.7.1',
  text: "Refused by the DMARC policy of the author's domain",
};
const DMARC_TEMPORARY_REPLY: RefusalReply = {
  code: 451,
  enhanced: '4.7.1',
  text: 'DMARC policy could not be looked up, try again later',
};
const FROM_REPLY: RefusalReply = { code: 550, enhanced: '5.7.1', text: 'A message has exactly one From field' };

const scored = <Id extends string>(id: Id, score: number, meaning: string) => {
  const check = CHECKS.find(([prefix]) => id.startsWith(prefix))?.[1];
  return { id, category: 'spam', group: 'authentication', score, meaning, ...(check && { check }) } as const;
};

/** What an allow rule spares a sender when it spares SPF, DKIM or DMARC: points too. */
const CHECKS = [
  ['AUTH_SPF_', 'spf'],
  ['AUTH_DKIM_', 'dkim'],
  ['AUTH_DMARC_', 'dmarc'],
  ['AUTH_FROM_', 'dmarc'],
] as const;

/** A policy that acts: `verdict.<category>` says how, unless `action` does. */
const acting = <Id extends string>(
  id: Id,
  category: 'spf' | 'dkim' | 'dmarc',
  meaning: string,
  reply: RefusalReply,
  action?: 'tempfail' | 'quarantine',
) => ({ id, category, score: 1, meaning, reply, ...(action && { action }) }) as const;

export const authenticationFindings = [
  scored('AUTH_SPF_PASS', 0, 'SPF: the client may send for the domain of the envelope sender.'),
  scored('AUTH_SPF_FAIL', 1.5, 'SPF: the domain of the envelope sender says that the client may not send for it.'),
  scored('AUTH_SPF_SOFTFAIL', 0.7, 'SPF: the domain says that the client probably may not send for it.'),
  scored('AUTH_SPF_NEUTRAL', 0, 'SPF: the domain says nothing about the client.'),
  scored('AUTH_SPF_NONE', 0, 'SPF: the domain publishes no record, or there is no domain.'),
  scored('AUTH_SPF_TEMPERROR', 0, 'SPF: DNS did not answer; nothing is known.'),
  scored('AUTH_SPF_PERMERROR', 0.3, 'SPF: the record of the domain cannot be read, or needs too many look-ups.'),
  scored('AUTH_SPF_EXEMPT', 0, 'SPF: a result that would have been refused was let pass; the evidence says why.'),
  scored('AUTH_SPF_HELO_PASS', 0, 'SPF: the client may call itself by its HELO name.'),
  scored('AUTH_SPF_HELO_FAIL', 0.5, 'SPF: the client may not call itself by its HELO name.'),
  scored('AUTH_SPF_HELO_OTHER', 0, 'SPF: a result for the HELO name that is neither pass nor fail.'),
  scored('AUTH_DKIM_NONE', 0, 'DKIM: the message is not signed.'),
  scored('AUTH_DKIM_PASS', 0, 'DKIM: a signature holds.'),
  scored(
    'AUTH_DKIM_FAIL',
    0.2,
    'DKIM: a signature does not hold: the message was changed, or signed by somebody else.',
  ),
  scored(
    'AUTH_DKIM_POLICY',
    0.2,
    'DKIM: a signature holds but is not accepted (weak key or algorithm, unsigned text added, From not signed).',
  ),
  scored('AUTH_DKIM_NEUTRAL', 0, 'DKIM: a signature could not be judged.'),
  scored('AUTH_DKIM_TEMPERROR', 0, 'DKIM: DNS did not answer for a key; nothing is known.'),
  scored('AUTH_DKIM_PERMERROR', 0.1, 'DKIM: a signature is malformed, or its key does not exist or cannot be read.'),
  scored('AUTH_DMARC_NONE', 0, "DMARC: the From field's domain publishes no policy."),
  scored('AUTH_DMARC_PASS', 0, "DMARC: SPF or DKIM passes for the From field's domain."),
  scored('AUTH_DMARC_FAIL_NONE', 0.7, 'DMARC: neither passes for that domain, and its policy asks for nothing.'),
  scored(
    'AUTH_DMARC_FAIL_RESCUED',
    0,
    'DMARC: neither passes, but a trusted forwarder or ARC sealer vouches for the mail.',
  ),
  scored('AUTH_DMARC_TEMPERROR', 0, 'DMARC: DNS did not answer; nothing is known.'),
  scored('AUTH_DMARC_PERMERROR', 0, "DMARC: the domain's record cannot be used."),
  scored(
    'AUTH_FROM_SEVERAL',
    1,
    'The From field names several addresses or a group: no domain answers for it, DMARC is not evaluated.',
  ),
  scored('AUTH_FROM_UNCLEAR', 0, 'The message has no single From field with a domain: DMARC is not evaluated.'),
  scored('AUTH_ARC_PASS', 0, 'ARC: the chain of seals holds.'),
  scored('AUTH_ARC_FAIL', 0, 'ARC: the chain of seals does not hold.'),
  acting('AUTH_SPF_FAIL_REFUSED', 'spf', 'SPF `fail`, while `spf.refuseFail` is set.', SPF_FAIL_REPLY),
  acting('AUTH_SPF_SOFTFAIL_REFUSED', 'spf', 'SPF `softfail`, while `spf.refuseSoftfail` is set.', SPF_FAIL_REPLY),
  acting(
    'AUTH_SPF_HELO_FAIL_REFUSED',
    'spf',
    'SPF `fail` for the HELO name, while `spf.refuseHeloFail` is set.',
    SPF_FAIL_REPLY,
  ),
  acting('AUTH_SPF_PERMERROR_REFUSED', 'spf', 'SPF `permerror`, while `spf.onPermerror` is `refuse`.', SPF_ERROR_REPLY),
  acting(
    'AUTH_SPF_TRY_LATER',
    'spf',
    'SPF `temperror` while `spf.onTemperror` is `tempfail`, or a result to refuse while DNS does not tell whether DKIM excuses it.',
    SPF_TEMPORARY_REPLY,
    'tempfail',
  ),
  acting(
    'AUTH_DKIM_BROKEN',
    'dkim',
    'The message is signed and no signature holds; `verdict.dkim` says what follows.',
    DKIM_REPLY,
  ),
  acting(
    'AUTH_DKIM_TRY_LATER',
    'dkim',
    'DKIM `temperror` without a passing signature, while `dkim.onTemperror` is `tempfail`.',
    DKIM_TEMPORARY_REPLY,
    'tempfail',
  ),
  acting('AUTH_DMARC_REJECT', 'dmarc', "DMARC fails, and the From field's domain asks for refusal.", DMARC_REPLY),
  acting(
    'AUTH_DMARC_QUARANTINE',
    'dmarc',
    "DMARC fails, and the From field's domain asks for quarantine.",
    DMARC_REPLY,
    'quarantine',
  ),
  acting(
    'AUTH_DMARC_TRY_LATER',
    'dmarc',
    'DMARC `temperror`, while `dmarc.onTemperror` is `tempfail`.',
    DMARC_TEMPORARY_REPLY,
    'tempfail',
  ),
  acting(
    'AUTH_FROM_REPEATED',
    'dmarc',
    'More than one From field, while `dmarc.refuseRepeatedFrom` is set.',
    FROM_REPLY,
  ),
] as const satisfies readonly FindingSpec[];

export type AuthenticationFindingId = (typeof authenticationFindings)[number]['id'];
