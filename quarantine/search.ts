// A search in the quarantine as a condition on its tables. Takes a filter; its texts are parameters, never SQL.
import { fold } from '../logs/fold.js';
import type { SqlValue } from '../outside/database.js';
import type { QuarantineFilter } from './quarantine.js';

const TEXT_FILTERS = {
  sender: ['e.mail_from', 'e.header_from'],
  subject: ['e.subject'],
  reason: ['e.reason'],
} as const;

/** The condition and its parameters; the entry is `e`. `before`: entries with lesser ids alone. */
export function conditions(
  filter: QuarantineFilter,
  before: string | undefined,
): { where: string; params: readonly SqlValue[] } {
  const where = ['1'];
  const params: SqlValue[] = [];
  const add = (sql: string, ...values: readonly SqlValue[]): void => {
    where.push(sql);
    params.push(...values);
  };
  if (before !== undefined) add('e.id < ?', before);
  if (filter.category !== undefined) add('e.category = ?', filter.category);
  if (filter.sinceTime !== undefined) add('e.time >= ?', filter.sinceTime);
  if (filter.untilTime !== undefined) add('e.time <= ?', filter.untilTime);
  for (const [key, columns] of Object.entries(TEXT_FILTERS)) {
    const needle = filter[key as keyof typeof TEXT_FILTERS];
    if (needle !== undefined)
      add(
        `(${columns.map((column) => `folded_contains(${column}, ?)`).join(' OR ')})`,
        ...columns.map(() => fold(needle)),
      );
  }
  const ofRecipient = ['r.entry = e.id'];
  const recipientParams: SqlValue[] = [];
  if (filter.state !== undefined) {
    ofRecipient.push('r.state = ?');
    recipientParams.push(filter.state);
  }
  if (filter.recipient !== undefined) {
    ofRecipient.push('folded_contains(r.address, ?)');
    recipientParams.push(fold(filter.recipient));
  }
  if (recipientParams.length > 0)
    add(`EXISTS (SELECT 1 FROM quarantine_recipient r WHERE ${ofRecipient.join(' AND ')})`, ...recipientParams);
  return { where: where.join(' AND '), params };
}
