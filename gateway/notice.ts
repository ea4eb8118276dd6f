// Notices about held mail: null sender, Auto-Submitted, never to null senders, lists or automatic mail, capped in rate
// (behaviour 7). Templates are text with named fields and no logic.
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { NewOutboxItem } from '../outbox/outbox.js';
import type { Directions } from './direction.js';
import type { Held, Plan } from './plan.js';
import type { NoticesSettings } from './settings.js';

const HOUR_MS = 3_600_000;
/** Addresses whose notices are counted at once; beyond it the oldest are forgotten. */
const COUNTED_ADDRESSES_MAX = 10_000;
const FIELD_MAX_CHARS = 300;

/** The fields a template may name. */
export const NOTICE_FIELDS = ['subject', 'sender', 'recipient', 'reason', 'id', 'time'] as const;
export type NoticeFields = Readonly<Record<(typeof NOTICE_FIELDS)[number], string>>;

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
  readonly plan: Plan;
  readonly settings: NoticesSettings;
  readonly directions: Directions;
  readonly cap: NoticeCap;
  readonly mtaName: string;
  readonly nowMs: number;
}

/** The notices of one message, one item per addressee. `heldIds` are the entries' ids, same order as `plan.held`. */
export function makeNotices(context: NoticeContext, heldIds: readonly string[]): readonly NewOutboxItem[] {
  if (isAutomatic(context.transaction, context.message)) return [];
  return context.plan.held.flatMap((held, index) => {
    const id = heldIds[index] ?? '';
    return addresseesOf(held, context)
      .filter((address) => context.cap.take(address, context.settings.perRecipientPerHour, context.nowMs))
      .map((address) => item(address, held, id, context));
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

function addresseesOf(held: Held, { transaction, settings }: NoticeContext): readonly string[] {
  const addresses = new Set<string>();
  const tellRecipient =
    (held.category === 'virus' && settings.recipientOnVirus) ||
    (held.category === 'attachment' && settings.recipientOnAttachment);
  if (tellRecipient) {
    for (const index of held.recipients) {
      const address = transaction.rcptTo[index]?.address;
      if (address !== undefined && address !== '') addresses.add(address);
    }
  }
  if (settings.senderOnHeld && transaction.login !== null) addresses.add(transaction.mailFrom.address);
  return [...addresses];
}

function item(address: string, held: Held, id: string, context: NoticeContext): NewOutboxItem {
  const { message, transaction, settings, nowMs, mtaName } = context;
  const fields: NoticeFields = {
    subject: message.subject ?? '(no subject)',
    sender: transaction.mailFrom.address,
    recipient: held.recipients.map((index) => transaction.rcptTo[index]?.address ?? '').join(', '),
    reason: held.reason,
    id,
    time: new Date(nowMs).toISOString(),
  };
  const lines = [
    `From: ${settings.from}`,
    `To: <${address}>`,
    `Subject: ${encodeHeader(fillTemplate(settings.subject, fields))}`,
    `Date: ${new Date(nowMs).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}.${nowMs.toString(36)}@${mtaName}>`,
    'Auto-Submitted: auto-replied',
    'Precedence: bulk',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...base64Lines(fillTemplate(settings.text, fields, true)),
    '',
  ];
  return {
    kind: 'notice',
    mailFrom: '',
    rcptTo: [address],
    content: Buffer.from(lines.join('\r\n')),
    about: id,
    notBefore: 0,
  };
}

/** Puts fields in place of `{name}`; what is no field stays as it stands; field values are never looked into again. */
export function fillTemplate(template: string, fields: NoticeFields, keepLines = false): string {
  const filled = template.replace(/\{([a-z]{1,20})\}/g, (whole, name: string) => {
    const value = NOTICE_FIELDS.find((field) => field === name);
    return value === undefined ? whole : printable(fields[value]);
  });
  return keepLines ? filled : filled.replace(/[\r\n]+/g, ' ');
}

/** Field values come from strangers: control characters out, length bounded. */
function printable(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ')
    .slice(0, FIELD_MAX_CHARS);
}

/** RFC 2047 B encoding in words of at most 75 characters, never splitting a character. */
function encodeHeader(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && text.length <= 60 && !text.includes('=?')) return text;
  const words: string[] = [];
  let chunk = '';
  for (const character of text) {
    if (Buffer.byteLength(chunk + character) > 42) {
      words.push(chunk);
      chunk = '';
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ');
}

function base64Lines(text: string): readonly string[] {
  return (
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  );
}
