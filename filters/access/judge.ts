// What the rules say of one session, command by command, and of the whole message: findings, and checks that are spared.
// A refusal is said only when no allow rule can speak against it any more; what discards waits for the message.
import type { Exemption, Finding } from '../../pipeline/finding.js';
import type { EarlyJob, EarlyMoment, MessageJob, StageReport } from '../../pipeline/stage.js';
import { blockFindingId } from './findings.js';
import { globalWord, scopedWord, sparedBy, type Vouched } from './resolve.js';
import { showRule, type AccessRule, type RuleKind } from './rule.js';
import { canonicalAddress } from './subject.js';
import type { Matches, RuleLookup, Subject } from './table.js';

/** What this stage keeps of one report for its later ones. */
export interface AccessFacts {
  /** Rules that were counted for this session or transaction. */
  readonly counted: readonly string[];
  readonly vouched: Vouched;
  /** Whether SPF was asked by then: it is asked once a transaction. */
  readonly asked: boolean;
}

/** Rules as they are at one moment, and what they lead to. */
export interface Ruling {
  readonly lookup: RuleLookup;
  readonly nowMs: number;
  readonly blockPoints: number;
  readonly vouched: Vouched;
  readonly asked: boolean;
}

/** Kinds of rules that come to be known at a moment, and those that may still speak after it. */
const KINDS_AT: Readonly<Record<EarlyMoment, readonly RuleKind[]>> = {
  connect: ['ip', 'network'],
  helo: [],
  mail: ['sender', 'domain'],
  rcpt: ['recipient'],
};
const KINDS_AFTER: Readonly<Record<EarlyMoment, readonly RuleKind[]>> = {
  connect: ['sender', 'domain', 'recipient'],
  helo: ['sender', 'domain', 'recipient'],
  mail: ['recipient'],
  rcpt: [],
};

/** Who is known at a command. */
export function subjectOf({ connection, mailFrom, rcptTo }: EarlyJob): Subject {
  return {
    client: connection.clientAddress,
    sender: mailFrom === null ? null : canonicalAddress(mailFrom.address),
    recipient: rcptTo === null ? null : canonicalAddress(rcptTo.address),
  };
}

/** The report at a command. `before`: what this stage reported earlier in this session and transaction. */
export function judgeCommand(
  job: EarlyJob,
  matches: Matches,
  ruling: Ruling,
  before: readonly StageReport[],
): StageReport {
  const { moment } = job;
  const { vouched, lookup } = ruling;
  const report = new Report(before, ruling);
  const { allow, waiting, block } = globalWord(matches.global, vouched);
  for (const rule of allow)
    report.spare(rule, moment === 'rcpt' && rule.kind === 'recipient' ? job.accepted.length : null);
  const isSettled = waiting.length === 0 && !lookup.hasAllow(KINDS_AFTER[moment]);
  if (block?.effect === 'reject' && isSettled) report.block(block, moment === 'rcpt' ? job.accepted.length : null);
  if (moment !== 'rcpt') return report.done();
  const scoped = scopedWord(matches, vouched);
  if (scoped?.rule.effect === 'allow') report.spare(scoped.rule, job.accepted.length);
  return report.done();
}

/** Whether a rule that came to be known at this moment waits for SPF or DKIM. */
export function waitsAt(moment: EarlyMoment, { global, domain, user }: Matches): boolean {
  const kinds = KINDS_AT[moment];
  const isScoped = moment === 'rcpt' && [...domain, ...user].some(({ authenticated }) => authenticated);
  return isScoped || global.some(({ kind, authenticated }) => authenticated && kinds.includes(kind));
}

