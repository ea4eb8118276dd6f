// The greeting on real sockets: silence, talking early, hanging up, passes and what follows, under a clock that tests move.
import { describe, expect, it } from 'vitest';
import type { ScreenEvent } from '../../screen/event.js';
import { EARLY_MAX_BYTES } from '../../screen/greeting-phase.js';
import { createScreen } from '../../screen/screen.js';
import { closeLater, makeSettings, SILENT_RESOLVER, startMta, startScreen, StoppedClock, until } from './ground.js';
import { FILES_ON_DISK } from '../../config/attached.js';

const WAIT_MS = 6_000;
const DAY_MS = 86_400_000;

describe('a silent client', () => {
  it('sees half a greeting at once, the rest from the MTA after the wait', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, proxyVersion: 'v1' });
    const client = await world.client();
    await client.sees('220-front.test ESMTP\r\n');
    world.clock.move(WAIT_MS - 1);
    expect(world.screen.stats()).toMatchObject({ screened: 1, handoffs: 0 });
    world.clock.move(1);
    expect(await client.sees('220 mta.test')).toBe('220-front.test ESMTP\r\n220 mta.test ESMTP\r\n');
    const header = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.socket.localPort} ${world.port}\r\n`;
    await until('the header at the MTA', () => mta.received() === header);
    client.send('EHLO client.test\r\n');
    await until('a command at the MTA', () => mta.received() === `${header}EHLO client.test\r\n`);
    expect(world.events.map((event) => event.kind === 'pass' && event.how)).toEqual(['new']);
    expect(world.screen.stats()).toMatchObject({ accepted: 1, passedNew: 1, handedOn: 1, screened: 0, spliced: 1 });
  });

  it('does not wait, and sees no teaser, within the time of its pass', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream });
    const first = await world.client();
    await first.sees('220-');
    world.clock.move(WAIT_MS);
    await first.sees('220 mta');
    await until('the pass', () => world.state.entries.size === 1);
    first.socket.destroy();
    await until('the end of the first', () => world.screen.stats().connections === 0);
    const second = await world.client();
    expect(await second.sees('220 ')).toBe('220 mta.test ESMTP\r\n');
    expect(world.events.map((event) => event.kind === 'pass' && event.how)).toEqual(['new', 'old']);
    second.socket.destroy();
    await until('the end of the second', () => world.screen.stats().connections === 0);
    world.clock.move(DAY_MS);
    const third = await world.client();
    await third.sees('220-front');
  });

  it('is tested each time where nothing can be remembered, and served all the same', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream });
    world.state.isDown = true;
    for (const round of [1, 2]) {
      const client = await world.client();
      await client.sees('220-');
      world.clock.move(WAIT_MS);
      await client.sees('220 mta');
      client.socket.destroy();
      await until(`the end of round ${round}`, () => world.screen.stats().connections === 0);
    }
    const words = (): readonly boolean[] =>
      world.alerts.filter(({ code }) => code === 'screen-state').map(({ raised }) => raised);
    expect(words()).toEqual([true]);
    expect(world.screen.stats()).toMatchObject({ passedNew: 2, passedOld: 0 });
    world.state.isDown = false;
    const client = await world.client();
    await client.sees('220-');
    await until('the alert cleared', () => words().at(-1) === false);
  });

  it('passes without a store at all', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream }, { state: null });
    const client = await world.client();
    await client.sees('220-');
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
  });

  it('sees one greeting where the teaser is off', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, teaser: false });
    const client = await world.client();
    await until('the test', () => world.screen.stats().screened === 1);
    world.clock.move(WAIT_MS);
    expect(await client.sees('220 ')).toBe('220 mta.test ESMTP\r\n');
  });

  it('must show itself on a primary address before a backup takes it', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, primaryAddresses: ['192.0.2.25'] });
    const early = await world.from('203.0.113.7', '192.0.2.26');
    await early.sees('220-');
    world.clock.move(WAIT_MS);
    await early.sees('220 front.test');
    early.send('EHLO a.test\r\n');
    await early.sees('250 CHUNKING');
    early.send('MAIL FROM:<a@a.test>\r\n');
    await early.sees('250 2.1.0');
    early.send('RCPT TO:<b@b.test>\r\n');
    await early.sees('450 4.3.2 Service currently unavailable');
    expect(world.state.entries.size).toBe(0);
    early.socket.destroy();
    await until('the end of the first', () => world.screen.stats().connections === 0);
    const primary = await world.from('203.0.113.7');
    await primary.sees('220-');
    world.clock.move(WAIT_MS);
    await primary.sees('220 mta');
    primary.socket.destroy();
    await until('the end of the second', () => world.screen.stats().connections === 0);
    const again = await world.from('203.0.113.7', '192.0.2.26');
    expect(await again.sees('220 ')).toBe('220 mta.test ESMTP\r\n');
  });
});

describe('a client that talks at one second', () => {
  const talk = async (pregreetAction: 'ignore' | 'enforce' | 'drop') => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, pregreetAction, proxyVersion: 'v1' });
    const client = await world.client();
    await client.sees('220-');
    world.clock.move(1_000);
    client.send('EHLO zombie.test\r\n');
    const event = await world.event('pregreet');
    expect(event).toMatchObject({
      bytes: 18,
      afterMs: 1_000,
      text: 'EHLO zombie.test\\r\\n',
      clientAddress: '127.0.0.1',
    });
    return { mta, world, client };
  };

  it('is let go on where that is ignored: the MTA gets what it said, and it earned nothing', async () => {
    const { mta, world, client } = await talk('ignore');
    await client.sees('220 mta.test');
    const header = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.socket.localPort} ${world.port}\r\n`;
    await until('all at the MTA', () => mta.received() === `${header}EHLO zombie.test\r\n`);
    expect(world.kinds()).toEqual(['pregreet']);
    expect(world.state.entries.size).toBe(0);
  });

  it('is heard out where it is enforced, and refused for every recipient', async () => {
    const { mta, world, client } = await talk('enforce');
    // The first visible answer is the reply to what it said: no second half of the greeting.
    const seen = await client.sees('250 CHUNKING');
    expect(seen).toMatch(/^220-front\.test ESMTP\r\n250-front\.test\r\n/);
    client.send('MAIL FROM:<a@zombie.test>\r\n');
    await client.sees('250 2.1.0 Ok');
    client.send('RCPT TO:<victim@own.test>\r\n');
    await client.sees('550 5.5.1 Protocol error\r\n');
    expect(await world.event('refused')).toMatchObject({
      at: 'rcpt',
      helo: 'zombie.test',
      mailFrom: 'a@zombie.test',
      rcptTo: 'victim@own.test',
      protocol: 'ESMTP',
      reasons: [{ test: 'pregreet', action: 'enforce' }],
    });
    expect(mta.connections).toHaveLength(0);
    expect(world.screen.stats()).toMatchObject({ refused: 1, handedOn: 0 });
  });

  it('is hung up on where it is dropped', async () => {
    const { mta, world, client } = await talk('drop');
    expect(await client.closes()).toBe('220-front.test ESMTP\r\n521 5.5.1 Protocol error\r\n');
    expect(await world.event('refused')).toMatchObject({ at: 'connect', reply: '521 5.5.1 Protocol error' });
    client.socket.end();
    await until('the end', () => world.screen.stats().connections === 0);
    expect(mta.connections).toHaveLength(0);
  });

  it('never has more than a little of what it says kept', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, pregreetAction: 'ignore' });
    const client = await world.client();
    await client.sees('220-');
    client.send(Buffer.alloc(EARLY_MAX_BYTES + 60_000, 'x'));
    expect(await client.closes()).toContain('521 5.5.1 Protocol error');
    expect(mta.connections).toHaveLength(0);
  });
});

