// Look-ups per second and CPU time of the resolver, cold and from its cache, beside the runtime's own resolver (c-ares,
// which keeps nothing). One load for both: names of one wildcard, asked at a fixed concurrency; dnsmasq answers.
//   node dist/bench/resolver.js [--names 20000] [--at-once 100]
import { createHash } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../outside/clock.js';
import { createResolver } from '../outside/dns-resolver.js';
import { startDns } from '../test/ground/dns.js';
import { makePlace } from '../test/ground/place.js';

const DEFAULTS = { names: '20000', atOnce: '100' };
const ZONE = 'bench.test';
const ADDRESS = '192.0.2.1';

/** One run over all names. `hash` is over the answers, so that none is skipped. */
export interface ResolverFigures {
  readonly who: string;
  readonly lookupsPerSecond: number;
  readonly cpuMicrosPerLookup: number;
  readonly hash: string;
}

/** Runs the load on each; the DNS server must answer every name below `bench.test` with one address. */
export async function benchResolver(
  server: string,
  names: number,
  atOnce: number,
): Promise<readonly ResolverFigures[]> {
  const own = createResolver({ servers: [server], cacheEntriesMax: names }, { clock: systemClock });
  const peer = new Resolver({ timeout: 5_000, tries: 3 });
  peer.setServers([server]);
  const ask = async (name: string): Promise<string> => {
    const answer = await own.lookup('A', name);
    return answer.status === 'found' ? answer.records.join() : answer.status;
  };
  const askPeer = async (name: string): Promise<string> => (await peer.resolve4(name, { ttl: true }))[0]?.address ?? '';
  try {
    return [
      await run('own, cold', ask, names, atOnce),
      await run('own, from the cache', ask, names, atOnce),
      await run('c-ares', askPeer, names, atOnce),
    ];
  } finally {
    own.close();
  }
}

async function run(
  who: string,
  ask: (name: string) => Promise<string>,
  names: number,
  atOnce: number,
): Promise<ResolverFigures> {
  const answers: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < names; at = next++) answers[at] = await ask(`n${String(at)}.${ZONE}`);
  };
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return {
    who,
    lookupsPerSecond: Math.round((names / tookMs) * 1_000),
    cpuMicrosPerLookup: Math.round((user + system) / names),
    hash: createHash('sha256').update(answers.join('\n')).digest('hex').slice(0, 12),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      names: { type: 'string', default: DEFAULTS.names },
      'at-once': { type: 'string', default: DEFAULTS.atOnce },
    },
  });
  const place = makePlace('bench-resolver');
  const dns = await startDns(place.directory, { wildcard: { [ZONE]: ADDRESS } });
  try {
    for (const round of ['warm-up', 'measured']) {
      const figures = await benchResolver(dns.address, Number(values.names), Number(values['at-once']));
      for (const { who, lookupsPerSecond, cpuMicrosPerLookup, hash } of figures)
        process.stdout.write(
          `${round}  ${who.padEnd(20)} ${String(lookupsPerSecond).padStart(8)} look-ups/s  ${String(cpuMicrosPerLookup).padStart(5)} µs CPU each  answers ${hash}\n`,
        );
    }
  } finally {
    await dns.stop();
    place.remove();
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
