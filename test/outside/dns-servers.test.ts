// Several servers: fail-over, silence, how it is noticed and how its end is; and what that costs who waits.
import { expect, test } from 'vitest';
import { RESOLVER_DEFAULTS } from '../../outside/dns-resolver.js';
import { waitUntil } from '../ground/place.js';
import { resolverOn, serve, TIMEOUT_MS } from './dns-ground.js';

const ZONE = { '*': { A: ['192.0.2.1'] } };
const WAIT_MS = 10_000;

test('a silent server costs the first look-ups some time, the next ones none; it is asked again when it is back', async () => {
  const [first, second] = [await serve(ZONE), await serve(ZONE)];
  const resolver = resolverOn([first.address, second.address]);
  first.setAll({ behaviour: 'silent' });
  expect(await resolver.statusOf('A', 'one.test')).toBe('found');
  expect(resolver.state().servers.map(({ health }) => health)).toEqual(['late', 'good']);
  const started = performance.now();
  for (let at = 0; at < 20; at += 1) expect(await resolver.statusOf('A', `n${String(at)}.test`)).toBe('found');
  expect(performance.now() - started).toBeLessThan(TIMEOUT_MS / 2);
  first.setAll(null);
  await waitUntil('the first server to be good', WAIT_MS, () => resolver.state().servers[0]?.health === 'good');
  first.forget();
  await resolver.statusOf('A', 'again.test');
  expect(first.count('again.test')).toBe(1);
  expect(resolver.told.filter(({ silent }) => silent)).toEqual([]);
});

test('a server that fails, refuses, talks nonsense or is not there is passed over for another at once', async () => {
  const good = await serve(ZONE);
  for (const behaviour of ['servfail', 'refused', 'garbage'] as const) {
    const bad = await serve({ '*': { behaviour } });
    const resolver = resolverOn([bad.address, good.address], { timeoutMs: 5_000 });
    const started = performance.now();
    expect(await resolver.statusOf('A', 'a.test')).toBe('found');
    expect(performance.now() - started).toBeLessThan(1_000);
  }
  const resolver = resolverOn(['127.0.0.1:1', good.address], { timeoutMs: 5_000 });
  const started = performance.now();
  expect(await resolver.statusOf('A', 'a.test')).toBe('found');
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('when all fail, the word of a server counts more than nonsense and silence', async () => {
  const [silent, garbage, failing] = [
    await serve({ '*': { behaviour: 'silent' } }),
    await serve({ '*': { behaviour: 'garbage' } }),
    await serve({ '*': { behaviour: 'servfail' } }),
  ];
  expect(await resolverOn([silent.address, garbage.address]).statusOf('A', 'a.test')).toBe('malformed');
  expect(await resolverOn([silent.address, garbage.address, failing.address]).statusOf('A', 'a.test')).toBe('servfail');
});

test('a question is sent as often as set', async () => {
  const silent = await serve({ '*': { behaviour: 'silent' } });
  await resolverOn([silent.address], { tries: 4 }).statusOf('A', 'a.test');
  expect(silent.count('a.test')).toBe(4);
});

test('when every server is silent look-ups fail at once; the end of it is found out, and both are told', async () => {
  const [first, second] = [await serve(ZONE), await serve(ZONE)];
  const resolver = resolverOn([first.address, second.address]);
  expect(await resolver.statusOf('A', 'kept.test')).toBe('found');
  first.setAll({ behaviour: 'silent' });
  second.setAll({ behaviour: 'silent' });
  expect(await resolver.statusOf('A', 'a.test')).toBe('timeout');
  await waitUntil('silence to be noticed', TIMEOUT_MS * 3, () => resolver.state().silent);
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, at) => resolver.statusOf('A', `n${String(at)}.test`)),
  );
  expect(new Set(answers)).toEqual(new Set(['timeout']));
  expect(performance.now() - started).toBeLessThan(TIMEOUT_MS / 2);
  expect(first.count('n1.test') + second.count('n1.test')).toBe(0);
  expect(await resolver.statusOf('A', 'kept.test')).toBe('found');
  second.setAll(null);
  await waitUntil('the silence to end', WAIT_MS, () => !resolver.state().silent);
  // What failed meanwhile is asked for again, without waiting for the time failures are kept.
  expect(await resolver.statusOf('A', 'a.test')).toBe('found');
  expect(resolver.told.map(({ silent }) => silent)).toEqual([false, true, false]);
  expect(resolver.told[1]?.detail).toContain(first.address);
});

test('who waits for a turn when the servers fall silent need not wait out the limit', async () => {
  const silent = await serve({ '*': { behaviour: 'silent' } });
  const resolver = resolverOn([silent.address], { inFlightMax: 2, timeoutMs: 1_000 });
  const first = ['a.test', 'b.test'].map((name) => resolver.statusOf('A', name));
  await new Promise((done) => setTimeout(done, 300));
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, at) => resolver.statusOf('A', `n${String(at)}.test`)),
  );
  expect(new Set([...answers, ...(await Promise.all(first))])).toEqual(new Set(['timeout']));
  expect(performance.now() - started).toBeLessThan(950);
});

test('one name that no answer comes for is no silence: the server answers others', async () => {
  const server = await serve({ ...ZONE, 'mute.test': { behaviour: 'silent' } });
  for (const tries of [1, 2, 3]) {
    const resolver = resolverOn([server.address], { tries });
    expect(await resolver.statusOf('A', 'mute.test')).toBe('timeout');
    expect(resolver.state().silent).toBe(false);
    expect(await resolver.statusOf('A', 'a.test')).toBe('found');
  }
});

test('a server that starts late is found', async () => {
  const spare = await serve({});
  await spare.stop();
  const resolver = resolverOn([spare.address]);
  expect(await resolver.statusOf('A', 'a.test')).toBe('timeout');
  await waitUntil('silence to be noticed', TIMEOUT_MS * 3, () => resolver.state().silent);
  await serve(ZONE, spare.port);
  await waitUntil('the server to be found', WAIT_MS, () => !resolver.state().silent);
  expect(await resolver.statusOf('A', 'b.test')).toBe('found');
});

test('servers that were taken away are probed no more, though questions to them were out', async () => {
  const [old, next] = [await serve({ '*': { behaviour: 'silent' }, '': { behaviour: 'silent' } }), await serve(ZONE)];
  const resolver = resolverOn([old.address]);
  const pending = resolver.statusOf('A', 'a.test');
  await waitUntil('the question', WAIT_MS, () => old.count('a.test') > 0);
  resolver.take({ ...RESOLVER_DEFAULTS, timeoutMs: TIMEOUT_MS, servers: [next.address] });
  expect(await pending).toBe('timeout');
  expect(await resolver.statusOf('A', 'b.test')).toBe('found');
  expect(old.count('')).toBe(0);
  expect(resolver.told.map(({ silent }) => silent)).toEqual([false]);
});

test('one signal may serve many look-ups', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const resolver = resolverOn([(await serve(ZONE)).address]);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 50 }, (_, at) => resolver.lookup('A', `n${String(at)}.test`, { signal })));
  await new Promise((done) => setImmediate(done));
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
