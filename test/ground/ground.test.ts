// Proves the ground the journeys stand on: a private Postfix relays to the sink byte for byte, STARTTLS, login, IPv6 and
// sendmail(1) work, and the raw client and the sink neither add nor lose a byte.
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offerLogin, offerStartTls } from './credentials.js';
import { startDns, type DnsServer } from './dns.js';
import { requirePackage, requireRoot } from './packages.js';
import { findPorts, makePlace, waitUntil, type Place } from './place.js';
import { startPostfix, type Postfix } from './postfix.js';
import { startSink, type Sink } from './sink.js';
import { deliverMail, SmtpClient } from './smtp-client.js';

const MAIL =
  'From: <a@outside.test>\r\nTo: <b@house.test>\r\nSubject: ground\r\n\r\nfirst\r\n.dot\r\n..two\r\nlast\r\n';

describe('sink and raw client', () => {
  let sink: Sink;
  beforeAll(async () => {
    sink = await startSink({ answerRcpt: (address) => (address.startsWith('no@') ? '550 5.1.1 no such user' : null) });
  });
  afterAll(() => sink.stop());

  it('keeps the exact bytes, dots and all', async () => {
    const content = '.begins with a dot\r\n\r\n.\r\n..\r\nbare\nlf.\n.\nend\r\n';
    await deliverMail(sink.port, { mailFrom: '', rcptTo: ['x@house.test'], content });
    expect(sink.mailsFor('x@house.test')[0]?.content.toString()).toBe(content);
    expect(sink.mailsFor('x@house.test')[0]?.mailFrom).toBe('');
  });

  it('finds the end of a content that comes a byte at a time, and an empty one', async () => {
    const client = await SmtpClient.open(sink.port);
    await client.command('MAIL FROM:<a@b.test>');
    await client.command('RCPT TO:<slow@house.test>');
    await client.command('DATA');
    for (const byte of 'one\r\n..\r\n.\r\n') {
      client.send(byte);
      await new Promise((done) => setTimeout(done, 1));
    }
    expect((await client.reply()).code).toBe(250);
    await client.deliver({ mailFrom: 'a@b.test', rcptTo: ['empty@house.test'], content: '' });
    await client.quit();
    expect(sink.mailsFor('slow@house.test')[0]?.content.toString()).toBe('one\r\n.\r\n');
    expect(sink.mailsFor('empty@house.test')).toHaveLength(1);
  });

  it('refuses one recipient and takes the other', async () => {
    const outcome = await deliverMail(sink.port, {
      mailFrom: 'a@b.test',
      rcptTo: ['no@house.test', 'yes@house.test'],
      content: MAIL,
    });
    expect(outcome.rcpts.map((reply) => reply.code)).toEqual([550, 250]);
    expect(outcome.last.code).toBe(250);
  });
});

describe.skipIf(!requirePackage('postfix') || !requireRoot())('private Postfix', () => {
  let place: Place;
  let sink: Sink;
  let postfix: Postfix;
  let port = 0;
  beforeAll(async () => {
    place = makePlace('ground');
    sink = await startSink();
    [port = 0] = await findPorts(1);
    postfix = await startPostfix({
      name: 'ground',
      directory: place.directory,
      listeners: [{ address: `127.0.0.1:${port}` }, { address: `[::1]:${port}` }],
      main: { relayhost: `[127.0.0.1]:${sink.port}` },
    });
  });
  afterAll(async () => {
    await postfix.stop();
    await sink.stop();
    place.remove();
  });

  it('relays to the sink and logs to its own file', async () => {
    await deliverMail(port, { mailFrom: 'a@outside.test', rcptTo: ['b@house.test'], content: MAIL });
    const mail = await sink.mailFor('b@house.test');
    expect(mail.content.toString()).toContain('\r\nfirst\r\n.dot\r\n..two\r\nlast\r\n');
    await waitUntil('the log line', 5000, () => /status=sent/.test(postfix.log()));
    expect(await postfix.queue()).toEqual([]);
  });

  it('listens on IPv6 loopback', async () => {
    const outcome = await deliverMail(
      port,
      { mailFrom: 'a@outside.test', rcptTo: ['six@house.test'], content: MAIL },
      { host: '::1' },
    );
    expect(outcome.last.code).toBe(250);
    await sink.mailFor('six@house.test');
  });

  it('takes mail from sendmail(1)', async () => {
    await postfix.sendmail('a@outside.test', ['local@house.test'], 'Subject: by hand\n\nhello\n');
    expect((await sink.mailFor('local@house.test')).mailFrom).toBe('a@outside.test');
  });
});

