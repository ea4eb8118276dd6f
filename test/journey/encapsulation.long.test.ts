// Marked mail inside a report, through the real Postfix: hostile originals in both forms, by the milter's edits and as a
// copy from the outbox, which must give the same bytes. mailparser reads the result, as an independent witness.
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, splitMail, withoutTrace, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { deliverMail } from '../ground/smtp-client.js';

const ready = requirePackage('postfix') && requireRoot();

const CONFIG = `verdict:
  unprocessable: accept
  content: accept
  recipients:
    - { recipient: 'tag*', tagAt: -100, quarantineAt: null, rejectAt: null }
    - { recipient: '*', tagAt: null, quarantineAt: null, rejectAt: null }
marks:
  subjects: { spam: '[SPAM]' }
encapsulation:
  form: message
`;

/** Header lines below From, To, Subject and Message-ID, and a body; bytes as latin1. */
interface Original {
  readonly name: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly subject?: string;
  /** Content-Transfer-Encoding of the attached message. */
  readonly encoding: '7bit' | '8bit' | 'binary';
}

const ORIGINALS: readonly Original[] = [
  { name: 'plain', encoding: '7bit' },
  {
    name: 'web bug and script',
    headers: ['Content-Type: text/html; charset=utf-8'],
    body: '<img src="http://bug.away.test/x.gif"><script>alert(1)</script>\r\n',
    encoding: '7bit',
  },
  {
    name: '8-bit',
    headers: ['Content-Type: text/plain; charset=iso-8859-1'],
    body: 'gr\xfc\xdfe\r\n',
    encoding: '8bit',
  },
  { name: 'NUL and bare CR', body: 'a\0b\rc\r\nd\r\n', encoding: 'binary' },
  { name: 'long lines', body: `${'x'.repeat(5_000)}\r\n${'y'.repeat(999)}\r\n`, encoding: 'binary' },
  { name: 'no body', body: '', encoding: '7bit' },
  { name: 'no line end at its end', body: 'last line', encoding: '7bit' },
  {
    name: 'several MIME fields of several kinds',
    headers: [
      'content-type: text/plain',
      'Content-Type : multipart/mixed;\r\n\tboundary="----------=_00000000.00000000"',
      'CONTENT-TRANSFER-ENCODING: base64',
      'Content-Transfer-Encoding: quoted-printable',
      'Content-Disposition: attachment; filename=x.html',
      'Mime-Version: 7.3',
    ],
    body: '------------=_00000000.00000000--\r\n\r\n--\r\n------------=_\r\n',
    encoding: '7bit',
  },
  {
    name: 'forged marks',
    headers: ['X-Spam-Flag: NO', 'X-Spam-Status: No, score=-100', 'X-Weir: forged', 'x-spam-LEVEL: none'],
    encoding: '7bit',
  },
  {
    name: 'forged marks behind three thousand fields',
    headers: [...Array.from({ length: 3_000 }, (_, index) => `X-Filler: ${index}`), 'X-Spam-Flag: NO'],
    encoding: '7bit',
  },
  { name: 'an encoded subject', subject: '=?utf-8?B?w7xiZXI=?=\r\n =?utf-8?Q?_alles?=', encoding: '7bit' },
  { name: 'a subject that is tagged', subject: '[SPAM] hello', encoding: '7bit' },
  { name: 'lines with dots', body: '.\r\n..\r\n.x\r\nFrom here\r\n', encoding: '7bit' },
];

