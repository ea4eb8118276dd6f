// The command line's shape: one program, one file per command. Running it is weir.ts's business.
import { Command } from 'commander';
import { columnsOf, fold } from './table.js';
import { VERSION } from './version.js';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** Adds a command; of those below it only the one named where it can, all of them for null. */
type Add = (program: Command, below: string | null) => void | Promise<void>;

/** Commands in the order of the help, each loaded only when it is wanted: a short command has a short start. */
const COMMANDS: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ['serve', async () => (await import('./serve.js')).addServeCommand],
  ['scan', async () => (await import('./scan.js')).addScanCommand],
  ['explain', async () => (await import('./explain.js')).addExplainCommand],
  ['access', async () => (await import('./access.js')).addAccessCommand],
  ['greylist', async () => (await import('./greylist.js')).addGreylistCommand],
  ['quarantine', async () => (await import('./quarantine.js')).addQuarantineCommand],
  ['outbox', async () => (await import('./outbox.js')).addOutboxCommand],
  ['log', async () => (await import('./log.js')).addLogCommand],
  ['config', async () => (await import('./config.js')).addConfigCommand],
  ['doctor', async () => (await import('./doctor.js')).addDoctorCommand],
  ['postfix', async () => (await import('./postfix.js')).addPostfixCommand],
  ['rules', async () => (await import('./rules.js')).addRulesCommand],
  ['check-ip', async () => (await import('./check-ip.js')).addCheckIpCommand],
]);

/** The command that arguments (after the program's own name) begin with, or null for none or one that is not known. */
export function commandNamed(args: readonly string[]): string | null {
  const [word = ''] = wordsOf(args);
  return COMMANDS.has(word) ? word : null;
}

/** The words among arguments, options left out: a command, and the one below it where it has such. */
export function wordsOf(args: readonly string[]): readonly string[] {
  return args.filter((word, index) => !word.startsWith('-') && !['-c', '--config'].includes(args[index - 1] ?? ''));
}

/**
 * The command line: whole, for its help and its reference, or with one command only, for running that; `below` names the
 * one below it that is wanted.
 */
export async function createProgram(only: string | null = null, below: string | null = null): Promise<Command> {
  const program = new Command('weir')
    .description('A spam and threat filter that stands in front of a mail server.')
    .version(VERSION, '-V, --version')
    .option('-c, --config <file>', 'configuration file; default: $WEIR_CONFIG, then /etc/weir/weir.yaml, then defaults')
    .showHelpAfterError('(weir --help shows the commands, weir COMMAND --help one of them)')
    .addHelpText(
      'after',
      `
Examples:
  weir scan mail.eml                 judge a message and say why
  weir serve -c /etc/weir/weir.yaml  stand in front of the mail server
  weir explain mail.eml              the same in plain words, also for mail in the log
  weir doctor                        see what works and what does not
  weir postfix                       the lines Postfix needs
  weir quarantine list               what is held
  weir access list                   who is blocked, who is let through`,
    );
  // Commands added from here on take these over.
  program.configureOutput({ writeOut: (text) => process.stdout.write(foldHelp(text)) });
  program.exitOverride((error) => exitWith(error.exitCode));
  for (const [name, load] of COMMANDS) {
    if (only === null || only === name) await (await load())(program, below);
  }
  return program;
}

/** The text of help as wide as the terminal; what stands in (options, examples) is left as it is. */
function foldHelp(text: string): string {
  const width = columnsOf(process.stdout);
  if (width === null) return text;
  // Lines of a paragraph of our own end where they did in the source.
  return text.replace(/^[^ \n].*(?:\n[^ \n].*)*/gm, (paragraph) =>
    paragraph.split('\n').some((line) => line.length > width)
      ? fold(paragraph.replaceAll('\n', ' '), width, 0)
      : paragraph,
  );
}

/** commander calls every misuse 1; we call it EX_USAGE. Help and version stay 0. */
function exitWith(code: number): never {
  process.exit(code === 0 ? 0 : EXIT_USAGE);
}