describe('a client that hangs up', () => {
  it('during the wait is logged, and leaves nothing', async () => {
    const world = await startScreen();
    const client = await world.client();
    await client.sees('220-');
    world.clock.move(3_000);
    client.socket.destroy();
    expect(await world.event('hangup')).toMatchObject({ afterMs: 3_000, during: 'greeting' });
    await until('the end', () => world.screen.stats().connections === 0);
    expect(world.screen.stats()).toMatchObject({ screened: 0 });
  });

  it('with a reset leaves nothing either, in any phase', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream });
    const [greeted, talking, joined] = await Promise.all([
      world.from('203.0.113.1'),
      world.from('203.0.113.2'),
      world.from('203.0.113.3'),
    ]);
    await Promise.all([greeted, talking, joined].map((client) => client.sees('220-')));
    talking.send('HELO x\r\n');
    await talking.sees('250 front.test');
    greeted.socket.resetAndDestroy();
    await until('the first gone', () => world.screen.stats().screened === 2);
    world.clock.move(WAIT_MS);
    await joined.sees('220 mta');
    talking.socket.resetAndDestroy();
    joined.socket.resetAndDestroy();
    await until('all gone', () => world.screen.stats().connections === 0);
    expect(world.screen.stats()).toMatchObject({ screened: 0, spliced: 0, handoffs: 0 });
  });
});

