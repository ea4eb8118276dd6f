// Every action on real servers: a client outside, Postfix with Weir as its milter, clamd, and a sink. For each action the
// right thing is looked for at every place: SMTP reply, delivered bytes, quarantine, notice, both logs.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EICAR, startClamd, type Clamd } from '../ground/clamd.js';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, withoutTrace, writeAttachment, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { deliverMail, type ClientOutcome } from '../ground/smtp-client.js';
import { comeToRest, findHeld, findLogged, findSecurity, outcomeOf } from './look.js';

const ready = requirePackage('postfix', 'clamav-daemon') && requireRoot();

/** Recipients whose thresholds decide, whatever the mail says. */
const CONFIG = (clamd: Clamd): string => `verdict:
  virus: quarantine
  attachment: quarantine
  content: discard
  recipients:
    - { recipient: 'tag@*', tagAt: -100, quarantineAt: null, rejectAt: null }
    - { recipient: 'hold@*', tagAt: null, quarantineAt: -100, rejectAt: null }
    - { recipient: 'refuse@*', tagAt: null, quarantineAt: null, rejectAt: -100 }
antivirus:
  engine: clamd
  scanTimeoutMs: 2000
  timeLimitMs: 4000
  server: ${JSON.stringify(clamd.unixServer)}
`;

