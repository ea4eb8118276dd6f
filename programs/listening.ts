// What listens where: which sections of the settings ask for sockets, and which process takes which of them.
import type { Configuration } from '../config/load.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { POLICY_SECTION } from '../policy/settings.js';
import { SCREEN_SECTION } from '../screen/settings.js';
import type { Listener, ListenRequest } from './listeners.js';
import type { HandedListener, ListenerProtocol, Role } from './process-messages.js';

/** Protocols by the process that speaks them. */
const SPOKEN_BY: Readonly<Record<Role, readonly ListenerProtocol[]>> = {
  worker: ['milter', 'policy'],
  admin: [],
  screen: ['screen', 'screen-proxied'],
};

/** The sockets that the settings want opened. */
export function listenRequests(configuration: Configuration): readonly ListenRequest[] {
  const milter = configuration.section(MILTER_SECTION);
  const screen = configuration.section(SCREEN_SECTION);
  const { socketMode, socketGroup } = milter;
  const requests: ListenRequest[] = [{ protocol: 'milter', listen: milter.listen, socketMode, socketGroup }];
  if (screen.enabled) {
    requests.push({ protocol: 'screen', listen: screen.listen, socketMode, socketGroup });
    requests.push({ protocol: 'screen-proxied', listen: screen.listenProxied, socketMode, socketGroup });
  }
  const policy = configuration.section(POLICY_SECTION);
  if (policy.enabled) requests.push({ protocol: 'policy', ...policy });
  return requests;
}

/** Of all open sockets those that a process of the role takes. */
export function listenersFor(role: Role, listeners: readonly Listener[]): readonly HandedListener[] {
  return listeners
    .filter(({ protocol }) => SPOKEN_BY[role].includes(protocol))
    .map(({ protocol, descriptor }) => ({ protocol, descriptor }));
}

/** The sockets handed to a process for one protocol, as addresses to listen on. */
export function descriptorAddresses(listeners: readonly HandedListener[], protocol: ListenerProtocol): string[] {
  return listeners.filter((one) => one.protocol === protocol).map(({ descriptor }) => `fd:${descriptor}`);
}
