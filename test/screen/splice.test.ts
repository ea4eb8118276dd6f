// Clients joined to the MTA: every byte both ways, however slow either side is, ends of either direction told on, and
// nothing left behind.
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { LEAVING_MS } from '../../screen/spliced-phase.js';
import { startMta, startScreen, until } from './ground.js';

const MESSAGE_BYTES = 30 * 1_024 * 1_024;
const PIECE_BYTES = 256 * 1_024;
/** What client, listener and MTA, all in this process, may hold of it at once. */
const GROWTH_MAX_BYTES = 4 * 1_024 * 1_024;

/** What is freed is given back by a thread of the runtime's, in its own time. */
const COLLECTIONS_MAX = 40;

/** Bytes of buffers that somebody holds, over those before; looked at again while what was let go may still be counted. */
async function heldSince(before: number): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let tries = 1; ; tries += 1) {
    collect();
    const growth = process.memoryUsage().arrayBuffers - before;
    if (growth < GROWTH_MAX_BYTES || tries === COLLECTIONS_MAX) return growth;
    await new Promise((done) => setTimeout(done, 25));
  }
}

const joined = async (options: Parameters<typeof startMta>[1] = {}) => {
  const mta = await startMta('220 mta.test ESMTP\r\n', options);
  const world = await startScreen({ upstream: mta.upstream, proxyVersion: 'v1' });
  world.access.set('127.0.0.1', 'permit');
  const client = await world.client();
  await client.sees('220 mta');
  await until('the connection at the MTA', () => mta.connections.length === 1);
  const [connection] = mta.connections;
  if (connection === undefined) throw new Error('no connection');
  return { mta, world, client, connection };
};

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('a joined pair', () => {
  it('carries 30 MB to an MTA that reads slowly, with flat memory', async () => {
    const { client, connection } = await joined({ isPaused: true });
    const piece = Buffer.alloc(PIECE_BYTES, 'x');
    const sent = createHash('sha256');
    const received = createHash('sha256');
    let receivedBytes = 0;
    let header = true;
    connection.socket.on('data', (bytes: Buffer) => {
      const content = header ? bytes.subarray(bytes.indexOf('\n') + 1) : bytes;
      header = false;
      receivedBytes += content.length;
      received.update(content);
      // As a reader that does something else between two reads.
      connection.socket.pause();
      setImmediate(() => connection.socket.resume());
    });
    connection.socket.resume();
    let growth = 0;
    const before = await heldSince(0);
    for (let bytes = 0; bytes < MESSAGE_BYTES; bytes += PIECE_BYTES) {
      piece[0] = bytes / PIECE_BYTES;
      sent.update(piece);
      if (!client.socket.write(Buffer.from(piece))) await new Promise((done) => client.socket.once('drain', done));
      if (bytes % (16 * PIECE_BYTES) === 0) growth = Math.max(growth, await heldSince(before));
    }
    await until('all of it', () => receivedBytes === MESSAGE_BYTES);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    expect(growth).toBeLessThan(GROWTH_MAX_BYTES);
  });

  it('holds a client back while the MTA does not read at all', async () => {
    const { world, client, connection } = await joined({ isPaused: true });
    let queued = 0;
    for (; queued < MESSAGE_BYTES && client.socket.writableLength < 1_024 * 1_024; queued += PIECE_BYTES) {
      client.send(Buffer.alloc(PIECE_BYTES));
      await settle();
    }
    // What two pairs of sockets hold, and no more: the rest stays with the client.
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(queued).toBeLessThan(MESSAGE_BYTES);
    client.socket.resetAndDestroy();
    connection.socket.resume();
    await until('the end', () => world.screen.stats().connections === 0);
  });

  it('holds the MTA back while the client does not read', async () => {
    const { client, connection, world } = await joined();
    client.socket.pause();
    for (
      let queued = 0;
      queued < MESSAGE_BYTES && connection.socket.writableLength < 1_024 * 1_024;
      queued += PIECE_BYTES
    ) {
      connection.socket.write(Buffer.alloc(PIECE_BYTES));
      await settle();
    }
    expect(connection.socket.writableLength).toBeGreaterThan(0);
    // The MTA gives up; the client is given time to read, and then no more.
    connection.socket.destroy();
    await settle();
    await until('the pair half closed', () => world.screen.stats().spliced === 1);
    await until('the end', () => {
      world.clock.move(LEAVING_MS);
      return world.screen.stats().connections === 0;
    });
  });

  it('tells the end of one direction on, and leaves the other open', async () => {
    const { client, connection } = await joined({ isHalf: true });
    client.send('last words\r\n');
    client.socket.end();
    await until('the end at the MTA', () => connection.hasEnded);
    expect(connection.received.toString()).toMatch(/last words\r\n$/);
    connection.socket.write('250 heard\r\n');
    await client.sees('250 heard');
    connection.socket.end('221 bye\r\n');
    expect(await client.closes()).toMatch(/221 bye\r\n$/);
  });

  it("passes the MTA's hanging up on after its last words", async () => {
    const { world, client, connection } = await joined();
    connection.socket.end('421 4.4.2 timeout\r\n');
    expect(await client.closes()).toMatch(/421 4\.4\.2 timeout\r\n$/);
    client.socket.end();
    await until('the end', () => world.screen.stats().connections === 0);
  });

  it('ends on both sides when either is reset', async () => {
    const first = await joined();
    first.client.socket.resetAndDestroy();
    await until('the end at the MTA', () => first.connection.hasEnded || first.connection.socket.destroyed);
    await until('the end', () => first.world.screen.stats().connections === 0);
    const second = await joined();
    second.connection.socket.resetAndDestroy();
    await second.client.closes();
    second.client.socket.destroy();
    await until('the end', () => second.world.screen.stats().connections === 0);
  });

  it('lasts no longer than set', async () => {
    const { world, client, connection } = await joined();
    world.clock.move(3_599_999);
    client.send('NOOP\r\n');
    await until('a command at the MTA', () => connection.received.toString().endsWith('NOOP\r\n'));
    world.clock.move(1);
    await client.closes();
    await until('the end', () => world.screen.stats().connections === 0);
    expect(world.screen.stats().spliced).toBe(0);
  });
});
