// Notices, forwards and template injection (threat class 16) on real servers: who is told by which template, who never is,
// and that template words in settings and in a mail are text and nothing more.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simpleParser } from 'mailparser';
import { parseMessage } from '../../message/parse.js';
import { offerLogin } from '../ground/credentials.js';
import { OUTSIDE, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, splitMail, writeAttachment, writeMail, type MailParts } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { SmtpClient, deliverMail } from '../ground/smtp-client.js';
import type { SunkMail } from '../ground/sink.js';
import { startAuthenticationLine, type AuthenticationLine } from './authentication-line.js';
import { ZONE } from './authentication-zone.js';
import { comeToRest, findHeld, findLogged, findSecurity, outcomeOf } from './look.js';

const ready = requirePackage('postfix', 'sasl2-bin', 'libsasl2-modules') && requireRoot();
const START_MS = 120_000;
const PASSWORD = 'correct horse';
const INJECTION = '{{constructor.constructor("return process")().exit()}} {{7*7}} ${7*7} <%= 7*7 %> {reason} {id}';

const CONFIG = `verdict:
  attachment: quarantine
  actions: { MCP_LETTER: accept, MCP_SHRED: discard }
mcp:
  rules:
    - { name: secret, target: content, pattern: hush-hush }
    - { name: letter, target: subject, pattern: open letter }
    - { name: shred, target: subject, pattern: shred this }
notices:
  from: Filter <filter@house.test>
  administrators: [ops@house.test]
  administratorCategories: [mcp]
  administratorOnHeld: { enabled: true, subject: 'admin {category}', text: '{recipients} {{constructor.name}} {findings}' }
  recipientOnAttachment:
    subject: 'Held: {subject}'
    text: "{{constructor.constructor(1)()}} {{subject}} [{subject}] [{from}] [{recipient}] [{reason}]"
  senderOnMcp: { enabled: true, subject: 'Stopped: {subject}', text: 'Your mail to {recipients} has number {id}.' }
forwarding:
  to: [compliance@house.test]
`;

