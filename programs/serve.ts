// `weir serve`: runs the supervisor in the foreground until a signal ends it, and turns signals into its orders.
import type { Command } from 'commander';
import { logSection } from '../logs/settings.js';
import { createTextLog, type TextLog } from '../logs/text-log.js';
import { findSettingsFile, readSettings } from './settings.js';
import { Supervisor } from './supervisor.js';

/** Exit codes of `weir serve`. */
const EXIT = { stopped: 0, failed: 1 } as const;

/** A second signal to end within this time is the same wish said twice (by a terminal and a parent, for one), ms. */
const REPEAT_MS = 1_000;

/** Adds the command to the program. Exit code 78 for a configuration that is refused comes with `ConfigurationError`. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Stand in front of the mail server until stopped.')
    .addHelpText(
      'after',
      `
Runs in the foreground: one supervisor, scan workers that share the listeners, one admin process. It logs JSON lines on
standard output; the line "weir is ready" says that every process takes mail.

Signals to the supervisor:
  HUP          read the configuration again; a bad file changes nothing and is told in the log and as an alert
  USR2         replace every process, new ones ready before old ones go
  TERM, INT    stop in order; a second one stops at once

Examples:
  weir serve
  weir serve -c /etc/weir/weir.yaml

Exit codes: 0 stopped in order, 1 could not start or was stopped at once, 64 bad usage, 78 the configuration is refused.`,
    )
    .action(async () => {
      process.exitCode = await serve(program.opts<{ config?: string }>().config);
    });
}

/** Resolves with the exit code once everything has ended. Throws `ConfigurationError` for a configuration that is refused. */
async function serve(file: string | undefined): Promise<number> {
  const configuration = readSettings(file);
  const log = createTextLog('serve', configuration.section(logSection).level);
  const supervisor = new Supervisor(configuration, findSettingsFile(file) ?? undefined, log);
  const signals = heedSignals(supervisor, log);
  try {
    await supervisor.start();
    const { listen, version, workersWanted } = supervisor.status();
    log.info({ listen, version, workers: workersWanted }, 'weir is ready');
  } catch (error) {
    if (signals.ending === null) {
      log.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'weir cannot start');
      return EXIT.failed;
    }
  }
  await signals.asked;
  await signals.ending;
  log.info('weir has stopped');
  return EXIT.stopped;
}

interface Signals {
  /** Resolves at the first signal to end. */
  readonly asked: Promise<void>;
  /** The stop under way; null before it was asked for. */
  ending: Promise<void> | null;
}

function heedSignals(supervisor: Supervisor, log: TextLog): Signals {
  let ask!: () => void;
  const signals: Signals = { asked: new Promise((resolve) => (ask = resolve)), ending: null };
  let askedAt = 0;
  const end = (signal: string): void => {
    if (signals.ending !== null) {
      if (performance.now() - askedAt < REPEAT_MS) return;
      log.warn({ signal }, 'stopping at once');
      supervisor.abandon();
      process.exitCode = EXIT.failed;
      return;
    }
    log.info({ signal }, 'stopping');
    askedAt = performance.now();
    signals.ending = supervisor.stop();
    ask();
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', () => void supervisor.reload());
  process.on('SIGUSR2', () => void supervisor.restart());
  return signals;
}
