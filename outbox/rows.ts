// Items and recipients of the outbox as rows, and the statements on them that stand alone.
import { createHash } from 'node:crypto';
import { change, type Row, type Step } from '../outside/database.js';
import type { NewOutboxItem, OutboxItem, OutboxKind } from './outbox.js';
import type { RecipientResult, WaitingRecipient } from './queue.js';

/** Items with the addresses not yet served, as `addresses`; to be gone on with WHERE over alias `i`. */
export const ITEMS = `SELECT i.*, (SELECT json_group_array(address) FROM (SELECT address FROM outbox_recipient WHERE item = i.id ORDER BY place)) AS addresses
  FROM outbox_item i`;

/** Lets prepared items go. */
export function commitStep(ids: readonly string[]): Step {
  return change(
    `UPDATE outbox_item SET state = 'queued' WHERE state = 'prepared' AND id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(ids),
  );
}

/** Records one recipient's outcome; past the item's time a retry is a failure. */
export function resultStep(item: string, { place, outcome, reply }: RecipientResult, isExpired: boolean): Step {
  if (outcome === 'sent') return change('DELETE FROM outbox_recipient WHERE item = ? AND place = ?', item, place);
  const state = outcome === 'failed' || isExpired ? 'failed' : 'waiting';
  return change(
    'UPDATE outbox_recipient SET state = ?, reply = ? WHERE item = ? AND place = ?',
    state,
    reply,
    item,
    place,
  );
}

/** What makes two items the same: kind, content, sender, recipients in any order. */
export function mergeKey(item: NewOutboxItem, sha256: string): string {
  const parts = [item.kind, sha256, item.mailFrom, ...[...item.rcptTo].sort()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Back from a row of `ITEMS`. */
export function toItem(row: Row): OutboxItem {
  return {
    id: row['id'] as string,
    kind: row['kind'] as OutboxKind,
    mailFrom: row['mail_from'] as string,
    rcptTo: JSON.parse(row['addresses'] as string) as string[],
    about: row['about'] as string,
    notBefore: row['not_before'] as number,
    time: row['time'] as number,
    sizeBytes: row['size'] as number,
    contentSha256: row['sha256'] as string,
    state: row['state'] as OutboxItem['state'],
    attempts: row['attempts'] as number,
    nextTryAt: row['next_try_at'] as number,
    expiresAt: row['expires_at'] as number,
    lastError: row['last_error'] as string | null,
  };
}

/** The waiting recipients of one item among rows of several. */
export function waitingOf(item: string, rows: readonly Row[]): readonly WaitingRecipient[] {
  return rows
    .filter((row) => row['item'] === item)
    .map((row) => ({ place: row['place'] as number, address: row['address'] as string }));
}

/** The ids of rows. */
export function idsOf(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => row['id'] as string);
}
