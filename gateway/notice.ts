// Notices about held and deleted mail: null sender, Auto-Submitted, never about automatic mail, never to a stranger, and
// capped in rate (behaviour 7). Their texts are templates; what a stranger wrote in a mail is text in them and no more.
import type { AuthenticationFindingId } from '../filters/authentication/findings.js';
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { NewOutboxItem } from '../outbox/outbox.js';
import type { Category } from '../pipeline/finding.js';
import type { ScanResult } from '../pipeline/run.js';
import type { NoticeField, NoticeKind, NoticesSettings } from './notice-settings.js';
import type { Plan } from './plan.js';
import { fillLine, fillText, type FieldValues } from './template.js';
import { CATEGORY_WORDS, findingLines, shownFrom, shownSender, type FindingSpecs } from './wording.js';
import { encodeHeader, mailDate, textPart } from './written-mail.js';

const HOUR_MS = 3_600_000;
/** Addresses whose notices are counted at once; beyond it the oldest are forgotten. */
const COUNTED_ADDRESSES_MAX = 10_000;
const DMARC_PASS: AuthenticationFindingId = 'AUTH_DMARC_PASS';

/** Counts notices per address and hour. */
export class NoticeCap {
  readonly #sent = new Map<string, { hour: number; count: number }>();

  /** Whether one more may go to this address now; counts it if so. */
  take(address: string, perHour: number, nowMs: number): boolean {
    const hour = Math.floor(nowMs / HOUR_MS);
    const key = address.toLowerCase();
    const before = this.#sent.get(key);
    const count = before?.hour === hour ? before.count : 0;
    if (count >= perHour) return false;
    this.#sent.delete(key);
    this.#sent.set(key, { hour, count: count + 1 });
    if (this.#sent.size > COUNTED_ADDRESSES_MAX) {
      const [oldest] = this.#sent.keys();
      if (oldest !== undefined) this.#sent.delete(oldest);
    }
    return true;
  }
}

/** What making notices takes. */
export interface NoticeContext {
  readonly transaction: Transaction;
  readonly message: Message;
  readonly result: ScanResult;
  readonly plan: Plan;
  readonly settings: NoticesSettings;
  readonly specs: FindingSpecs;
  readonly cap: NoticeCap;
  /** The message's number in the log. */
  readonly id: string;
  readonly nowMs: number;
}

/** Mail that did not reach some recipients, and why. */
interface Occasion {
  readonly category: Category;
  readonly fate: 'held' | 'deleted';
  readonly reason: string;
  readonly score: number;
  readonly recipients: readonly string[];
  /** Quarantine entry, or the log's number where nothing was kept. */
  readonly id: string;
}

/** The notices of one message, one item per addressee. `heldIds` are the entries' ids, same order as `plan.held`. */
export function makeNotices(context: NoticeContext, heldIds: readonly string[]): readonly NewOutboxItem[] {
  const isForPeople = !isAutomatic(context.transaction, context.message);
  return occasionsOf(context, heldIds).flatMap((occasion) => {
    const wanted = [
      ...(isForPeople ? toRecipients(occasion, context) : []),
      ...(isForPeople ? toSender(occasion, context) : []),
      ...toAdministrators(occasion, context.settings),
    ];
    return wanted
      .filter(({ address }) => isWritable(address))
      .filter(({ address }) => context.cap.take(address, context.settings.perRecipientPerHour, context.nowMs))
      .map(({ kind, address }) => item(kind, address, occasion, context));
  });
}

/** Mail that must not be answered: null sender, lists, automatic mail (RFC 3834 §2, RFC 2369, RFC 2919). */
export function isAutomatic({ mailFrom }: Transaction, message: Message): boolean {
  if (mailFrom.address === '') return true;
  const auto = message.header('Auto-Submitted');
  if (auto !== null && auto.trim().toLowerCase() !== 'no') return true;
  if (message.headers.some(({ key }) => key === 'list-id' || key === 'list-unsubscribe' || key === 'list-post'))
    return true;
  const precedence = message.header('Precedence')?.trim().toLowerCase() ?? '';
  return precedence === 'bulk' || precedence === 'list' || precedence === 'junk';
}

