// `weir quarantine`: list what is held, look at one entry, release it to its recipients, or delete it.
import { Option, type Command } from 'commander';
import { CATEGORIES } from '../pipeline/finding.js';
import type { QuarantineEntry } from '../quarantine/quarantine.js';
import { STORE_EXIT, withStores } from './store-access.js';
import type { ClearedOut } from './stores.js';
import { exitHelp, exitWith, given, readLimit, readMany, withTimes, writeJsonLines } from './store-options.js';
import { showSize, showTime, table, visible } from './table.js';

const LIMIT = 50;

interface ListOptions {
  readonly category?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly subject?: string;
  readonly reason?: string;
  readonly state: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly before?: string;
  readonly json?: boolean;
}

/** Adds `quarantine list|show|release|delete|purge`. */
export function addQuarantineCommand(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('Look at, release and delete mail that is held.')
    .addHelpText(
      'after',
      `
Examples:
  weir quarantine list
  weir quarantine show 01kjk…
  weir quarantine release 01kjk…`,
    );
  addList(program, quarantine);
  addShow(program, quarantine);
  addChange(program, quarantine, {
    name: 'release',
    description: 'Send held mail on to its recipients, or to some of them; it is not filtered again.',
    done: 'released to',
    examples: ['weir quarantine release 01kjk…', 'weir quarantine release 01kjk… --to bob@example.org'],
  });
  addChange(program, quarantine, {
    name: 'delete',
    description: 'Delete mail from the quarantine, for all recipients or for some of them. There is no way back.',
    done: 'deleted for',
    examples: ['weir quarantine delete 01kjk… 01kjm…'],
  });
  addPurge(program, quarantine);
}

function addList(program: Command, quarantine: Command): void {
  const list = quarantine
    .command('list')
    .description('List entries, newest first.')
    .addOption(new Option('--category <category>', 'only this class').choices(CATEGORIES))
    .option('--sender <text>', 'envelope or header sender contains')
    .option('--recipient <text>', 'some recipient contains')
    .option('--subject <text>', 'subject contains')
    .option('--reason <text>', 'reason contains, such as a virus name')
    .addOption(
      new Option('--state <state>', 'some recipient is in this state')
        .choices(['held', 'released', 'deleted', 'any'])
        .default('held'),
    )
    .option('--limit <number>', 'entries at most', readLimit, LIMIT)
    .option('--before <id>', 'go on after this entry of the page before')
    .option('--json', 'one JSON object a line');
  withTimes(list)
    .addHelpText(
      'after',
      `\nExamples:\n  weir quarantine list --since 1d\n  weir quarantine list --category virus --reason eicar --json\n  weir quarantine list --recipient bob@ --state any${exitHelp('nothing found')}`,
    )
    .action((options: ListOptions) => exitWith(() => listEntries(program, options)));
}

async function listEntries(program: Command, options: ListOptions): Promise<number> {
  const { category, sender, recipient, subject, reason, since, until, limit, before } = options;
  const state = options.state === 'any' ? undefined : options.state;
  const filter = given({ category, sender, recipient, subject, reason, state, sinceTime: since, untilTime: until });
  const entries = await withStores(program, (call) =>
    call<QuarantineEntry[]>('quarantine.list', given({ filter, limit, before })),
  );
  if (options.json === true) writeJsonLines(entries);
  else if (entries.length === 0) process.stdout.write('Nothing found.\n');
  else process.stdout.write(entryTable(entries));
  const last = entries.at(-1);
  if (entries.length === limit && options.json !== true && last !== undefined)
    process.stdout.write(`There may be more: weir quarantine list --before ${visible(last.id)}\n`);
  return entries.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

function entryTable(entries: readonly QuarantineEntry[]): string {
  const rows = entries.map((entry) => [
    entry.id,
    showTime(entry.time),
    entry.category,
    entry.mailFrom === '' ? '<>' : entry.mailFrom,
    recipientsCell(entry),
    showSize(entry.sizeBytes),
    entry.reason,
    entry.subject ?? '',
  ]);
  return table(['ID', 'TIME', 'CLASS', 'SENDER', 'RECIPIENTS', 'SIZE', 'REASON', 'SUBJECT'], rows, [5]);
}

function recipientsCell({ recipients }: QuarantineEntry): string {
  const shown = recipients.map(({ address, state }) => (state === 'held' ? address : `${address} (${state})`));
  return shown.length > 1 ? `${shown[0] ?? ''} +${String(shown.length - 1)}` : (shown[0] ?? '');
}

function addShow(program: Command, quarantine: Command): void {
  quarantine
    .command('show')
    .description('Show one entry, or with --source the message itself. Opening a message is noted in the text log.')
    .argument('<id>', 'entry')
    .option('--source', 'the message as received: its very bytes to a file or pipe, made harmless on a terminal')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `\nExamples:\n  weir quarantine show 01kjk…\n  weir quarantine show 01kjk… --source > mail.eml${exitHelp('no such entry')}`,
    )
    .action((id: string, options: { source?: boolean; json?: boolean }) =>
      exitWith(() =>
        options.source === true ? showSource(program, id) : showEntry(program, id, options.json === true),
      ),
    );
}

