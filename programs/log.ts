// `weir log search`: the mail log and the security log, by one text over everything or field by field.
import { Option, type Command } from 'commander';
import { SECURITY_CATEGORIES, type MessageEvent } from '../logs/event.js';
import type { SecurityEntry } from '../logs/row.js';
import type { LogPage } from '../logs/search.js';
import { STORE_EXIT, withStores, type StoreCall } from './store-access.js';
import { exitHelp, exitWith, given, readLimit, withTimes, writeJsonLines } from './store-options.js';
import { showSize, showTime, table, visible } from './table.js';

const LIMIT = 50;
/** Entries of the security log looked at for refusals beside a search of the mail log. */
const REFUSED_LOOKED_AT = 20;
/** What only a message has: a search for it finds no refusal. */
const MESSAGE_ONLY: readonly string[] = ['id', 'messageId', 'subject', 'queueId', 'action', 'direction', 'cursor'];

interface SearchOptions {
  readonly security?: boolean;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly cursor?: string;
  readonly json?: boolean;
  readonly [field: string]: unknown;
}

const TEXT_FIELDS: readonly (readonly [option: string, key: string, description: string])[] = [
  ['--message-id <text>', 'messageId', 'Message-ID contains (mail log)'],
  ['--sender <text>', 'sender', 'sender contains'],
  ['--recipient <text>', 'recipient', 'some recipient contains'],
  ['--subject <text>', 'subject', 'subject contains'],
  ['--source <text>', 'source', 'client address or name contains'],
  ['--event <text>', 'event', 'event contains'],
  ['--queue-id <text>', 'queueId', "the mail server's queue id contains"],
  ['--helo <text>', 'helo', 'HELO name contains'],
  ['--login <text>', 'login', 'login contains'],
  ['--id <id>', 'id', 'exactly this entry'],
];

/** Adds `log search`. */
export function addLogCommand(program: Command): void {
  const log = program
    .command('log')
    .description('The mail log and the security log.')
    .addHelpText(
      'after',
      `
Examples:
  weir log search --recipient anna@example.org
  weir log search --security --since 7d`,
    );
  const search = log
    .command('search')
    .description(
      'Search the mail log, or with --security the security log; newest first. Texts match anywhere, whatever their case.',
    )
    .argument('[text]', 'text in Message-ID, sender, recipient, subject, source or event')
    .option('--security', 'the security log');
  for (const [option, , description] of TEXT_FIELDS) search.option(option, description);
  search
    .addOption(new Option('--category <category>', 'category that decided').choices(SECURITY_CATEGORIES))
    .addOption(
      new Option('--action <action>', 'what was done for some recipient (mail log)').choices([
        'accept',
        'tag',
        'quarantine',
        'discard',
        'tempfail',
        'reject',
      ]),
    )
    .addOption(
      new Option('--direction <direction>', 'for some recipient (mail log)').choices(['received', 'sent', 'internal']),
    );
  withTimes(search)
    .option('--limit <number>', 'entries at most', readLimit, LIMIT)
    .option('--cursor <cursor>', 'go on where the page before ended')
    .option('--json', 'one JSON object a line, with all findings')
    .addHelpText(
      'after',
      `\nExamples:\n  weir log search bob@example.org --since 2d\n  weir log search --security --category virus --json\n  weir log search --action quarantine --subject invoice\n${exitHelp('nothing found')}`,
    )
    .action((text: string | undefined, options: SearchOptions) => exitWith(() => searchLog(program, text, options)));
}

async function searchLog(program: Command, text: string | undefined, options: SearchOptions): Promise<number> {
  const fields = Object.fromEntries(TEXT_FIELDS.map(([, key]) => [key, options[key]]));
  const { category, action, direction, since, until, limit, cursor } = options;
  const query = given({
    ...fields,
    text,
    category,
    action,
    direction,
    sinceTime: since,
    untilTime: until,
    limit,
    cursor,
  });
  const isSecurity = options.security === true;
  const { page, refused } = await withStores(program, async (call) => ({
    page: await call<LogPage<MessageEvent | SecurityEntry>>(isSecurity ? 'log.security' : 'log.mail', query),
    refused: isSecurity ? [] : await refusalsFor(call, query),
  }));
  if (options.json === true) writeJsonLines(page.entries);
  else if (page.entries.length === 0) process.stdout.write('Nothing found.\n');
  else
    process.stdout.write(
      isSecurity ? securityTable(page.entries as SecurityEntry[]) : mailTable(page.entries as MessageEvent[]),
    );
  tellRest(page);
  tellRefused(refused);
  return page.entries.length === 0 && page.next === null ? STORE_EXIT.nothing : STORE_EXIT.done;
}

/** What was refused before its content is no message: somebody who looks for a lost one must still be told. */
async function refusalsFor(
  call: StoreCall,
  query: Readonly<Record<string, unknown>>,
): Promise<readonly SecurityEntry[]> {
  const { text, sender, recipient, source, helo, login, sinceTime, untilTime } = query;
  const parties = given({ text, sender, recipient, source, helo, login });
  if (Object.keys(parties).length === 0 || Object.keys(query).some((key) => MESSAGE_ONLY.includes(key))) return [];
  const page = await call<LogPage<SecurityEntry>>('log.security', {
    ...parties,
    ...given({ sinceTime, untilTime }),
    limit: REFUSED_LOOKED_AT,
  });
  return page.entries.filter(({ kind }) => kind === 'session');
}

/** On standard error, as `tellRest`. */
function tellRefused(refused: readonly SecurityEntry[]): void {
  const [newest] = refused;
  if (newest === undefined) return;
  const time = showTime(newest.time);
  process.stderr.write(
    `Refused before the content, with no message to log, the newest at ${time}: look with --security, explain with weir explain ${newest.id}\n`,
  );
}

/** On standard error, so that it does not stand among JSON lines. */
function tellRest(page: LogPage<unknown>): void {
  if (page.next === null) return;
  const why = page.isCutShort ? 'The search ran out of time; go on' : 'There is more: go on';
  process.stderr.write(`${why} with --cursor ${visible(page.next)}\n`);
}

/** A line per recipient, as product function F1 has it. */
function mailTable(events: readonly MessageEvent[]): string {
  const rows = events.flatMap((event) =>
    event.recipients.map((recipient) => [
      showTime(event.time),
      recipient.direction,
      recipient.action,
      recipient.score.toFixed(1),
      event.mailFrom === '' ? '<>' : event.mailFrom,
      recipient.address,
      showSize(event.sizeBytes),
      event.messageId ?? '',
      event.subject ?? '',
      event.id,
    ]),
  );
  return table(
    ['TIME', 'DIRECTION', 'ACTION', 'SCORE', 'SENDER', 'RECIPIENT', 'SIZE', 'MESSAGE-ID', 'SUBJECT', 'ID'],
    rows,
    [3, 6],
  );
}

function securityTable(entries: readonly SecurityEntry[]): string {
  const rows = entries.map((entry) => [
    showTime(entry.time),
    entry.category,
    entry.clientAddress ?? '',
    entry.mailFrom === '' ? '<>' : (entry.mailFrom ?? ''),
    entry.recipients.length > 1
      ? `${entry.recipients[0] ?? ''} +${String(entry.recipients.length - 1)}`
      : (entry.recipients[0] ?? ''),
    entry.event,
    entry.subject ?? '',
    entry.id,
  ]);
  return table(['TIME', 'CATEGORY', 'SOURCE', 'SENDER', 'RECIPIENT', 'EVENT', 'SUBJECT', 'ID'], rows);
}
