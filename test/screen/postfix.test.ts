// A real Postfix behind the front listener: the header in both versions and families, whole mails, STARTTLS through the
// joined pair, what was said too early, XCLIENT, and a Postfix that is away.
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeProxyV2 } from '../../outside/proxy-header.js';
import { offerStartTls } from '../ground/credentials.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { findPorts, makePlace, type Place } from '../ground/place.js';
import { startPostfix, type Postfix } from '../ground/postfix.js';
import { startSink, type Sink } from '../ground/sink.js';
import { stuff } from '../ground/smtp-client.js';
import { openClient, RawClient, startScreen, until, type ScreenWorld } from './ground.js';

const WAIT_MS = 6_000;
const ready = requirePackage('postfix', 'openssl') && requireRoot();

let place: Place;
let sink: Sink;
let postfix: Postfix;
let upstream = '';

async function say(client: RawClient, line: string, reply: RegExp): Promise<void> {
  const before = client.text.length;
  client.send(`${line}\r\n`);
  await until(`${String(reply)} after ${line}, held ${client.text.slice(before)}`, () =>
    reply.test(client.text.slice(before)),
  );
}

async function deliver(client: RawClient, rcptTo: string): Promise<void> {
  await say(client, 'MAIL FROM:<a@away.test>', /^250 /m);
  await say(client, `RCPT TO:<${rcptTo}>`, /^250 /m);
  await say(client, 'DATA', /^354 /m);
  const before = client.text.length;
  client.send(stuff(Buffer.from('Subject: x\r\n\r\nbody\r\n.dot\r\n')));
  await until('the mail taken', () => /^250 /m.test(client.text.slice(before)));
}

/** The client waits as a good one does. */
async function admit(world: ScreenWorld, client: RawClient): Promise<void> {
  await client.sees('220-front.test');
  world.clock.move(WAIT_MS);
  await client.sees(/^220 back\.test/m);
}

