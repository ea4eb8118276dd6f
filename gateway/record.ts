// The log event of one message: what was seen, what was decided, for whom. No text of the mail beyond its subject.
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { MessageEvent, RecipientOutcome, SecurityCategory } from '../logs/event.js';
import { ACTION_PRECEDENCE, type Verdict } from '../pipeline/decide.js';
import type { Category } from '../pipeline/finding.js';
import type { ScanResult } from '../pipeline/run.js';
import type { Direction } from '../pipeline/stage.js';
import type { Plan } from './plan.js';

/** Bounds of what a row takes from a message. */
const FIELD_MAX_CHARS = 1_000;

const SECURITY_CATEGORY: Readonly<Record<Category, SecurityCategory>> = {
  virus: 'virus',
  attachment: 'attachment',
  content: 'dangerous-content',
  mcp: 'data-protection',
  dmarc: 'dmarc',
  spf: 'spf',
  dkim: 'dkim',
  dnsbl: 'dnsbl',
  blocked: 'block-list',
  policy: 'policy',
  greylist: 'greylist',
  unprocessable: 'policy',
  spam: 'spam',
};

/** What the event is made of. */
export interface RecordInput {
  readonly id: string;
  readonly transaction: Transaction;
  readonly message: Message;
  readonly directions: readonly Direction[];
  readonly result: ScanResult;
  readonly plan: Plan;
  /** Entry ids in the order of `plan.held`. */
  readonly heldIds: readonly string[];
  readonly settingsVersion: string;
  readonly nowMs: number;
}

export function makeEvent(input: RecordInput): MessageEvent {
  const { transaction, message, result, plan } = input;
  const { connection } = transaction;
  return {
    kind: 'message',
    id: input.id,
    time: input.nowMs,
    sessionId: connection.id,
    queueId: transaction.queueId,
    messageId: cut(message.messageId),
    mailFrom: cut(transaction.mailFrom.address) ?? '',
    headerFrom:
      cut(
        message
          .addresses('From')
          .map(({ address }) => address)
          .join(', '),
      ) ?? '',
    subject: cut(message.subject),
    sizeBytes: transaction.sizeBytes,
    clientAddress: connection.clientAddress,
    clientName: connection.clientName,
    country: connection.country,
    helo: cut(connection.helo),
    login: cut(transaction.login),
    tls: connection.tls ? `${connection.tls.version} ${connection.tls.cipher}` : null,
    settingsVersion: input.settingsVersion,
    contentSha256: message.sha256,
    recipients: plan.outcomes.map((verdict) => outcome(verdict, input)),
    findings: result.findings,
    subRules: result.subRules,
    stageMs: result.stageMs,
    totalMs: result.totalMs,
    broken: result.broken,
    ...(result.exempts.length > 0 && { exempts: result.exempts }),
    security: securityEntry(plan),
  };
}

function outcome(verdict: Verdict, { transaction, directions, plan, heldIds }: RecordInput): RecipientOutcome {
  const { recipient } = verdict;
  const held = plan.held.findIndex(({ recipients }) => recipients.includes(recipient));
  return {
    address: transaction.rcptTo[recipient]?.address ?? '',
    direction: directions[recipient] ?? 'received',
    action: verdict.action,
    score: verdict.score,
    thresholds: verdict.thresholds,
    category: verdict.category,
    quarantineId: heldIds[held] ?? null,
  };
}

/** The one entry of the security log: the strongest outcome decides its category. */
function securityEntry({ outcomes }: Plan): MessageEvent['security'] {
  let strongest: Verdict | null = null;
  for (const verdict of outcomes) {
    if (verdict.category === null) continue;
    if (!strongest || ACTION_PRECEDENCE.indexOf(verdict.action) > ACTION_PRECEDENCE.indexOf(strongest.action))
      strongest = verdict;
  }
  if (!strongest?.category) return null;
  const category = securityCategory(strongest.category, strongest.action);
  return { category, event: `${strongest.action}: ${strongest.reason}`.slice(0, FIELD_MAX_CHARS) };
}

/** Under which category the security log shows what was done for a category of finding (product F1). */
export function securityCategory(category: Category, action: Verdict['action']): SecurityCategory {
  return action === 'reject' && category === 'spam' ? 'reject' : SECURITY_CATEGORY[category];
}

function cut(text: string | null): string | null {
  return text === null ? null : text.slice(0, FIELD_MAX_CHARS);
}