describe.skipIf(!ready)('a report around marked mail', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine({ name: 'encapsulation', config: CONFIG, main: { smtp_line_length_limit: '0' } });
  });
  afterAll(() => line?.stop());

  const write = (original: Original): Buffer => Buffer.from(writeMail({ messageId: nextId(), ...original }), 'latin1');
  const submit = async (rcptTo: readonly string[], content: Buffer): Promise<void> => {
    const outcome = await deliverMail(
      line.port,
      { mailFrom: 'anna@away.test', rcptTo, content },
      { localAddress: OUTSIDE },
    );
    expect(outcome.last.code).toBe(250);
  };
  let count = 0;
  /** The mail by the milter's edits, and as a copy. */
  const both = async (content: Buffer): Promise<readonly [Buffer, Buffer]> => {
    count += 1;
    const [alone, among] = [`tag.alone.${count}@house.test`, `tag.among.${count}@house.test`];
    await submit([alone], content);
    await submit([`one.${count}@house.test`, `two.${count}@house.test`, among], content);
    const [first, second] = await Promise.all([line.sink.mailFor(alone), line.sink.mailFor(among)]);
    return [first.content, second.content];
  };

  /** Looks at a report as a reader would; gives the attached bytes. */
  const open = async (report: Buffer, type: string): Promise<Buffer> => {
    const parsed = await simpleParser(report, {
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipImageLinks: true,
      skipTextLinks: true,
    });
    expect(parsed.attachments).toHaveLength(1);
    expect(parsed.attachments[0]).toMatchObject({ contentType: type, contentDisposition: 'attachment' });
    expect(parsed.text).toContain('takes the attached message for spam');
    return parsed.attachments[0]?.content ?? Buffer.alloc(0);
  };

  const expectReport = (report: Buffer, original: Buffer): void => {
    for (const name of ['From', 'To', 'Date', 'Message-ID'])
      expect(fieldsNamed(report, name), name).toEqual(fieldsNamed(original, name));
    expect(fieldsNamed(report, 'Subject')).toHaveLength(1);
    expect(fieldsNamed(report, 'Subject')[0]).toMatch(/^\[SPAM\] (?!\[SPAM\])/);
    expect(fieldsNamed(report, 'X-Spam-Flag')).toEqual(['YES']);
    expect(fieldsNamed(report, 'X-Spam-Status')).toHaveLength(1);
    expect(fieldsNamed(report, 'MIME-Version')).toEqual(['1.0']);
    expect(fieldsNamed(report, 'Content-Type')).toHaveLength(1);
    expect(fieldsNamed(report, 'Content-Transfer-Encoding')).toHaveLength(1);
    const names = splitMail(report).fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase());
    expect(names.filter((name) => name.startsWith('x-filler') || name === 'content-disposition')).toEqual([]);
  };

  it.each(ORIGINALS)('as a message: $name', async (original) => {
    const content = write(original);
    const [edited, copied] = await both(content);
    expectReport(edited, content);
    const attached = await open(edited, 'message/rfc822');
    expect(attached.toString('latin1')).toBe(asHandedIn(content));
    expect(partEncoding(edited)).toBe(original.encoding);
    expect(withoutTrace(copied)).toBe(withoutTrace(edited));
  });

  it('as text: nothing of it is a part that a reader would show or run', async () => {
    await line.weir.stop();
    await line.restartWeir({}, (config) => config.replace('form: message', 'form: text'));
    for (const original of ORIGINALS) {
      const content = write(original);
      const [edited, copied] = await both(content);
      expectReport(edited, content);
      const attached = await open(edited, 'text/plain');
      expect(attached.toString('latin1'), original.name).toBe(asHandedIn(content));
      expect(splitMail(edited).body).not.toContain('<script>');
      expect(withoutTrace(copied)).toBe(withoutTrace(edited));
    }
  }, 120_000);
});

/** The mail as Postfix hands it to the filter: no blank before a colon, a blank for a bare CR, a last line that ends. */
function asHandedIn(content: Buffer): string {
  const text = content
    .toString('latin1')
    .replace(/^(Content-Type) :/m, '$1:')
    .replace(/\r(?!\n)/g, ' ');
  return text.endsWith('\r\n') ? text : `${text}\r\n`;
}

/** Content-Transfer-Encoding of the attached part. */
function partEncoding(report: Buffer): string | undefined {
  const { body } = splitMail(report);
  const part = body.slice(body.indexOf('x-spam-type=original'));
  return /^Content-Transfer-Encoding: (\S+)/m.exec(part)?.[1];
}
