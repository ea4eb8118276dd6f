// Whether the domain of MAIL FROM is vouched for: by SPF for that very domain, by a DKIM signature of its organisation, or
// by a login that is the address itself. Takes results of checks; a header can say nothing here.
import type { EarlyJob, MessageJob, Outside } from '../../pipeline/stage.js';
import { alignmentOf } from '../authentication/alignment.js';
import { canonicalDomain } from '../authentication/domain.js';
import type { AuthenticationFacts } from '../authentication/facts.js';
import { checkSpf } from '../authentication/spf.js';
import type { Vouched } from './resolve.js';
import { canonicalAddress, domainOf, NULL_SENDER } from './subject.js';

/** Of the time for one command, what SPF may take here. */
const SPF_SHARE = 0.8;

/** For the whole message. `early`: what was known at MAIL. */
export function vouchedAtMessage(
  { transaction }: MessageJob,
  facts: AuthenticationFacts | null,
  early: Vouched,
): Vouched {
  const sender = canonicalAddress(transaction.mailFrom.address);
  if (isLogin(sender, transaction.login) || early === 'yes') return 'yes';
  const domain = domainOf(sender);
  if (sender === NULL_SENDER || canonicalDomain(domain) === null || facts === null) return 'no';
  const bySpf = facts.spf?.result === 'pass' && facts.spf.scope === 'mfrom' && facts.spf.domain === domain;
  // A pass with a problem does not cover the whole content; a key in testing vouches for nothing (RFC 6376 §3.6.1).
  const byDkim = facts.dkim.some(
    ({ result, problem, testing, domain: signer }) =>
      result === 'pass' && problem === null && !testing && alignmentOf(signer, domain) !== null,
  );
  return bySpf || byDkim ? 'yes' : 'no';
}

/** At MAIL and RCPT: a pass of SPF holds from here on; whatever else it gives, a signature may vouch yet. */
export async function vouchedAtMail(job: EarlyJob, { resolver, clock }: Outside): Promise<Vouched> {
  const { connection, mailFrom } = job;
  const sender = canonicalAddress(mailFrom?.address ?? '');
  if (isLogin(sender, job.login)) return 'yes';
  if (resolver === null || connection.clientAddress === null || sender === NULL_SENDER) return 'unknown';
  const nowMs = clock.monotonicMs();
  const result = await checkSpf({
    clientAddress: connection.clientAddress,
    scope: 'mfrom',
    mailFrom: mailFrom?.address ?? '',
    helo: connection.helo,
    resolver,
    clock,
    deadline: nowMs + (job.deadline - nowMs) * SPF_SHARE,
    signal: job.signal,
  });
  return result.result === 'pass' && result.domain === domainOf(sender) ? 'yes' : 'unknown';
}

const isLogin = (sender: string, login: string | null): boolean =>
  login !== null && sender !== NULL_SENDER && sender.includes('@') && canonicalAddress(login) === sender;
