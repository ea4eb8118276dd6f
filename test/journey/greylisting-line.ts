// What the journeys of greylisting share: its settings with a short delay, sessions from outside, and looks at the record.
import { OUTSIDE, type Line } from '../ground/line.js';
import { nextId, writeMail } from '../ground/mail.js';
import { deliverMail, SmtpClient, type ClientReply } from '../ground/smtp-client.js';
import { expect } from 'vitest';

/** Longer than a session of the test takes, shorter than anybody wants to wait, seconds. */
export const DELAY_S = 4;
/** Waits for retries, bounded against hanging alone, ms. */
export const RETRY_MS = 60_000;
/** The stage on, with that delay. */
export const GREYLIST = `greylist:
  enabled: true
  delaySeconds: ${DELAY_S}
`;

/** A row of `weir greylist list --json`. */
export interface Row {
  readonly id: string;
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  readonly attempts: number;
  readonly passedAt: number | null;
}

export const listTriplets = async (line: Line, ...options: readonly string[]): Promise<readonly Row[]> =>
  (await line.weir.rows(['greylist', 'list', ...options])) as unknown as readonly Row[];

/** One session from outside that names recipients and goes away. */
export async function nameRecipients(
  line: Line,
  mailFrom: string,
  rcptTo: readonly string[],
): Promise<readonly ClientReply[]> {
  const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
  await client.command(`MAIL FROM:<${mailFrom}>`);
  const replies: ClientReply[] = [];
  for (const recipient of rcptTo) replies.push(await client.command(`RCPT TO:<${recipient}>`));
  await client.command('QUIT');
  return replies;
}

/** Hands a mail to the sender's queue, which tries again by itself. */
export async function sendThroughQueue(line: Line, rcptTo: string): Promise<void> {
  const content = writeMail({ messageId: nextId() });
  const { last } = await deliverMail(line.senderPort, { mailFrom: 'ann@away.test', rcptTo: [rcptTo], content });
  expect(last.code).toBe(250);
}
