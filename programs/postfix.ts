// `weir postfix`: the exact lines Postfix needs for the settings in force, and `weir postfix check`: a running Postfix
// against them. Reads Postfix through its own programs; changes nothing.
import type { Command } from 'commander';
import { checkPostfix, namesToRead, type CheckLine } from './postfix-check.js';
import { QUEUE_DIRECTORY } from './postfix-lines.js';
import { printLines } from './postfix-print.js';
import { checkReach } from './postfix-reach.js';
import { readPostfix } from './postfix-read.js';
import { readSite } from './postfix-site.js';
import { readSettings } from './settings.js';

/** Exit codes of `weir postfix check`. */
const EXIT_DIFFERS = 1;
const EXIT_UNREADABLE = 2;

/** Adds `postfix` and `postfix check`. The program has the global option `--config`. */
export function addPostfixCommand(program: Command): void {
  const postfix = program
    .command('postfix')
    .description('Print the main.cf and master.cf lines that put Weir in front of Postfix, each with its reason.')
    .option('--queue-dir <dir>', "Postfix's queue_directory, the root of its chroot", QUEUE_DIRECTORY)
    .addHelpText(
      'after',
      '\nExamples:\n  weir postfix\n  weir postfix check\n\nExit codes: 0 printed; 78 the configuration is refused.',
    )
    .action((options: { queueDir: string }) => {
      process.stdout.write(printLines(readSite(readSettings(configOption(program)), options.queueDir)));
    });
  addCheck(program, postfix);
}

function addCheck(program: Command, postfix: Command): void {
  postfix
    .command('check')
    .description('Compare a running Postfix with these lines: each ok, differs or missing, with what it costs.')
    .option('--config-dir <dir>', "Postfix's configuration folder (default: the installed Postfix)")
    .option('--json', 'one JSON object a line: state, subject, cost')
    .addHelpText(
      'after',
      '\nExamples:\n  weir postfix check\n  weir postfix check --config-dir /etc/postfix-out\n' +
        `\nExit codes: 0 all is as it should be; ${EXIT_DIFFERS} something differs or is missing; ` +
        `${EXIT_UNREADABLE} Postfix cannot be read; 78 the configuration is refused.`,
    )
    .action(async (options: { configDir?: string; json?: boolean }) => {
      process.exitCode = await runCheck(configOption(program), options.configDir ?? null, options.json === true);
    });
}

async function runCheck(file: string | undefined, configDirectory: string | null, json: boolean): Promise<number> {
  const settings = readSettings(file);
  let lines: readonly CheckLine[];
  try {
    const before = readSite(settings, QUEUE_DIRECTORY);
    const facts = await readPostfix(configDirectory, namesToRead(before));
    const site = { ...before, queueDirectory: facts.main.get('queue_directory') ?? QUEUE_DIRECTORY };
    lines = [...checkPostfix(site, facts), ...(await checkReach(site, facts))];
  } catch (error) {
    process.stderr.write(`weir postfix check: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_UNREADABLE;
  }
  process.stdout.write(lines.map(json ? writeJson : writeText).join(''));
  return lines.every((line) => line.state === 'ok') ? 0 : EXIT_DIFFERS;
}

function writeText(line: CheckLine): string {
  const cost = line.cost === '' ? '' : `         ${line.cost}\n`;
  return `${line.state.padEnd(8)} ${line.subject}\n${cost}`;
}

function writeJson(line: CheckLine): string {
  return `${JSON.stringify({ ...line, subject: line.subject.trim() })}\n`;
}

function configOption(program: Command): string | undefined {
  return program.opts<{ config?: string }>().config;
}
