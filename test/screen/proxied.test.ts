// Connections from balancers: the PROXY header torn, early, late, missing and broken; whose headers count; and what
// becomes of a balancer that speaks for itself.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeProxyV1, writeProxyV2 } from '../../outside/proxy-header.js';
import { openClient, startMta, startScreen, until } from './ground.js';

const ENDS = { clientAddress: '203.0.113.7', clientPort: 4_242, serverAddress: '192.0.2.25', serverPort: 25 };
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

describe('a header of a balancer', () => {
  it('in pieces of one byte is read, and nothing is said before it is whole', async () => {
    const world = await startScreen();
    const client = await openClient(world.proxiedPort);
    client.socket.setNoDelay(true);
    for (const byte of writeProxyV2(ENDS)) {
      expect(client.text).toBe('');
      client.send(Buffer.from([byte]));
      await new Promise((done) => setImmediate(done));
    }
    await client.sees('220-front.test');
    client.socket.destroy();
    expect(await world.event('hangup')).toMatchObject(ENDS);
  });

  it.each([
    ['v1', writeProxyV1(ENDS)],
    ['v2', writeProxyV2(ENDS)],
  ])('of version %s with payload behind it: the payload is the client talking too early', async (_, header) => {
    const world = await startScreen({ pregreetAction: 'enforce' });
    const client = await openClient(world.proxiedPort);
    client.send(Buffer.concat([header, Buffer.from('HELO zombie.test\r\n')]));
    await client.sees('250 front.test');
    expect(await world.event('pregreet')).toMatchObject({ ...ENDS, text: 'HELO zombie.test\\r\\n' });
  });

  it.each([
    ['is missing', 'EHLO mail.test\r\n'],
    ['is a line too long', `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`],
    ['has a wrong length', Buffer.concat([writeProxyV2(ENDS).subarray(0, 14), Buffer.from([0, 11]), Buffer.alloc(11)])],
  ])('that %s is the end, without a word', async (_, bytes) => {
    const world = await startScreen();
    const client = await openClient(world.proxiedPort);
    client.send(bytes);
    expect(await client.closes()).toBe('');
    expect(await world.event('bad-header')).toMatchObject({ clientAddress: '127.0.0.1' });
    await until('the end', () => world.screen.stats().connections === 0);
  });

  it('that does not come in time is the end', async () => {
    const world = await startScreen();
    const client = await openClient(world.proxiedPort);
    client.send('PROXY TCP4 ');
    await until('the connection', () => world.screen.stats().connections === 1);
    world.clock.move(4_999);
    expect(client.hasEnded).toBe(false);
    world.clock.move(1);
    expect(await client.closes()).toBe('');
    expect(await world.event('bad-header')).toMatchObject({ detail: 'late' });
  });

  it('counts only from balancers', async () => {
    const world = await startScreen({ balancers: ['192.0.2.0/24'] });
    const client = await openClient(world.proxiedPort);
    client.send(writeProxyV1(ENDS));
    expect(await client.closes()).toBe('');
    expect(await world.event('bad-header')).toMatchObject({ detail: 'not from one of `balancers`' });
  });

  it('means nothing on the listener for clients: it is talking too early', async () => {
    const world = await startScreen({ pregreetAction: 'drop' });
    const client = await world.client();
    client.send(writeProxyV1(ENDS));
    expect(await client.closes()).toContain('521 5.5.1');
    expect(await world.event('pregreet')).toMatchObject({ clientAddress: '127.0.0.1' });
  });

  it('is what the MTA is told in turn', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, proxyVersion: 'v2' });
    world.access.set('203.0.113.7', 'permit');
    const client = await openClient(world.proxiedPort);
    client.send(writeProxyV1(ENDS));
    await client.sees('220 mta');
    await until('the header', () => mta.connections[0]?.received.equals(writeProxyV2(ENDS)) === true);
  });
});

describe('a balancer that speaks for itself', () => {
  it.each([
    ['LOCAL', LOCAL],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
  ])('(%s) is answered, so that it knows we live, and never reaches the MTA', async (_, header) => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, permitNetworks: ['127.0.0.0/8'] });
    const client = await openClient(world.proxiedPort);
    client.send(header);
    await client.sees('220 front.test ESMTP\r\n');
    client.send('HELO check\r\n');
    await client.sees('250 front.test\r\n');
    client.send('MAIL FROM:<a@b.test>\r\n');
    await client.sees('250 2.1.0');
    client.send('RCPT TO:<c@d.test>\r\n');
    await client.sees('450 4.3.2');
    client.send('QUIT\r\n');
    await client.sees('221 2.0.0 Bye');
    expect(mta.connections).toHaveLength(0);
    expect(world.state.entries.size).toBe(0);
  });
});

describe('hostile bytes', () => {
  it('of any kind leave the listener in order', async () => {
    const world = await startScreen({ screenedMax: 1_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 4 }),
        fc.boolean(),
        async (chunks, isV2) => {
          const client = await openClient(world.proxiedPort);
          if (isV2) client.send(writeProxyV2(ENDS));
          for (const chunk of chunks) client.send(Buffer.from(chunk));
          client.socket.end();
          await until('its end', () => {
            world.clock.move(7_000);
            return client.isClosed;
          });
        },
      ),
      { numRuns: 30 },
    );
    await until('nothing left', () => {
      world.clock.move(7_000);
      return world.screen.stats().connections === 0;
    });
    expect(world.screen.stats()).toMatchObject({ screened: 0, handoffs: 0, spliced: 0 });
  });
});
