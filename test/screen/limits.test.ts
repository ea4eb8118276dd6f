// The bounds of the front listener: connections per address and network, clients under test, stress, the way to the MTA,
// late commands, closing. Each bound is met, answered, and given back.
import { describe, expect, it } from 'vitest';
import { Crowd, networkOf } from '../../screen/crowd.js';
import { LINGER_MS } from '../../screen/session.js';
import { openClient, startMta, startScreen, until, type RawClient } from './ground.js';

const WAIT_MS = 6_000;

describe('connections', () => {
  it('of one address: the 51st is told so at once, and the place is free again when one goes', async () => {
    const world = await startScreen();
    const clients: RawClient[] = [];
    for (let count = 0; count < 50; count += 1) clients.push(await world.from('203.0.113.7'));
    await Promise.all(clients.map((client) => client.sees('220-')));
    const over = await world.from('203.0.113.7');
    expect(await over.closes()).toBe('421 4.7.0 front.test Error: too many connections\r\n');
    expect(await world.event('limit')).toMatchObject({ limit: 'address', clientAddress: '203.0.113.7' });
    const other = await world.from('203.0.113.8');
    await other.sees('220-');
    over.socket.destroy();
    clients[0]?.socket.destroy();
    await until('the places given back', () => world.screen.stats().connections === 50);
    const again = await world.from('203.0.113.7');
    await again.sees('220-');
  });

  it('of one IPv6 network count together, those of IPv4 neighbours do not', async () => {
    const world = await startScreen({ connectionsPerNetworkMax: 3 });
    for (const host of ['1', '2', '3']) await (await world.from(`2001:db8:0:7::${host}`)).sees('220-');
    const over = await world.from('2001:db8:0:7:ffff::1');
    expect(await over.closes()).toContain('421 4.7.0');
    expect(await world.event('limit')).toMatchObject({ limit: 'network' });
    await (await world.from('2001:db8:0:8::1')).sees('220-');
    for (let host = 1; host <= 5; host += 1) await (await world.from(`203.0.113.${host}`)).sees('220-');
  });

  it('over all bounds get one line', async () => {
    const world = await startScreen({ connectionsMax: 2 });
    await (await world.client()).sees('220-');
    await (await world.client()).sees('220-');
    const over = await world.client();
    expect(await over.closes()).toBe('421 4.3.2 All screening ports are busy\r\n');
    expect(world.screen.stats()).toMatchObject({ connections: 2, limited: 1, accepted: 3 });
  });

  it('under test are bounded by themselves', async () => {
    const mta = await startMta();
    const world = await startScreen({ screenedMax: 2, upstream: mta.upstream });
    await (await world.from('203.0.113.1')).sees('220-');
    await (await world.from('203.0.113.2')).sees('220-');
    const over = await world.from('203.0.113.3');
    expect(await over.closes()).toBe('421 4.3.2 All screening ports are busy\r\n');
    world.access.set('203.0.113.4', 'permit');
    await (await world.from('203.0.113.4')).sees('220 mta');
  });

  it('are counted exactly, whatever comes and goes', () => {
    const limits = { connectionsMax: 100, connectionsPerAddressMax: 3, connectionsPerNetworkMax: 4, screenedMax: 10 };
    const crowd = new Crowd(limits, () => undefined);
    const address = '2001:db8::1';
    expect([1, 2, 3, 4].map(() => crowd.enter(address))).toEqual([null, null, null, 'address']);
    expect([crowd.enter('2001:db8::2'), crowd.enter('2001:db8::3')]).toEqual([null, 'network']);
    for (let count = 0; count < 3; count += 1) crowd.leave(address);
    expect(crowd.enter('2001:db8::3')).toBeNull();
    crowd.leave('2001:db8::2');
    crowd.leave('2001:db8::3');
    expect(crowd.addresses).toBe(0);
  });

  it.each([
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8:0:7:8::1', '2001:db8:0:7'],
    ['::1', '0:0:0:0'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4'],
    ['1:2:3::', '1:2:3:0'],
    ['fe80::1:2:3:4', 'fe80:0:0:0'],
  ])('lie in a network: %s in %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('of IPv4 lie in none', () => {
    expect(networkOf('192.0.2.1')).toBeNull();
  });
});

