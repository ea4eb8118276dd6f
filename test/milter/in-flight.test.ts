// Back-pressure: bytes in flight are capped over all connections, the newest wait, the oldest always goes on.
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../pipeline/answer.js';
import { InFlight } from '../../milter/in-flight.js';
import { ACCEPT, startServer, until } from './ground.js';
import { CONTENT, ENVELOPE, EOM, OPENING, body, optneg } from './wire.js';

describe('the account', () => {
  test('lets the oldest grow beyond the mark, stops the others, and wakes them in order of age', () => {
    const account = new InFlight(100);
    const heard: string[] = [];
    const open = (name: string): ReturnType<InFlight['open']> =>
      account.open(
        () => heard.push(`${name} may go on`),
        () => heard.push(`${name} stops`),
      );
    const [a, b, c] = [open('a'), open('b'), open('c')];
    a.hold(60);
    b.hold(30);
    c.hold(5);
    expect([a.mayGrow(), b.mayGrow(), c.mayGrow()]).toEqual([true, true, true]);
    b.hold(50);
    expect(heard).toEqual(['b stops', 'c stops']);
    expect([a.mayGrow(), b.mayGrow(), c.mayGrow()]).toEqual([true, false, false]);
    a.hold(200);
    expect(a.mayGrow()).toBe(true);
    a.hold(0);
    expect(heard.slice(2)).toEqual(['b may go on', 'c may go on']);
    expect([account.bytes, account.waiting]).toEqual([55, 0]);
    b.hold(0);
    c.hold(0);
    expect(account.bytes).toBe(0);
  });
});

test('twenty large messages at once through a small allowance all get their answer, in bounded memory', async () => {
  const server = await startServer({ kind: 'unix', settings: { inFlightMaxBytes: 1_000_000 } });
  const peers = await Promise.all(Array.from({ length: 20 }, () => server.dial()));
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, server.server.stats().inFlightBytes)), 1);
  let waited = 0;
  await Promise.all(
    peers.map(async (mta) => {
      await mta.ask(optneg());
      mta.send(...OPENING, ...ENVELOPE, ...CONTENT.slice(0, -3));
      for (let i = 0; i < 10; i += 1) {
        mta.send(body(Buffer.alloc(60_000, 0x61)));
        await new Promise((resolve) => setTimeout(resolve, 2));
        waited = Math.max(waited, server.server.stats().waiting);
      }
      mta.send(EOM);
      expect((await mta.finalReplies(20_000)).at(-1)?.code).toBe('a');
    }),
  );
  clearInterval(watch);
  expect(server.seen.transactions).toHaveLength(20);
  expect(server.seen.transactions.every((one) => one.sizeBytes > 600_000 && !one.truncated)).toBe(true);
  expect(waited).toBeGreaterThan(0);
  // The mark, the oldest message beyond it, and one read of each connection.
  expect(most).toBeLessThan(1_000_000 + 650_000 + 20 * 65_536);
  expect(server.server.stats()).toMatchObject({ inFlightBytes: 0, waiting: 0 });
});

test('who waits too long for room is cut off, and the oldest is not', async () => {
  let release: (answer: Answer) => void = () => undefined;
  const server = await startServer({
    kind: 'unix',
    settings: { inFlightMaxBytes: 65_536, waitTimeoutMs: 200 },
    judge: () => new Promise((resolve) => (release = resolve)),
  });
  const [oldest, newest] = [await server.dial(), await server.dial()];
  for (const mta of [oldest, newest]) {
    await mta.ask(optneg());
    mta.send(...OPENING, ...ENVELOPE);
  }
  oldest.send(body(Buffer.alloc(60_000)), body(Buffer.alloc(60_000)), EOM);
  await until(() => server.seen.transactions.length === 1);
  newest.send(body(Buffer.alloc(60_000)), body(Buffer.alloc(60_000)), EOM);
  await newest.closing();
  expect(server.seen.protocolErrors.map(({ reason }) => reason)).toEqual(['no room in memory in time in state BODY']);
  release(ACCEPT);
  expect((await oldest.finalReplies()).at(-1)?.code).toBe('a');
  expect(server.server.stats().inFlightBytes).toBe(0);
});
