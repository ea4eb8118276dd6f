// What an administrator should know of a Redis beyond that it answers: what it would forget, and when. Asks once, on a
// connection of its own; what its user may not ask is left out.
import { Redis } from 'ioredis';
import { connectionOptions, type RedisStoreOptions } from './redis.js';

/** One sentence for each thing that wants a look. Never rejects: a server that is away has been told of elsewhere. */
export async function inspectRedis(options: RedisStoreOptions): Promise<string[]> {
  const redis = new Redis({ ...connectionOptions(options), lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => redis.disconnect());
  try {
    await redis.connect();
    return findFaults(factsOf(await redis.info()));
  } catch {
    return [];
  } finally {
    redis.disconnect();
  }
}

/** What speaks against the settings of a server, from its own account (INFO). */
export function findFaults(facts: ReadonlyMap<string, string>): string[] {
  const evicts = facts.get('maxmemory_policy') ?? 'noeviction';
  const faults: string[] = [];
  if (evicts !== 'noeviction' && facts.get('maxmemory') !== '0')
    faults.push(`it forgets entries when it is full (maxmemory-policy ${evicts})`);
  if (facts.get('aof_enabled') === '0')
    faults.push('a restart loses what its last snapshot did not have (appendonly no)');
  if (facts.get('role') === 'slave') faults.push('it is a replica');
  return faults;
}

/** Lines `name:value`. */
export function factsOf(info: string): ReadonlyMap<string, string> {
  const lines = info.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
