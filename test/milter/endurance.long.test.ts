// Leaks and floods (threat class 20, conformance case 38 at full size): memory and descriptors stay flat over a hundred
// thousand broken sessions, ten thousand idle connections disturb nobody, too few descriptors hurt only the newest.
import { expect, test } from 'vitest';
import { holdIdle, startChildServer } from './children.js';
import { tempDir, until } from './ground.js';
import {
  ABORT,
  CONTENT,
  ENVELOPE,
  EOH,
  EOM,
  Mta,
  OPENING,
  QUIT,
  body,
  dial,
  header,
  macro,
  optneg,
  words,
} from './wire.js';

const LEADSPC = 0x100000;
const SESSIONS = 100_000;
const WARM_UP = 20_000;
const PARALLEL = 40;
const MB = 1_048_576;

const START = [optneg(6, 0x1ff, LEADSPC), ...OPENING];
/** What becomes of a session: most of them end badly. */
const FATES: readonly Buffer[] = [
  Buffer.concat([...START, ...ENVELOPE, ...CONTENT, ABORT, QUIT]),
  Buffer.concat([...START, ...ENVELOPE, header('A', ' b'), ABORT, ABORT, QUIT]),
  Buffer.concat([...START, ...ENVELOPE, header('A', ' b'), EOH, body(Buffer.alloc(20_000)), ABORT, QUIT]),
  Buffer.concat([...START, ...ENVELOPE, header('A', ' b'), EOH, body(Buffer.alloc(20_000))]),
  Buffer.concat([...START, ...ENVELOPE, EOM]),
  Buffer.concat([...START, macro('M', 'i', 'x'), words(500), Buffer.from('Lhalf a packet')]),
  Buffer.concat([optneg(), Buffer.from([0, 0, 0, 0])]),
  Buffer.alloc(0),
];

/** One session: sends its bytes and hangs up rudely after the first answer, or at once. */
function session(address: string, index: number): Promise<void> {
  return new Promise((resolve) => {
    const bytes = FATES[index % FATES.length] ?? Buffer.alloc(0);
    const socket = dial(address);
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
    socket.once('connect', () => {
      if (bytes.length === 0) socket.destroy();
      else socket.write(bytes);
    });
    socket.once('data', () => setImmediate(() => socket.destroy()));
  });
}

async function sessions(address: string, from: number, to: number): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const index = next;
      next += 1;
      await session(address, index);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
}

