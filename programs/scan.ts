// `weir scan`: judges messages from files without delivering, keeping or looking anything up.
import { isIP } from 'node:net';
import { stderr, stdin, stdout } from 'node:process';
import type { Command } from 'commander';
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import { parseMessage } from '../message/parse.js';
import { systemClock } from '../outside/clock.js';
import { STAGES } from '../filters/index.js';
import { buildInForce, type InForce } from '../gateway/in-force.js';
import { ACTION_PRECEDENCE, decide, type Verdict } from '../pipeline/decide.js';
import type { ScanResult } from '../pipeline/run.js';
import { findingLines, shown, verdictLine } from './explain.js';
import { listFiles, readMessages } from './scan-input.js';
import { readSettings } from './settings.js';

const EXIT = { clean: 0, found: 1, usage: 64, noInput: 66, broken: 70 } as const;
/** Progress is written when a terminal watches and more files than this are scanned. */
const PROGRESS_FROM_FILES = 20;
const PROGRESS_EVERY_MS = 200;

interface ScanOptions {
  readonly json?: boolean;
  readonly ip?: string;
  readonly helo?: string;
  readonly mailFrom?: string;
  readonly rcptTo?: string[];
  readonly resolver?: string;
}

interface Judged {
  readonly name: string;
  readonly verdict: Verdict;
  readonly result: ScanResult;
}

/** Adds the command to the program. */
export function addScanCommand(program: Command): void {
  program
    .command('scan')
    .description('Judge messages from files, folders, mbox or Maildir, or - for standard input.')
    .argument('<file...>', 'message files, folders, mbox files, or -')
    .option('--json', 'one JSON object a line: file, action, score, threshold, findings, timeMs')
    .option('--ip <address>', "client's address, as if it had handed the message in")
    .option('--helo <name>', "client's HELO name")
    .option('--mail-from <address>', 'envelope sender ("" for the null sender); default: the Return-Path or From field')
    .option('--rcpt-to <address...>', 'envelope recipients; default: postmaster')
    .option('--resolver <address>', 'DNS server for stages that look things up; without it nothing is looked up')
    .addHelpText(
      'after',
      `
Examples:
  weir scan mail.eml
  weir scan --json --ip 192.0.2.7 --mail-from a@example.org mail.eml
  weir scan ~/Maildir
  cat mail.eml | weir scan -

Exit codes: 0 nothing found, 1 at least one message is not plainly accepted, 64 bad usage, 66 a file cannot be read,
70 a stage broke, 78 the configuration is refused.`,
    )
    .action(async (paths: string[], options: ScanOptions, command: Command) => {
      process.exitCode = await scanAll(paths, options, command.optsWithGlobals<{ config?: string }>().config);
    });
}

async function scanAll(
  paths: readonly string[],
  options: ScanOptions,
  configFile: string | undefined,
): Promise<number> {
  if (options.ip !== undefined && isIP(options.ip) === 0) {
    stderr.write(`weir scan: --ip takes an IPv4 or IPv6 address, not ${shown(options.ip)}\n`);
    return EXIT.usage;
  }
  if (options.resolver !== undefined)
    stderr.write('weir scan: no stage looks anything up yet; --resolver changes nothing\n');
  const configuration = readSettings(configFile);
  const inForce = await buildInForce(configuration, STAGES, {
    clock: systemClock,
    resolver: null,
    countries: null,
    alert: (code, raised, detail) => void (raised && stderr.write(`weir scan: alert ${code}: ${shown(detail)}\n`)),
  });
  const files = await listFiles(paths);
  const progress = createProgress(files.length);
  const tally = new Map<string, number>();
  let exit: number = EXIT.clean;
  for (const file of files) {
    for await (const input of readMessages(file, stdin)) {
      if ('error' in input) {
        stderr.write(`weir scan: ${shown(input.name)}: ${shown(input.error)}\n`);
        exit = Math.max(exit, EXIT.noInput);
        count(tally, 'unreadable');
        continue;
      }
      const judged = await judge(input.name, input.content, options, inForce);
      if (judged.verdict.action !== 'accept') exit = Math.max(exit, EXIT.found);
      count(tally, judged.verdict.action);
      if (judged.result.broken.length > 0) exit = Math.max(exit, EXIT.broken);
      await write(options.json ? jsonLine(judged) : plainLines(judged));
    }
    progress.step();
  }
  progress.end();
  if (files.length > 1) stderr.write(`${summaryLine(tally)}\n`);
  await inForce.retire();
  return exit;
}

function count(tally: Map<string, number>, key: string): void {
  tally.set(key, (tally.get(key) ?? 0) + 1);
}

/** Such as `120 messages: 100 accept, 20 tag`. */
function summaryLine(tally: ReadonlyMap<string, number>): string {
  const total = [...tally.values()].reduce((sum, one) => sum + one, 0);
  const parts = [...ACTION_PRECEDENCE, 'unreadable'].flatMap((key) =>
    tally.has(key) ? [`${tally.get(key)} ${key}`] : [],
  );
  return `${total} messages: ${parts.join(', ')}`;
}

async function judge(name: string, content: Buffer, options: ScanOptions, inForce: InForce): Promise<Judged> {
  const message = parseMessage(content);
  const transaction = transactionOf(content, options, message.addresses('From')[0]?.address ?? '');
  const directions = inForce.directions.of(transaction);
  const result = await inForce.scan({ message, transaction, directions, signal: new AbortController().signal });
  const verdicts = decide(result, transaction.rcptTo, inForce.verdict, inForce.specs);
  const verdict = [...verdicts].sort(
    (a, b) => ACTION_PRECEDENCE.indexOf(b.action) - ACTION_PRECEDENCE.indexOf(a.action),
  )[0];
  if (!verdict) throw new Error('a message without recipient was judged');
  return { name, verdict, result };
}

function transactionOf(content: Buffer, options: ScanOptions, from: string): Transaction {
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

function jsonLine({ name, verdict, result }: Judged): string {
  const findings = result.findings.map(({ id, score, stage, evidence }) => ({ id, score, stage, evidence }));
  const broken = result.broken.length > 0 ? { broken: result.broken } : {};
  return `${JSON.stringify({
    file: name,
    action: verdict.action,
    score: verdict.score,
    threshold: verdict.thresholds.tagAt,
    findings,
    timeMs: result.totalMs,
    ...broken,
  })}\n`;
}

function plainLines({ name, verdict, result }: Judged): string {
  const lines = [
    shown(name),
    `  ${verdictLine(verdict)}  ${result.totalMs} ms`,
    ...findingLines(result).map((line) => `  ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function write(text: string): Promise<void> | void {
  if (!stdout.write(text)) return new Promise((resolve) => stdout.once('drain', resolve));
}

/** A counter on the terminal's last line; silent when nobody watches or when little is to be done. */
function createProgress(total: number): { step(): void; end(): void } {
  const watched = stderr.isTTY && total >= PROGRESS_FROM_FILES;
  let done = 0;
  let shownAt = 0;
  return {
    step() {
      done += 1;
      const now = Date.now();
      if (!watched || now - shownAt < PROGRESS_EVERY_MS) return;
      shownAt = now;
      stderr.write(`\r${done} of ${total} files (${Math.floor((done / total) * 100)} %)\u001b[K`);
    },
    end() {
      if (watched) stderr.write(`\r${done} of ${total} files\u001b[K\n`);
    },
  };
}