async function showSource(program: Command, id: string): Promise<number> {
  const content = await withStores(program, (call) => call<string | null>('quarantine.content', { id }));
  if (content === null) return noSuchEntry(id);
  const bytes = Buffer.from(content, 'base64');
  process.stdout.write(process.stdout.isTTY ? bytes.toString('utf8').split(/\r?\n/).map(visible).join('\n') : bytes);
  return STORE_EXIT.done;
}

async function showEntry(program: Command, id: string, isJson: boolean): Promise<number> {
  const entry = await withStores(program, (call) => call<QuarantineEntry | null>('quarantine.show', { id }));
  if (entry === null) return noSuchEntry(id);
  if (isJson) {
    writeJsonLines([entry]);
    return STORE_EXIT.done;
  }
  const fields: readonly (readonly [string, string])[] = [
    ['ID', entry.id],
    ['Time', showTime(entry.time)],
    ['Class', entry.category],
    ['Reason', entry.reason],
    ['Score', String(entry.score)],
    ['Sender', entry.mailFrom === '' ? '<>' : entry.mailFrom],
    ['From', entry.headerFrom],
    ['Subject', entry.subject ?? ''],
    ['Message-ID', entry.messageId ?? ''],
    ['Size', showSize(entry.sizeBytes)],
    ['SHA-256', entry.contentSha256],
    ['Log entry', entry.logId],
    ...entry.recipients.map(({ address, state }): readonly [string, string] => ['Recipient', `${address} (${state})`]),
  ];
  process.stdout.write(fields.map(([name, value]) => `${name.padEnd(11)} ${visible(value)}\n`).join(''));
  return STORE_EXIT.done;
}

interface Change {
  readonly name: 'release' | 'delete';
  readonly description: string;
  readonly done: string;
  readonly examples: readonly string[];
}

function addChange(program: Command, quarantine: Command, change: Change): void {
  quarantine
    .command(change.name)
    .description(change.description)
    .argument('<id...>', 'entries')
    .option('--to <address>', 'only this recipient; may be given several times', readMany)
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `\nExamples:\n${change.examples.map((line) => `  ${line}`).join('\n')}${exitHelp('some entry had no such recipient, or there is no such entry')}`,
    )
    .action((ids: readonly string[], options: { to?: readonly string[]; json?: boolean }) =>
      exitWith(() => changeEntries(program, change, ids, options)),
    );
}

async function changeEntries(
  program: Command,
  change: Change,
  ids: readonly string[],
  options: { readonly to?: readonly string[]; readonly json?: boolean },
): Promise<number> {
  let isWhole = true;
  await withStores(program, async (call) => {
    for (const id of ids) {
      const recipients = await call<string[]>(`quarantine.${change.name}`, given({ id, rcptTo: options.to }));
      if (recipients.length === 0) isWhole = false;
      if (options.json === true) writeJsonLines([{ id, recipients }]);
      else
        process.stdout.write(
          `${visible(id)}: ${recipients.length === 0 ? 'nothing to do' : `${change.done} ${recipients.map(visible).join(', ')}`}\n`,
        );
    }
  });
  return isWhole ? STORE_EXIT.done : STORE_EXIT.nothing;
}

function addPurge(program: Command, quarantine: Command): void {
  quarantine
    .command('purge')
    .description(
      'Delete now what the section `quarantine` keeps no longer; it otherwise goes by itself within the hour.',
    )
    .option('--dry-run', 'only say how many entries would go')
    .option('--json', 'one JSON object a class')
    .addHelpText(
      'after',
      `\nExamples:\n  weir quarantine purge --dry-run\n  weir quarantine purge${exitHelp('nothing was to go, or another process is at it')}`,
    )
    .action((options: { dryRun?: boolean; json?: boolean }) => exitWith(() => purge(program, options)));
}

async function purge(program: Command, { dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }) {
  const gone = await withStores(program, (call) => call<ClearedOut | null>('quarantine.purge', { dryRun }));
  if (gone === null) {
    process.stderr.write('weir: another process is clearing out at this moment\n');
    return STORE_EXIT.nothing;
  }
  const classes = CATEGORIES.map((category) => ({ category, entries: gone.entries[category] }));
  const some = classes.filter(({ entries }) => entries > 0);
  const lines = some.map(({ category, entries }) => `${category}: ${entries} ${dryRun ? 'would go' : 'deleted'}\n`);
  if (json) writeJsonLines(classes);
  else process.stdout.write(lines.length === 0 ? 'Nothing is older than it may be.\n' : lines.join(''));
  return some.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

function noSuchEntry(id: string): number {
  process.stderr.write(`weir: no entry ${visible(id)} in the quarantine, or its content is gone\n`);
  return STORE_EXIT.nothing;
}
