// Asks what the DNS rules of a set want to know of one mail, all at once and within a deadline, before its rules are
// run: evaluation then reads hits and never waits. What fails or comes too late is no hit; nothing is thrown.
import { isFailure, type DnsAnswer, type RecordType, type Resolver } from '../../outside/resolver.js';
import { cleaningTables } from '../mail/cleaning-tables.js';
import { isIpv4, isPrivateIp, reverseIp } from '../mail/ip.js';
import { trimDomain } from '../mail/registry.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { NO_DNS_HITS, type DnsHits, type ListedName } from './hits.js';
import type { DnsPlan, UriRule } from './plan.js';
import type { DnsRecord, DnsReply } from './subtest.js';
import { hostSubjects, linkSubjects, RelaySubjects, senderHost, templateNames, type GivenTags } from './subjects.js';

/** Different questions for one mail. */
export const QUESTIONS_MAX = 300;
/** Questions on their way at once. */
export const AT_ONCE_MAX = 32;
/** Name servers, and addresses of one name, that are followed. */
const FOLLOWED_MAX = 10;
const WAIT_MAX_MS = 60_000;

export interface DnsAskOptions {
  readonly resolver: Resolver;
  /** Longest wait for all answers, ms; at most a minute. */
  readonly timeoutMs: number;
  /** Values of tags that come from other stages. */
  readonly tags?: GivenTags;
  readonly signal?: AbortSignal;
}

/** Asks. */
export async function askDns(plan: DnsPlan, mail: RuleMail, options: DnsAskOptions): Promise<DnsHits> {
  if (plan.isEmpty) return NO_DNS_HITS;
  const inquiry = new Inquiry(options);
  askLists(plan, mail, inquiry);
  askLinks(plan.uris, mail, inquiry);
  for (const { name, query, types, accepts } of plan.asks)
    for (const host of templateNames(query.template, mail, options.tags ?? new Map()))
      for (const type of types)
        inquiry.ask(type, host, (reply) => inquiry.judge(name, host, { label: host, zone: '' }, accepts(reply)));
  askSender(plan, mail, inquiry);
  return inquiry.run();
}

function askLists({ lists, subs }: DnsPlan, mail: RuleMail, inquiry: Inquiry): void {
  const relays = new RelaySubjects(mail);
  for (const rule of lists) {
    const byRelay = rule.by === 'check_rbl' || rule.by === 'check_rbl_txt';
    const readers = [rule, ...subs.filter(({ set }) => set === rule.set)];
    const names = byRelay ? relays.of(rule).flatMap((ip) => reverseIp(ip) ?? []) : hostSubjects(mail, rule);
    for (const name of names)
      inquiry.ask(rule.by === 'check_rbl_txt' ? 'TXT' : 'A', `${name}.${rule.zone}`, (reply) => {
        const listed = { label: name, zone: rule.zone };
        for (const reader of readers) inquiry.judge(reader.name, `${name}.${rule.zone}`, listed, reader.accepts(reply));
      });
  }
}

/** Lists of names are asked about hosts; lists of addresses about those of the hosts, or of their name servers. */
function askLinks(rules: readonly UriRule[], mail: RuleMail, inquiry: Inquiry): void {
  if (rules.length === 0) return;
  const byName = rules.filter(({ zone }) => zone.kind === 'urirhsbl');
  const byAddress = rules.filter(({ zone, flags }) => zone.kind === 'uridnsbl' && flags.has('a'));
  const byServer = rules.filter(
    ({ zone: { kind }, flags }) => kind !== 'urirhsbl' && (kind !== 'uridnsbl' || flags.has('ns') || !flags.has('a')),
  );
  for (const [host, domain] of linkSubjects(mail)) {
    const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(host);
    if (isAddress && (!isIpv4(host) || isPrivateIp(host))) continue;
    for (const rule of byName) {
      if (rule.flags.has(isAddress ? 'domains_only' : 'ips_only')) continue;
      askList(rule, isAddress ? reverseIp(host)! : rule.flags.has('notrim') ? host : domain, host, inquiry);
    }
    if (isAddress) continue;
    if (byAddress.length > 0) askAddresses(byAddress, host, host, inquiry);
    if (byServer.length > 0) askServers(byServer, domain, mail, inquiry);
  }
}

function askList(rule: UriRule, name: string, subject: string, inquiry: Inquiry): void {
  inquiry.ask(rule.type, `${name}.${rule.zone.zone}`, (reply) =>
    inquiry.judge(rule.name, subject, { label: name, zone: rule.zone.zone }, rule.accepts(reply)),
  );
}

function askAddresses(rules: readonly UriRule[], name: string, subject: string, inquiry: Inquiry): void {
  inquiry.ask('A', name, ({ records }) => {
    for (const { text } of records.slice(0, FOLLOWED_MAX))
      if (!isPrivateIp(text)) for (const rule of rules) askList(rule, reverseIp(text)!, subject, inquiry);
  });
}