/** The report on the whole message, for all recipients. */
export function judgeMessage({ transaction }: MessageJob, ruling: Ruling, before: readonly StageReport[]): StageReport {
  const { vouched, lookup, nowMs, blockPoints } = ruling;
  const report = new Report(before, ruling);
  const sender = canonicalAddress(transaction.mailFrom.address);
  const client = transaction.connection.clientAddress;
  const words = transaction.rcptTo.map(({ address }) => {
    const matches = lookup.match({ client, sender, recipient: canonicalAddress(address) }, nowMs);
    return { global: globalWord(matches.global, vouched), scoped: scopedWord(matches, vouched) };
  });
  const [first] = words;
  const isOneBlock = words.every(({ global }) => global.block !== null && global.block.id === first?.global.block?.id);
  words.forEach(({ global, scoped }, recipient) => {
    for (const rule of global.allow) report.spare(rule, rule.kind === 'recipient' ? recipient : null);
    if (global.block !== null) report.block(global.block, isOneBlock ? null : recipient);
    if (scoped?.rule.effect === 'allow') report.spare(scoped.rule, recipient);
    else if (scoped !== null) report.addPoints(scoped.rule, scoped.scope, recipient, blockPoints);
  });
  return report.done();
}

/** One report in the making; says nothing twice. */
class Report {
  readonly #findings: Finding[] = [];
  readonly #exempts: Exemption[] = [];
  readonly #spared = new Set<string>();
  readonly #rules = new Set<string>();
  readonly #told: ReadonlySet<string>;
  readonly #sparedBefore: ReadonlySet<string>;
  readonly #countedBefore: ReadonlySet<string>;

  constructor(
    before: readonly StageReport[],
    private readonly ruling: Pick<Ruling, 'vouched' | 'asked'>,
  ) {
    this.#told = new Set(before.flatMap(({ findings }) => findings.map((one) => keyOf(one))));
    const exempts = before.flatMap((report) => report.exempts ?? []);
    this.#sparedBefore = new Set(exempts.filter(({ recipient }) => recipient === undefined).map(({ rule }) => rule));
    this.#countedBefore = new Set(before.flatMap(({ facts }) => (facts as AccessFacts | undefined)?.counted ?? []));
  }

  /** `recipient`: null for all. */
  spare(rule: AccessRule, recipient: number | null): void {
    const key = `${rule.id} ${recipient ?? ''}`;
    if (this.#spared.has(key) || this.#sparedBefore.has(showRule(rule))) return;
    this.#spared.add(key);
    const whom = recipient === null ? {} : { recipient };
    for (const check of sparedBy(rule)) this.#exempts.push({ check, rule: showRule(rule), ...whom });
    this.#rules.add(rule.id);
  }

  block(rule: AccessRule, recipient: number | null): void {
    this.#add(rule, { id: blockFindingId(rule), category: 'blocked', score: 1, ...evidenceOf(rule, recipient) });
  }

  addPoints(rule: AccessRule, scope: 'domain' | 'user', recipient: number, score: number): void {
    const id = scope === 'user' ? 'BLOCKED_FOR_USER' : 'BLOCKED_FOR_DOMAIN';
    this.#add(rule, { id, category: 'spam', group: 'lists', score, mark: 'spam', ...evidenceOf(rule, recipient) });
  }

  done(): StageReport {
    const { vouched, asked } = this.ruling;
    const counted = [...this.#rules].filter((id) => !this.#countedBefore.has(id));
    const facts: AccessFacts = { counted, vouched, asked };
    return {
      findings: this.#findings,
      ...(this.#exempts.length > 0 && { exempts: this.#exempts }),
      ...((counted.length > 0 || asked) && { facts }),
    };
  }

  #add(rule: AccessRule, finding: Finding): void {
    if (this.#told.has(keyOf(finding)) || this.#told.has(keyOf(finding, null))) return;
    this.#findings.push(finding);
    this.#rules.add(rule.id);
  }
}

function evidenceOf(rule: AccessRule, recipient: number | null): { evidence: string; recipient?: number } {
  return { evidence: showRule(rule), ...(recipient !== null && { recipient }) };
}

const keyOf = ({ id, evidence, recipient }: Finding, whom: number | null = recipient ?? null): string =>
  JSON.stringify([id, evidence, whom]);
