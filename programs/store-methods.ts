// What the control socket offers on the stores, and what commands call directly when no server runs: one table, so that
// both do the same. Parameters come from outside and are checked. Opening or changing somebody's mail is audited.
import { Type } from 'typebox';
import { SECURITY_CATEGORIES } from '../logs/event.js';
import type { LogQuery } from '../logs/search.js';
import { CATEGORIES } from '../pipeline/finding.js';
import { accessMethods } from './access/methods.js';
import type { ControlMethods } from './control.js';
import { method } from './control-method.js';
import { greylistMethods } from './greylist/methods.js';
import type { Stores } from './stores.js';
import { clearUnprocessable } from './unprocessable-alert.js';

const LIMIT_MAX = 1_000;
const IDS_MAX = 1_000;
const TEXT_CHARS_MAX = 1_000;

const text = Type.String({ maxLength: TEXT_CHARS_MAX });
const time = Type.Integer({ minimum: 0, maximum: 8.64e15 });
const limit = Type.Integer({ minimum: 1, maximum: LIMIT_MAX });
const optional = Type.Optional;
const strict = { additionalProperties: false } as const;
const oneOf = (values: readonly string[]) => Type.Enum([...values]);

const QuarantineList = Type.Object(
  {
    filter: Type.Object(
      {
        category: optional(oneOf(CATEGORIES)),
        sender: optional(text),
        recipient: optional(text),
        subject: optional(text),
        reason: optional(text),
        state: optional(oneOf(['held', 'released', 'deleted'])),
        sinceTime: optional(time),
        untilTime: optional(time),
      },
      strict,
    ),
    limit,
    before: optional(text),
  },
  strict,
);

const EntryId = Type.Object({ id: text }, strict);
const EntryRecipients = Type.Object({ id: text, rcptTo: optional(Type.Array(text, { maxItems: IDS_MAX })) }, strict);
const Purge = Type.Object({ dryRun: Type.Boolean() }, strict);
const OutboxList = Type.Object({ limit, after: optional(text) }, strict);
const Ids = Type.Object({ ids: Type.Array(text, { maxItems: IDS_MAX }) }, strict);

const LogSearchParams = Type.Object(
  {
    ...Object.fromEntries(
      ['text', 'id', 'messageId', 'sender', 'recipient', 'subject', 'source', 'event', 'queueId', 'helo', 'login'].map(
        (name) => [name, optional(text)],
      ),
    ),
    category: optional(oneOf(SECURITY_CATEGORIES)),
    action: optional(oneOf(['accept', 'tag', 'quarantine', 'discard', 'tempfail', 'reject'])),
    direction: optional(oneOf(['received', 'sent', 'internal'])),
    sinceTime: optional(time),
    untilTime: optional(time),
    limit,
    cursor: optional(text),
    budgetMs: optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
  },
  strict,
);

/** Names and parameters: see the schemas above; results are the stores' own types as JSON, contents as base 64. */
export function storeControlMethods(stores: Stores): ControlMethods {
  const { quarantine, outbox, alerts, logger } = stores;
  const audit = (deed: string, fields: object): void => logger.info({ audit: deed, ...fields }, 'audit');
  return {
    'quarantine.list': method(QuarantineList, (params) =>
      quarantine.list(params.filter as Parameters<typeof quarantine.list>[0], params.limit, params.before),
    ),
    'quarantine.show': method(EntryId, ({ id }) => quarantine.get(id)),
    'quarantine.content': method(EntryId, async ({ id }) => {
      audit('quarantine.content', { id });
      return (await quarantine.content(id))?.toString('base64') ?? null;
    }),
    'quarantine.release': method(EntryRecipients, async ({ id, rcptTo }) => {
      const released = await quarantine.release(id, rcptTo);
      audit('quarantine.release', { id, recipients: released });
      await clearUnprocessable(stores);
      return released;
    }),
    'quarantine.delete': method(EntryRecipients, async ({ id, rcptTo }) => {
      const deleted = await quarantine.delete(id, rcptTo);
      audit('quarantine.delete', { id, recipients: deleted });
      await clearUnprocessable(stores);
      return deleted;
    }),
    'quarantine.purge': method(Purge, async ({ dryRun }) => {
      if (dryRun) return { entries: await stores.countExpired(), contents: 0 };
      const gone = await stores.clearOut();
      if (gone !== null) audit('quarantine.purge', gone);
      return gone;
    }),
    'outbox.list': method(OutboxList, async (params) => {
      const items = await outbox.list(params.limit, params.after);
      return Promise.all(items.map(async (item) => ({ ...item, recipients: await outbox.recipients(item.id) })));
    }),
    'outbox.retry': method(Ids, async ({ ids }) => {
      const retried = await outbox.retry(ids);
      audit('outbox.retry', { ids: retried });
      return retried;
    }),
    'outbox.delete': method(Ids, async ({ ids }) => {
      const removed = await outbox.remove(ids);
      audit('outbox.delete', { ids: removed });
      return removed;
    }),
    'log.mail': method(LogSearchParams, async (query) => (await stores.search()).mail(query as LogQuery)),
    'log.security': method(LogSearchParams, async (query) => (await stores.search()).security(query as LogQuery)),
    ...accessMethods(stores),
    ...greylistMethods(stores),
    alerts: async () => alerts.list(),
  };
}
