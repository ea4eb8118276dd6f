// Whether the DNS servers of the settings answer, and how fast: for the health check, past cache and health of a resolver.
import type { Clock } from './clock.js';
import { formatServerAddress, readServers } from './dns-address.js';
import type { ResolverOptions } from './dns-resolver.js';
import { ask, type ServerAddress } from './dns-transport.js';
import { startTimeLimit } from './time-limit.js';

/** What one server says when it is asked for nothing but a sign of life. */
export interface ServerCheck {
  readonly address: string;
  /** Null when it did not answer. */
  readonly answeredMs: number | null;
  /** What it said, if that was no answer. */
  readonly objection: string | null;
}

/** Asks each server for the root's name servers, all at once. */
export function checkServers(
  { servers, timeoutMs }: Pick<ResolverOptions, 'servers' | 'timeoutMs'>,
  clock: Clock,
): Promise<readonly ServerCheck[]> {
  return Promise.all(readServers(servers).map((address) => checkServer(address, timeoutMs, clock)));
}

function checkServer(address: ServerAddress, timeoutMs: number, clock: Clock): Promise<ServerCheck> {
  const name = formatServerAddress(address);
  const sentAt = clock.monotonicMs();
  return new Promise((resolve) => {
    const endLimit = startTimeLimit(timeoutMs, () => {
      end();
      resolve({ address: name, answeredMs: null, objection: `no answer within ${String(timeoutMs)} ms` });
    });
    const end = ask(address, { type: 'NS', name: '' }, (heard) => {
      endLimit();
      const answeredMs = heard.kind === 'unreachable' ? null : Math.round(clock.monotonicMs() - sentAt);
      resolve({ address: name, answeredMs, objection: 'detail' in heard ? heard.detail : null });
    });
  });
}
