// Runs SPF, DKIM, ARC and the search for the DMARC policy of one message at once, within one time, and draws the DMARC
// conclusion. Takes the message and the world, gives facts; what DNS does not tell in time is a temporary error.
import type { Message } from '../../message/message.js';
import type { Connection, Transaction } from '../../message/envelope.js';
import type { Clock } from '../../outside/clock.js';
import type { LookupOptions, RecordType, Resolver } from '../../outside/resolver.js';
import { matchesPattern } from '../../pipeline/pattern.js';
import { verifyArc } from './arc.js';
import { fromDomain, type Author } from './author.js';
import { verifyDkim } from './dkim.js';
import { concludeDmarc, discoverPolicies, type Discovered } from './dmarc.js';
import type { ArcFacts, AuthenticationFacts, DkimFacts, DmarcFacts, DmarcPolicy, SpfFacts } from './facts.js';
import type { AuthenticationSettings } from './settings.js';
import { SignedContent } from './signed-content.js';
import { checkSpf } from './spf.js';

export interface CheckInput {
  readonly message: Message;
  readonly transaction: Transaction;
  readonly settings: AuthenticationSettings;
  readonly authservId: string;
  /** Whether the settings name the client as a forwarder whose mail DMARC does not act on. */
  readonly rescuedByForwarder: boolean;
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** Aborted when the time is over. */
  readonly signal: AbortSignal;
  /** The same moment, ms on the monotonic clock. */
  readonly deadline: number;
}

export interface Checked {
  readonly facts: AuthenticationFacts;
  /** Null where DMARC is off. */
  readonly author: Author | null;
}

/** All methods that are on, or that DMARC needs. */
export async function runChecks(given: CheckInput): Promise<Checked> {
  const input = { ...given, resolver: boundedResolver(given.resolver, given.settings.dnsTimeoutMs) };
  const { settings, message } = input;
  const author = fromDomain(message);
  const content = new SignedContent(message, input.signal);
  const dmarcOn = settings.dmarc.enabled;
  const [spf, spfHelo, dkim, arc, policies] = await Promise.all([
    settings.spf.enabled || dmarcOn ? senderSpf(input) : null,
    settings.spf.enabled ? heloSpf(input) : null,
    needsDkim(settings) ? signatures(input, author, content) : [],
    settings.arc.enabled ? chain(input, author, content) : null,
    dmarcOn ? discoverPolicies(author, input) : null,
  ]);
  const dmarc = policies === null ? null : conclude(input, author, { spf, dkim, arc }, policies);
  const { authservId } = input;
  return { facts: { authservId, spf, spfHelo, dkim, dmarc, arc }, author: dmarcOn ? author : null };
}

/** DMARC stands on DKIM even where DKIM's own results do not count (product B3). */
export function needsDkim({ dkim, dmarc }: AuthenticationSettings): boolean {
  return dkim.enabled || dmarc.enabled;
}

/** The same resolver with a limit on each look-up. */
export function boundedResolver(resolver: Resolver, timeoutMs: number): Resolver {
  return {
    lookup: <Type extends RecordType>(type: Type, name: string, options: LookupOptions = {}) =>
      resolver.lookup(type, name, { ...options, timeoutMs: Math.min(timeoutMs, options.timeoutMs ?? timeoutMs) }),
  };
}

/** Null where there is no address to check. */
async function senderSpf(input: CheckInput): Promise<SpfFacts | null> {
  const { connection, mailFrom } = input.transaction;
  return connection.clientAddress === null
    ? null
    : checkSpf({
        ...spfInput(input, connection, connection.clientAddress),
        scope: 'mfrom',
        mailFrom: mailFrom.address,
      });
}

/** For the null sender the name stands in for MAIL FROM and is not checked twice (RFC 7208 §2.4). */
async function heloSpf(input: CheckInput): Promise<SpfFacts | null> {
  const { connection, mailFrom } = input.transaction;
  if (connection.clientAddress === null || connection.helo === null || mailFrom.address === '') return null;
  return checkSpf({ ...spfInput(input, connection, connection.clientAddress), scope: 'helo', mailFrom: '' });
}

function spfInput(input: CheckInput, { helo }: Connection, clientAddress: string) {
  const { resolver, signal, deadline, clock, authservId } = input;
  return { resolver, signal, deadline, clock, clientAddress, helo, receiverName: authservId };
}

function signatures(input: CheckInput, author: Author, content: SignedContent): Promise<readonly DkimFacts[]> {
  return verifyDkim({ ...contentInput(input, author), content });
}

function chain(input: CheckInput, author: Author, content: SignedContent): Promise<ArcFacts> {
  return verifyArc({ ...contentInput(input, author), content, trustedSealers: input.settings.arc.trustedSealers });
}

function contentInput({ message, resolver, signal, clock, transaction }: CheckInput, author: Author) {
  const { truncated } = transaction;
  return { message, resolver, signal, nowMs: clock.now(), fromDomain: author.domain, truncated };
}

function conclude(
  input: CheckInput,
  author: Author,
  { spf, dkim, arc }: Pick<AuthenticationFacts, 'spf' | 'dkim' | 'arc'>,
  policies: Discovered,
): DmarcFacts {
  const forwarder = input.rescuedByForwarder ? 'trusted-forwarder' : null;
  const { overrides } = input.settings.dmarc;
  return concludeDmarc(
    {
      author,
      spf,
      dkim,
      sha256: input.message.sha256,
      localPolicy: (domain) => localPolicy(overrides, domain),
      rescuedBy: isVouchedFor(arc) ? 'trusted-arc' : forwarder,
    },
    policies,
  );
}

/** A trusted sealer said that DMARC passed when the mail came to it. */
export function isVouchedFor(arc: ArcFacts | null): boolean {
  return arc?.result === 'pass' && arc.trusted && arc.statedDmarc === 'pass';
}

/** The first entry that matches; null where none does or it leaves the published policy. */
function localPolicy(overrides: AuthenticationSettings['dmarc']['overrides'], domain: string): DmarcPolicy | null {
  const entry = overrides.find((one) => matchesPattern(one.domain, domain));
  return entry === undefined || entry.policy === 'as-published' ? null : entry.policy;
}
