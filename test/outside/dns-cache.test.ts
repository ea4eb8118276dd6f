// How long answers are kept, who shares a question, how many are out at once, and what stands in when servers fail.
import { describe, expect, test } from 'vitest';
import { RESOLVER_DEFAULTS as DEFAULTS } from '../../outside/dns-resolver.js';
import { ground, TIMEOUT_MS } from './dns-ground.js';

describe('the cache', () => {
  test('keeps an answer for its TTL, within bounds', async () => {
    const { server, resolver } = await ground(
      {
        'short.test': { A: ['192.0.2.1'], ttlS: 1 },
        'plain.test': { A: ['192.0.2.1'], ttlS: 100 },
        'long.test': { A: ['192.0.2.1'], ttlS: 1_000_000 },
        'odd.test': { A: ['192.0.2.1'], ttlS: 0xffffffff },
      },
      { ttlMinS: 10, ttlMaxS: 1_000 },
    );
    const ttlOf = async (name: string): Promise<number> => {
      const answer = await resolver.lookup('A', name);
      return answer.status === 'found' ? answer.ttlS : -1;
    };
    expect([await ttlOf('short.test'), await ttlOf('plain.test')]).toEqual([10, 100]);
    expect([await ttlOf('long.test'), await ttlOf('odd.test')]).toEqual([1_000, 10]);
    resolver.clock.moveOn(40);
    expect(await ttlOf('plain.test')).toBe(60);
    expect(server.count('plain.test')).toBe(1);
    await ttlOf('short.test');
    expect(server.count('short.test')).toBe(2);
    resolver.clock.moveOn(61);
    await ttlOf('plain.test');
    expect(server.count('plain.test')).toBe(2);
  });

  test('keeps absence by the SOA, and failures for a short while', async () => {
    const { server, resolver } = await ground(
      { 'here.test': { A: ['192.0.2.1'] }, 'bad.test': { behaviour: 'servfail' } },
      { failureTtlS: 5 },
    );
    const counts = () => ['absent.test', 'here.test', 'bad.test'].map((name) => server.count(name));
    const askAll = async (): Promise<void> => {
      for (const name of ['absent.test', 'here.test', 'bad.test']) await resolver.lookup('MX', name);
    };
    await askAll();
    await askAll();
    expect(counts()).toEqual([1, 1, 1]);
    resolver.clock.moveOn(6);
    await askAll();
    expect(counts()).toEqual([1, 1, 2]);
    expect(await resolver.lookup('MX', 'absent.test')).toEqual({ status: 'nxdomain', ttlS: 54 });
    resolver.clock.moveOn(55);
    await askAll();
    expect(counts()).toEqual([2, 2, 3]);
  });

  test('is bounded in entries and bytes; what is used stays', async () => {
    const { server, resolver } = await ground({ '*': { TXT: ['x'.repeat(1_000)] } }, { cacheEntriesMax: 10 });
    for (let at = 0; at < 30; at += 1) {
      await resolver.lookup('TXT', 'used.test');
      await resolver.lookup('TXT', `n${String(at)}.test`);
    }
    expect(resolver.state().cacheEntries).toBe(10);
    expect(server.count('used.test')).toBe(1);
    const small = await ground({ '*': { TXT: ['x'.repeat(1_000)] } }, { cacheSizeMaxBytes: 20_000 });
    for (let at = 0; at < 30; at += 1) await small.resolver.lookup('TXT', `n${String(at)}.test`);
    expect(small.resolver.state().cacheSizeBytes).toBeLessThanOrEqual(20_000);
    expect(small.resolver.state().cacheEntries).toBeGreaterThan(10);
  });

  test('stays while the servers stay, and goes with them', async () => {
    const one = await ground({ 'a.test': { A: ['192.0.2.1'] } });
    const other = await ground({ 'a.test': { A: ['192.0.2.2'] } });
    const options = { ...DEFAULTS, servers: [one.server.address] };
    await one.resolver.lookup('A', 'a.test');
    one.resolver.take({ ...options, timeoutMs: 700 });
    await one.resolver.lookup('A', 'a.test');
    expect(one.server.count('a.test')).toBe(1);
    one.resolver.take({ ...options, servers: [other.server.address] });
    expect(await one.resolver.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.2'] });
  });
});

test('a look-up past the cache asks; what it finds is kept, and a failure drops no answer that is in its time', async () => {
  const { server, resolver } = await ground({ 'a.test': { A: ['192.0.2.1'] } });
  await resolver.lookup('A', 'a.test');
  server.set('a.test', { A: ['192.0.2.2'] });
  expect(await resolver.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.1'] });
  expect(await resolver.lookup('A', 'a.test', { fresh: true })).toMatchObject({ records: ['192.0.2.2'] });
  expect(await resolver.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.2'] });
  server.set('a.test', { behaviour: 'servfail' });
  expect((await resolver.lookup('A', 'a.test', { fresh: true })).status).toBe('servfail');
  expect(await resolver.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.2'] });
});

describe('questions', () => {
  test('that are the same are asked once', async () => {
    const { server, resolver } = await ground({ 'a.test': { A: ['192.0.2.1'], delayMs: 50 } });
    const answers = await Promise.all(Array.from({ length: 100 }, () => resolver.statusOf('A', 'A.test')));
    expect(new Set(answers)).toEqual(new Set(['found']));
    expect(server.count('a.test')).toBe(1);
  });

  test('are out up to a cap, wait up to another, and beyond that fail at once', async () => {
    const { server, resolver } = await ground(
      { '*': { A: ['192.0.2.1'], delayMs: 100 } },
      { inFlightMax: 5, waitingMax: 10 },
    );
    const started = performance.now();
    const all = Array.from({ length: 20 }, (_, at) => resolver.statusOf('A', `n${String(at)}.test`));
    const early = await Promise.all(all.slice(15));
    expect(early).toEqual(['busy', 'busy', 'busy', 'busy', 'busy']);
    expect(performance.now() - started).toBeLessThan(90);
    expect(resolver.state()).toMatchObject({ inFlight: 5, waiting: 10 });
    expect(new Set(await Promise.all(all.slice(0, 15)))).toEqual(new Set(['found']));
    expect(server.asked).toHaveLength(15);
    expect(resolver.state()).toMatchObject({ inFlight: 0, waiting: 0 });
    expect(await resolver.statusOf('A', 'n19.test')).toBe('found');
  });

  test('that wait in vain for their turn end within the time limit', async () => {
    const { resolver } = await ground({ '*': { behaviour: 'silent' } }, { inFlightMax: 1 });
    const started = performance.now();
    const answers = await Promise.all(['a.test', 'b.test'].map((name) => resolver.statusOf('A', name)));
    expect(answers[0]).toBe('timeout');
    expect(['busy', 'timeout']).toContain(answers[1]);
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS * 2);
  });
});

describe('stale answers', () => {
  const zone = { 'a.test': { A: ['192.0.2.1'], ttlS: 10 }, 'gone.test': { A: ['192.0.2.1'], ttlS: 10 } };

  test('stand in when the servers fail, if set, for as long as set, and say so', async () => {
    const { server, resolver } = await ground(zone, { staleOnFailureS: 3_600 });
    await resolver.lookup('A', 'a.test');
    await resolver.lookup('A', 'gone.test');
    resolver.clock.moveOn(11);
    server.setAll({ behaviour: 'servfail' });
    expect(await resolver.lookup('A', 'a.test')).toEqual({
      status: 'found',
      records: ['192.0.2.1'],
      ttlS: 30,
      stale: true,
    });
    await resolver.lookup('A', 'a.test');
    expect(server.count('a.test')).toBe(2);
    server.setAll(null);
    server.set('gone.test', null);
    expect(await resolver.statusOf('A', 'gone.test')).toBe('nxdomain');
    resolver.clock.moveOn(6);
    expect(await resolver.lookup('A', 'a.test')).toMatchObject({ stale: false });
    resolver.clock.moveOn(3_611);
    server.setAll({ behaviour: 'servfail' });
    expect(await resolver.statusOf('A', 'a.test')).toBe('servfail');
  });

  test('do not unless set', async () => {
    const { server, resolver } = await ground(zone);
    await resolver.lookup('A', 'a.test');
    resolver.clock.moveOn(11);
    server.setAll({ behaviour: 'servfail' });
    expect(await resolver.statusOf('A', 'a.test')).toBe('servfail');
  });

  test('are not waited for longer than need be while the servers are slow', async () => {
    const { server, resolver } = await ground(zone, { staleOnFailureS: 3_600, timeoutMs: 4_000 });
    await resolver.lookup('A', 'a.test');
    resolver.clock.moveOn(11);
    server.setAll({ delayMs: 3_500 });
    const started = performance.now();
    expect(await resolver.lookup('A', 'a.test')).toMatchObject({ status: 'found', stale: true });
    expect(performance.now() - started).toBeLessThan(3_400);
  });
});
