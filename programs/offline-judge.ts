// Judges one message from a file as if a client had handed it in: for `weir scan` and `weir explain`. Nothing is
// delivered or kept, and nothing is looked up unless a resolver was named.
import { isIP } from 'node:net';
import { stderr } from 'node:process';
import type { Command } from 'commander';
import type { Configuration } from '../config/load.js';
import { STAGES } from '../filters/index.js';
import { buildInForce, type InForce } from '../gateway/in-force.js';
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import { parseMessage } from '../message/parse.js';
import { systemClock } from '../outside/clock.js';
import { parseServerAddress } from '../outside/dns-address.js';
import { ACTION_PRECEDENCE, decide, type Verdict } from '../pipeline/decide.js';
import type { ScanResult } from '../pipeline/run.js';
import type { Direction } from '../pipeline/stage.js';
import { shown } from './verdict-lines.js';
import { openCommandWorld } from './world.js';

/** What stands in for the session that a file does not have. */
export interface EnvelopeOptions {
  readonly ip?: string;
  readonly helo?: string;
  readonly mailFrom?: string;
  readonly rcptTo?: string[];
  readonly resolver?: string;
}

export interface JudgedMail {
  /** The strongest of all recipients. */
  readonly verdict: Verdict;
  readonly verdicts: readonly Verdict[];
  readonly result: ScanResult;
  readonly message: Message;
  readonly transaction: Transaction;
  readonly directions: readonly Direction[];
}

/** Adds the options that describe the session. */
export function withEnvelope(command: Command): Command {
  return command
    .option('--ip <address>', "client's address, as if it had handed the message in")
    .option('--helo <name>', "client's HELO name")
    .option('--mail-from <address>', 'envelope sender ("" for the null sender); default: the address of the From field')
    .option('--rcpt-to <address...>', 'envelope recipients; default: postmaster')
    .option('--resolver <address>', 'DNS server for stages that look things up; without it nothing is looked up');
}

/** What is wrong with the options, or null. */
export function findWrongOption({ ip, resolver }: EnvelopeOptions): string | null {
  if (ip !== undefined && isIP(ip) === 0) return `--ip takes an IPv4 or IPv6 address, not ${shown(ip)}`;
  if (resolver !== undefined && parseServerAddress(resolver) === null)
    return `--resolver takes address, address:port or [address]:port, not ${shown(resolver)}`;
  return null;
}

/** The stages at work for a command; alerts go to standard error under its name. */
export async function openJudge(
  configuration: Configuration,
  options: EnvelopeOptions,
  command: string,
): Promise<{ readonly inForce: InForce; readonly close: () => Promise<void> }> {
  const alert = (code: string, raised: boolean, detail: string): void =>
    void (raised && stderr.write(`${command}: alert ${code}: ${shown(detail)}\n`));
  const world = openCommandWorld(alert, options.resolver);
  const inForce = await buildInForce(configuration, STAGES, world.outside(configuration));
  return { inForce, close: () => inForce.retire().finally(() => world.close()) };
}

/** Judges one message under the settings in force. */
export async function judgeMail(content: Buffer, options: EnvelopeOptions, inForce: InForce): Promise<JudgedMail> {
  const message = parseMessage(content);
  const given = transactionOf(content, options, message.addresses('From')[0]?.address ?? '');
  const transaction = { ...given, connection: inForce.client(given.connection, message) };
  const directions = inForce.directions.of(transaction);
  const result = await inForce.scan({ message, transaction, directions, signal: new AbortController().signal });
  const verdicts = decide(
    result,
    inForce.directions.underMainNames(transaction.rcptTo),
    inForce.verdict,
    inForce.specs,
  );
  const [verdict] = [...verdicts].sort(
    (a, b) => ACTION_PRECEDENCE.indexOf(b.action) - ACTION_PRECEDENCE.indexOf(a.action),
  );
  if (!verdict) throw new Error('a message without recipient was judged');
  return { verdict, verdicts, result, message, transaction, directions };
}

function transactionOf(content: Buffer, options: EnvelopeOptions, from: string): Transaction {
  const now = systemClock.now();
  const address = (text: string): EnvelopeAddress => ({ address: text, params: new Map(), given: `<${text}>` });
  const connection: Connection = {
    id: `[${options.ip ?? 'unknown'}]:0@${now}`,
    clientAddress: options.ip ?? null,
    country: null,
    clientPort: 0,
    clientName: null,
    clientPtr: null,
    clientResolve: 'unknown',
    helo: options.helo ?? null,
    tls: null,
    mtaName: null,
    daemonName: null,
    daemonAddress: null,
    daemonPort: null,
    smtp: true,
    macros: new Map(),
    startedAt: now,
  };
  return {
    connection,
    queueId: null,
    mailFrom: address(options.mailFrom ?? from),
    rcptTo: (options.rcptTo ?? ['postmaster']).map(address),
    login: null,
    content,
    truncated: false,
    sizeBytes: content.length,
    macros: new Map(),
    receivedAt: now,
  };
}
