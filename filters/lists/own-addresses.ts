// The check of our own addresses (product F4): is one of them on a list, so that others may refuse our mail? Takes the
// settings and their lists, gives what each list says of each address; whom to tell is the caller's business.
import type { Clock } from '../../outside/clock.js';
import type { Resolver } from '../../outside/resolver.js';
import { AttachedSnapshot } from '../../config/attached.js';
import type { Check } from '../../pipeline/stage.js';
import { checkAddress, type AddressVerdict } from './check-address.js';
import { readLists, type List } from '../../lists/list.js';
import { canonicalAddress } from '../../lists/question.js';
import type { ListsSettings } from './settings.js';

/** Longest wait for one list, ms. */
const TIMEOUT_MS = 5_000;

/** Lists of this check take no key. */
const NO_FILES = new AttachedSnapshot([]);

/** What the lists say of one own address. */
export interface OwnAddressReport {
  readonly address: string;
  readonly verdicts: readonly AddressVerdict[];
}

/** Block lists among those set for clients, then those set for this check alone; each zone once. */
export function ownCheckLists(settings: ListsSettings, lists: readonly List[]): readonly List[] {
  const blocking = lists.filter(({ entries }) => entries.some(({ ask, weight }) => ask.has('client') && weight > 0));
  const further = readLists(
    settings.ownCheckLists.map((list) => ({ list, ask: ['client' as const] })),
    NO_FILES,
  );
  const zones = new Set(blocking.map(({ zone }) => zone));
  return [...blocking, ...further.filter(({ zone }) => !zones.has(zone))];
}

/** Asks all of them about all own addresses. */
export async function lookAtOwnAddresses(
  settings: ListsSettings,
  lists: readonly List[],
  resolver: Resolver,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly OwnAddressReport[]> {
  const asked = ownCheckLists(settings, lists);
  const addresses = settings.ownAddresses.flatMap((text) => canonicalAddress(text) ?? []);
  const reports: OwnAddressReport[] = [];
  // One address after another: this is in no hurry, and lists count questions.
  for (const address of new Set(addresses)) {
    const verdicts = await checkAddress(address, asked, { resolver, clock, timeoutMs: TIMEOUT_MS, signal });
    reports.push({ address, verdicts });
  }
  return reports;
}

/** Where own addresses are listed, in words; '' where they are not. */
export function describeListings(reports: readonly OwnAddressReport[]): string {
  return reports
    .flatMap(({ address, verdicts }) => {
      const names = verdicts.filter(({ state }) => state === 'listed').map(({ list }) => list);
      return names.length === 0 ? [] : [`${address} on ${names.join(', ')}`];
    })
    .join('; ');
}

/** One line for each own address, for `weir doctor`. */
export async function checkOwnAddresses(
  settings: ListsSettings,
  lists: readonly List[],
  resolver: Resolver,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  if (settings.ownAddresses.length === 0) return [];
  if (ownCheckLists(settings, lists).length === 0)
    return [
      { name: 'own addresses', state: 'warn', detail: 'no list to check them against: set `lists.ownCheckLists`' },
    ];
  return (await lookAtOwnAddresses(settings, lists, resolver, clock, signal)).map(describe);
}

function describe({ address, verdicts }: OwnAddressReport): Check {
  const name = `own address ${address}`;
  const of = (state: AddressVerdict['state']) => verdicts.filter((one) => one.state === state);
  const listed = of('listed').map(({ list, codes }) => `${list} (${codes.join(' ')})`);
  const unknown = of('unknown').map(({ list, detail }) => `${list} (${detail})`);
  const notKnown = unknown.length === 0 ? '' : `; not known of ${unknown.join(', ')}`;
  if (listed.length > 0) return { name, state: 'fail', detail: `listed by ${listed.join(', ')}${notKnown}` };
  const detail = `on none of ${of('not-listed').length} lists${notKnown}`;
  return { name, state: unknown.length > 0 ? 'warn' : 'ok', detail };
}
