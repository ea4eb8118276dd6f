// `weir rules update`: rules from update channels, fetched, verified, checked and in force at once; the release before
// when one turns out bad; what is installed. A running server does the work itself; without one it is done here.
import { stderr, stdout } from 'node:process';
import type { Command } from 'commander';
import type { Configuration } from '../../config/load.js';
import { systemClock } from '../../outside/clock.js';
import { callControl, controlSocketPath } from '../control.js';
import { writeJsonLines } from '../json-lines.js';
import { storageSection } from '../storage-settings.js';
import { visible } from '../table.js';
import { ruleSettingsOf } from '../rules/in-force.js';
import { installedChannels } from '../rules/installed.js';
import { RULES_EXIT } from '../rules/shape.js';
import { reportLine, statusLine, wentWell, type ChannelReport, type UpdateOrder } from './report.js';

/** Longest wait for a running server that updates, ms. */
const UPDATE_CALL_MS = 3_600_000;
/** Longest time of an update that is done here, ms. */
const UPDATE_MAX_MS = 3_600_000;
const WRONG_SHOWN_MAX = 20;

interface UpdateFlags {
  readonly dryRun?: boolean;
  readonly back?: boolean;
  readonly partly?: boolean;
  readonly status?: boolean;
  readonly json?: boolean;
}

/** Adds `rules update`. */
export function addUpdate(program: Command, rules: Command): void {
  rules
    .command('update')
    .description(
      'Fetch rules from update channels: verified, checked, in force at once; a bad release changes nothing.',
    )
    .argument('[channel...]', 'names of channels in rules.update.channels; none: all of them')
    .option('--dry-run', 'fetch, verify and check, and put nothing in force')
    .option('--partly', 'take a release that has wrong lines without them')
    .option('--back', 'put the release before in force again')
    .option('--status', 'only show what is installed and when it was last looked for')
    .option('--json', 'one JSON object a line and channel')
    .addHelpText(
      'after',
      `
The newest version stands in DNS; its archive comes from one of the channel's mirrors, with a checksum and an OpenPGP
signature. What the settings say of channels, keys and the time of day stands in rules.update.

Examples:
  weir rules update
  weir rules update --dry-run
  weir rules update --status
  weir rules update --back updates.spamassassin.org

Exit codes: 0 done or nothing newer, 1 something was not taken or could not be had (nothing has changed there), 64 bad
usage, 70 another update is under way or the server cannot be reached, 78 bad configuration.`,
    )
    .action(async (channels: readonly string[], flags: UpdateFlags) => {
      const { readSettings } = await import('../settings.js');
      const file = program.opts<{ config?: string }>().config;
      const configuration = readSettings(file);
      process.exitCode =
        flags.status === true ? showStatus(configuration, flags) : await update(configuration, file, channels, flags);
    });
}

function showStatus(configuration: Configuration, { json }: UpdateFlags): number {
  const all = installedChannels(configuration);
  if (json === true) writeJsonLines(all.map(({ state, ...one }) => ({ ...one, ...state })));
  else
    for (const { channel, release, state } of all)
      stdout.write(`${visible(statusLine(channel, release, state, systemClock.now()))}\n`);
  return RULES_EXIT.done;
}

async function update(
  configuration: Configuration,
  file: string | undefined,
  channels: readonly string[],
  flags: UpdateFlags,
): Promise<number> {
  if (flags.back === true && (flags.dryRun === true || flags.partly === true)) {
    stderr.write('weir rules update: --back stands alone\n');
    return RULES_EXIT.usage;
  }
  const known = ruleSettingsOf(configuration).update.channels.map(({ name }) => name);
  const unknown = channels.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    stderr.write(
      `weir rules update: ${visible(unknown)} is not in rules.update.channels; there are: ${known.join(', ')}\n`,
    );
    return RULES_EXIT.usage;
  }
  const deed = flags.back === true ? 'back' : flags.dryRun === true ? 'check' : 'fetch';
  const reports = await carryOut(configuration, file, {
    channels: [...channels],
    deed,
    leaveOut: flags.partly === true,
  });
  if (flags.json === true) writeJsonLines(reports);
  else for (const report of reports) tell(report);
  return reports.every(wentWell) ? RULES_EXIT.done : RULES_EXIT.found;
}

/** By the running server, which is what puts rules in force and keeps the alert; without one, here. */
async function carryOut(
  configuration: Configuration,
  file: string | undefined,
  order: UpdateOrder,
): Promise<readonly ChannelReport[]> {
  const socket = controlSocketPath(configuration.section(storageSection).dir);
  const answer = await callControl(socket, 'rules.update', order, UPDATE_CALL_MS);
  if (answer.running) return answer.result as readonly ChannelReport[];
  const [{ readSettings }, { updateRules }] = await Promise.all([import('../settings.js'), import('./updater.js')]);
  return updateRules(order, {
    read: () => readSettings(file),
    reload: () => Promise.resolve(null),
    signal: AbortSignal.timeout(UPDATE_MAX_MS),
  });
}

function tell(report: ChannelReport): void {
  (wentWell(report) ? stdout : stderr).write(`${visible(reportLine(report))}\n`);
  const word = report.outcome === 'refused' ? 'wrong' : 'left out';
  for (const line of report.wrong.slice(0, WRONG_SHOWN_MAX)) stderr.write(`  ${word}: ${visible(line)}\n`);
  if (report.wrong.length > WRONG_SHOWN_MAX) stderr.write(`  and ${report.wrong.length - WRONG_SHOWN_MAX} more\n`);
  for (const note of report.notes) stdout.write(`  ${visible(note)}\n`);
}