describe.skipIf(!ready)('a real Postfix behind the front listener', () => {
  beforeAll(async () => {
    place = makePlace('screen-postfix');
    sink = await startSink();
    const [port = 0] = await findPorts(1);
    upstream = `inet:127.0.0.1:${port}`;
    postfix = await startPostfix({
      name: 'back',
      directory: place.directory,
      listeners: [{ address: `127.0.0.1:${port}`, options: { smtpd_upstream_proxy_protocol: 'haproxy' } }],
      main: {
        relay_domains: 'own.test',
        relay_transport: `smtp:[127.0.0.1]:${sink.port}`,
        smtpd_forbid_bare_newline: 'normalize',
        smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
        ...(await offerStartTls(place.directory, 'back.test')),
      },
    });
  });
  afterAll(async () => {
    await postfix.stop();
    await sink.stop();
    place.remove();
  });

  it.each([
    ['v1', '203.0.113.7'],
    ['v2', '203.0.113.8'],
    ['v1', '2001:db8::7'],
    ['v2', '2001:db8::8'],
  ] as const)('takes mail by a header of version %s from %s, and knows who it is', async (proxyVersion, address) => {
    const world = await startScreen({ upstream, proxyVersion });
    const client = await world.from(address);
    await admit(world, client);
    await say(client, 'EHLO good.test', /^250 /m);
    expect(client.text).not.toContain('XCLIENT');
    const rcptTo = `${proxyVersion}-${address.replaceAll(/[.:]/g, '-')}@own.test`;
    await deliver(client, rcptTo);
    const mail = await sink.mailFor(rcptTo);
    expect(mail.content.toString()).toContain(`[${address.includes(':') ? 'IPv6:' : ''}${address}]`);
    expect(mail.content.toString()).toMatch(/\r\n\r\nbody\r\n\.dot\r\n$/);
    await say(client, 'QUIT', /^221 /m);
    await client.closes();
    client.socket.end();
    await until('the end', () => world.screen.stats().connections === 0);
  });

  it('does not take a stranger for one of our own network', async () => {
    const world = await startScreen({ upstream });
    const client = await world.from('203.0.113.7');
    await admit(world, client);
    await say(client, 'EHLO spam.test', /^250 /m);
    await say(client, 'MAIL FROM:<a@away.test>', /^250 /m);
    await say(client, 'RCPT TO:<victim@elsewhere.test>', /^554 5\.7\.1 /m);
  });

  it('speaks TLS with the client through the joined pair', async () => {
    const world = await startScreen({ upstream });
    const plain = await world.from('203.0.113.9');
    await admit(world, plain);
    await say(plain, 'EHLO good.test', /^250-STARTTLS/m);
    await say(plain, 'STARTTLS', /^220 /m);
    plain.socket.removeAllListeners('data');
    const tls = connectTls({ socket: plain.socket, rejectUnauthorized: false });
    await once(tls, 'secureConnect');
    expect(tls.getPeerCertificate().subject).toMatchObject({ CN: 'back.test' });
    const client = new RawClient(tls);
    await say(client, 'EHLO good.test', /^250 /m);
    await deliver(client, 'tls@own.test');
    expect((await sink.mailFor('tls@own.test')).content.toString()).toContain('ESMTPS');
  });

  it('gets what a client said too early, where that is ignored', async () => {
    const world = await startScreen({ upstream, pregreetAction: 'ignore' });
    const client = await world.from('203.0.113.10');
    await client.sees('220-front.test');
    client.send('EHLO hasty.test\r\n');
    await client.sees(/^250 /m);
    expect(client.text).toMatch(/^220-front\.test ESMTP\r\n220 back\.test[^\r]*\r\n250-back\.test\r\n/);
    await deliver(client, 'hasty@own.test');
    expect((await sink.mailFor('hasty@own.test')).helo).toBe('back.test');
  });

  it('takes a mail of two thousand lines in one go, dots and all', async () => {
    const world = await startScreen({ upstream });
    const client = await world.from('203.0.113.11');
    await admit(world, client);
    const body = Array.from({ length: 2_000 }, (_, index) => (index % 10 === 0 ? '.' : '') + 'y'.repeat(70)).join(
      '\r\n',
    );
    const content = `Subject: long\r\n\r\n${body}\r\n`;
    client.send('EHLO big.test\r\nMAIL FROM:<a@away.test>\r\nRCPT TO:<big@own.test>\r\nDATA\r\n');
    await client.sees(/^354 /m);
    client.send(stuff(Buffer.from(content)));
    const mail = await sink.mailFor('big@own.test');
    expect(mail.content.toString().endsWith(content)).toBe(true);
  });

  it('receives exactly one message from a client that smuggles', async () => {
    const world = await startScreen({ upstream });
    for (const [index, end] of ['\n.\n', '\r.\r', '\r\n.\n', '\n.\r\n', '\r\n\0.\r\n'].entries()) {
      sink.clear();
      const client = await world.from(`203.0.113.${20 + index}`);
      await admit(world, client);
      await say(client, 'EHLO smuggler.test', /^250 /m);
      await say(client, 'MAIL FROM:<a@away.test>', /^250 /m);
      await say(client, `RCPT TO:<one${index}@own.test>`, /^250 /m);
      await say(client, 'DATA', /^354 /m);
      client.send(
        `Subject: one\r\n\r\nfirst${end}MAIL FROM:<b@away.test>\r\nRCPT TO:<two${index}@own.test>\r\nDATA\r\nSubject: two\r\n\r\nsecond\r\n.\r\n`,
      );
      client.send('QUIT\r\n');
      await client.closes();
      const mail = await sink.mailFor(`one${index}@own.test`);
      expect(mail.content.toString('latin1')).toContain('second');
      expect(sink.mailsFor(`two${index}@own.test`)).toEqual([]);
    }
  });

  it('hears nothing from the front that is no client: no header, no session', async () => {
    const port = Number(upstream.split(':').at(-1));
    const direct = await openClient(port);
    direct.send('EHLO direct.test\r\n');
    expect(await direct.closes()).toMatch(/^421 /);
    const local = await openClient(port);
    local.send(
      writeProxyV2({ clientAddress: '203.0.113.99', clientPort: 1, serverAddress: '192.0.2.25', serverPort: 25 }),
    );
    await local.sees('220 back.test');
  });
});
