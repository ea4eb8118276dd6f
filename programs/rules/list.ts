// `weir rules list`: the rules in force, or those of paths given, as a table or as JSON lines. Reads only.
import { basename } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { globMatches } from '../../rules/order.js';
import { writeJsonLines } from '../json-lines.js';
import { showSize, showTime, table } from '../table.js';
import { readPaths, RULES_EXIT } from './shape.js';
import { catalogue, rulesAtHand, type CatalogueEntry } from './in-force.js';
import { withStore } from './store-command.js';
import type { RuleStore } from './store.js';

const TYPES = ['header', 'body', 'rawbody', 'uri', 'full', 'meta', 'mimeheader', 'uri_detail', 'eval', 'empty'];

interface ListOptions {
  readonly type?: string;
  readonly enabled?: boolean;
  readonly disabled?: boolean;
  readonly sub?: boolean;
  readonly rules?: readonly string[];
  readonly files?: boolean;
  readonly channels?: boolean;
  readonly json?: boolean;
}

/** Adds `rules list`. */
export function addList(program: Command, rules: Command): void {
  rules
    .command('list')
    .description('List rules: name, type, score, whether it runs and why not, where it is defined.')
    .argument('[name...]', 'names, with * for any run of characters and ? for one')
    .option('--type <type>', `only rules of this type: ${TYPES.join(', ')}`, readType)
    .option('--enabled', 'only rules that run')
    .option('--disabled', 'only rules that do not run')
    .option('--sub', 'also sub-rules (names that begin with __)')
    .option(
      '--rules <path>',
      'rules of this file or directory in place of those in force; may be given several times',
      readPaths,
    )
    .option('--files', 'the imported files in place of rules')
    .option('--channels', 'the update channels in place of rules: version, time, how many rules')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  weir rules list
  weir rules list --disabled --json
  weir rules list 'HTML_*' --type meta
  weir rules list --rules /usr/share/spamassassin 'URI_*'
  weir rules list --channels

Exit codes: 0 done, 1 no such rule, 64 bad usage, 78 bad configuration.`,
    )
    .action(async (names: readonly string[], options: ListOptions) => {
      const config = program.opts<{ config?: string }>().config;
      if (options.channels === true) return listChannels(config, options);
      if (options.files === true) return withStore(program, (store) => Promise.resolve(listFiles(store, options)));
      process.exitCode = await list(names, options, config);
    });
}

async function listChannels(config: string | undefined, { json }: ListOptions): Promise<void> {
  const [{ readSettings }, { installedChannels }] = await Promise.all([
    import('../settings.js'),
    import('./installed.js'),
  ]);
  const rows = installedChannels(readSettings(config)).map(({ channel, release, state }) => ({
    channel,
    version: release?.version ?? null,
    installedAt: release?.installedAt ?? null,
    lookedAt: state.lookedAt,
    rules: release?.rules ?? 0,
  }));
  const time = (at: number | null): string => (at === null ? '-' : showTime(at));
  const cells = rows.map(({ channel, version, installedAt, lookedAt, rules }) => [
    channel,
    version === null ? '-' : String(version),
    time(installedAt),
    time(lookedAt),
    String(rules),
  ]);
  if (json === true) writeJsonLines(rows);
  else process.stdout.write(table(['channel', 'version', 'installed', 'last looked for', 'rules'], cells, [1, 4]));
  process.exitCode = rows.some(({ version }) => version !== null) ? RULES_EXIT.done : RULES_EXIT.found;
}

function listFiles(store: RuleStore, { json }: ListOptions): number {
  const names = store.names();
  const rows = names.map((name) => ({
    name,
    path: store.pathOf(name),
    bytes: store.read(store.pathOf(name))?.length ?? 0,
  }));
  if (json === true) writeJsonLines(rows);
  else
    process.stdout.write(
      table(
        ['file', 'size', 'path'],
        rows.map(({ name, path, bytes }) => [name, showSize(bytes), path]),
        [1],
      ),
    );
  return names.length > 0 ? RULES_EXIT.done : RULES_EXIT.found;
}

function readType(text: string): string {
  if (!TYPES.includes(text)) throw new InvalidArgumentError(`Give one of ${TYPES.join(', ')}.`);
  return text;
}

async function list(names: readonly string[], options: ListOptions, config: string | undefined): Promise<number> {
  const at = await rulesAtHand(options.rules ?? [], config);
  const found = catalogue(at).filter((entry) => isWanted(entry, names, options));
  if (options.json === true) writeJsonLines(found);
  else process.stdout.write(tableOf(found));
  return found.length > 0 ? RULES_EXIT.done : RULES_EXIT.found;
}

function isWanted(entry: CatalogueEntry, names: readonly string[], options: ListOptions): boolean {
  if (names.length > 0 && !names.some((glob) => globMatches(glob, entry.name))) return false;
  if (options.type !== undefined && entry.type !== options.type) return false;
  if (options.enabled === true && !entry.enabled) return false;
  if (options.disabled === true && entry.enabled) return false;
  const isNamed = names.some((name) => name.startsWith('__'));
  return options.sub === true || isNamed || !entry.name.startsWith('__');
}

function tableOf(entries: readonly CatalogueEntry[]): string {
  const rows = entries.map(({ name, type, score, enabled, reason, file, line }) => [
    name,
    type,
    String(score),
    enabled ? 'runs' : reason,
    `${basename(file)}:${String(line)}`,
  ]);
  return table(['name', 'type', 'score', 'state', 'defined'], rows, [2]);
}
