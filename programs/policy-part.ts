// The policy server as a scan worker runs it, beside the milter and through the same gateway; nothing where it is off.
import type { Configuration } from '../config/load.js';
import { createPolicyGateway, type EarlyHooks } from '../gateway/policy.js';
import type { TextLog } from '../logs/text-log.js';
import { systemClock } from '../outside/clock.js';
import { createPolicyServer } from '../policy/server.js';
import { POLICY_SECTION } from '../policy/settings.js';
import { descriptorAddresses } from './listening.js';
import type { HandedListener } from './process-messages.js';

export interface PolicyPart {
  /** Rejects when a socket cannot be listened on. */
  listen(): Promise<void>;
  /** No new connections; answers that are owed are given, at most for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const NOTHING = (): Promise<void> => Promise.resolve();

/** For the sockets handed in; nothing is answered before `listen`. */
export function createPolicyPart(
  configuration: Configuration,
  listeners: readonly HandedListener[],
  hooks: EarlyHooks,
  text: TextLog,
): PolicyPart {
  const listen = descriptorAddresses(listeners, 'policy');
  if (listen.length === 0) return { listen: NOTHING, close: NOTHING };
  const settings = { ...configuration.section(POLICY_SECTION), listen };
  const gateway = createPolicyGateway(hooks, systemClock, settings.messagesMax);
  const server = createPolicyServer(settings, gateway, {
    onListenerError: (address, error) => text.error({ err: error, address }, 'policy listener failed'),
    onProtocolError: (reason) => text.warn({ reason }, 'policy connection ended by protocol error'),
    onTrouble: (error) => text.error({ err: error, onTrouble: settings.onTrouble }, 'policy request without an answer'),
    onRefused: () => text.warn({ connectionsMax: settings.connectionsMax }, 'policy connection refused: over the cap'),
  });
  return {
    listen: () => server.listen(),
    close: async (graceMs) => {
      await server.close(graceMs);
      gateway.close();
    },
  };
}
