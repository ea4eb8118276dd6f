// Our own front listeners for the comparison, one for each set-up, as near to postscreen's as the settings allow. They run
// in the test's process; passes are remembered in a state in memory.
import { Value } from 'typebox/value';
import { FILES_ON_DISK } from '../../config/attached.js';
import { systemClock } from '../../outside/clock.js';
import { createResolver } from '../../outside/dns-resolver.js';
import { createScreen, type Screen } from '../../screen/screen.js';
import type { ScreenEvent } from '../../screen/event.js';
import { SCREEN_SECTION, type ScreenSettings } from '../../screen/settings.js';
import { BALANCER, type Door } from '../ground/caller.js';
import { findPorts } from '../ground/place.js';
import { memoryState } from '../ground/state.js';
import { CLIENT_CONNECTIONS_MAX, COMMANDS_MAX, type Setup } from './screen-scripts.js';
import { accessList, SETUPS, SITES, WAIT_MS, type Doors } from './screen-doors.js';

const GRACE_MS = 1_000;

export interface OwnDoors {
  door(setup: Setup): Door;
  /** Everything that the listeners told. */
  readonly events: readonly ScreenEvent[];
  stop(): Promise<void>;
}

/** Starts one listener for each set-up before the same mail server as postscreen's. */
export async function openOwnDoors(doors: Doors): Promise<OwnDoors> {
  const events: ScreenEvent[] = [];
  const resolver = createResolver({ servers: [doors.dns.address] }, { clock: systemClock });
  const ports = await findPorts(SETUPS.length + 1);
  const nobody = ports[SETUPS.length] ?? 0;
  const screens: Screen[] = [];
  for (const [at, setup] of SETUPS.entries()) {
    const upstream = setup === 'unmanned' ? nobody : doors.proxiedPort;
    const screen = createScreen(settingsOf(setup, ports[at] ?? 0, upstream, doors), {
      clock: systemClock,
      resolver,
      state: memoryState(systemClock),
      files: FILES_ON_DISK,
      access: () => null,
      log: (event) => events.push(event),
      alert: () => undefined,
    });
    await screen.listen();
    screens.push(screen);
  }
  return {
    events,
    door: (setup) => ({ host: '127.0.0.1', port: ports[SETUPS.indexOf(setup)] ?? 0, waitMs: WAIT_MS, isProxied: true }),
    stop: async () => {
      await Promise.all(screens.map((screen) => screen.close(GRACE_MS)));
      resolver.close();
    },
  };
}

function settingsOf(setup: Setup, port: number, upstream: number, { certificate }: Doors): ScreenSettings {
  const action = setup === 'ignore' || setup === 'drop' ? setup : 'enforce';
  const deep = setup === 'deep';
  const made: unknown = Value.Default(SCREEN_SECTION.schema, {
    enabled: true,
    listen: [],
    listenProxied: [`inet:127.0.0.1:${port}`],
    balancers: [BALANCER],
    upstream: `inet:127.0.0.1:${upstream}`,
    hostName: 'front.test',
    greetWaitMs: WAIT_MS,
    pregreetAction: action,
    dnsblSites: SITES.split(' ').map((list) => ({ list })),
    dnsblThreshold: 2,
    dnsblAllowThreshold: deep ? -3 : 0,
    dnsblAction: action,
    pipeliningTest: deep,
    nonSmtpTest: deep,
    bareNewlineTest: deep,
    bareNewlineAction: 'enforce',
    ...(deep ? { tlsCertificateFile: certificate.file, tlsKeyFile: certificate.keyFile } : {}),
    permitNetworks: ['127.0.0.1', ...accessList('permit')],
    denyNetworks: [...accessList('reject')],
    denyAction: action,
    connectionsPerAddressMax: CLIENT_CONNECTIONS_MAX,
    commandsMax: COMMANDS_MAX,
  });
  Value.Assert(SCREEN_SECTION.schema, made);
  return made;
}
