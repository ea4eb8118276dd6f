// STARTTLS in the dummy engine, with real TLS clients: deep tests under TLS, what is injected before it, handshakes that
// fail, and what happens without a certificate.
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FILES_ON_DISK } from '../../config/attached.js';
import { tlsContext } from '../../screen/certificate.js';
import { SCREEN_SECTION, whyNoDeepTests, type ScreenSettings } from '../../screen/settings.js';
import { offerStartTls } from '../ground/credentials.js';
import { makePlace } from '../ground/place.js';
import { makeSettings, RawClient, startMta, startScreen, until, type ScreenWorld } from './ground.js';

const WAIT_MS = 6_000;
const DEEP = { pipeliningTest: true, nonSmtpTest: true, bareNewlineTest: true } as const;

const place = makePlace('screen-tls');
let files: Pick<ScreenSettings, 'tlsCertificateFile' | 'tlsKeyFile'>;

beforeAll(async () => {
  const made = await offerStartTls(place.directory, 'front.test');
  files = {
    tlsCertificateFile: made['smtpd_tls_cert_file'] ?? '',
    tlsKeyFile: made['smtpd_tls_key_file'] ?? '',
  };
});
afterAll(() => place.remove());

async function greeted(world: ScreenWorld): Promise<RawClient> {
  const client = await world.client();
  await client.sees('220-');
  world.clock.move(WAIT_MS);
  await client.sees('220 front.test');
  return client;
}

async function say(client: RawClient, line: string, reply: string | RegExp): Promise<void> {
  client.send(`${line}\r\n`);
  await client.sees(reply);
}

/** The client turns to TLS, whatever the certificate. */
async function secure(client: RawClient): Promise<RawClient> {
  client.socket.removeAllListeners('data');
  const tls: TLSSocket = connectTls({ socket: client.socket, rejectUnauthorized: false, servername: 'front.test' });
  await once(tls, 'secureConnect');
  expect(tls.getPeerCertificate().subject).toMatchObject({ CN: 'front.test' });
  return new RawClient(tls);
}

describe('deep tests', () => {
  it('are passed under TLS, and the client that comes again is handed on', async () => {
    const mta = await startMta();
    const world = await startScreen({ ...DEEP, ...files, upstream: mta.upstream });
    const plain = await greeted(world);
    await say(plain, 'EHLO good.test', '250-STARTTLS');
    await say(plain, 'STARTTLS', '220 2.0.0 Ready to start TLS');
    const client = await secure(plain);
    await say(client, 'EHLO good.test', '250 CHUNKING');
    expect(client.text).not.toContain('STARTTLS');
    await say(client, 'MAIL FROM:<a@good.test>', '250 2.1.0');
    await say(client, 'RCPT TO:<b@own.test>', '450 4.3.2 Service currently unavailable');
    await say(client, 'QUIT', '221 2.0.0 Bye');
    await client.closes();
    client.socket.end();
    await until('the end', () => world.screen.stats().connections === 0);
    expect(await world.event('refused')).toMatchObject({
      tls: true,
      reasons: [],
      helo: 'good.test',
      rcptTo: 'b@own.test',
    });
    expect(await world.event('pass')).toMatchObject({ how: 'new', mustReturn: true });
    const again = await world.client();
    expect(await again.sees('220 ')).toBe('220 mta.test ESMTP\r\n');
  });

  it('that are failed and ignored are not repeated for a while: the client gets through', async () => {
    const mta = await startMta();
    const world = await startScreen({ ...DEEP, ...files, upstream: mta.upstream });
    const client = await greeted(world);
    client.send('HELO bare.test\n');
    await client.sees('250 front.test');
    await say(client, 'MAIL FROM:<a@bare.test>', '250 2.1.0');
    await say(client, 'RCPT TO:<b@own.test>', '450 4.3.2');
    expect(await world.event('protocol')).toMatchObject({ test: 'bareNewline', text: 'HELO bare.test\\n' });
    client.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
    const again = await world.client();
    await again.sees('220 mta');
    again.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
    world.clock.move(61_000);
    const later = await world.client();
    // Only the deep test is due again: no wait, and no teaser.
    expect(await later.sees('220 ')).toBe('220 front.test ESMTP\r\n');
  });

  it('that are enforced refuse the recipient and earn nothing', async () => {
    const world = await startScreen({ ...DEEP, ...files });
    const client = await greeted(world);
    client.send('EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n');
    await client.sees('550 5.5.1 Protocol error');
    await until('what was passed', () => world.state.entries.size === 1);
    const [entry] = world.state.entries.values();
    expect(entry?.value).toMatchObject({ pipelining: 0 });
    expect(world.screen.stats()).toMatchObject({ refused: 1 });
  });

  it('stay off without a certificate, and say why', async () => {
    const mta = await startMta();
    const world = await startScreen({ ...DEEP, upstream: mta.upstream });
    const client = await world.client();
    await client.sees('220-');
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
    expect(whyNoDeepTests(makeSettings(DEEP))).toContain('STARTTLS');
    expect(whyNoDeepTests(makeSettings({ ...DEEP, ...files }))).toBeNull();
    expect(whyNoDeepTests(makeSettings())).toBeNull();
  });
});

