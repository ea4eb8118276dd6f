// The check of own addresses while the server runs (product F4): every so often the lists are asked about the addresses we
// send from, an alert is raised while one is listed, and the newest result is kept for whoever shows it.
import type { Configuration } from '../config/load.js';
import { readLists, type List } from '../lists/list.js';
import {
  describeListings,
  lookAtOwnAddresses,
  ownCheckLists,
  type OwnAddressReport,
} from '../filters/lists/own-addresses.js';
import { askPackage, contradicts } from '../filters/lists/package-witness.js';
import type { ListsSettings } from '../filters/lists/settings.js';
import { listsStage } from '../filters/lists/stage.js';
import type { AlertCode } from '../logs/alerts.js';
import { systemClock } from '../outside/clock.js';
import { stageSection } from '../pipeline/stage-section.js';
import { dnsServersOf } from './resolver-settings.js';
import { openWorld, type Alert } from './world.js';

const OWN_ALERT: AlertCode = 'own-address-listed';
const HOUR_MS = 3_600_000;
/** The first check waits for the start to be over, ms. */
export const FIRST_CHECK_MS = 2_000;
/** Longest wait for the second witness, a list, ms. */
const WITNESS_TIMEOUT_MS = 3_000;
/** Longest time of one round of our own look-ups, ms. */
const ROUND_MS = 120_000;

/** What the newest round found. */
export interface OwnAddressResult {
  /** When it ended, ms since the epoch; null before the first. */
  readonly checkedAt: number | null;
  readonly addresses: readonly OwnAddressReport[];
  /** Where the package dnsbl, a second witness, saw otherwise: `address list`. Then the matter is open. */
  readonly contradicted: readonly string[];
}

export interface OwnAddressCheck {
  /** The newest result; empty before the first round, and where no address is set. */
  last(): OwnAddressResult;
  /** Checks now. Never rejects. */
  check(): Promise<void>;
  stop(): void;
}

/** Starts checking under these settings; `before` is what an earlier check found. Nothing is asked without addresses. */
export function startOwnAddressCheck(
  configuration: Configuration,
  alert: Alert,
  onError: (error: unknown) => void,
  before: OwnAddressResult = NOTHING_FOUND,
): OwnAddressCheck {
  const settings = configuration.section(stageSection(listsStage.spec)) as unknown as ListsSettings;
  if (settings.ownAddresses.length === 0) {
    alert(OWN_ALERT, false, 'no own address is set');
    return { last: () => NOTHING_FOUND, check: () => Promise.resolve(), stop: () => undefined };
  }
  // Whether servers answer is for the scan workers to say.
  const world = openWorld(() => undefined);
  const { resolver } = world.outside(configuration);
  const stopped = new AbortController();
  let last = before;
  const check = async (): Promise<void> => {
    if (resolver === null || stopped.signal.aborted) return;
    try {
      const lists = readLists(settings.sites, configuration.attached);
      const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(ROUND_MS)]);
      const addresses = await lookAtOwnAddresses(settings, lists, resolver, systemClock, signal);
      const contradicted = await findContradictions(
        addresses,
        ownCheckLists(settings, lists),
        dnsServersOf(configuration),
      );
      if (stopped.signal.aborted) return;
      last = { checkedAt: systemClock.now(), addresses, contradicted };
      tell(last, alert);
    } catch (error) {
      onError(error);
    }
  };
  const first = setTimeout(() => void check(), FIRST_CHECK_MS).unref();
  const again = setInterval(() => void check(), settings.ownCheckHours * HOUR_MS).unref();
  return {
    last: () => last,
    check,
    stop: () => {
      clearTimeout(first);
      clearInterval(again);
      stopped.abort();
      world.close();
    },
  };
}

const NOTHING_FOUND: OwnAddressResult = { checkedAt: null, addresses: [], contradicted: [] };

/** Has the second witness look at the same, by the same servers. */
async function findContradictions(
  addresses: readonly OwnAddressReport[],
  lists: readonly List[],
  servers: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { address, verdicts } of addresses) {
    const zones = lists.map(({ zone }) => zone);
    const witnesses = await askPackage(address, zones, { servers, timeoutMs: WITNESS_TIMEOUT_MS });
    for (const [index, { list, state }] of verdicts.entries()) {
      const witness = witnesses.get(zones[index] ?? '');
      if (witness !== undefined && state !== 'not-asked' && contradicts(witness, state))
        found.push(`${address} ${list}`);
    }
  }
  return found;
}

/** An alert stands until every list that could tell says otherwise: what is open takes nothing back. */
function tell({ addresses, contradicted }: OwnAddressResult, alert: Alert): void {
  const listings = describeListings(addresses);
  const isUnknown = addresses.some(({ verdicts }) => verdicts.some(({ state }) => state === 'unknown'));
  if (listings !== '') alert(OWN_ALERT, true, listings);
  else if (!isUnknown && contradicted.length === 0) alert(OWN_ALERT, false, '');
}
