// A question that nobody waits for any more: it ends at once where that is asked for, never while somebody else waits,
// and leaves neither a place taken nor a failure kept.
import { expect, test } from 'vitest';
import { waitUntil } from '../ground/place.js';
import { ground } from './dns-ground.js';

const WAIT_MS = 10_000;

test('a question that is called off by its last waiter gives its place back, and can be put again', async () => {
  const { server, resolver } = await ground({ 'silent.test': { behaviour: 'silent' } });
  const abort = new AbortController();
  const answer = resolver.lookup('A', 'silent.test', { signal: abort.signal, callsOff: true });
  await waitUntil('the question', WAIT_MS, () => server.count('silent.test') > 0 || null);
  expect(resolver.state().inFlight).toBe(1);
  abort.abort();
  expect((await answer).status).toBe('timeout');
  await new Promise((done) => setImmediate(done));
  expect(resolver.state().inFlight).toBe(0);
  server.set('silent.test', { A: ['192.0.2.1'] });
  expect(await resolver.lookup('A', 'silent.test')).toMatchObject({ status: 'found', records: ['192.0.2.1'] });
});

test('a question that somebody else waits for goes on', async () => {
  const { server, resolver } = await ground({ 'slow.test': { A: ['192.0.2.1'], delayMs: 100 } });
  const abort = new AbortController();
  const leaving = resolver.lookup('A', 'slow.test', { signal: abort.signal, callsOff: true });
  const staying = resolver.lookup('A', 'slow.test');
  await waitUntil('the question', WAIT_MS, () => server.count('slow.test') > 0 || null);
  abort.abort();
  expect((await leaving).status).toBe('timeout');
  expect(await staying).toMatchObject({ status: 'found', records: ['192.0.2.1'] });
  expect(server.count('slow.test')).toBe(1);
});

test('a question that is only given up goes on for the cache', async () => {
  const { server, resolver } = await ground({ 'slow.test': { A: ['192.0.2.1'], delayMs: 100 } });
  const abort = new AbortController();
  const leaving = resolver.lookup('A', 'slow.test', { signal: abort.signal });
  await waitUntil('the question', WAIT_MS, () => server.count('slow.test') > 0 || null);
  abort.abort();
  await leaving;
  await waitUntil('the end of it', WAIT_MS, () => resolver.state().inFlight === 0 || null);
  expect((await resolver.lookup('A', 'slow.test')).status).toBe('found');
  expect(server.count('slow.test')).toBe(1);
});
