// The kinds of mail that go through the same way: null sender, SMTPUTF8, IPv6, STARTTLS, authenticated, handed in by a
// local program, and mail that comes from a second server with its own queue. Each arrives, and the log tells the kind.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offerLogin, offerStartTls } from '../ground/credentials.js';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { nextId, withoutTrace, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { deliverMail, SmtpClient } from '../ground/smtp-client.js';
import { findLogged, outcomeOf } from './look.js';

const ready = requirePackage('postfix', 'openssl', 'sasl2-bin', 'libsasl2-modules') && requireRoot();
const PASSWORD = 'correct horse';

describe.skipIf(!ready)('kinds of mail', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine({
      name: 'kinds',
      socket: 'inet',
      prepare: async (directory) => {
        const login = await offerLogin(directory, 'house.test', 'anna', PASSWORD);
        return { main: { ...(await offerStartTls(directory, 'mta.test')), ...login.main }, files: login.files };
      },
    });
  });
  afterAll(() => line?.stop());

  it('null sender', async () => {
    const messageId = nextId();
    const mail = writeMail({ messageId, from: 'Mail Delivery <mailer-daemon@away.test>' });
    expect(
      (
        await deliverMail(
          line.port,
          { mailFrom: '', rcptTo: ['null@house.test'], content: mail },
          { localAddress: OUTSIDE },
        )
      ).last.code,
    ).toBe(250);
    expect((await line.sink.mailFor('null@house.test')).mailFrom).toBe('');
    expect(await findLogged(line, messageId)).toMatchObject({ mailFrom: '' });
  });

  it('SMTPUTF8: addresses and headers in UTF-8 all the way', async () => {
    const messageId = nextId();
    const mail = writeMail({
      messageId,
      from: 'Jürgen <jürgen@away.test>',
      subject: 'Grüße, 你好',
      headers: ['Content-Type: text/plain; charset=utf-8'],
      body: 'Straße\r\n',
    });
    const outcome = await deliverMail(
      line.port,
      {
        mailFrom: 'jürgen@away.test',
        mailParams: 'SMTPUTF8 BODY=8BITMIME',
        rcptTo: ['käthe@house.test'],
        content: mail,
      },
      { localAddress: OUTSIDE },
    );
    expect(outcome.last.code).toBe(250);
    const sunk = await line.sink.mailFor('käthe@house.test');
    expect(sunk.mailFrom).toBe('jürgen@away.test');
    expect(sunk.mailParams).toContain('SMTPUTF8');
    expect(withoutTrace(sunk.content, 'X-Spam-Status')).toBe(Buffer.from(mail).toString('latin1'));
    const row = await findLogged(line, messageId);
    expect(row).toMatchObject({ mailFrom: 'jürgen@away.test', subject: 'Grüße, 你好' });
    expect(outcomeOf(row, 'käthe@house.test')).toMatchObject({ action: 'accept', direction: 'received' });
  });

  it('IPv6', async () => {
    const messageId = nextId();
    const outcome = await deliverMail(
      line.port,
      { mailFrom: 'a@away.test', rcptTo: ['six@house.test'], content: writeMail({ messageId }) },
      { host: '::1' },
    );
    expect(outcome.last.code).toBe(250);
    await line.sink.mailFor('six@house.test');
    const row = await findLogged(line, messageId);
    expect(row).toMatchObject({ clientAddress: '::1' });
    expect(String(row['sessionId'])).toMatch(/^\[::1\]:\d+@/);
    expect(outcomeOf(row, 'six@house.test')).toMatchObject({ direction: 'internal' });
  });

  it('STARTTLS', async () => {
    const messageId = nextId();
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    await client.startTls();
    expect(
      (await client.deliver({ mailFrom: 'a@away.test', rcptTo: ['tls@house.test'], content: writeMail({ messageId }) }))
        .last.code,
    ).toBe(250);
    await client.quit();
    await line.sink.mailFor('tls@house.test');
    expect(String((await findLogged(line, messageId))['tls'])).toMatch(/TLSv1\.[23]/);
  });

  it('authenticated: counts as ours, and goes out', async () => {
    const messageId = nextId();
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    await client.startTls();
    expect((await client.login('anna@house.test', PASSWORD)).code).toBe(235);
    const mail = {
      mailFrom: 'anna@house.test',
      rcptTo: ['friend@far.test', 'desk@house.test'],
      content: writeMail({ messageId }),
    };
    expect((await client.deliver(mail)).last.code).toBe(250);
    await client.quit();
    await line.sink.mailFor('friend@far.test');
    const row = await findLogged(line, messageId);
    expect(row).toMatchObject({ login: 'anna@house.test' });
    expect(outcomeOf(row, 'friend@far.test')).toMatchObject({ direction: 'sent' });
    expect(outcomeOf(row, 'desk@house.test')).toMatchObject({ direction: 'internal' });
  });

  it('handed in by a local program', async () => {
    const messageId = nextId();
    await line.mta.sendmail('cron@house.test', ['root@house.test'], writeMail({ messageId }).replaceAll('\r\n', '\n'));
    await line.sink.mailFor('root@house.test');
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'root@house.test')).toMatchObject({ action: 'accept', direction: 'internal' });
  });

  it('from a second server with a queue of its own, two messages on one connection of the milter', async () => {
    const ids = [nextId(), nextId()];
    const client = await SmtpClient.open(line.senderPort);
    for (const [index, messageId] of ids.entries()) {
      const mail = { mailFrom: 'a@away.test', rcptTo: [`relay${index}@house.test`], content: writeMail({ messageId }) };
      expect((await client.deliver(mail)).last.code).toBe(250);
    }
    await client.quit();
    for (const [index, messageId] of ids.entries()) {
      await line.sink.mailFor(`relay${index}@house.test`);
      expect(await findLogged(line, messageId)).toMatchObject({ clientAddress: OUTSIDE, helo: 'sender.test' });
    }
  });

  it('a session with several mails, an abort and a mail after it: no state is carried over', async () => {
    const [first, second] = [nextId(), nextId()];
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    expect(
      (
        await client.deliver({
          mailFrom: 'one@away.test',
          rcptTo: ['one@house.test'],
          content: writeMail({ messageId: first }),
        })
      ).last.code,
    ).toBe(250);
    await client.command('MAIL FROM:<gone@away.test>');
    await client.command('RCPT TO:<gone@house.test>');
    await client.command('RSET');
    expect(
      (
        await client.deliver({
          mailFrom: 'two@away.test',
          rcptTo: ['two@house.test'],
          content: writeMail({ messageId: second }),
        })
      ).last.code,
    ).toBe(250);
    await client.quit();
    const row = await findLogged(line, second);
    expect(row).toMatchObject({ mailFrom: 'two@away.test' });
    expect((row['recipients'] as { address: string }[]).map((recipient) => recipient.address)).toEqual([
      'two@house.test',
    ]);
    expect(line.sink.mailsFor('gone@house.test')).toEqual([]);
  });

  it('weir postfix check finds the line as it should be', async () => {
    const result = await line.weir.run(['postfix', 'check', '--config-dir', line.mta.configDirectory]);
    expect(result.stdout).not.toMatch(/^(differs|missing)/m);
    expect(result.status).toBe(0);
  });
});