describe('stress', () => {
  it('begins at 90 %, ends at 70 %, and is told as an alert', () => {
    const told: boolean[] = [];
    const limits = {
      connectionsMax: 100,
      connectionsPerAddressMax: 100,
      connectionsPerNetworkMax: 100,
      screenedMax: 10,
    };
    const crowd = new Crowd(limits, (on) => void told.push(on));
    for (let count = 0; count < 8; count += 1) crowd.beginScreening('192.0.2.1');
    expect(crowd.isStressed).toBe(false);
    crowd.beginScreening('192.0.2.1');
    expect(crowd.isStressed).toBe(true);
    crowd.endScreening('192.0.2.1');
    crowd.endScreening('192.0.2.1');
    expect(crowd.isStressed).toBe(true);
    crowd.endScreening('192.0.2.1');
    expect(crowd.isStressed).toBe(false);
    expect(told).toEqual([true, false]);
  });

  it('shortens the wait of those who come, and the patience with commands', async () => {
    const mta = await startMta();
    const world = await startScreen({ screenedMax: 10, upstream: mta.upstream });
    const talker = await world.from('203.0.113.99');
    talker.send('HELO zombie\r\n');
    await talker.sees('250 front.test');
    for (let host = 1; host <= 8; host += 1) await (await world.from(`203.0.113.${host}`)).sees('220-');
    expect(world.screen.stats()).toMatchObject({ screened: 9, stress: true });
    const late = await world.from('203.0.113.9');
    await late.sees('220-');
    world.clock.move(2_000);
    await late.sees('220 mta');
    // So was the one whose coming began it.
    await until('both handed on', () => world.screen.stats().screened === 8);
    expect(world.screen.stats().stress).toBe(true);
    world.clock.move(8_000);
    expect(await talker.closes()).toContain('421 4.4.2');
    await until('the others handed on', () => world.screen.stats().screened === 0);
    expect(world.screen.stats().stress).toBe(false);
    expect(world.alerts.filter(({ code }) => code === 'screen-stress').map(({ raised }) => raised)).toEqual([
      true,
      false,
    ]);
  });
});

describe('a client that is not handed on', () => {
  const refused = async () => {
    const world = await startScreen({ pregreetAction: 'enforce' });
    const client = await world.client();
    client.send('HELO zombie\r\n');
    await client.sees('250 front.test');
    return { world, client };
  };

  it('is told when it is too late with a command', async () => {
    const { world, client } = await refused();
    world.clock.move(299_000);
    client.send('NOOP\r\n');
    await client.sees('250 2.0.0 Ok');
    world.clock.move(299_000);
    expect(client.hasEnded).toBe(false);
    world.clock.move(1_000);
    expect(await client.closes()).toMatch(/421 4\.4\.2 front\.test Error: timeout exceeded\r\n$/);
    expect(await world.event('limit')).toMatchObject({ limit: 'time' });
  });

  it('does not win time with single bytes', async () => {
    const { world, client } = await refused();
    for (const byte of 'NOOP') {
      client.send(byte);
      world.clock.move(80_000);
    }
    expect(await client.closes()).toContain('421 4.4.2');
  });

  it('is cut off when it does not leave', async () => {
    const { world, client } = await refused();
    client.send('QUIT\r\n');
    await client.sees('221 2.0.0 Bye');
    // It neither ends its side nor stops to talk.
    client.send('x'.repeat(100_000));
    world.clock.move(LINGER_MS);
    await until('the end', () => world.screen.stats().connections === 0);
  });
});

