// `weir doctor`: looks at everything an operator would, and says what works, what does not, and what to do. It changes
// nothing and needs no running server.
import type { Command } from 'commander';
import type { Configuration } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import {
  checkClock,
  checkListeners,
  checkOpenFiles,
  checkServer,
  checkStages,
  checkStorage,
  checkUser,
  line,
  type DoctorLine,
} from './doctor-checks.js';
import { checkCountries } from './doctor-countries.js';
import { checkDomains } from './doctor-domains.js';
import { checkResolver } from './doctor-resolver.js';
import { checkScreen } from './doctor-screen.js';
import { checkState } from './doctor-state.js';
import { checkStores } from './doctor-stores.js';
import { checkUpdates } from './channels/health.js';
import { loadSettings } from './settings.js';

/** Exit codes of `weir doctor`. */
const EXIT = { ok: 0, warn: 1, fail: 2 } as const;

const MARKS = { ok: '✓', warn: '!', fail: '✗' } as const;

/** Controls, bidi and line marks in what is shown: text from files and stores must not steer a terminal. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Adds the command to the program. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'See what works and what does not: settings, disk, stores, server, listeners, DNS, stages, outbox, alerts.',
    )
    .option('--json', 'one JSON object: state, and lines of {area, state, detail, advice}')
    .addHelpText(
      'after',
      `
Every line begins with ✓ (works), ! (works, but look at it) or ✗ (does not work); below it stands what to do.

Examples:
  weir doctor
  weir -c /etc/weir/weir.yaml doctor --json

Exit codes: 0 everything works, 1 something wants a look, 2 something does not work, 64 bad usage.`,
    )
    .action(async (options: { json?: boolean }) => {
      const lines = await examine(program.opts<{ config?: string }>().config);
      const state = worst(lines);
      process.stdout.write(options.json === true ? `${JSON.stringify({ state, lines })}\n` : lines.map(show).join(''));
      process.exitCode = EXIT[state];
    });
}

/** All lines for the configuration named, or the one that would be found. Never throws. */
export async function examine(file: string | undefined): Promise<readonly DoctorLine[]> {
  const loaded = loadSettings(file);
  if (!loaded.ok) {
    return loaded.problems.map((problem) => line('configuration', 'fail', formatProblem(problem), 'weir config check'));
  }
  const { configuration } = loaded;
  const from = configuration.file ?? 'embedded defaults (no file)';
  return [
    line('configuration', 'ok', `${from}, version ${configuration.version}`),
    ...(await examineAll(configuration)),
  ];
}

async function examineAll(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const { status, lines: server } = await checkServer(configuration);
  // First and alone: making the stages keeps this process busy, and the time of an answer would be wrong.
  const resolver = await checkResolver(configuration);
  const [clock, storage, stores, state, listeners, screen, stages, domains] = await Promise.all([
    checkClock(),
    checkStorage(configuration),
    checkStores(configuration),
    checkState(configuration),
    checkListeners(configuration),
    checkScreen(configuration, status),
    checkStages(configuration),
    checkDomains(configuration),
  ]);
  const worker = status?.processes.find(({ role }) => role === 'worker')?.pid ?? 'self';
  const here = [checkUser(configuration), clock, checkOpenFiles(worker)];
  return [
    ...here,
    ...storage,
    ...stores,
    ...state,
    ...server,
    ...listeners,
    ...screen,
    ...resolver,
    ...checkCountries(configuration),
    ...checkUpdates(configuration),
    ...stages,
    ...domains,
  ];
}

function worst(lines: readonly DoctorLine[]): DoctorLine['state'] {
  if (lines.some(({ state }) => state === 'fail')) return 'fail';
  return lines.some(({ state }) => state === 'warn') ? 'warn' : 'ok';
}

function show({ area, state, detail, advice }: DoctorLine): string {
  const first = `${MARKS[state]} ${`${area}:`.padEnd(16)} ${detail.replace(UNSAFE, ' ')}\n`;
  return advice === '' ? first : `${first}  ${''.padEnd(16)} → ${advice}\n`;
}
