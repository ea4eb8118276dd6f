// One try to hand an item to the mail server by SMTP: takes envelope and exact content, gives a result per recipient.
// Exactly one message must arrive, whatever the content: line ends are made CRLF first, so nothing in it can end the data.
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { RecipientResult, WaitingRecipient } from './queue.js';

/** Recipients named in one SMTP transaction (RFC 5321 §4.5.3.1.8). */
export const RECIPIENTS_PER_SESSION = 100;
/** One session's whole time, ms, however alive the other side looks. */
export const SESSION_MAX_MS = 15 * 60_000;
/** Longest reply kept, characters. */
const REPLY_CHARS_MAX = 500;
/** Largest single reply taken from the server, bytes. */
const RESPONSE_BYTES_MAX = 65_536;
const CLOSE_TIMEOUT_MS = 1_000;

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

export interface Route {
  readonly host: string;
  readonly port: number;
  readonly heloName: string;
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
}

export interface Delivery {
  /** One per recipient, same order. */
  readonly results: readonly RecipientResult[];
  /** False when the server could not be reached or hung up: nothing is wrong with the item itself. */
  readonly isReached: boolean;
}

/** Never rejects: whatever goes wrong is a `retry` or a `failed` with its reason. */
export async function deliver(
  route: Route,
  mailFrom: string,
  recipients: readonly WaitingRecipient[],
  content: Buffer,
): Promise<Delivery> {
  const lines = toSmtpLines(content);
  const results: RecipientResult[] = [];
  let isReached = true;
  for (let start = 0; start < recipients.length; start += RECIPIENTS_PER_SESSION) {
    const group = recipients.slice(start, start + RECIPIENTS_PER_SESSION);
    const outcome: GroupOutcome = isReached ? await deliverGroup(route, mailFrom, group, lines) : UNREACHED;
    isReached &&= outcome.isReached;
    results.push(...group.map((recipient) => ({ place: recipient.place, ...outcome.of(recipient.address) })));
  }
  return { results, isReached };
}

/**
 * Content as SMTP carries it: every line ends with CRLF. A bare LF ends a line, as the mail server that took the message
 * reads it too; a bare CR ends none and becomes a blank (as Postfix writes it out from 3.9 on), so that neither
 * `\n.\n` nor `\r.\r` can stand for the end of the message anywhere (CVE-2023-51764).
 */
export function toSmtpLines(content: Buffer): Buffer {
  const out = Buffer.allocUnsafe(content.length * 2 + 2);
  let size = 0;
  for (let i = 0; i < content.length; i += 1) {
    const byte = content[i] ?? 0;
    if (byte === CR) {
      if (content[i + 1] === LF) continue;
      out[size++] = SPACE;
    } else if (byte === LF) {
      out[size++] = CR;
      out[size++] = LF;
    } else {
      out[size++] = byte;
    }
  }
  if (size > 0 && out[size - 1] !== LF) {
    out[size++] = CR;
    out[size++] = LF;
  }
  return out.subarray(0, size);
}

type Outcome = Pick<RecipientResult, 'outcome' | 'reply'>;

interface GroupOutcome {
  readonly isReached: boolean;
  of(address: string): Outcome;
}

const UNREACHED: GroupOutcome = {
  isReached: false,
  of: () => ({ outcome: 'retry', reply: 'the mail server was not reached' }),
};
const NOT_SENDABLE: Outcome = { outcome: 'failed', reply: 'the address cannot be written in SMTP' };

async function deliverGroup(
  route: Route,
  mailFrom: string,
  group: readonly WaitingRecipient[],
  content: Buffer,
): Promise<GroupOutcome> {
  const addresses = [...new Set(group.map(({ address }) => address))];
  const sendable = isSendable(mailFrom) ? addresses.filter((address) => address !== '' && isSendable(address)) : [];
  const outcome = sendable.length === 0 ? UNREACHED : await session(route, mailFrom, sendable, content);
  return {
    isReached: sendable.length === 0 || outcome.isReached,
    of: (address) => (sendable.includes(address) ? outcome.of(address) : NOT_SENDABLE),
  };
}