describe.skipIf(!ready)('notices and forwards', () => {
  let ground: AuthenticationLine;
  let line: Line;
  beforeAll(async () => {
    ground = await startAuthenticationLine('notices', ZONE, '', {
      config: CONFIG,
      prepare: async (directory) => {
        const { main, files } = await offerLogin(directory, 'house.test', 'anna', PASSWORD);
        return { main: { ...main, smtpd_tls_auth_only: 'no' }, files };
      },
    });
    line = ground.line;
  }, START_MS);
  afterAll(() => ground?.stop());

  const quiet = (): Promise<void> => comeToRest(line);
  /** From outside, once the mail of the test before has all arrived; the sink holds what comes of this one alone. */
  const send = async (mailFrom: string, rcptTo: readonly string[], content: string): Promise<void> => {
    await quiet();
    line.sink.clear();
    const outcome = await deliverMail(line.port, { mailFrom, rcptTo, content }, { localAddress: OUTSIDE });
    expect(outcome.last.code).toBe(250);
  };
  const addressees = (): readonly string[] => line.sink.mails.flatMap(({ rcptTo }) => rcptTo).sort();
  const secret = (parts: MailParts): string => writeMail({ body: 'this is hush-hush\r\n', ...parts });
  const textOf = (mail: SunkMail): string => parseMessage(mail.content).texts[0]?.visible ?? '';

  it('template words are text, in the template and in what a stranger wrote', async () => {
    const parts = {
      from: `"${INJECTION.replaceAll('"', "'")}" <anna@away.test>`,
      subject: INJECTION,
      messageId: nextId(),
    };
    await send(
      'anna@away.test',
      ['told@house.test', 'hidden@house.test'],
      writeAttachment(parts, `{id}.exe`, 'application/octet-stream', 'MZ'),
    );
    const notice = await line.sink.mailFor('told@house.test');
    expect(notice.mailFrom).toBe('');
    const message = parseMessage(notice.content);
    expect(message.subject).toBe(`Held: ${INJECTION}`);
    expect(textOf(notice)).toContain('{{constructor.constructor(1)()}}');
    expect(textOf(notice)).toContain(`[${INJECTION}]`);
    expect(textOf(notice)).not.toContain('49');
    expect(textOf(notice)).toContain('[told@house.test]');
    expect(notice.content.toString()).not.toContain('hidden');
    await quiet();
    expect(addressees()).toEqual(['hidden@house.test', 'told@house.test']);
  });

  it('no field of a mail makes a header of a notice', async () => {
    const subject = '=?utf-8?Q?x=0D=0ABcc:_evil@away.test=0D=0A=0D=0A<script>?=';
    const parts = { subject, messageId: nextId() };
    await send(
      'anna@away.test',
      ['told@house.test'],
      writeAttachment(parts, 'x.exe', 'application/octet-stream', 'MZ'),
    );
    const notice = await line.sink.mailFor('told@house.test');
    const names = splitMail(notice.content).fields.map((field) => field.slice(0, field.indexOf(':')));
    expect(names.filter((name) => !/^(?:Received|Return-Path)$/.test(name))).toEqual([
      ...['From', 'To', 'Subject', 'Date', 'Message-ID', 'Auto-Submitted', 'Precedence', 'MIME-Version'],
      ...['Content-Type', 'Content-Transfer-Encoding'],
    ]);
    expect(fieldsNamed(notice.content, 'Auto-Submitted')).toEqual(['auto-replied']);
  });

  it('settings with a field that a template does not have are refused with the line', async () => {
    const { writeFileSync } = await import('node:fs');
    const file = `${line.directory}/bad.yaml`;
    writeFileSync(file, `${line.config}encapsulation:\n  text: |\n    {constructor}\n`);
    const checked = await line.weir.run(['-c', file, 'config', 'check']);
    expect(checked.status).toBe(78);
    expect(checked.stderr).toMatch(
      /bad\.yaml:\d+:\d+: encapsulation\.text: expected no fields but .*; \{constructor\} is none/,
    );
  });

  it('MCP: held in its own quarantine, original forwarded, administrators told, a stranger not', async () => {
    const messageId = nextId();
    const mail = secret({ messageId });
    await send('anna@away.test', ['bob@house.test'], mail);
    const forward = await line.sink.mailFor('compliance@house.test');
    expect(forward.mailFrom).toBe('');
    expect(fieldsNamed(forward.content, 'Auto-Submitted')).toEqual(['auto-generated']);
    const { attachments } = await simpleParser(forward.content);
    expect(attachments[0]?.content.toString()).toBe(mail);
    const admin = await line.sink.mailFor('ops@house.test');
    expect(textOf(admin)).toMatch(/^bob@house\.test \{\{constructor\.name\}\}/);
    const row = await findLogged(line, messageId);
    const outcome = outcomeOf(row, 'bob@house.test');
    expect(outcome).toMatchObject({ action: 'quarantine', category: 'mcp' });
    expect(await findHeld(line, outcome?.quarantineId ?? '')).toMatchObject({ category: 'mcp' });
    expect(await findSecurity(line, row)).toMatchObject([{ category: 'data-protection' }]);
    await quiet();
    expect(addressees()).toEqual(['compliance@house.test', 'ops@house.test']);
  });

  it('MCP: the sender is told when DMARC vouches for the very address', async () => {
    const from = (address: string) => ({ from: `Anna <${address}>` });
    await send('anna@d-none.test', ['bob@house.test'], secret(from('anna@d-none.test')));
    const notice = await line.sink.mailFor('anna@d-none.test');
    expect(textOf(notice)).toMatch(/^Your mail to bob@house\.test has number [0-9a-z]+\.\s*$/);
    await send('victim@d-none.test', ['bob@house.test'], secret(from('anna@d-none.test')));
    await line.sink.mailFor('compliance@house.test');
    await quiet();
    expect(addressees()).toEqual(['compliance@house.test', 'ops@house.test']);
    await send(
      'anna@d-none.test',
      ['bob@house.test'],
      secret({ ...from('anna@d-none.test'), headers: ['Precedence: list'] }),
    );
    await quiet();
    expect(addressees()).not.toContain('anna@d-none.test');
  });

  it('MCP: or when logged in here', async () => {
    await quiet();
    line.sink.clear();
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    const secretWord = Buffer.from(`\0anna\0${PASSWORD}`).toString('base64');
    expect((await client.command(`AUTH PLAIN ${secretWord}`)).code).toBe(235);
    const content = secret({ from: 'Anna <anna@house.test>' });
    expect((await client.deliver({ mailFrom: 'anna@house.test', rcptTo: ['out@away.test'], content })).last.code).toBe(
      250,
    );
    await client.quit();
    expect(parseMessage((await line.sink.mailFor('anna@house.test')).content).subject).toMatch(/^Stopped: /);
  });

  it('MCP: forwarded although it is let through, and although it is deleted', async () => {
    await send('anna@away.test', ['bob@house.test'], writeMail({ subject: 'an open letter' }));
    await line.sink.mailFor('bob@house.test');
    await line.sink.mailFor('compliance@house.test');
    await send('anna@away.test', ['bob@house.test'], writeMail({ subject: 'shred this' }));
    await line.sink.mailFor('compliance@house.test');
    await quiet();
    expect(addressees()).toEqual(['compliance@house.test', 'ops@house.test']);
  });

  it('a forward that comes back is not sent on again; the field alone stops nothing', async () => {
    const headers = ['X-Loop: compliance@house.test'];
    await send('anna@away.test', ['bob@house.test'], secret({ headers }));
    await line.sink.mailFor('compliance@house.test');
    await send('', ['bob@house.test'], secret({ headers }));
    await quiet();
    expect(addressees()).toEqual(['ops@house.test']);
  });
});
