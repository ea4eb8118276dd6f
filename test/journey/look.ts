// How the journeys look into Weir: by its own commands, as an administrator would.
import type { MessageEvent, RecipientOutcome } from '../../logs/event.js';
import type { QuarantineEntry } from '../../quarantine/quarantine.js';
import type { Line } from '../ground/line.js';
import { waitUntil } from '../ground/place.js';
import type { LogRow } from '../ground/weir.js';

const WAIT_MS = 20_000;

/** The one row of the mail log for that Message-ID. */
export async function findLogged(line: Line, messageId: string): Promise<LogRow> {
  return waitUntil(
    `a log row of ${messageId}`,
    WAIT_MS,
    async () => (await line.weir.rows(['log', 'search', messageId]))[0],
  );
}

/** Rows of the security log for that Message-ID. */
export async function findSecurity(line: Line, messageId: string): Promise<readonly LogRow[]> {
  return line.weir.rows(['log', 'search', '--security', messageId]);
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

/** Every row of the mail log, by recipient. */
export async function findAllLogged(line: Line): Promise<ReadonlyMap<string, MessageEvent[]>> {
  const rows = (await line.weir.rows(['log', 'search', '--limit', '5000'])) as unknown as MessageEvent[];
  const byRecipient = new Map<string, MessageEvent[]>();
  for (const row of rows) {
    for (const { address } of row.recipients) byRecipient.set(address, [...(byRecipient.get(address) ?? []), row]);
  }
  return byRecipient;
}

/** Every recipient for whom something is held. */
export async function findAllHeld(line: Line): Promise<ReadonlySet<string>> {
  const rows = (await line.weir.rows(['quarantine', 'list', '--state', 'any', '--limit', '5000'])) as unknown as QuarantineEntry[];
  return new Set(rows.flatMap((entry) => entry.recipients.map((recipient) => recipient.address)));
}