/** What could end the command or begin another; the library refuses these too, but the whole message with them. */
function isSendable(address: string): boolean {
  return !/[\u0000-\u001f\u007f<>]/.test(address);
}

function session(route: Route, mailFrom: string, to: readonly string[], content: Buffer): Promise<GroupOutcome> {
  return new Promise((resolve) => {
    const connection = new SMTPConnection({
      host: route.host,
      port: route.port,
      name: route.heloName,
      // The listener is on loopback and shows no name that a certificate could prove.
      ignoreTLS: true,
      connectionTimeout: route.connectTimeoutMs,
      greetingTimeout: route.connectTimeoutMs,
      socketTimeout: route.replyTimeoutMs,
      socketCloseTimeout: CLOSE_TIMEOUT_MS,
      maxResponseSize: RESPONSE_BYTES_MAX,
      allowInternalNetworkInterfaces: true,
    });
    const end = (outcome: GroupOutcome): void => {
      clearTimeout(timer);
      connection.removeAllListeners('error');
      // After the end a late error of the socket concerns nobody; without a listener it would end the process.
      connection.on('error', () => connection.close());
      connection.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => end(unreached('the session took too long')), SESSION_MAX_MS);
    connection.once('error', (error: Error) => end(failedSession(error)));
    connection.connect((error) => {
      if (error) return end(failedSession(error));
      const is8Bit = content.some((byte) => byte > 0x7f);
      const envelope = { from: mailFrom, to: [...to], size: content.length, use8BitMime: is8Bit };
      connection.send(envelope, content, (sendError, info) => {
        if (sendError !== null) return end(failedSession(sendError));
        connection.quit();
        end(sentSession(info));
      });
    });
  });
}

/** What the library's errors carry, as far as it is used here. */
interface SmtpError {
  readonly message: string;
  readonly response?: unknown;
  readonly responseCode?: unknown;
  readonly recipient?: unknown;
  readonly command?: unknown;
  readonly rejectedErrors?: unknown;
}

function sentSession(info: {
  readonly accepted: readonly string[];
  readonly rejectedErrors?: unknown;
  readonly response: string;
}): GroupOutcome {
  const refused = refusals(info.rejectedErrors);
  const accepted = new Set(info.accepted);
  return {
    isReached: true,
    of: (address) =>
      accepted.has(address)
        ? { outcome: 'sent', reply: info.response.slice(0, REPLY_CHARS_MAX) }
        : (refused.get(address) ?? { outcome: 'retry', reply: 'the server said nothing of this recipient' }),
  };
}

/** An error of the whole session; refusals of single recipients keep their own reply. */
function failedSession(error: SmtpError): GroupOutcome {
  const whole = judge(error);
  const refused = refusals(error.rejectedErrors);
  return { isReached: typeof error.responseCode === 'number', of: (address) => refused.get(address) ?? whole };
}

function unreached(reason: string): GroupOutcome {
  return { isReached: false, of: () => ({ outcome: 'retry', reply: reason }) };
}

function refusals(errors: unknown): ReadonlyMap<string, Outcome> {
  const list = Array.isArray(errors) ? (errors as readonly SmtpError[]) : [];
  return new Map(list.map((error) => [String(error.recipient), judge(error)]));
}

/** Commands that speak of the server rather than of the item: a refusal of one is tried again. */
const SERVER_COMMANDS: readonly unknown[] = ['CONN', 'EHLO', 'HELO'];

/** 5xx is for good (RFC 5321 §4.2.1), anything else is tried again. */
function judge(error: SmtpError): Outcome {
  const code = typeof error.responseCode === 'number' ? error.responseCode : 0;
  const text = typeof error.response === 'string' && error.response !== '' ? error.response : error.message;
  const isFinal = code >= 500 && code <= 599 && !SERVER_COMMANDS.includes(error.command);
  return { outcome: isFinal ? 'failed' : 'retry', reply: text.slice(0, REPLY_CHARS_MAX) };
}
