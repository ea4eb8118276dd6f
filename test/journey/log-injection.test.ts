// A mail whose header tries to write into logs, tables and terminals: one event stays one line, nothing of it reaches a
// terminal as a control code, and what is kept is closed to other users.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { deliverMail } from '../ground/smtp-client.js';
import { findLogged } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const CONFIG = `verdict:
  recipients:
    - { recipient: 'hold@*', tagAt: null, quarantineAt: -100, rejectAt: null }
`;

/** An RFC 2047 word: what a reader decodes, and no server sees as line ends. */
const word = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;

/** Everything that moves a terminal's cursor or ends a line, but the newlines of the table itself. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe.skipIf(!ready)('log injection', () => {
  let line: Line;
  const messageId = nextId();
  beforeAll(async () => {
    line = await startLine({ name: 'injection', config: CONFIG });
    const mail = writeMail({
      messageId,
      subject: word(
        '=HYPERLINK("http://x")\r\n{"level":30,"msg":"forged"}\n\u001b[2J\u001b]0;title\u0007\u202egnp.exe',
      ),
      from: `${word('boss\r\nX-Forged: 1\u001b[31m')} <anna@away.test>`,
      headers: ['Content-Type: text/plain', `X-Odd: a\x0bb\x1b[1m`, '__proto__: polluted', 'constructor: polluted'],
    });
    await deliverMail(
      line.port,
      { mailFrom: 'anna@away.test', rcptTo: ['hold@house.test'], content: mail },
      { localAddress: OUTSIDE },
    );
    await findLogged(line, messageId);
  });
  afterAll(() => line?.stop());

  it('the text log stays one JSON object a line, none of them forged', () => {
    const lines = line.weir.log().split('\n').filter(Boolean);
    const events = lines.map((text) => JSON.parse(text) as { msg?: string });
    expect(events.length).toBeGreaterThan(0);
    expect(events.filter((event) => event.msg === 'forged')).toEqual([]);
    expect(line.weir.log()).not.toMatch(CONTROL);
  });

  it.each([
    ['log search', ['log', 'search', messageId]],
    ['quarantine list', ['quarantine', 'list']],
    ['outbox list', ['outbox', 'list']],
  ])('%s prints no control code', async (_name, args) => {
    const table = await line.weir.run(args);
    expect([0, 1]).toContain(table.status);
    expect(table.stdout).not.toBe('');
    expect(table.stdout).not.toMatch(CONTROL);
    expect((await line.weir.run([...args, '--json'])).stdout).not.toMatch(CONTROL);
  });

  it('what is kept is closed to other users', () => {
    const open = (folder: string): string[] =>
      readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        const shut = (statSync(path).mode & 0o077) === 0 ? [] : [path];
        return entry.isDirectory() ? [...shut, ...open(path)] : shut;
      });
    expect(open(join(line.directory, 'store'))).toEqual([]);
  });
});
