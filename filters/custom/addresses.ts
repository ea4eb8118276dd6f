// Address filters: for each recipient whether a filter says spam or not spam. Takes addresses as the envelope and the
// From field give them; believes them only as far as a filter is content with that.
import type { Finding } from '../../pipeline/finding.js';
import { matchesPattern } from '../../pipeline/pattern.js';
import type { MessageJob } from '../../pipeline/stage.js';
import { ScopeTable } from '../../rules/content/conditions.js';
import type { AuthenticationFacts } from '../authentication/facts.js';
import type { AddressFilter } from './settings.js';

/** The null sender, as a pattern names it. */
const NULL_SENDER = '<>';
/** Addresses of From fields that are compared. */
const FROM_MAX = 100;

/** One sender of a message, and whether it is proven. */
interface Sender {
  readonly address: string;
  readonly kind: 'envelope' | 'header';
  readonly proven: boolean;
}

export class AddressFilters {
  readonly #filters: readonly AddressFilter[];
  readonly #scopes: ScopeTable;

  constructor(filters: readonly AddressFilter[]) {
    this.#filters = filters.filter(({ enabled }) => enabled);
    this.#scopes = new ScopeTable(this.#filters.map(({ when }) => when));
  }

  get count(): number {
    return this.#filters.length;
  }

  /** At most one finding for each recipient; one for all where all are alike. */
  findings(job: MessageJob, authentication: AuthenticationFacts | null): readonly Finding[] {
    const candidates = this.#candidates(job, authentication);
    if (candidates.length === 0) return [];
    const found = job.transaction.rcptTo.map(({ address }, recipient) => firstFor(candidates, address, recipient));
    const [first] = found;
    if (first && found.every((one) => one === first)) return [findingOf(first)];
    return found.flatMap((filter, recipient) => (filter === null ? [] : [{ ...findingOf(filter), recipient }]));
  }

  /** Filters whose sender and conditions fit, not spam before spam: it wins. */
  #candidates(job: MessageJob, authentication: AuthenticationFacts | null): readonly Candidate[] {
    if (this.#filters.length === 0) return [];
    const senders = sendersOf(job, authentication);
    const scopeOf = this.#scopes.forMessage(job);
    const candidates = this.#filters.flatMap((filter, number): readonly Candidate[] => {
      const scope = scopeOf(number);
      const fits = scope?.length !== 0 && senders.some((sender) => isSender(filter, sender));
      return fits ? [{ filter, recipients: scope === null ? null : new Set(scope) }] : [];
    });
    const ofKind = (wanted: AddressFilter['kind']) => candidates.filter(({ filter }) => filter.kind === wanted);
    return [...ofKind('not-spam'), ...ofKind('spam')];
  }
}

interface Candidate {
  readonly filter: AddressFilter;
  /** Null: all. */
  readonly recipients: ReadonlySet<number> | null;
}

function firstFor(candidates: readonly Candidate[], address: string, recipient: number): AddressFilter | null {
  const found = candidates.find(
    ({ filter, recipients }) =>
      (recipients === null || recipients.has(recipient)) && matchesPattern(filter.recipient, address),
  );
  return found?.filter ?? null;
}

function isSender(filter: AddressFilter, { address, kind, proven }: Sender): boolean {
  if (filter.senderIs !== 'either' && filter.senderIs !== kind) return false;
  if (filter.onlyIfAuthenticated && !proven) return false;
  return matchesPattern(filter.sender, address);
}

function sendersOf({ message, transaction }: MessageJob, facts: AuthenticationFacts | null): readonly Sender[] {
  const { address } = transaction.mailFrom;
  const loggedIn = transaction.login !== null;
  const spfProves = facts?.spf?.result === 'pass' && facts.spf.scope === 'mfrom' && address !== '';
  const from = message.addresses('From').slice(0, FROM_MAX);
  // DMARC's alignment speaks of the one From domain; with several there is none.
  const aligned = facts?.dkim.some(({ result, alignment }) => result === 'pass' && alignment !== null) ?? false;
  const headerProven = from.length === 1 && (facts?.dmarc?.result === 'pass' || aligned);
  return [
    { address: address === '' ? NULL_SENDER : address, kind: 'envelope', proven: loggedIn || spfProves },
    ...from.map((one): Sender => ({ address: one.address, kind: 'header', proven: loggedIn || headerProven })),
  ];
}

function findingOf({ kind, sender, recipient }: AddressFilter): Finding {
  return {
    id: kind === 'spam' ? 'CUSTOM_ADDRESS_SPAM' : 'CUSTOM_ADDRESS_NOT_SPAM',
    category: 'spam',
    group: 'rules',
    score: 0,
    evidence: `filter ${sender} to ${recipient}`,
    mark: kind,
  };
}
