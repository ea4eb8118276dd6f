// The line of the authentication journeys: a scripted DNS server behind Weir, mail from outside handed to the MTA, and
// everything a journey looks at afterwards: reply, delivered bytes, results written, log row.
import { AUTHSERV_ID } from './authentication-zone.js';
import { OUTSIDE, startLine, type Line, type LineOptions } from '../ground/line.js';
import { fieldsNamed, nextId, writeMail, type MailParts } from '../ground/mail.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../ground/scripted-dns.js';
import { deliverMail, SmtpClient, type ClientOutcome } from '../ground/smtp-client.js';
import { findLogged, outcomeOf } from './look.js';
import type { StagedFinding } from '../../pipeline/finding.js';

export interface AuthenticationLine {
  readonly line: Line;
  readonly dns: ScriptedDns;
  stop(): Promise<void>;
}

/** Look-ups that fail are waited for so long, ms, and kept no longer than they must be. */
const RESOLVER = 'timeoutMs: 1000, tries: 1, failureTtlS: 1';

/** Starts DNS and the line; `settings` are lines of the section `authentication`, indented by two blanks. */
export async function startAuthenticationLine(
  name: string,
  zone: Zone,
  settings = '',
  options: Omit<LineOptions, 'name'> = {},
): Promise<AuthenticationLine> {
  const dns = await startScriptedDns(zone);
  try {
    const config = `resolver: { servers: ["${dns.address}"], ${RESOLVER} }\nauthentication:\n  authservId: ${AUTHSERV_ID}\n${settings}${options.config ?? ''}`;
    const line = await startLine({ ...options, name, config });
    return {
      line,
      dns,
      stop: async () => {
        await line.stop();
        await dns.stop();
      },
    };
  } catch (error) {
    await dns.stop();
    throw error;
  }
}

/** One mail from outside. `write` gets its Message-ID and gives the whole content. */
export interface Sent {
  readonly mailFrom: string;
  readonly helo?: string;
  readonly write?: (messageId: string) => string;
  readonly mail?: Omit<MailParts, 'messageId'>;
  /** XCLIENT attributes (the MTA must allow them): the client is another host. */
  readonly xclient?: string;
}

/** What became of it. */
export interface Seen {
  readonly reply: string;
  /** `delivered`, `held`, or the action of the log. */
  readonly action: string;
  /** Values of all Authentication-Results fields delivered, unfolded, blanks single. */
  readonly results: readonly string[];
  readonly content: Buffer | null;
  readonly findings: readonly StagedFinding[];
  readonly ids: readonly string[];
  readonly quarantineId: string | null;
  readonly elapsedMs: number;
}

let count = 0;

/** Sends one mail and looks at every place. */
export async function send(line: Line, sent: Sent): Promise<Seen> {
  const messageId = nextId();
  const to = `u${++count}@house.test`;
  const content = sent.write?.(messageId) ?? writeMail({ ...sent.mail, messageId });
  const startedMs = performance.now();
  const outcome = await submit(line, sent, to, content);
  const elapsedMs = performance.now() - startedMs;
  const row = await findLogged(line, messageId);
  const findings = row['findings'] as readonly StagedFinding[];
  const decided = outcomeOf(row, to);
  const isDelivered = decided?.action === 'accept' || decided?.action === 'tag';
  const sunk = isDelivered ? await line.sink.mailFor(to) : null;
  return {
    reply: outcome.last.text,
    action: decided?.action ?? '',
    results: sunk === null ? [] : fieldsNamed(sunk.content, 'Authentication-Results').map(unfold),
    content: sunk?.content ?? null,
    findings,
    ids: findings.map(({ id }) => id),
    quarantineId: decided?.quarantineId ?? null,
    elapsedMs,
  };
}

const unfold = (value: string): string => value.replace(/\s+/g, ' ');

async function submit(
  line: Line,
  { mailFrom, helo, xclient }: Sent,
  to: string,
  content: string,
): Promise<ClientOutcome> {
  const options = { localAddress: OUTSIDE, ...(helo !== undefined && { helo }) };
  const mail = { mailFrom, rcptTo: [to], content: Buffer.from(content, 'latin1') };
  if (xclient === undefined) return deliverMail(line.port, mail, options);
  const client = await SmtpClient.open(line.port, options);
  const reply = await client.command(`XCLIENT ${xclient}`);
  if (reply.code !== 220) throw new Error(`XCLIENT refused: ${reply.text}`);
  await client.command(`EHLO ${helo ?? 'client.test'}`);
  const outcome = await client.deliver(mail);
  await client.quit();
  return outcome;
}
