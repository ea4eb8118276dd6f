// One version of the settings made ready: networks read, lists watched, certificate loaded. Connections keep the version
// they began with; the watch of one that was replaced ends with the last of them.
import type { SecureContext } from 'node:tls';
import type { AttachedFiles } from '../config/attached.js';
import type { Clock } from '../outside/clock.js';
import type { Resolver } from '../outside/resolver.js';
import { readLists } from '../lists/list.js';
import { ListWatch } from '../lists/watch.js';
import { parseListenAddress } from '../outside/listen-address.js';
import { NetworkSet } from '../message/network.js';
import { tlsContext } from './certificate.js';
import { DnsblDesk } from './dnsbl.js';
import type { Upstream } from './handoff.js';
import type { PassedTest } from './passes.js';
import { DEEP_TESTS, hostNameOf, isWanted, type DeepTest, type ScreenSettings, type TestAction } from './settings.js';

/** A DNS list is suspended, or answers with errors; the catalogue of alerts says more. */
export const ALERT_LIST_DEAD = 'screen-list-dead';
export const ALERT_LIST_ERROR = 'screen-list-error';
/** Clients are not asked about, since too many questions are out. */
export const ALERT_LISTS_BUSY = 'screen-lists-busy';

const MINUTE_MS = 60_000;

export interface TermsWorld {
  readonly clock: Clock;
  readonly resolver: Resolver;
  alert(code: string, raised: boolean, detail: string): void;
}

export class Terms {
  readonly hostName: string;
  readonly desk: DnsblDesk;
  readonly secure: SecureContext | null;
  readonly upstream: Upstream;
  /** Tests that a client has to pass under these settings. */
  readonly inForce: readonly PassedTest[];
  /** Actions of the deep tests that are in force. */
  readonly deep: ReadonlyMap<DeepTest, TestAction>;
  /** All of them: how a client is watched that is refused anyway. */
  readonly deepForRefused: ReadonlyMap<DeepTest, TestAction>;
  readonly #watch: ListWatch;
  readonly #balancers: NetworkSet;
  readonly #permit: NetworkSet;
  readonly #deny: NetworkSet;
  readonly #primary: NetworkSet;
  #users = 0;
  #isRetired = false;

  /** Throws when a file or address is not what it should be. */
  constructor(
    readonly settings: ScreenSettings,
    files: AttachedFiles,
    world: TermsWorld,
  ) {
    this.hostName = hostNameOf(settings);
    this.upstream = readUpstream(settings.upstream);
    this.secure = tlsContext(settings, files);
    this.#balancers = new NetworkSet(settings.balancers);
    this.#permit = new NetworkSet(settings.permitNetworks);
    this.#deny = new NetworkSet(settings.denyNetworks);
    this.#primary = new NetworkSet(settings.primaryAddresses);
    this.#watch = new ListWatch(
      readLists(
        settings.dnsblSites.map((site) => ({ ...site, ask: ['client'] })),
        files,
      ),
      world.resolver,
      world,
      {
        alerts: { dead: ALERT_LIST_DEAD, error: ALERT_LIST_ERROR },
        testEveryMs: settings.dnsblTestMinutes * MINUTE_MS,
        retestMs: settings.dnsblRetestMs,
      },
    );
    this.desk = new DnsblDesk(this.#watch.healths, {
      resolver: world.resolver,
      clock: world.clock,
      timeoutMs: settings.dnsblTimeoutMs,
      onBusy: (isBusy) => world.alert(ALERT_LISTS_BUSY, isBusy, isBusy ? 'too many look-ups are out' : ''),
    });
    const actions = DEEP_TESTS.map((test) => [test, settings[`${test}Action`]] as const);
    this.deepForRefused = new Map(actions);
    this.deep = new Map(this.secure === null ? [] : actions.filter(([test]) => isWanted(settings, test)));
    this.inForce = [
      ...(settings.pregreetTest ? (['pregreet'] as const) : []),
      ...(settings.dnsblSites.length > 0 ? (['dnsbl'] as const) : []),
      ...this.deep.keys(),
    ];
  }

  /** What the lists of networks say. */
  access(address: string): 'permit' | 'deny' | null {
    if (this.#permit.has(address)) return 'permit';
    return this.#deny.has(address) ? 'deny' : null;
  }

  believesHeadersOf(address: string): boolean {
    return this.#balancers.has(address);
  }

  /** Whether a client may pass for the first time on that address of ours. */
  isPrimary(serverAddress: string): boolean {
    return this.settings.primaryAddresses.length === 0 || this.#primary.has(serverAddress);
  }

  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    this.#closeWhenUnused();
  }

  /** Nobody new comes under these terms. */
  retire(): void {
    this.#isRetired = true;
    this.#closeWhenUnused();
  }

  #closeWhenUnused(): void {
    if (this.#isRetired && this.#users === 0) this.#watch.close();
  }
}

function readUpstream(text: string): Upstream {
  const address = parseListenAddress(text);
  if (address.kind === 'fd') throw new Error(`no address of an MTA: ${text}`);
  return address;
}
