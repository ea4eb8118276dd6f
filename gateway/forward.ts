// Originals sent on to further addresses (product E1). Takes the message and what was found; gives outbox items. Never
// sends on what was refused, what already came from such a forward, or what carries a virus.
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { NewOutboxItem } from '../outbox/outbox.js';
import { applyEdits } from '../pipeline/edits.js';
import type { Category } from '../pipeline/finding.js';
import type { Plan } from './plan.js';
import type { FORWARD_FIELDS, ForwardingSettings } from './forward-settings.js';
import { fillLine, fillText, type FieldValues } from './template.js';
import { CATEGORY_WORDS, shownFrom, shownSender } from './wording.js';
import { encodeHeader, mailDate, writeWithOriginal } from './written-mail.js';

/** Names the addresses a mail was sent on to by us. */
const LOOP_FIELD = 'X-Loop';
const DESCRIPTION = 'the message as it came';

export interface ForwardContext {
  readonly transaction: Transaction;
  readonly message: Message;
  readonly plan: Plan;
  /** Categories over their threshold for some recipient, whatever their action. */
  readonly over: readonly { readonly category: Category; readonly reason: string }[];
  readonly settings: ForwardingSettings;
  /** From field of what Weir writes. */
  readonly from: string;
  /** The message's number in the log. */
  readonly id: string;
  readonly nowMs: number;
}

/** One item for all addresses, or none. */
export function makeForwards(context: ForwardContext): readonly NewOutboxItem[] {
  const { settings, over, plan, transaction, id } = context;
  const cause = over.find(({ category }) => settings.categories.includes(category));
  const isTaken = plan.answer.kind === 'accept' || plan.answer.kind === 'discard';
  if (settings.to.length === 0 || cause === undefined || !isTaken) return [];
  if (over.some(({ category }) => category === 'virus') || isLoop(context)) return [];
  const content =
    settings.form === 'original'
      ? applyEdits(transaction.content, loopFields(settings.to))
      : writeCovering(context, cause);
  return [{ kind: 'forward', mailFrom: settings.sender, rcptTo: settings.to, content, about: id, notBefore: 0 }];
}

/**
 * Our own forward come back: it names an address of ours and has our envelope sender. The name alone is not believed,
 * or anybody could keep his mail from being sent on by writing it.
 */
function isLoop({ message, transaction, settings }: ForwardContext): boolean {
  const sender = transaction.mailFrom.address.toLowerCase();
  if (sender !== settings.sender.toLowerCase() && sender !== '') return false;
  const ours = new Set(settings.to.map((address) => address.toLowerCase()));
  return message.headersNamed(LOOP_FIELD).some(({ value }) => ours.has(value.trim().toLowerCase()));
}

function loopFields(addresses: readonly string[]) {
  return addresses.map((value) => ({ kind: 'prepend-header' as const, name: LOOP_FIELD, value }));
}

function writeCovering(
  { transaction, message, plan, settings, from, id, nowMs }: ForwardContext,
  { category, reason }: { readonly category: Category; readonly reason: string },
): Buffer {
  const host = transaction.connection.mtaName ?? 'localhost';
  const mailFrom = transaction.mailFrom.address;
  const values: FieldValues<(typeof FORWARD_FIELDS)[number]> = {
    category: CATEGORY_WORDS[category],
    reason,
    score: Math.max(...plan.outcomes.map(({ score }) => score)).toFixed(1),
    sender: shownSender(mailFrom),
    recipients: transaction.rcptTo.map(({ address }) => address).join(', '),
    from: shownFrom(message, mailFrom),
    subject: message.subject ?? '(no subject)',
    client: transaction.connection.clientAddress ?? 'unknown',
    id,
    time: new Date(nowMs).toISOString(),
    host,
  };
  const written = writeWithOriginal(fillText(settings.text, values), transaction.content, 'message', DESCRIPTION);
  const lines = [
    ...settings.to.map((address) => `${LOOP_FIELD}: ${address}`),
    `From: ${from}`,
    `To: ${settings.to.map((address) => `<${address}>`).join(',\r\n ')}`,
    `Subject: ${encodeHeader(fillLine(settings.subject, values))}`,
    `Date: ${mailDate(nowMs)}`,
    `Message-ID: <forward.${id}@${host}>`,
    'Auto-Submitted: auto-generated',
    ...written.fields.map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), written.body]);
}
