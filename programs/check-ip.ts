// `weir check-ip`: what DNS lists say of an address, told apart plainly: listed, not listed, unknown. Asks the lists that
// are set, or those named; with --known it shows well-known lists and their terms, and asks nothing.
import type { Command } from 'commander';
import type { Configuration } from '../config/load.js';
import { checkAddress, type AddressVerdict } from '../filters/lists/check-address.js';
import { KNOWN_LISTS } from '../lists/known.js';
import { readLists, type List } from '../lists/list.js';
import { askPackage, type Witness } from '../filters/lists/package-witness.js';
import { canonicalAddress } from '../lists/question.js';
import type { ListsSettings } from '../filters/lists/settings.js';
import { KEY_MARK, parseSite } from '../lists/site.js';
import { listsStage } from '../filters/lists/stage.js';
import { systemClock } from '../outside/clock.js';
import { parseServerAddress } from '../outside/dns-address.js';
import { createResolver } from '../outside/dns-resolver.js';
import { stageSection } from '../pipeline/stage-section.js';
import { knownText, verdictText } from './address-report.js';
import { dnsServersOf, resolverOptions, resolverSection } from './resolver-settings.js';
import { readSettings } from './settings.js';
import { readMany, writeJsonLines } from './store-options.js';
import { columnsOf, visible } from './table.js';

/** Exit codes of `weir check-ip`. */
const EXIT = { clean: 0, listed: 1, unknown: 2, usage: 64 } as const;
/** Longest wait for all lists, ms. */
const ALL_MS = 20_000;
/** Lists named on one command line. */
const NAMED_MAX = 100;

interface Options {
  readonly list?: readonly string[];
  readonly resolver?: string;
  readonly known?: boolean;
  readonly json?: boolean;
}

/** What is asked, or what was wrong with the command line. */
interface Task {
  readonly address: string;
  readonly lists: readonly List[];
  readonly servers: readonly string[];
  readonly configuration: Configuration;
}

/** What one list says, and what the npm package dnsbl saw of it; null where the package was not asked. */
export interface WitnessedVerdict extends AddressVerdict {
  readonly witness: Witness | null;
}

/** Adds the command to the program. */
export function addCheckIpCommand(program: Command): void {
  program
    .command('check-ip')
    .description('Ask DNS block and allow lists about an address: those of `lists.sites` for clients, or those named.')
    .argument('[address]', 'IPv4 or IPv6 address')
    .option('--list <site>', 'ask this list, zone[=filter][*weight], in place of those set; may be repeated', readMany)
    .option('--resolver <address>', 'DNS server to ask, address[:port]; default: those of `resolver.servers`')
    .option('--known', 'show well-known lists, what they mean and on which terms; nothing is asked')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Each list's own test entries are asked too: one that is dead, lists everything, or refuses us is
unknown, never "not listed".

Examples:
  weir check-ip 203.0.113.9
  weir check-ip 2001:db8::25 --list bl.example.org --list 'zen.example=127.0.0.[2..11]*3'
  weir check-ip 203.0.113.9 --resolver 127.0.0.1:5353 --json
  weir check-ip --known

Exit codes: 0 on no list; 1 on a block or allow list; 2 on none, but some list could not tell;
64 wrong use; 70 something failed; 78 bad configuration.`,
    )
    .action(async (address: string | undefined, options: Options) => {
      if (options.known === true) return showKnown(options.json === true);
      const task = readTask(address, options, readSettings(program.opts<{ config?: string }>().config));
      if (typeof task === 'string') {
        process.stderr.write(`weir: ${visible(task)}\n`);
        process.exitCode = EXIT.usage;
        return;
      }
      await run(task, options.json === true);
    });
}

function showKnown(json: boolean): void {
  if (json) writeJsonLines(KNOWN_LISTS);
  else process.stdout.write(knownText(KNOWN_LISTS, columnsOf(process.stdout)));
}

function readTask(text: string | undefined, options: Options, configuration: Configuration): Task | string {
  if (text === undefined) return 'give an address, or --known';
  const address = canonicalAddress(text);
  if (address === null) return `not an IPv4 or IPv6 address: ${text}`;
  if (options.resolver !== undefined && parseServerAddress(options.resolver) === null)
    return `--resolver takes address, address:port or [address]:port, not ${options.resolver}`;
  const wrong = (options.list ?? []).map(problemOf).find((problem) => problem !== null);
  if (wrong !== undefined) return wrong;
  if ((options.list?.length ?? 0) > NAMED_MAX) return `more than ${NAMED_MAX} lists`;
  const lists = listsOf(options, configuration);
  if (lists.length === 0)
    return 'no lists for clients are set in `lists.sites`: name one with --list, or see --known for well-known ones';
  return {
    address,
    lists,
    servers: options.resolver === undefined ? dnsServersOf(configuration) : [options.resolver],
    configuration,
  };
}

function problemOf(text: string): string | null {
  const site = parseSite(text);
  if (typeof site === 'string') return `--list ${text}: expected ${site}`;
  return site.zone.includes(KEY_MARK) ? `--list ${text}: lists with a key are asked from \`lists.sites\`` : null;
}

/** The lists named, else those set for the address of a client. */
function listsOf({ list }: Options, configuration: Configuration): readonly List[] {
  if (list !== undefined)
    return readLists(
      list.map((text) => ({ list: text, ask: ['client'] })),
      configuration.attached,
    );
  const { sites } = configuration.section(stageSection(listsStage.spec)) as unknown as ListsSettings;
  return readLists(
    sites.filter(({ ask }) => ask.includes('client')),
    configuration.attached,
  );
}

async function run({ address, lists, servers, configuration }: Task, json: boolean): Promise<void> {
  const options = { ...resolverOptions(configuration.section(resolverSection)), servers };
  const resolver = createResolver(options, { clock: systemClock });
  const { timeoutMs } = options;
  const zones = lists.map(({ zone }) => zone);
  const [verdicts, witnesses] = await Promise.all([
    checkAddress(address, lists, {
      resolver,
      clock: systemClock,
      timeoutMs,
      signal: AbortSignal.timeout(ALL_MS),
    }),
    askPackage(address, zones, { servers, timeoutMs }),
  ]);
  resolver.close();
  const witnessed = verdicts.map((verdict, index): WitnessedVerdict => {
    const isAsked = verdict.state !== 'not-asked';
    return { ...verdict, witness: isAsked ? (witnesses.get(zones[index] ?? '') ?? null) : null };
  });
  if (json) writeJsonLines(witnessed.map((verdict) => ({ address, ...verdict })));
  else process.stdout.write(verdictText(address, witnessed));
  // Timers of the package would keep the process for as long as one look-up may take.
  process.stdout.write('', () => process.exit(exitCode(verdicts)));
}

function exitCode(verdicts: readonly AddressVerdict[]): number {
  if (verdicts.some(({ state }) => state === 'listed')) return EXIT.listed;
  return verdicts.some(({ state }) => state === 'unknown') ? EXIT.unknown : EXIT.clean;
}
