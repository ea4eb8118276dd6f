// The command line's shape: one program, one file per command. Running it is weir.ts's business.
import { Command } from 'commander';
import { addCheckIpCommand } from './check-ip.js';
import { addConfigCommand } from './config.js';
import { addDoctorCommand } from './doctor.js';
import { addExplainCommand } from './explain.js';
import { addLogCommand } from './log.js';
import { addOutboxCommand } from './outbox.js';
import { addPostfixCommand } from './postfix.js';
import { addQuarantineCommand } from './quarantine.js';
import { addScanCommand } from './scan.js';
import { addServeCommand } from './serve.js';
import { VERSION } from './version.js';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** The whole command line, for running it and for writing its reference. */
export function createProgram(): Command {
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
  weir quarantine list               what is held`,
    );
  // Commands added from here on take this over.
  program.exitOverride((error) => exitWith(error.exitCode));
  addServeCommand(program);
  addScanCommand(program);
  addExplainCommand(program);
  addQuarantineCommand(program);
  addOutboxCommand(program);
  addLogCommand(program);
  addConfigCommand(program);
  addDoctorCommand(program);
  addPostfixCommand(program);
  addCheckIpCommand(program);
  return program;
}

/** commander calls every misuse 1; we call it EX_USAGE. Help and version stay 0. */
function exitWith(code: number): never {
  process.exit(code === 0 ? 0 : EXIT_USAGE);
}
