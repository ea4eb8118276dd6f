// The resolver for a long time: after fifty thousand look-ups of every outcome, many called off, there is no more memory,
// no more sockets and nobody waiting.
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { isFailure } from '../../outside/resolver.js';
import { ground } from './dns-ground.js';

const LOOKUPS = 50_000;
const ROUND = 500;
const WARM_ROUNDS = 30;
/** What a heap may waver by between two collections, bytes. */
const HEAP_SLACK_BYTES = 4 * 1_048_576;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const descriptors = (): number => readdirSync('/proc/self/fd').length;

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test('fifty thousand look-ups leave nothing behind', async () => {
  const { server, resolver } = await ground(
    {
      '*.found.test': { TXT: ['x'.repeat(200)] },
      '*.bad.test': { behaviour: 'servfail' },
      '*.cut.test': { TXT: ['x'.repeat(400)], behaviour: 'truncated' },
      '*.odd.test': { behaviour: 'garbage' },
      '*.mute.test': { behaviour: 'silent' },
      '*.slow.test': { TXT: ['x'], delayMs: 20 },
    },
    { timeoutMs: 1_500, inFlightMax: 200, cacheEntriesMax: 2_000, tries: 2 },
  );
  const kinds = ['found', 'found', 'found', 'absent', 'bad', 'cut', 'odd', 'slow'];
  const seen = new Map<string, number>();
  const opened = descriptors();
  let before = 0;
  let done = 0;
  for (let round = 0; done < LOOKUPS; round += 1) {
    if (round === WARM_ROUNDS) before = heapBytes();
    const abort = new AbortController();
    const work = Array.from({ length: ROUND }, async (_, at) => {
      const kind = at === 0 ? 'mute' : (kinds[at % kinds.length] ?? 'found');
      const options = at % 50 === 1 ? { signal: abort.signal } : {};
      const { status } = await resolver.lookup('TXT', `n${String(round)}-${String(at)}.${kind}.test`, options);
      seen.set(status, (seen.get(status) ?? 0) + 1);
    });
    abort.abort();
    // The mute ones of all rounds but the last wait beside the rounds that follow.
    await Promise.all(work.slice(1));
    done += ROUND;
    server.forget();
  }
  await new Promise((rest) => setTimeout(rest, 2_500));
  expect(resolver.state()).toMatchObject({ inFlight: 0, waiting: 0, silent: false, cacheEntries: 2_000 });
  expect(descriptors()).toBeLessThanOrEqual(opened + 2);
  expect(heapBytes() - before).toBeLessThan(HEAP_SLACK_BYTES);
  for (const status of ['found', 'nxdomain', 'servfail', 'malformed', 'timeout'])
    expect([status, (seen.get(status) ?? 0) >= LOOKUPS / ROUND]).toEqual([status, true]);
  expect(isFailure(await resolver.lookup('TXT', 'last.found.test'))).toBe(false);
}, 300_000);
