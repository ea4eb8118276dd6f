// `weir scan`: judges messages from files without delivering, keeping or looking anything up.
import { stderr, stdin, stdout } from 'node:process';
import type { Command } from 'commander';
import { ACTION_PRECEDENCE } from '../pipeline/decide.js';
import {
  findWrongOption,
  judgeMail,
  openJudge,
  withEnvelope,
  type EnvelopeOptions,
  type JudgedMail,
} from './offline-judge.js';
import { listFiles, readMessages } from './scan-input.js';
import { readSettings } from './settings.js';
import { findingLines, shown, verdictLine } from './verdict-lines.js';

const EXIT = { clean: 0, found: 1, usage: 64, noInput: 66, broken: 70 } as const;
/** Progress is written when a terminal watches and more files than this are scanned. */
const PROGRESS_FROM_FILES = 20;
const PROGRESS_EVERY_MS = 200;

interface ScanOptions extends EnvelopeOptions {
  readonly json?: boolean;
}

interface Judged extends JudgedMail {
  readonly name: string;
}

/** Adds the command to the program. */
export function addScanCommand(program: Command): void {
  withEnvelope(program.command('scan'))
    .description('Judge messages from files, folders, mbox or Maildir, or - for standard input.')
    .argument('<file...>', 'message files, folders, mbox files, or -')
    .option('--json', 'one JSON object a line: file, action, score, threshold, findings, timeMs')
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
  const wrong = findWrongOption(options);
  if (wrong !== null) {
    stderr.write(`weir scan: ${wrong}\n`);
    return EXIT.usage;
  }
  const { inForce, close } = await openJudge(readSettings(configFile), options, 'weir scan');
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
      const judged = { name: input.name, ...(await judgeMail(input.content, options, inForce)) };
      if (judged.verdict.action !== 'accept') exit = Math.max(exit, EXIT.found);
      count(tally, judged.verdict.action);
      if (judged.result.broken.length > 0) exit = Math.max(exit, EXIT.broken);
      await write(options.json ? jsonLine(judged) : plainLines(judged));
    }
    progress.step();
  }
  progress.end();
  if (files.length > 1) stderr.write(`${summaryLine(tally)}\n`);
  await close();
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