function askServers(rules: readonly UriRule[], domain: string, mail: RuleMail, inquiry: Inquiry): void {
  const tables = cleaningTables(mail.settings).registry;
  const byAddress = rules.filter(({ zone }) => zone.kind === 'uridnsbl');
  inquiry.ask('NS', domain, ({ records }) => {
    for (const record of records.slice(0, FOLLOWED_MAX)) {
      const server = record.text.toLowerCase().replace(/\.$/, '');
      if (byAddress.length > 0) askAddresses(byAddress, server, domain, inquiry);
      for (const rule of rules) {
        if (rule.zone.kind === 'urinsrhsbl') askList(rule, trimDomain(server, tables), domain, inquiry);
        if (rule.zone.kind === 'urifullnsrhsbl') askList(rule, server, domain, inquiry);
      }
    }
  });
}

/** The sender's domain does not exist: neither as a host nor for mail. */
function askSender({ senders }: DnsPlan, mail: RuleMail, inquiry: Inquiry): void {
  const host = senders.length === 0 ? null : senderHost(mail);
  if (host === null) return;
  let missing = 0;
  for (const type of ['A', 'MX'] as const)
    inquiry.ask(type, host, ({ rcode }) => {
      if (rcode === NXDOMAIN && ++missing === 2)
        for (const { name } of senders)
          inquiry.judge(name, host, { label: host, zone: '' }, { type: 'RCODE', text: 'NXDOMAIN' });
    });
}

const NXDOMAIN = 3;
const EVIDENCE_MAX = 120;

type Use = (reply: DnsReply) => void;

interface Question {
  readonly type: RecordType;
  readonly name: string;
  readonly uses: Use[];
  reply: DnsReply | null;
}

/** Questions of one mail, each asked once however many rules want to know. */
class Inquiry {
  private readonly hits = new Map<string, string>();
  private readonly listed = new Map<string, ListedName[]>();
  private readonly questions = new Map<string, Question>();
  private readonly waiting: Question[] = [];
  private failed = 0;
  private cut = false;

  private readonly timeoutMs: number;

  constructor(private readonly options: DnsAskOptions) {
    this.timeoutMs = Math.floor(Math.min(WAIT_MAX_MS, Math.max(0, options.timeoutMs)));
  }

  ask(type: RecordType, name: string, use: Use): void {
    const key = `${type} ${name}`;
    let question = this.questions.get(key);
    if (question === undefined) {
      if (this.questions.size >= QUESTIONS_MAX) {
        this.cut = true;
        return;
      }
      question = { type, name, uses: [], reply: null };
      this.questions.set(key, question);
      this.waiting.push(question);
    }
    if (question.reply === null) question.uses.push(use);
    else use(question.reply);
  }

  /** Evidence is kept of the first that answers a rule, the name of each. */
  judge(rule: string, subject: string, listed: ListedName, record: DnsRecord | null): void {
    if (record === null) return;
    const before = this.listed.get(rule);
    if (before !== undefined) {
      before.push(listed);
      return;
    }
    this.listed.set(rule, [listed]);
    this.hits.set(rule, `${subject} ${record.text}`.slice(0, EVIDENCE_MAX).replace(/[^!-~ ]/g, '?'));
  }

  /** Answers bring new questions: a worker goes on until none waits and none is on its way. */
  async run(): Promise<DnsHits> {
    const time = AbortSignal.timeout(this.timeoutMs);
    const signal = this.options.signal === undefined ? time : AbortSignal.any([time, this.options.signal]);
    const active = new Set<Promise<void>>();
    while (this.waiting.length > 0 || active.size > 0) {
      while (this.waiting.length > 0 && active.size < AT_ONCE_MAX) {
        const asking = this.answer(this.waiting.shift()!, signal).then(() => void active.delete(asking));
        active.add(asking);
      }
      await Promise.race(active);
    }
    return { hits: this.hits, listed: this.listed, asked: this.questions.size, failed: this.failed, cut: this.cut };
  }

  private async answer(question: Question, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      this.failed++;
      return;
    }
    const { type, name } = question;
    const answer = await this.options.resolver.lookup(type, name, { signal, timeoutMs: this.timeoutMs });
    const reply = replyOf(type, answer);
    if (isFailure(answer)) this.failed++;
    if (reply === null) return;
    question.reply = reply;
    for (const use of question.uses) use(reply);
  }
}

const FAILED_RCODES: ReadonlyMap<string, number> = new Map([
  ['servfail', 2],
  ['refused', 5],
]);

/** What rules read of an answer; null where nothing came. */
function replyOf(type: RecordType, answer: DnsAnswer): DnsReply | null {
  if (answer.status === 'found')
    return { rcode: 0, records: answer.records.map((record) => ({ type, text: textOf(record) })) };
  if (answer.status === 'nodata') return { rcode: 0, records: [] };
  if (answer.status === 'nxdomain') return { rcode: NXDOMAIN, records: [] };
  const rcode = FAILED_RCODES.get(answer.status);
  return rcode === undefined ? null : { rcode, records: [] };
}

/** As rules write it: strings of a text joined, preference before the exchanger. */
function textOf(record: string | readonly string[] | { readonly exchange: string; readonly priority: number }): string {
  if (typeof record === 'string') return record;
  return 'exchange' in record ? `${record.priority} ${record.exchange}` : record.join('');
}
