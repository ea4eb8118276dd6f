// Events as rows and back. What can be searched stands in columns of its own; the rest is one packed detail. Nothing is
// lost on the way but what the subject setting leaves out.
import type { Row, SqlValue, Step } from '../outside/database.js';
import { change } from '../outside/database.js';
import type { StagedFinding } from '../pipeline/finding.js';
import { packDetail, unpackDetail } from './detail.js';
import type { LogEvent, MessageEvent, SecurityCategory, SessionEvent } from './event.js';
import {
  exemptionToList,
  findingToList,
  listToExemption,
  listToFinding,
  listToRecipient,
  recipientToList,
  type ExemptionList,
  type FindingList,
  type RecipientList,
} from './short-lists.js';
import { SEQ_PER_MS, SEQ_SLACK_MS } from './schema.js';
import type { SubjectFilter } from './subject.js';

/** One entry of the security log: a message in the category that decided, or a step of a session. */
export interface SecurityEntry {
  /** The event's id: for a message the mail log has the same. */
  readonly id: string;
  /** ms since the epoch, UTC. */
  readonly time: number;
  readonly kind: 'message' | 'session';
  readonly step: SessionEvent['step'] | null;
  readonly sessionId: string;
  readonly queueId: string | null;
  readonly category: SecurityCategory;
  readonly event: string;
  readonly clientAddress: string | null;
  readonly clientName: string | null;
  readonly mailFrom: string | null;
  readonly recipients: readonly string[];
  readonly subject: string | null;
  readonly helo: string | null;
  readonly login: string | null;
  /** Of a session step; a message's stand in the mail log. */
  readonly findings: readonly StagedFinding[];
}

/** Longest text kept of one column, characters: what is longer is cut and ends in an ellipsis. */
export const COLUMN_CHARS_MAX = 4_096;

/** All steps that record one event; recording it twice changes nothing. */
export function eventSteps(event: LogEvent, filterSubject: SubjectFilter): readonly Step[] {
  if (event.kind === 'session') return securitySteps(sessionEntry(event), packFindings(event.findings));
  const kept = { ...event, subject: filterSubject(event.subject) };
  const entry = messageEntry(kept);
  return [...mailSteps(kept), ...(entry === null ? [] : securitySteps(entry, null))];
}

function mailSteps(event: MessageEvent): readonly Step[] {
  const { country, tls, settingsVersion, contentSha256, stageMs, totalMs, broken } = event;
  const exempts = event.exempts?.length ? { exempts: event.exempts.map(exemptionToList) } : {};
  const findings = event.findings.map(findingToList);
  const recipients = event.recipients.map(recipientToList);
  const detail = {
    country,
    tls,
    settingsVersion,
    contentSha256,
    stageMs,
    totalMs,
    broken,
    findings,
    recipients,
    ...exempts,
  };
  const steps = [
    insert('mail', event.time, {
      id: event.id,
      time: event.time,
      session_id: event.sessionId,
      queue_id: event.queueId,
      message_id: event.messageId,
      mail_from: event.mailFrom,
      header_from: event.headerFrom,
      subject: event.subject,
      size: event.sizeBytes,
      client_address: event.clientAddress,
      client_name: event.clientName,
      helo: event.helo,
      login: event.login,
      category: event.security?.category ?? null,
      event: event.security?.event ?? null,
      recipients: joinLines(event.recipients.map(({ address }) => address)),
      actions: joinWords(event.recipients.map(({ action }) => action)),
      directions: joinWords(event.recipients.map(({ direction }) => direction)),
      detail: packDetail(detail),
    }),
    change('INSERT OR IGNORE INTO mail_unindexed SELECT seq FROM mail WHERE id = ?', event.id),
  ];
  if (event.subRules.length > 0)
    steps.push(
      change('INSERT OR IGNORE INTO sub_rule SELECT seq, ? FROM mail WHERE id = ?', event.subRules.join(' '), event.id),
    );
  return steps;
}

function securitySteps(entry: SecurityEntry, detail: string | Uint8Array | null): readonly Step[] {
  return [
    insert('security', entry.time, {
      id: entry.id,
      time: entry.time,
      kind: entry.kind,
      step: entry.step,
      session_id: entry.sessionId,
      queue_id: entry.queueId,
      category: entry.category,
      event: entry.event,
      client_address: entry.clientAddress,
      client_name: entry.clientName,
      mail_from: entry.mailFrom,
      recipients: joinLines(entry.recipients),
      subject: entry.subject,
      helo: entry.helo,
      login: entry.login,
      detail,
    }),
    change('INSERT OR IGNORE INTO security_unindexed SELECT seq FROM security WHERE id = ?', entry.id),
  ];
}

/** Inserts by the columns given; every call for a table gives the same columns. */
function insert(table: 'mail' | 'security', time: number, columns: Readonly<Record<string, SqlValue>>): Step {
  const base = Math.trunc(time) * SEQ_PER_MS;
  const params: SqlValue[] = [base, base + SEQ_PER_MS, base, base + SEQ_SLACK_MS * SEQ_PER_MS, base, base + SEQ_PER_MS];
  for (const name in columns) {
    const value = columns[name] ?? null;
    params.push(name === 'recipients' ? value : cut(value));
  }
  return change((INSERT_SQL[table] ??= insertSql(table, Object.keys(columns))), ...params);
}

