// `weir greylist`: who waits and since when, who went through; lets one through now, and forgets.
import { InvalidArgumentError, type Command } from 'commander';
import { greylistStage } from '../filters/greylist/stage.js';
import { partsOf, type ListedTriplet, type TripletList } from '../filters/greylist/records.js';
import { spansOf, type GreylistSettings } from '../filters/greylist/settings.js';
import { stageSection } from '../pipeline/stage-section.js';
import { readSettings } from './settings.js';
import { STORE_EXIT, withStores } from './store-access.js';
import { exitHelp, exitWith, given, readLimit, writeJsonLines } from './store-options.js';
import { showTime, table, visible } from './table.js';

const LIMIT = 100;

/** Adds `greylist list|pass|forget`. */
export function addGreylistCommand(program: Command): void {
  const greylist = program
    .command('greylist')
    .description('Greylisting: who waits, who went through, and letting one through now.')
    .addHelpText(
      'after',
      `
Examples:
  weir greylist list
  weir greylist list --sender partner.example
  weir greylist pass 4k2m9x0c7v1bq8ht
  weir greylist pass --client 192.0.2.7 --sender ann@partner.example --recipient bob@example.org`,
    );
  addList(program, greylist);
  addPass(program, greylist);
  addForget(program, greylist);
}

interface ListOptions {
  readonly passed?: boolean;
  readonly all?: boolean;
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly limit: number;
  readonly json?: boolean;
}