describe('lists of networks', () => {
  it('hand on at once whom they permit, before anything else', async () => {
    const mta = await startMta();
    const world = await startScreen({
      upstream: mta.upstream,
      permitNetworks: ['203.0.113.0/24'],
      denyNetworks: ['203.0.113.9'],
    });
    const client = await world.from('203.0.113.9');
    expect(await client.sees('220 ')).toBe('220 mta.test ESMTP\r\n');
    expect(world.kinds()).toEqual(['permit']);
  });

  it('refuse whom they deny: at RCPT after the usual wait, or at once', async () => {
    const world = await startScreen({ denyNetworks: ['203.0.113.9', '2001:db8:bad::/48'] });
    const client = await world.from('203.0.113.9');
    await client.sees('220-');
    world.clock.move(WAIT_MS);
    await client.sees('220 front.test');
    client.send('HELO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n');
    await client.sees(/550 5\.[35]\.[12] /);
    expect(world.state.entries.size).toBe(0);
    world.access.set('203.0.113.10', { deny: 'drop' });
    const other = await world.from('203.0.113.10');
    expect(await other.closes()).toBe('521 5.3.2 Service currently unavailable\r\n');
    world.access.set('2001:db8:bad::1', 'permit');
    const third = await world.from('2001:db8:bad::1');
    await until('the word of the program', () => world.kinds().includes('permit'));
    third.socket.destroy();
  });

  it('that are ignored are logged, and the tests go on', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, denyNetworks: ['203.0.113.9'], denyAction: 'ignore' });
    const client = await world.from('203.0.113.9');
    await client.sees('220-');
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
    expect(world.kinds()).toEqual(['deny']);
  });
});

describe('settings', () => {
  it('that are taken hold for connections from then on', async () => {
    const clock = new StoppedClock();
    const events: ScreenEvent[] = [];
    const mta = await startMta();
    const settings = makeSettings({ upstream: mta.upstream });
    const screen = createScreen(settings, {
      clock,
      resolver: SILENT_RESOLVER,
      state: null,
      files: FILES_ON_DISK,
      access: () => null,
      log: (event) => void events.push(event),
      alert: () => undefined,
    });
    await screen.listen();
    closeLater(() => screen.close(0));
    const { openClient } = await import('./ground.js');
    const port = Number(/:(\d+)$/.exec(screen.addresses[0] ?? '')?.[1]);
    const before = await openClient(port);
    await before.sees('220-front.test');
    screen.take({ ...settings, hostName: 'other.test', greetWaitMs: 1_000 }, FILES_ON_DISK);
    const after = await openClient(port);
    await after.sees('220-other.test');
    clock.move(1_000);
    await after.sees('220 mta');
    expect(before.text).toBe('220-front.test ESMTP\r\n');
    clock.move(5_000);
    await before.sees('220 mta');
    expect(() =>
      screen.take({ ...settings, tlsCertificateFile: '/nowhere', tlsKeyFile: '/nowhere' }, FILES_ON_DISK),
    ).toThrow();
  });
});