const INSERT_SQL: { mail?: string; security?: string } = {};

/** Takes the next free `seq` of that millisecond; of the following `SEQ_SLACK_MS` should it be full. */
function insertSql(table: string, names: readonly string[]): string {
  const after = `(SELECT max(seq) + 1 FROM ${table} WHERE seq >= ? AND seq < ?)`;
  const seq = `(SELECT CASE WHEN n IS NULL THEN ? WHEN n < ? THEN n ELSE ${after} END FROM (SELECT ${after} AS n))`;
  return `INSERT INTO ${table} (seq, ${names.join(', ')}) VALUES (${seq}, ${names.map(() => '?').join(', ')}) ON CONFLICT (id) DO NOTHING`;
}

function cut(value: SqlValue): SqlValue {
  return typeof value === 'string' && value.length > COLUMN_CHARS_MAX
    ? value.slice(0, COLUMN_CHARS_MAX - 1) + '…'
    : value;
}

function messageEntry(event: MessageEvent): SecurityEntry | null {
  if (event.security === null) return null;
  const { id, time, sessionId, queueId, clientAddress, clientName, mailFrom, subject, helo, login } = event;
  const recipients = event.recipients.map(({ address }) => address);
  const common = {
    id,
    time,
    sessionId,
    queueId,
    clientAddress,
    clientName,
    mailFrom,
    subject,
    helo,
    login,
    recipients,
  };
  return { ...common, ...event.security, kind: 'message', step: null, findings: [] };
}

function sessionEntry(event: SessionEvent): SecurityEntry {
  const { rcptTo, ...rest } = event;
  return { ...rest, queueId: null, subject: null, recipients: rcptTo === null ? [] : [rcptTo] };
}

function joinLines(texts: readonly string[]): string {
  return texts.map((text) => text.replaceAll('\n', ' ')).join('\n');
}

function splitLines(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n');
}

/** Distinct words between blanks, each findable as ` word `. */
function joinWords(words: readonly string[]): string {
  return ` ${[...new Set(words)].join(' ')} `;
}

/** Back from a row of `mail`; `sub_rules` is the joined text of that table or null. */
export function rowToMessageEvent(row: Row): MessageEvent {
  const { exempts, ...detail } = unpackDetail(row['detail'] as string | Uint8Array) as DetailOfMessage;
  const subRules = row['sub_rules'] as string | null;
  const category = row['category'] as SecurityCategory | null;
  return {
    kind: 'message',
    id: row['id'] as string,
    time: row['time'] as number,
    sessionId: row['session_id'] as string,
    queueId: row['queue_id'] as string | null,
    messageId: row['message_id'] as string | null,
    mailFrom: row['mail_from'] as string,
    headerFrom: row['header_from'] as string,
    subject: row['subject'] as string | null,
    sizeBytes: row['size'] as number,
    clientAddress: row['client_address'] as string | null,
    clientName: row['client_name'] as string | null,
    helo: row['helo'] as string | null,
    login: row['login'] as string | null,
    ...detail,
    ...(exempts && { exempts: exempts.map(listToExemption) }),
    recipients: detail.recipients.map(listToRecipient),
    findings: detail.findings.map(listToFinding),
    subRules: subRules === null ? [] : subRules.split(' '),
    security: category === null ? null : { category, event: row['event'] as string },
  };
}

/** Back from a row of `security`. */
export function rowToSecurityEntry(row: Row): SecurityEntry {
  const detail = row['detail'] as string | Uint8Array | null;
  return {
    id: row['id'] as string,
    time: row['time'] as number,
    kind: row['kind'] as 'message' | 'session',
    step: row['step'] as SecurityEntry['step'],
    sessionId: row['session_id'] as string,
    queueId: row['queue_id'] as string | null,
    category: row['category'] as SecurityCategory,
    event: row['event'] as string,
    clientAddress: row['client_address'] as string | null,
    clientName: row['client_name'] as string | null,
    mailFrom: row['mail_from'] as string | null,
    recipients: splitLines(row['recipients'] as string),
    subject: row['subject'] as string | null,
    helo: row['helo'] as string | null,
    login: row['login'] as string | null,
    findings: detail === null ? [] : (unpackDetail(detail) as FindingList[]).map(listToFinding),
  };
}

type DetailOfMessage = Pick<
  MessageEvent,
  'country' | 'tls' | 'settingsVersion' | 'contentSha256' | 'stageMs' | 'totalMs' | 'broken'
> & {
  readonly findings: readonly FindingList[];
  readonly recipients: readonly RecipientList[];
  /** Missing where nothing was spared. */
  readonly exempts?: readonly ExemptionList[];
};

function packFindings(findings: readonly StagedFinding[]): string | Uint8Array | null {
  return findings.length === 0 ? null : packDetail(findings.map(findingToList));
}