describe('TLS', () => {
  it('forgets what was injected in the clear', async () => {
    const world = await startScreen({ ...files, pregreetAction: 'enforce' });
    const plain = await world.client();
    plain.send('EHLO zombie\r\n');
    await plain.sees('250 CHUNKING');
    plain.send('STARTTLS\r\nMAIL FROM:<injected@z.test>\r\n');
    await plain.sees('220 2.0.0 Ready');
    const client = await secure(plain);
    await say(client, 'RCPT TO:<a@b.test>', '503 5.5.1 Error: need MAIL command');
    expect(plain.text).not.toContain('250 2.1.0');
  });

  it('that never comes about ends with the time for a command', async () => {
    const world = await startScreen({ ...files, pregreetAction: 'enforce' });
    for (const bytes of ['', 'this is no handshake\r\n', '\x16\x03\x01\x02\x00']) {
      const client = await world.client();
      client.send('EHLO zombie\r\n');
      await client.sees('250 CHUNKING');
      await say(client, 'STARTTLS', '220 2.0.0 Ready');
      client.send(Buffer.from(bytes, 'latin1'));
      await until('the end', () => {
        world.clock.move(100_000);
        return world.screen.stats().connections === 0;
      });
    }
    expect(world.screen.stats()).toMatchObject({ screened: 0, connections: 0 });
  });

  it('leaves nothing when the client resets in the middle', async () => {
    const world = await startScreen({ ...files, pregreetAction: 'enforce' });
    const plain = await world.client();
    plain.send('EHLO zombie\r\n');
    await plain.sees('250 CHUNKING');
    await say(plain, 'STARTTLS', '220 2.0.0 Ready');
    const client = await secure(plain);
    await say(client, 'EHLO zombie', '250 CHUNKING');
    plain.socket.destroy();
    client.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
  });
});

describe('settings', () => {
  const objections = (values: Partial<ScreenSettings>) =>
    SCREEN_SECTION.check?.(makeSettings(values), FILES_ON_DISK).map((objection) =>
      'path' in objection ? objection.path.join('.') : '',
    );

  it('with a certificate that is none, or half of one, are refused', () => {
    expect(objections(files)).toEqual([]);
    expect(objections({ tlsCertificateFile: files.tlsCertificateFile })).toEqual(['tlsKeyFile']);
    expect(objections({ tlsCertificateFile: files.tlsKeyFile, tlsKeyFile: files.tlsCertificateFile })).toEqual([
      'tlsCertificateFile',
    ]);
    expect(objections({ tlsCertificateFile: '/nowhere', tlsKeyFile: '/nowhere' })).toEqual(['tlsCertificateFile']);
    expect(tlsContext(makeSettings(), FILES_ON_DISK)).toBeNull();
  });

  it('that cannot be are refused', () => {
    expect(objections({ dnsblSites: [{ list: 'a.test=127.0.0.300' }] })).toEqual(['dnsblSites.1.list']);
    expect(objections({ dnsblSites: [{ list: '{key}.a.test' }] })).toEqual(['dnsblSites.1.list']);
    expect(objections({ permitNetworks: ['192.0.2.0/33'] })).toEqual(['permitNetworks.1']);
    expect(objections({ listenProxied: ['inet:127.0.0.1:1'] })).toEqual(['balancers']);
    expect(objections({ listen: [], listenProxied: [] })).toEqual(['listen']);
    expect(objections({ dnsblPassMinS: 100, dnsblPassMaxS: 10 })).toEqual(['dnsblPassMinS']);
  });
});