describe('the MTA', () => {
  it('that is down: the client is told to come again, after its teaser', async () => {
    const world = await startScreen({ upstream: 'inet:127.0.0.1:1' });
    const client = await world.client();
    await client.sees('220-');
    world.clock.move(WAIT_MS);
    expect(await client.closes()).toBe('220-front.test ESMTP\r\n421 4.3.2 Service currently unavailable\r\n');
    expect(await world.event('upstream')).toMatchObject({ detail: expect.stringContaining('ECONNREFUSED') });
    expect(world.alerts).toContainEqual(expect.objectContaining({ code: 'screen-upstream', raised: true }));
  });

  it.each(['421 4.3.2 All server ports are busy\r\n', '554 5.7.1 no\r\n'])(
    'that greets with %j: so is the client',
    async (greeting) => {
      const mta = await startMta(greeting);
      const world = await startScreen({ upstream: mta.upstream });
      world.access.set('127.0.0.1', 'permit');
      const client = await world.client();
      expect(await client.closes()).toBe('421 4.3.2 Service currently unavailable\r\n');
      client.socket.destroy();
      await until('the end', () => world.screen.stats().connections === 0);
      await until(
        'the end at the MTA',
        () => mta.connections[0]?.hasEnded === true || mta.connections[0]?.socket.destroyed === true,
      );
    },
  );

  it('that keeps silent is waited for so long, and the line behind it is bounded', async () => {
    const mta = await startMta('');
    const world = await startScreen({ upstream: mta.upstream, handoffsMax: 2, handoffsWaitingMax: 2 });
    world.access.set('127.0.0.1', 'permit');
    const clients = [];
    for (let count = 0; count < 4; count += 1) clients.push(await world.client());
    await until('two at the MTA, two in line', () => world.screen.stats().handoffs === 4);
    expect(mta.connections).toHaveLength(2);
    const over = await world.client();
    expect(await over.closes()).toBe('421 4.3.2 All server ports are busy\r\n');
    // One of those in line gives up; so does one that waits for the MTA, by the MTA's doing.
    mta.connections[0]?.socket.destroy();
    await until('the next one at the MTA', () => mta.connections.length === 3);
    world.clock.move(60_000);
    for (const client of clients) expect(await client.closes()).toContain('421 4.3.2 Service currently unavailable');
    for (const client of clients) client.socket.destroy();
    over.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
    expect(world.screen.stats().handoffs).toBe(0);
  });
});

describe('the line for an MTA that starts its processes slowly', () => {
  it('takes a rush of clients that have passed, and serves every one', async () => {
    const mta = await startMta('');
    const world = await startScreen({ upstream: mta.upstream, handoffsMax: 10 });
    world.access.set('127.0.0.1', 'permit');
    const clients = await Promise.all(Array.from({ length: 45 }, () => world.client()));
    await until('all in line', () => world.screen.stats().handoffs === 45);
    for (let greeted = 0; greeted < 45; greeted += 1) {
      await until('the next one at the MTA', () => mta.connections.length > greeted);
      mta.connections[greeted]?.socket.write('220 mta.test\r\n');
    }
    await Promise.all(clients.map((client) => client.sees('220 mta')));
    expect(world.screen.stats()).toMatchObject({ handedOn: 45, limited: 0, handoffs: 0 });
    for (const client of clients) client.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
  });

  it('turns newcomers away with no line at all once every place is taken', async () => {
    const mta = await startMta('');
    const world = await startScreen({ upstream: mta.upstream, handoffsMax: 1, handoffsWaitingMax: 0 });
    world.access.set('127.0.0.1', 'permit');
    const first = await world.client();
    await until('one at the MTA', () => mta.connections.length === 1);
    expect(await (await world.client()).closes()).toBe('421 4.3.2 All server ports are busy\r\n');
    mta.connections[0]?.socket.write('220 mta.test\r\n');
    await first.sees('220 mta');
  });
});

describe('closing', () => {
  it('takes nobody new, lets joined clients finish, and tells those under test', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream });
    world.access.set('127.0.0.1', 'permit');
    const joined = await world.client();
    await joined.sees('220 mta');
    const waiting = await world.from('203.0.113.7');
    await waiting.sees('220-');
    const closing = world.screen.close(60_000);
    await expect(openClient(world.port)).rejects.toThrow(/ECONNREFUSED/);
    joined.send('NOOP\r\n');
    await until('a command at the MTA', () => mta.received().endsWith('NOOP\r\n'));
    void world.screen.close(0);
    expect(await waiting.closes()).toContain('421 4.3.2 front.test Service shutting down');
    await closing;
    expect(world.screen.stats()).toMatchObject({ connections: 0, screened: 0, spliced: 0 });
  });
});