test('a hundred thousand sessions with aborts leave memory and descriptors flat', async () => {
  const server = await startChildServer({ listen: `unix:${tempDir()}/m.sock`, delayMs: 2 });
  await sessions(server.address, 0, WARM_UP);
  const settled = async (): Promise<Awaited<ReturnType<typeof server.measure>>> => {
    for (let i = 0; i < 100 && (await server.measure()).stats.connections > 0; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return server.measure();
  };
  const before = await settled();
  await sessions(server.address, WARM_UP, SESSIONS);
  const after = await settled();
  console.log(
    `rss ${(before.rss / MB).toFixed(1)} -> ${(after.rss / MB).toFixed(1)} MB, heap ${(before.heapUsed / MB).toFixed(2)} -> ${(after.heapUsed / MB).toFixed(2)} MB`,
  );
  expect(after.stats).toMatchObject({ connections: 0, inFlightBytes: 0 });
  expect(after.errors).toBe(0);
  expect(after.descriptors).toBe(before.descriptors);
  expect(after.heapUsed - before.heapUsed).toBeLessThan(2 * MB);
  expect(after.external - before.external).toBeLessThan(2 * MB);
  expect(after.rss - before.rss).toBeLessThan(40 * MB);
  // Every judged message was told its fate.
  expect(after.fates.sent + after.fates.lost).toBeGreaterThan((SESSIONS / FATES.length) * 1.5);
});

/** Time of one message on a connection that is open already, every event answered, ms. */
async function latency(mta: Mta): Promise<number> {
  const started = performance.now();
  await mta.askEach([...ENVELOPE, ...CONTENT, ABORT]);
  return performance.now() - started;
}

/** 99th percentile over several messages on each connection, all at once. */
async function p99Of(peers: readonly Mta[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) times.push(...(await Promise.all(peers.map(latency))));
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

test('case 38: ten thousand idle connections do not disturb two hundred active ones', async () => {
  const server = await startChildServer();
  const peers: Mta[] = [];
  for (let i = 0; i < 200; i += 1) {
    const mta = await Mta.to(server.address);
    await mta.ask(optneg(6, 0x1ff, LEADSPC));
    await mta.askEach(OPENING);
    peers.push(mta);
  }
  await p99Of(peers);
  const alone = await p99Of(peers);
  const idle = await holdIdle(server.port, 10_000);
  expect((await idle.ask()).open).toBe(10_000);
  const crowded = await p99Of(peers);
  const { stats, rss } = await server.measure();
  console.log(
    `p99 alone ${alone.toFixed(1)} ms, with 10,000 idle ${crowded.toFixed(1)} ms, rss ${(rss / MB).toFixed(0)} MB`,
  );
  expect(stats.connections).toBe(10_200);
  expect(crowded).toBeLessThan(alone * 5 + 250);
  expect(rss).toBeLessThan(600 * MB);
  const cpu = (await server.measure()).cpuMs;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect((await server.measure()).cpuMs - cpu).toBeLessThan(900);
  idle.end();
  for (const mta of peers) mta.destroy();
});

test('five thousand idle connections from one MTA fit the defaults and cost next to nothing', async () => {
  const server = await startChildServer();
  const before = await server.measure();
  const idle = await holdIdle(server.port, 5_000);
  expect((await idle.ask()).open).toBe(5_000);
  const during = await server.measure();
  console.log(`${((during.rss - before.rss) / 5_000 / 1024).toFixed(1)} KB a connection`);
  expect((during.rss - before.rss) / 5_000).toBeLessThan(40_000);
  idle.end();
  let after = await server.measure();
  for (let i = 0; i < 100 && after.stats.connections > 0; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    after = await server.measure();
  }
  expect(after.stats.connections).toBe(0);
  expect(after.descriptors).toBe(before.descriptors);
  expect(after.heapUsed - before.heapUsed).toBeLessThan(3 * MB);
});

test.each([
  ['reserved for other uses', 300, 0],
  ['used up by something else', 300, 220],
])('few descriptors, %s: the newest are closed, nothing spins, and it recovers', async (_name, descriptors, hog) => {
  const server = await startChildServer({ descriptors, hog });
  const before = await server.measure();
  const idle = await holdIdle(server.port, 400);
  const { open, closed } = await idle.ask();
  expect(open).toBeGreaterThan(20);
  expect(open).toBeLessThan(descriptors - hog);
  expect(open + closed).toBe(400);
  const cpu = (await server.stats()).cpuMs;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect((await server.stats()).cpuMs - cpu).toBeLessThan(300);
  idle.end();
  for (let i = 0; i < 100 && (await server.stats()).stats.connections > 0; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const mta = await Mta.to(server.address);
  await mta.ask(optneg(6, 0x1ff, LEADSPC));
  expect(await mta.askEach([...OPENING, ...ENVELOPE, EOM])).toBe('cccca');
  mta.destroy();
  await until(() => mta.closed);
  expect((await server.measure()).descriptors - before.descriptors).toBeLessThanOrEqual(1);
});

test('case 40: SIGTERM amid a scan finishes the answer, and the process ends', async () => {
  const server = await startChildServer({ delayMs: 500 });
  const mta = await Mta.to(server.address);
  await mta.ask(optneg(6, 0x1ff, LEADSPC));
  await mta.askEach([...OPENING, ...ENVELOPE]);
  const idle = await Mta.to(server.address);
  await idle.ask(optneg());
  mta.send(EOM);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const ended = new Promise((resolve) => server.child.once('exit', resolve));
  server.child.kill('SIGTERM');
  await idle.closing(2_000);
  await expect(Mta.to(server.address)).rejects.toThrow('ECONNREFUSED');
  expect((await mta.reply()).code).toBe('a');
  expect(await ended).toBe(0);
});