function addList(program: Command, greylist: Command): void {
  greylist
    .command('list')
    .description('List triplets of client, sender and recipient that wait for their retry, seen last first.')
    .option('--passed', 'those that went through instead')
    .option('--all', 'both')
    .option('--client <text>', 'only clients with this address, or with this in their network')
    .option('--sender <text>', 'only senders with this in their address')
    .option('--recipient <text>', 'only recipients with this in their address')
    .option('--limit <number>', 'rows at most', readLimit, LIMIT)
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
A sender is shown without what changes from mail to mail (tags, numbers, bounce keys); a client as its network.

Examples:
  weir greylist list --recipient bob@example.org
  weir greylist list --all --json${exitHelp('nothing to list')}`,
    )
    .action((options: ListOptions) => exitWith(() => list(program, options)));
}

async function list(program: Command, options: ListOptions): Promise<number> {
  const { client, sender, recipient, limit } = options;
  const state = options.all === true ? 'all' : options.passed === true ? 'passed' : 'waiting';
  const filter = { state, ...given({ client, sender, recipient }) };
  const found = await withStores(program, (call) => call<TripletList>('greylist.list', { filter, limit }));
  const { delayMs } = spansOf(settingsOf(program));
  if (options.json === true)
    writeJsonLines(found.triplets.map((triplet) => ({ ...triplet, passesAt: passesAt(triplet, delayMs) })));
  else if (found.triplets.length === 0) process.stdout.write(`${NOTHING[state]}\n`);
  else process.stdout.write(tripletTable(found.triplets, delayMs));
  if (options.json !== true && found.count > found.triplets.length)
    process.stdout.write(`${String(found.count - found.triplets.length)} more: narrow the list, or raise --limit.\n`);
  if (found.isPart) process.stderr.write('weir: the record is larger than one list looks at: this is a part of it.\n');
  return found.triplets.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

const NOTHING = {
  waiting: 'Nothing waits.',
  passed: 'Nothing went through yet.',
  all: 'There is no record yet.',
} as const;

function tripletTable(triplets: readonly ListedTriplet[], delayMs: number): string {
  const rows = triplets.map((triplet) => [
    triplet.id,
    showTime(triplet.firstAt),
    triplet.passedAt === null ? `from ${showTime(passesAt(triplet, delayMs))}` : showTime(triplet.passedAt),
    String(triplet.attempts),
    triplet.client,
    triplet.sender === '' ? '<>' : triplet.sender,
    triplet.recipient,
  ]);
  return table(['ID', 'FIRST SEEN', 'PASSES', 'TRIES', 'CLIENT', 'SENDER', 'RECIPIENT'], rows, [3]);
}

const passesAt = ({ firstAt, passedAt }: ListedTriplet, delayMs: number): number => passedAt ?? firstAt + delayMs;

interface NamedOptions {
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
}

function addPass(program: Command, greylist: Command): void {
  greylist
    .command('pass')
    .description('Let a triplet through now: its next attempt is taken, however soon. It need not have been seen.')
    .argument('[id...]', 'ids from the list, or from the reply in the log')
    .option('--client <address>', 'address of the sending server')
    .option('--sender <address>', 'envelope sender; <> for none')
    .option('--recipient <address>', 'recipient')
    .addHelpText(
      'after',
      `
Give ids, or client, sender and recipient together.

Examples:
  weir greylist pass 4k2m9x0c7v1bq8ht
  weir greylist pass --client 192.0.2.7 --sender ann@partner.example --recipient bob@example.org${exitHelp('some triplet was not waiting')}`,
    )
    .action((ids: readonly string[], options: NamedOptions) => exitWith(() => pass(program, ids, options)));
}

async function pass(program: Command, ids: readonly string[], options: NamedOptions): Promise<number> {
  const { client, sender, recipient } = options;
  const settings = settingsOf(program);
  const { keepMs } = spansOf(settings);
  if (client === undefined && sender === undefined && recipient === undefined && ids.length > 0) {
    const passed = await withStores(program, (call) => call<string[]>('greylist.pass', { ids, keepMs }));
    return report(ids, passed, 'passes from now on', 'not waiting');
  }
  if (client === undefined || sender === undefined || recipient === undefined || ids.length > 0)
    return usage('give ids, or --client, --sender and --recipient together');
  const parts = partsOf({ client, sender, recipient }, settings);
  if (parts === null) return usage(`no address: ${client}`);
  const { id, done } = await withStores(program, (call) =>
    call<{ id: string; done: boolean }>('greylist.admit', { ...parts, keepMs }),
  );
  return report([id], done ? [id] : [], 'passes from now on', 'passed before');
}

function addForget(program: Command, greylist: Command): void {
  greylist
    .command('forget')
    .description('Forget triplets, or that a client proved itself: the next attempt is a first one again.')
    .argument('[id...]', 'ids from the list')
    .option('--client <address>', 'a client that waits no more, by its address', readAddress)
    .addHelpText(
      'after',
      `
Examples:
  weir greylist forget 4k2m9x0c7v1bq8ht
  weir greylist forget --client 192.0.2.7${exitHelp('some were not there')}`,
    )
    .action((ids: readonly string[], options: { client?: string }) => exitWith(() => forget(program, ids, options)));
}

async function forget(program: Command, ids: readonly string[], { client }: { client?: string }): Promise<number> {
  if (ids.length === 0 && client === undefined) return usage('give ids or --client');
  const gone = await withStores(program, (call) =>
    call<{ ids: string[]; client: boolean }>('greylist.forget', { ids, ...given({ client }) }),
  );
  const named = client === undefined ? [] : [client];
  return report([...ids, ...named], [...gone.ids, ...(gone.client ? named : [])], 'forgotten', 'not known');
}

function report(asked: readonly string[], done: readonly string[], yes: string, no: string): number {
  for (const one of asked) process.stdout.write(`${visible(one)}: ${done.includes(one) ? yes : no}\n`);
  return asked.every((one) => done.includes(one)) ? STORE_EXIT.done : STORE_EXIT.nothing;
}

function usage(text: string): number {
  process.stderr.write(`weir: ${visible(text)}\n`);
  return STORE_EXIT.usage;
}

function readAddress(text: string): string {
  if (partsOf({ client: text, sender: '', recipient: '' }, { ipv4PrefixBits: 32, ipv6PrefixBits: 64 }) === null)
    throw new InvalidArgumentError('Give an IP address.');
  return text;
}

function settingsOf(program: Command): GreylistSettings {
  const configuration = readSettings(program.opts<{ config?: string }>().config);
  return configuration.section(stageSection(greylistStage.spec)) as unknown as GreylistSettings;
}