describe.skipIf(!requirePackage('dnsmasq-base'))('DNS server', () => {
  let place: Place;
  let server: DnsServer;
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  beforeAll(async () => {
    place = makePlace('dns');
    server = await startDns(place.directory, {
      a: { 'mx.house.test': ['192.0.2.5', '2001:db8::5'] },
      mx: { 'house.test': [{ exchange: 'mx.house.test', priority: 10 }] },
      txt: { 'house.test': ['v=spf1 ip4:192.0.2.5 -all'], 'long.house.test': ['x'.repeat(300)] },
      ptr: { '192.0.2.5': 'mx.house.test', '2001:db8::5': 'mx.house.test' },
    });
    resolver.setServers([server.address]);
  });
  afterAll(async () => {
    await server.stop();
    place.remove();
  });

  it('gives the records it was told', async () => {
    expect(await resolver.resolve4('mx.house.test')).toEqual(['192.0.2.5']);
    expect(await resolver.resolve6('mx.house.test')).toEqual(['2001:db8::5']);
    expect(await resolver.resolveMx('house.test')).toEqual([{ exchange: 'mx.house.test', priority: 10 }]);
    expect(await resolver.resolveTxt('house.test')).toEqual([['v=spf1 ip4:192.0.2.5 -all']]);
    expect((await resolver.resolveTxt('long.house.test')).map((strings) => strings.join(''))).toEqual([
      'x'.repeat(300),
    ]);
    expect(await resolver.reverse('192.0.2.5')).toEqual(['mx.house.test']);
    expect(await resolver.reverse('2001:db8::5')).toEqual(['mx.house.test']);
  });

  it('knows no other name', async () => {
    await expect(resolver.resolve4('elsewhere.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});

describe.skipIf(!requirePackage('postfix', 'openssl', 'sasl2-bin', 'libsasl2-modules') || !requireRoot())(
  'STARTTLS and login',
  () => {
    let place: Place;
    let sink: Sink;
    let postfix: Postfix;
    let port = 0;
    beforeAll(async () => {
      place = makePlace('login');
      sink = await startSink();
      [port = 0] = await findPorts(1);
      const login = await offerLogin(place.directory, 'house.test', 'anna', 'secret word');
      postfix = await startPostfix({
        name: 'login',
        files: login.files,
        directory: place.directory,
        listeners: [{ address: `127.0.0.1:${port}` }],
        main: {
          relayhost: `[127.0.0.1]:${sink.port}`,
          mynetworks: '192.0.2.0/24',
          smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
          ...(await offerStartTls(place.directory, 'login.test')),
          ...login.main,
        },
      });
    });
    afterAll(async () => {
      await postfix.stop();
      await sink.stop();
      place.remove();
    });

    it('takes mail of who logs in over TLS, and of nobody else', async () => {
      const client = await SmtpClient.open(port);
      const refused = await client.deliver({ mailFrom: 'anna@house.test', rcptTo: ['x@far.test'], content: MAIL });
      expect(refused.last.code).toBe(554);
      await client.startTls();
      expect((await client.login('anna@house.test', 'wrong')).code).toBe(535);
      expect((await client.login('anna@house.test', 'secret word')).code).toBe(235);
      expect(
        (await client.deliver({ mailFrom: 'anna@house.test', rcptTo: ['x@far.test'], content: MAIL })).last.code,
      ).toBe(250);
      await client.quit();
      expect((await sink.mailFor('x@far.test')).content.toString()).toContain('with ESMTPSA');
    });
  },
);