function occasionsOf({ transaction, plan, id }: NoticeContext, heldIds: readonly string[]): readonly Occasion[] {
  const addresses = (indexes: readonly number[]) => indexes.map((index) => transaction.rcptTo[index]?.address ?? '');
  const held = plan.held.map(({ category, reason, score, recipients }, index): Occasion => ({
    ...{ category, reason, score, fate: 'held', recipients: addresses(recipients), id: heldIds[index] ?? '' },
  }));
  const dropped = plan.outcomes.filter(({ action }) => action === 'discard');
  const deleted = [...new Set(dropped.map(({ category }) => category))].flatMap((category): readonly Occasion[] => {
    const group = dropped.filter((verdict) => verdict.category === category);
    const [first] = group;
    if (category === null || first === undefined) return [];
    const recipients = addresses(group.map(({ recipient }) => recipient));
    return [{ category, fate: 'deleted', reason: first.reason, score: first.score, recipients, id }];
  });
  return [...held, ...deleted];
}

interface Wanted {
  readonly kind: NoticeKind;
  readonly address: string;
}

function toRecipients({ category, fate, recipients }: Occasion, { settings }: NoticeContext): readonly Wanted[] {
  const kind = recipientKind(category, fate);
  if (kind === null || !settings[kind].enabled) return [];
  return [...new Set(recipients)].map((address) => ({ kind, address }));
}

function recipientKind(category: Category, fate: Occasion['fate']): NoticeKind | null {
  if (fate === 'deleted') return category === 'virus' ? 'recipientOnVirusDeleted' : null;
  switch (category) {
    case 'virus':
      return 'recipientOnVirus';
    case 'attachment':
      return 'recipientOnAttachment';
    case 'content':
      return 'recipientOnContent';
    case 'mcp':
      return null;
    default:
      return 'recipientOnHeld';
  }
}

function toSender({ category, fate }: Occasion, context: NoticeContext): readonly Wanted[] {
  const { settings, transaction } = context;
  const address = transaction.mailFrom.address;
  if (category === 'mcp' && settings.senderOnMcp.enabled)
    return transaction.login !== null || isVouchedFor(context) ? [{ kind: 'senderOnMcp', address }] : [];
  if (settings.senderOnHeld.enabled && fate === 'held' && transaction.login !== null)
    return [{ kind: 'senderOnHeld', address }];
  return [];
}

/**
 * DMARC vouches for the From field's domain and says nothing of the envelope sender, to whom a notice goes: only where
 * both are one address does it reach whoever wrote the mail, and not somebody named by him.
 */
function isVouchedFor({ result, message, transaction }: NoticeContext): boolean {
  if (!result.findings.some(({ id }) => id === DMARC_PASS)) return false;
  const [author, ...others] = message.addresses('From');
  return others.length === 0 && author?.address.toLowerCase() === transaction.mailFrom.address.toLowerCase();
}

function toAdministrators({ category }: Occasion, settings: NoticesSettings): readonly Wanted[] {
  if (!settings.administratorOnHeld.enabled || !settings.administratorCategories.includes(category)) return [];
  return settings.administrators.map((address) => ({ kind: 'administratorOnHeld', address }));
}

/** What can stand in a To field as it is, and in SMTP. */
function isWritable(address: string): boolean {
  return address !== '' && !/[\u0000-\u001f\u007f<>]/.test(address);
}

function item(kind: NoticeKind, address: string, occasion: Occasion, context: NoticeContext): NewOutboxItem {
  const { transaction, settings, nowMs } = context;
  const host = transaction.connection.mtaName ?? 'localhost';
  const values = valuesFor(address, occasion, context, host);
  const { subject, text } = settings[kind];
  const lines = [
    `From: ${settings.from}`,
    `To: <${address}>`,
    `Subject: ${encodeHeader(fillLine(subject, values))}`,
    `Date: ${mailDate(nowMs)}`,
    `Message-ID: <${occasion.id}.${nowMs.toString(36)}@${host}>`,
    'Auto-Submitted: auto-replied',
    'Precedence: bulk',
    'MIME-Version: 1.0',
    ...textPart(fillText(text, values)),
  ];
  const content = Buffer.from(lines.join('\r\n'));
  return { kind: 'notice', mailFrom: '', rcptTo: [address], content, about: occasion.id, notBefore: 0 };
}

/** Every field of any notice; which of them a template may name was checked with the settings. */
function valuesFor(
  address: string,
  { category, reason, score, recipients, id }: Occasion,
  { message, transaction, result, specs, nowMs }: NoticeContext,
  host: string,
): FieldValues<NoticeField> {
  const mailFrom = transaction.mailFrom.address;
  return {
    subject: message.subject ?? '(no subject)',
    from: shownFrom(message, mailFrom),
    sender: shownSender(mailFrom),
    category: CATEGORY_WORDS[category],
    reason,
    score: score.toFixed(1),
    id,
    time: new Date(nowMs).toISOString(),
    host,
    recipient: address,
    recipients: recipients.join(', '),
    client: transaction.connection.clientAddress ?? 'unknown',
    findings: findingLines(result.findings, null, specs),
  };
}
