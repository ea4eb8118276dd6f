// Tags before the subject as they arrive behind the real Postfix: for spam and for a delivered virus (product D3), on
// subjects of every form, and where they must not be: on mail that leaves, and on signed subjects that are to be kept.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMessage } from '../../message/parse.js';
import { EICAR, startClamd, type Clamd } from '../ground/clamd.js';
import { OUTSIDE, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, withoutTrace, writeAttachment, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { makePlace } from '../ground/place.js';
import { deliverMail } from '../ground/smtp-client.js';
import { startAuthenticationLine, type AuthenticationLine } from './authentication-line.js';
import { signFor, ZONE } from './authentication-zone.js';

const ready = requirePackage('postfix', 'clamav-daemon') && requireRoot();
const START_MS = 120_000;

const CONFIG = (server: string): string => `verdict:
  virus: tag
  recipients:
    - { recipient: 'tag*', tagAt: -100, quarantineAt: null, rejectAt: null }
    - { recipient: '*', tagAt: null, quarantineAt: null, rejectAt: null }
antivirus: { engine: clamd, server: ${JSON.stringify(server)} }
marks:
  subjects: { spam: '[SPAM {score}]', virus: '[病毒]' }
  signedSubjects: keep
`;

describe.skipIf(!ready)('tags before the subject', () => {
  const place = makePlace('subject-tags-clamd');
  let clamd: Clamd;
  let ground: AuthenticationLine;
  let line: Line;
  beforeAll(async () => {
    clamd = await startClamd(join(place.directory, 'clamd'));
    ground = await startAuthenticationLine('subject-tags', ZONE, '', { config: CONFIG(clamd.unixServer) });
    line = ground.line;
  }, START_MS);
  afterAll(async () => {
    await ground?.stop();
    await clamd?.stop();
    place.remove();
  });

  let count = 0;
  const submit = async (content: string, name: string, from = OUTSIDE, domain = 'house.test'): Promise<Buffer> => {
    count += 1;
    const to = `${name}.${count}@${domain}`;
    const mail = { mailFrom: 'anna@d-none.test', rcptTo: [to], content: Buffer.from(content, 'latin1') };
    expect((await deliverMail(line.port, mail, { localAddress: from })).last.code).toBe(250);
    return (await line.sink.mailFor(to)).content;
  };
  const subjectOf = (content: Buffer): string | null => parseMessage(content).subject;

  it.each([
    ['plain', 'hello', /^\[SPAM -?\d+\.\d\] hello$/],
    ['encoded', '=?iso-8859-1?Q?gr=FC=DFe?=\r\n =?utf-8?B?IHp1?=', /^\[SPAM -?\d+\.\d\] grüße zu$/],
    ['raw UTF-8', 'gr\xc3\xbc\xc3\x9fe', /^\[SPAM -?\d+\.\d\] grüße$/],
    ['folded', 'one\r\n\ttwo\r\n  three', /^\[SPAM -?\d+\.\d\] one two three$/],
    ['empty', '', /^\[SPAM -?\d+\.\d\]$/],
    ['tagged before', '[SPAM 99.9] hello', /^\[SPAM 99\.9\] hello$/],
    ['very long', 'word '.repeat(300), /^\[SPAM -?\d+\.\d\] word word .*word$/],
  ])('spam, a subject that is %s', async (_, subject, expected) => {
    const mail = writeMail({ messageId: nextId(), subject });
    const content = await submit(mail, 'tag');
    expect(subjectOf(content)).toMatch(expected);
    expect(fieldsNamed(content, 'Subject')).toHaveLength(1);
    const ours = ['Subject', 'X-Spam-Flag', 'X-Spam-Status', 'X-Spam-Level', 'Authentication-Results'];
    expect(withoutTrace(content, ...ours)).toBe(withoutTrace(Buffer.from(mail, 'latin1'), ...ours));
  });

  it('spam without a subject, and with three', async () => {
    const bare = writeMail({ messageId: nextId() }).replace(/^Subject:.*\r\n/m, '');
    expect(subjectOf(await submit(bare, 'tag'))).toMatch(/^\[SPAM -?\d+\.\d\]$/);
    const three = writeMail({ messageId: nextId(), subject: 'first', headers: ['SUBJECT: second', 'subject : third'] });
    const content = await submit(three, 'tag');
    expect(fieldsNamed(content, 'Subject')).toEqual([expect.stringMatching(/^\[SPAM -?\d+\.\d\] first$/)]);
    expect(content.toString()).not.toMatch(/^subject ?: third/im);
  });

  it('a virus that is delivered has its own', async () => {
    const mail = writeAttachment({ messageId: nextId(), subject: 'invoice' }, 'notes.txt', 'text/plain', EICAR);
    const content = await submit(mail, 'plain');
    expect(subjectOf(content)).toBe('[病毒] invoice');
    expect(fieldsNamed(content, 'Subject')[0]).toMatch(/^[\x20-\x7e]+$/);
    expect(fieldsNamed(content, 'X-Spam-Flag')).toEqual(['YES']);
  });

  it('a signed subject is kept, so that the signature holds; one under a signature that fails is not', async () => {
    const mail = writeMail({ messageId: nextId(), from: 'Anna <anna@d-none.test>', subject: 'minutes' });
    const signed = signFor('d-none.test', mail);
    const kept = await submit(signed, 'tag');
    expect(subjectOf(kept)).toBe('minutes');
    expect(fieldsNamed(kept, 'X-Spam-Flag')).toEqual(['YES']);
    expect(fieldsNamed(kept, 'Authentication-Results')[0]).toContain('dkim=pass');
    expect(subjectOf(await submit(signed.replace('Dear Hans', 'Dear Franz'), 'tag'))).toMatch(/^\[SPAM /);
  });

  it('mail that leaves for outside is not marked at all', async () => {
    const mail = writeMail({ messageId: nextId(), subject: 'hello', headers: ['X-Spam-Flag: NO'] });
    const content = await submit(mail, 'tag', '127.0.0.1', 'elsewhere.test');
    expect(withoutTrace(content, 'Authentication-Results')).toBe(withoutTrace(Buffer.from(mail)));
  });

  it('ham keeps what stands in its subject', async () => {
    expect(subjectOf(await submit(writeMail({ messageId: nextId(), subject: '[SPAM 1.0] is back' }), 'plain'))).toBe(
      '[SPAM 1.0] is back',
    );
  });
});