describe.skipIf(!ready)('each action, at every place', () => {
  let line: Line;
  let clamd: Clamd;
  beforeAll(async () => {
    line = await startLine({
      name: 'actions',
      prepare: async (directory) => {
        clamd = await startClamd(join(directory, 'clamd'));
        return { config: CONFIG(clamd) };
      },
    });
  });
  afterAll(async () => {
    await line?.stop();
    await clamd?.stop();
  });

  const submit = (rcptTo: readonly string[], content: string): Promise<ClientOutcome> =>
    deliverMail(line.port, { mailFrom: 'anna@away.test', rcptTo, content }, { localAddress: OUTSIDE });
  const quiet = (): Promise<void> => comeToRest(line);

  it('accept: delivered with nothing but a status added, logged, nothing held', async () => {
    const messageId = nextId();
    const mail = writeMail({ messageId });
    expect((await submit(['plain@house.test'], mail)).last.code).toBe(250);
    const sunk = await line.sink.mailFor('plain@house.test');
    expect(sunk.mailFrom).toBe('anna@away.test');
    expect(withoutTrace(sunk.content, 'X-Spam-Status')).toBe(mail);
    expect(fieldsNamed(sunk.content, 'X-Spam-Status')[0]).toMatch(/^No, score=/);
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'plain@house.test')).toMatchObject({
      action: 'accept',
      direction: 'received',
      quarantineId: null,
    });
    expect(row).toMatchObject({
      clientAddress: OUTSIDE,
      helo: 'client.test',
      mailFrom: 'anna@away.test',
      security: null,
    });
    expect(await findSecurity(line, row)).toEqual([]);
    expect(line.mta.log()).toContain(String(row['queueId']));
  });

  it('tag: delivered with the marks, forged ones gone', async () => {
    const messageId = nextId();
    const headers = [
      'X-Spam-Flag: NO',
      'X-Spam-Status: No, score=-9 required=5',
      'Content-Type: text/plain',
      'x-spam-level: forged',
    ];
    const mail = writeMail({ messageId, headers });
    expect((await submit(['tag@house.test'], mail)).last.code).toBe(250);
    const sunk = await line.sink.mailFor('tag@house.test');
    expect(fieldsNamed(sunk.content, 'X-Spam-Flag')).toEqual(['YES']);
    expect(fieldsNamed(sunk.content, 'X-Spam-Status')).toHaveLength(1);
    expect(fieldsNamed(sunk.content, 'X-Spam-Status')[0]).toMatch(/^Yes, score=/);
    expect(fieldsNamed(sunk.content, 'X-Spam-Level').join()).not.toContain('forged');
    const marks = ['X-Spam-Status', 'X-Spam-Flag', 'X-Spam-Level'];
    expect(withoutTrace(sunk.content, ...marks)).toBe(withoutTrace(Buffer.from(mail), ...marks));
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'tag@house.test')).toMatchObject({ action: 'tag', category: 'spam' });
    expect(await findSecurity(line, row)).toMatchObject([{ category: 'spam' }]);
  });

  it('quarantine: taken, held, not delivered; a release brings the very bytes, once, unfiltered', async () => {
    const messageId = nextId();
    const mail = writeMail({ messageId, body: 'first\r\n.dot\r\n..two dots\r\nFrom here\r\n' });
    expect((await submit(['hold@house.test'], mail)).last.code).toBe(250);
    const row = await findLogged(line, messageId);
    const id = outcomeOf(row, 'hold@house.test')?.quarantineId ?? '';
    expect(outcomeOf(row, 'hold@house.test')).toMatchObject({ action: 'quarantine', category: 'spam' });
    expect(await findHeld(line, id)).toMatchObject({
      mailFrom: 'anna@away.test',
      recipients: [{ address: 'hold@house.test', state: 'held' }],
    });
    await quiet();
    expect(line.sink.mailsFor('hold@house.test')).toEqual([]);

    const released = await line.weir.run(['quarantine', 'release', id]);
    expect(released).toMatchObject({ status: 0 });
    const sunk = await line.sink.mailFor('hold@house.test');
    expect(sunk.mailFrom).toBe('anna@away.test');
    expect(withoutTrace(sunk.content)).toBe(withoutTrace(Buffer.from(mail)));
    expect(fieldsNamed(sunk.content, 'X-Spam-Status')).toEqual([]);
    expect(await findHeld(line, id)).toMatchObject({ recipients: [{ address: 'hold@house.test', state: 'released' }] });
    await quiet();
    expect(line.sink.mailsFor('hold@house.test')).toHaveLength(1);
    expect(await line.weir.rows(['log', 'search', messageId])).toHaveLength(1);
    expect(line.mta.log()).toMatch(/postfix\/weir-release\/smtpd/);
  });

  it('reject: refused with the configured words, nothing kept', async () => {
    const messageId = nextId();
    const outcome = await submit(['refuse@house.test'], writeMail({ messageId }));
    expect(outcome.last.text).toMatch(/^554 5\.7\.1 /);
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'refuse@house.test')).toMatchObject({ action: 'reject', quarantineId: null });
    expect(await findSecurity(line, row)).toMatchObject([{ category: 'reject' }]);
    await quiet();
    expect(line.sink.mailsFor('refuse@house.test')).toEqual([]);
  });

  it('discard: taken, and gone', async () => {
    const messageId = nextId();
    const headers = ['Content-Type: message/partial; id="piece@away.test"; number=1; total=2'];
    const outcome = await submit(
      ['drop@house.test'],
      writeMail({ messageId, headers, body: 'Subject: one half\r\n\r\nhalf\r\n' }),
    );
    expect(outcome.last.code).toBe(250);
    expect(outcomeOf(await findLogged(line, messageId), 'drop@house.test')).toMatchObject({
      action: 'discard',
      category: 'content',
      quarantineId: null,
    });
    await quiet();
    expect(line.sink.mailsFor('drop@house.test')).toEqual([]);
  });

  it('a virus is held as one, by name, and nobody is told', async () => {
    const messageId = nextId();
    expect(
      (await submit(['ill@house.test'], writeAttachment({ messageId }, 'notes.txt', 'text/plain', EICAR))).last.code,
    ).toBe(250);
    const row = await findLogged(line, messageId);
    const outcome = outcomeOf(row, 'ill@house.test');
    expect(outcome).toMatchObject({ action: 'quarantine', category: 'virus' });
    expect(await findHeld(line, outcome?.quarantineId ?? '')).toMatchObject({ category: 'virus' });
    expect(JSON.stringify(row['findings'])).toContain('EICAR');
    expect(row['security']).toMatchObject({ category: 'virus' });
    await quiet();
    expect(line.sink.mailsFor('ill@house.test')).toEqual([]);
  });

  it('a refused attachment is held, and its recipient is told by a mail that answers nobody', async () => {
    const messageId = nextId();
    const mail = writeAttachment(
      { messageId, subject: 'Your invoice' },
      'invoice.pdf.exe',
      'application/octet-stream',
      'MZ\x90\x00',
    );
    expect((await submit(['told@house.test'], mail)).last.code).toBe(250);
    expect(outcomeOf(await findLogged(line, messageId), 'told@house.test')).toMatchObject({
      action: 'quarantine',
      category: 'attachment',
    });
    const notice = await line.sink.mailFor('told@house.test');
    expect(notice.mailFrom).toBe('');
    expect(fieldsNamed(notice.content, 'Auto-Submitted')).toEqual(['auto-replied']);
    expect(fieldsNamed(notice.content, 'Subject')[0]).toContain('Your invoice');
    await quiet();
    expect(line.sink.mailsFor('told@house.test')).toHaveLength(1);
  });

  it('three recipients, three verdicts, each at its place', async () => {
    const messageId = nextId();
    line.sink.clear();
    const mail = writeMail({ messageId, subject: 'To three of you' });
    expect((await submit(['ok@house.test', 'tag@house.test', 'hold@house.test'], mail)).last.code).toBe(250);
    const plain = await line.sink.mailFor('ok@house.test');
    const tagged = await line.sink.mailFor('tag@house.test');
    expect(fieldsNamed(plain.content, 'X-Spam-Status')[0]).toMatch(/^No, /);
    expect(fieldsNamed(tagged.content, 'X-Spam-Status')[0]).toMatch(/^Yes, /);
    expect([plain.rcptTo, tagged.rcptTo]).toEqual([['ok@house.test'], ['tag@house.test']]);
    const row = await findLogged(line, messageId);
    const actions = ['ok', 'tag', 'hold'].map((name) => outcomeOf(row, `${name}@house.test`)?.action);
    expect(actions).toEqual(['accept', 'tag', 'quarantine']);
    await quiet();
    expect(line.sink.mails).toHaveLength(2);
  });

  it('a refusal that does not hold for all becomes quarantine for those it holds for', async () => {
    const messageId = nextId();
    line.sink.clear();
    expect((await submit(['fine@house.test', 'refuse@house.test'], writeMail({ messageId }))).last.code).toBe(250);
    await line.sink.mailFor('fine@house.test');
    const outcome = outcomeOf(await findLogged(line, messageId), 'refuse@house.test');
    expect(outcome).toMatchObject({ action: 'quarantine' });
    expect(await findHeld(line, outcome?.quarantineId ?? '')).toMatchObject({
      recipients: [{ address: 'refuse@house.test' }],
    });
    await quiet();
    expect(line.sink.mails).toHaveLength(1);
  });

  it('GTUBE is refused', async () => {
    const body = ['XJS*C4JDBQADN1.NSBN3*2IDNEN', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL', 'C.34X'].join('*');
    expect((await submit(['plain@house.test'], writeMail({ body: `${body}\r\n` }))).last.code).toBe(554);
  });

  it('tempfail: while the scanner is silent the sender keeps the mail, and it arrives afterwards', async () => {
    const messageId = nextId();
    clamd.signal('SIGSTOP');
    try {
      const direct = await submit(['later@house.test'], writeMail({ messageId }));
      expect(direct.last.code).toBe(451);
      const row = await findLogged(line, messageId);
      expect(outcomeOf(row, 'later@house.test')).toMatchObject({ action: 'tempfail' });
      expect(JSON.stringify(row['broken'])).toContain('antivirus');
      await deliverMail(line.senderPort, {
        mailFrom: 'anna@away.test',
        rcptTo: ['patient@house.test'],
        content: writeMail(),
      });
      await waitUntil('the sender to be put off', 60_000, () => /status=deferred .*451/.test(line.sender.log()));
      expect(line.sink.mailsFor('patient@house.test')).toEqual([]);
    } finally {
      clamd.signal('SIGCONT');
    }
    await line.sink.mailFor('patient@house.test', 60_000);
    expect(line.sink.mailsFor('later@house.test')).toEqual([]);
  }, 150_000);
});
