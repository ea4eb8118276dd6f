// `weir outbox`: what waits to be sent or could not be; failed items can be tried again or dropped.
import type { Command } from 'commander';
import type { OutboxItem } from '../outbox/outbox.js';
import { STORE_EXIT, withStores } from './store-access.js';
import { exitHelp, exitWith, given, readLimit, writeJsonLines } from './store-options.js';
import { showSize, showTime, table, visible } from './table.js';

const LIMIT = 100;

interface ListedItem extends OutboxItem {
  readonly recipients: readonly {
    readonly address: string;
    readonly state: 'waiting' | 'failed';
    readonly reply: string | null;
  }[];
}

/** Adds `outbox list|retry|delete`. */
export function addOutboxCommand(program: Command): void {
  const outbox = program
    .command('outbox')
    .description('What Weir itself sends: releases, copies, notices.')
    .addHelpText(
      'after',
      `
Examples:
  weir outbox list
  weir outbox retry 01kjk…`,
    );
  outbox
    .command('list')
    .description('List what waits or failed, oldest first. What was sent is gone from here and stands in the text log.')
    .option('--limit <number>', 'items at most', readLimit, LIMIT)
    .option('--after <id>', 'go on after this item of the page before')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `\nExamples:\n  weir outbox list\n  weir outbox list --json${exitHelp('the outbox is empty')}`,
    )
    .action((options: { limit: number; after?: string; json?: boolean }) =>
      exitWith(() => listItems(program, options)),
    );
  addChange(
    program,
    outbox,
    'retry',
    'Try failed items again, for another whole span of tries.',
    'will be tried again',
  );
  addChange(program, outbox, 'delete', 'Drop waiting or failed items. There is no way back.', 'deleted');
}

async function listItems(
  program: Command,
  options: { limit: number; after?: string; json?: boolean },
): Promise<number> {
  const { limit, after } = options;
  const items = await withStores(program, (call) => call<ListedItem[]>('outbox.list', given({ limit, after })));
  if (options.json === true) writeJsonLines(items);
  else if (items.length === 0) process.stdout.write('The outbox is empty.\n');
  else process.stdout.write(itemTable(items));
  const last = items.at(-1);
  if (items.length === limit && options.json !== true && last !== undefined)
    process.stdout.write(`There may be more: weir outbox list --after ${visible(last.id)}\n`);
  return items.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

function itemTable(items: readonly ListedItem[]): string {
  const rows = items.map((item) => [
    item.id,
    showTime(item.time),
    item.kind,
    item.state,
    String(item.attempts),
    item.state === 'queued' ? showTime(item.nextTryAt) : '',
    item.rcptTo.length > 1 ? `${item.rcptTo[0] ?? ''} +${String(item.rcptTo.length - 1)}` : (item.rcptTo[0] ?? ''),
    showSize(item.sizeBytes),
    item.lastError ?? '',
  ]);
  return table(['ID', 'SINCE', 'KIND', 'STATE', 'TRIES', 'NEXT TRY', 'RECIPIENTS', 'SIZE', 'LAST ERROR'], rows, [4, 7]);
}

function addChange(
  program: Command,
  outbox: Command,
  name: 'retry' | 'delete',
  description: string,
  done: string,
): void {
  outbox
    .command(name)
    .description(description)
    .argument('<id...>', 'items')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `\nExample:\n  weir outbox ${name} 01kjk…${exitHelp('some item was not there, or not in a state for it')}`,
    )
    .action((ids: readonly string[], options: { json?: boolean }) =>
      exitWith(async () => {
        const changed = await withStores(program, (call) => call<string[]>(`outbox.${name}`, { ids }));
        const lines = ids.map((id) => ({ id, done: changed.includes(id) }));
        if (options.json === true) writeJsonLines(lines);
        else
          process.stdout.write(
            lines.map((line) => `${visible(line.id)}: ${line.done ? done : 'nothing to do'}\n`).join(''),
          );
        return lines.every((line) => line.done) ? STORE_EXIT.done : STORE_EXIT.nothing;
      }),
    );
}
