// `weir config`: check a configuration file, show the settings in force, print a sample. Reads only; changes nothing.
import type { Command } from 'commander';
import type { Configuration } from '../config/load.js';
import { describeRefusal, EXIT_CONFIG, type Problem } from '../config/problem.js';
import { writeSample } from '../config/sample.js';
import { listSettings, writeEffective, writeJson, writePinned } from '../config/show.js';
import { STAGES } from '../filters/index.js';
import { buildInForce } from '../gateway/in-force.js';
import { buildSealing } from '../gateway/seal.js';
import { systemClock } from '../outside/clock.js';
import { SAMPLE_OPENING } from './sample.js';
import { SECTIONS } from './sections.js';
import { loadSettings, readSettings } from './settings.js';

/** Adds `config check`, `config show` and `config sample`. The program has the global option `--config`. */
export function addConfigCommand(program: Command): void {
  const config = program
    .command('config')
    .description('Check, show and explain the configuration.')
    .addHelpText(
      'after',
      `
Examples:
  weir config check /etc/weir/weir.yaml
  weir config show --effective
  weir config sample > weir.yaml`,
    );
  addCheck(program, config);
  addShow(program, config);
  config
    .command('sample')
    .description('Print a sample configuration: every key with its sentence, bounds and default.')
    .addHelpText('after', '\nExample:\n  weir config sample > /etc/weir/weir.yaml\n\nExit code: 0.')
    .action(() => {
      process.stdout.write(writeSample(SECTIONS, SAMPLE_OPENING));
    });
}

function addCheck(program: Command, config: Command): void {
  config
    .command('check')
    .description(
      'Check a configuration file: every unknown key and bad value, with its line and what was expected; then whether its stages can be made.',
    )
    .argument('[file]', 'file to check (default: the one that `weir serve` would read)')
    .addHelpText(
      'after',
      '\nExamples:\n  weir config check\n  weir config check ./weir.yaml\n' +
        `\nExit codes: 0 the file is good; ${EXIT_CONFIG} it is refused, the reasons are on standard error.`,
    )
    .action(async (file: string | undefined) => {
      process.exitCode = await checkFile(file ?? configOption(program));
    });
}

async function checkFile(file: string | undefined): Promise<number> {
  const loaded = loadSettings(file);
  const problems = loaded.ok ? await tryStages(loaded.configuration) : loaded.problems;
  if (!loaded.ok || problems.length > 0) {
    process.stderr.write(`${describeRefusal(problems)}\n`);
    return EXIT_CONFIG;
  }
  const { configuration } = loaded;
  const pinned = listSettings(configuration).filter(({ origin }) => origin !== null).length;
  const count = pinned === 1 ? '1 key set' : `${pinned} keys set`;
  process.stdout.write(`${nameOf(configuration)}: good, ${count}, settings version ${configuration.version}\n`);
  return 0;
}

/** Makes every stage as the server would, so that a rule file or a network that does not parse is told here already. */
async function tryStages(configuration: Configuration): Promise<readonly Problem[]> {
  try {
    const outside = { clock: systemClock, resolver: null, countries: null, state: null, alert: () => undefined };
    const inForce = await buildInForce(configuration, STAGES, outside, (scan) => scan, buildSealing);
    await inForce.retire();
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [{ file: nameOf(configuration), line: 0, column: 0, message }];
  }
}

function nameOf(configuration: Configuration): string {
  return configuration.file ?? 'no configuration file, embedded defaults';
}

function addShow(program: Command, config: Command): void {
  config
    .command('show')
    .description('Show the settings: those the file sets, or with --effective all of them and where each comes from.')
    .option('--effective', 'every key: as the file sets it, or its default')
    .option('--json', 'one JSON object: version, file, and each key with value and place')
    .addHelpText(
      'after',
      '\nExamples:\n  weir config show\n  weir config show --effective\n  weir config show --effective --json\n' +
        `\nExit codes: 0 shown; ${EXIT_CONFIG} the file is refused, the reasons are on standard error.`,
    )
    .action((options: { effective?: boolean; json?: boolean }) => {
      const configuration = readSettings(configOption(program));
      const effective = options.effective === true;
      process.stdout.write(
        options.json === true ? writeJson(configuration, effective) : writeText(configuration, effective),
      );
    });
}

function configOption(program: Command): string | undefined {
  return program.opts<{ config?: string }>().config;
}

function writeText(configuration: Configuration, effective: boolean): string {
  return effective ? writeEffective(configuration) : writePinned(configuration);
}
