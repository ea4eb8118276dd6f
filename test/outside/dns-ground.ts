// What the tests of the resolver share: scripted servers and resolvers that are closed after each test, and a clock that
// can be moved on.
import { afterEach } from 'vitest';
import type { Clock } from '../../outside/clock.js';
import { createResolver, type DnsResolver, type ResolverOptions } from '../../outside/dns-resolver.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../ground/scripted-dns.js';

/** Short, so that what waits for a time limit does not take long. */
export const TIMEOUT_MS = 600;

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Real time, and whatever it was moved on by. */
export class MovedClock implements Clock {
  private movedMs = 0;

  now(): number {
    return Date.now() + this.movedMs;
  }

  monotonicMs(): number {
    return performance.now() + this.movedMs;
  }

  moveOn(seconds: number): void {
    this.movedMs += seconds * 1_000;
  }
}

export async function serve(zone: Zone, port?: number): Promise<ScriptedDns> {
  const server = await startScriptedDns(zone, port === undefined ? {} : { port });
  open.push(() => server.stop());
  return server;
}

export interface Told {
  readonly silent: boolean;
  readonly detail: string;
}

export interface TestResolver extends DnsResolver {
  readonly clock: MovedClock;
  /** What it said about its servers. */
  readonly told: readonly Told[];
  statusOf(type: 'A' | 'MX' | 'TXT', name: string): Promise<string>;
}

export function resolverOn(servers: readonly string[], options: Partial<ResolverOptions> = {}): TestResolver {
  const clock = new MovedClock();
  const told: Told[] = [];
  const resolver = createResolver(
    { timeoutMs: TIMEOUT_MS, servers, ...options },
    { clock, onSilent: (silent, detail) => void told.push({ silent, detail }) },
  );
  open.push(() => resolver.close());
  return Object.assign(resolver, {
    clock,
    told,
    statusOf: async (type: 'A' | 'MX' | 'TXT', name: string) => (await resolver.lookup(type, name)).status,
  });
}

/** A server with that zone, and a resolver that asks it. */
export async function ground(
  zone: Zone,
  options: Partial<ResolverOptions> = {},
): Promise<{ readonly server: ScriptedDns; readonly resolver: TestResolver }> {
  const server = await serve(zone);
  return { server, resolver: resolverOn([server.address], options) };
}
