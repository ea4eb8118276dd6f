// How entries of the quarantine stand in its tables: written from what is held, read back as entries.
import { createHash } from 'node:crypto';
import type { Row, Step } from '../outside/database.js';
import { change } from '../outside/database.js';
import type { Category } from '../pipeline/finding.js';
import type { NewQuarantineEntry, QuarantineEntry, QuarantineRecipient, RecipientState } from './quarantine.js';

/** Longest text of one column, characters. */
const TEXT_CHARS_MAX = 4_096;

/** Entries with their recipients, as `toEntry` takes them; the entry is `e`. */
export const ENTRIES = `SELECT e.*, (SELECT json_group_array(json_array(address, state)) FROM
  (SELECT address, state FROM quarantine_recipient WHERE entry = e.id ORDER BY place)) AS recipients FROM quarantine_entry e`;

/** Inserts an entry. The same still held: nothing is inserted, and the older entry is found by its key. */
export function insertEntry(id: string, entry: NewQuarantineEntry, sha256: string, key: string): Step {
  return change(
    `INSERT INTO quarantine_entry (id, time, category, mail_from, header_from, subject, message_id, size, sha256, reason, score, log_id, merge_key, held)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (merge_key) WHERE held > 0 DO NOTHING`,
    ...[id, Math.trunc(entry.time), entry.category, entry.mailFrom, cut(entry.headerFrom)],
    ...[entry.subject === null ? null : cut(entry.subject), entry.messageId === null ? null : cut(entry.messageId)],
    ...[entry.content.length, sha256, cut(entry.reason), entry.score, entry.logId, key, entry.rcptTo.length],
  );
}

/** What makes a second one the same: content, class, sender and recipients. */
export function mergeKey(entry: NewQuarantineEntry, sha256: string): string {
  return createHash('sha256')
    .update(JSON.stringify([sha256, entry.category, entry.mailFrom, ...[...entry.rcptTo].sort()]))
    .digest('hex');
}

/** A row of ENTRIES as an entry. */
export function toEntry(row: Row): QuarantineEntry {
  const recipients = JSON.parse(row['recipients'] as string) as readonly (readonly [string, RecipientState])[];
  return {
    id: row['id'] as string,
    time: row['time'] as number,
    category: row['category'] as Category,
    mailFrom: row['mail_from'] as string,
    headerFrom: row['header_from'] as string,
    subject: row['subject'] as string | null,
    messageId: row['message_id'] as string | null,
    sizeBytes: row['size'] as number,
    contentSha256: row['sha256'] as string,
    reason: row['reason'] as string,
    score: row['score'] as number,
    logId: row['log_id'] as string,
    recipients: recipients.map(([address, state]): QuarantineRecipient => ({ address, state })),
  };
}

/** Addresses of recipients' rows, in the order of the envelope. */
export function addressesOf(rows: readonly Row[]): readonly string[] {
  return [...rows]
    .sort((a, b) => (a['place'] as number) - (b['place'] as number))
    .map((row) => row['address'] as string);
}

function cut(text: string): string {
  return text.length > TEXT_CHARS_MAX ? text.slice(0, TEXT_CHARS_MAX - 1) + '…' : text;
}
