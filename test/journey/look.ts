// How the journeys look into Weir: by its own commands, as an administrator would.
import { join } from 'node:path';
import type { Alert } from '../../logs/alerts.js';
import type { MessageEvent, RecipientOutcome } from '../../logs/event.js';
import { callControl } from '../../programs/control.js';
import type { QuarantineEntry } from '../../quarantine/quarantine.js';
import type { Line } from '../ground/line.js';
import { waitUntil } from '../ground/place.js';
import type { LogRow } from '../ground/weir.js';

const WAIT_MS = 20_000;

/** The one row of the mail log for that Message-ID. */
export async function findLogged(line: Line, messageId: string): Promise<LogRow> {
  return waitUntil(`a log row of ${messageId}`, WAIT_MS, async () => {
    const page = (await ask(line, 'log.mail', { text: messageId, limit: 1 })) as {
      readonly entries: readonly LogRow[];
    };
    return page.entries[0];
  });
}

/** Entries of the security log for that message; it has the same number there. */
export async function findSecurity(line: Line, row: LogRow): Promise<readonly LogRow[]> {
  return line.weir.rows(['log', 'search', '--security', '--id', String(row['id'])]);
}

/** What the row says became of one recipient's mail. */
export function outcomeOf(row: LogRow, address: string): RecipientOutcome | undefined {
  return (row as unknown as MessageEvent).recipients.find((recipient) => recipient.address === address);
}

/** The quarantine entry of that number. */
export async function findHeld(line: Line, id: string): Promise<QuarantineEntry | undefined> {
  const rows = await line.weir.rows(['quarantine', 'list', '--state', 'any']);
  return (rows as unknown as QuarantineEntry[]).find((entry) => entry.id === id);
}

/** Most entries one question gives. */
const PAGE = 1_000;

/** Every row of the mail log, by recipient. */
export async function findAllLogged(line: Line): Promise<ReadonlyMap<string, MessageEvent[]>> {
  const byRecipient = new Map<string, MessageEvent[]>();
  let cursor: string | null = null;
  do {
    const given: object = cursor === null ? {} : { cursor };
    const page = (await ask(line, 'log.mail', { limit: PAGE, ...given })) as {
      entries: MessageEvent[];
      next: string | null;
    };
    for (const row of page.entries) {
      for (const { address } of row.recipients) byRecipient.set(address, [...(byRecipient.get(address) ?? []), row]);
    }
    cursor = page.next;
  } while (cursor !== null);
  return byRecipient;
}

/** Every recipient for whom something is held. */
export async function findAllHeld(line: Line): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  let before: string | undefined;
  do {
    const given: object = before === undefined ? {} : { before };
    const page = (await ask(line, 'quarantine.list', {
      filter: { state: 'held' },
      limit: PAGE,
      ...given,
    })) as QuarantineEntry[];
    for (const entry of page) for (const { address } of entry.recipients) held.add(address);
    before = page.length < PAGE ? undefined : page.at(-1)?.id;
  } while (before !== undefined);
  return held;
}

/** The alerts raised now. */
export async function findAlerts(line: Line): Promise<readonly Alert[]> {
  return (await ask(line, 'alerts', {})) as readonly Alert[];
}

/** Asks the running server over its control socket; rejects when none runs. */
export async function ask(line: Line, method: string, params: object): Promise<unknown> {
  const answer = await callControl(join(line.directory, 'store', 'control.sock'), method, params);
  if (!answer.running) throw new Error('weir does not run');
  return answer.result;
}

/** A last look after all has come to rest, ms. */
const REST_MS = 200;
const PENDING: readonly unknown[] = ['prepared', 'queued', 'sending'];

/** Waits until nothing is on its way any more: the outbox has sent what it will send, and both Postfix queues are empty. */
export async function comeToRest(line: Line): Promise<void> {
  await waitUntil('the outbox to be empty', WAIT_MS, async () => {
    const items = (await ask(line, 'outbox.list', { limit: PAGE })) as readonly LogRow[];
    return items.every(({ state }) => !PENDING.includes(state));
  });
  await line.settle();
  await new Promise((done) => setTimeout(done, REST_MS));
}
