// Refusals before the content through a real Postfix: found again by recipient, sender and client, explained, spared by an
// allow rule; and sessions that were open when the settings changed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLine, type Line } from '../ground/line.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { SmtpClient } from '../ground/smtp-client.js';

const ready = requirePackage('postfix') && requireRoot();

const START_TIMEOUT_MS = 120_000;
const CASE_TIMEOUT_MS = 60_000;
const LOG_TIMEOUT_MS = 20_000;

/** Nothing of it looks anything up. */
const WATCHFUL = `client: { noReverseName: refuse }
sender: { notFqdn: refuse }
access:
  rules:
    - { name: evil, kind: ip, value: 192.0.2.66, effect: reject }
    - { name: anyone for free, kind: recipient, value: free@house.test, effect: allow }
    - { name: lost, kind: recipient, value: lost@house.test, effect: discard }
`;
const BLIND = `client: { enabled: false }
conduct: { enabled: false }
sender: { enabled: false }
limits: { enabled: false }
access: { enabled: false }
greylist: { enabled: false }
`;
const COMMON = `authentication: { enabled: false }
rules: { enabled: false }
`;

let line: Line;
const isServed = { by: WATCHFUL };

beforeAll(async () => {
  if (!ready) return;
  line = await startLine({
    name: 'refusals',
    main: { smtpd_authorized_xclient_hosts: '127.0.0.0/8' },
    workers: 1,
    config: `${COMMON}${WATCHFUL}`,
  });
}, START_TIMEOUT_MS);

afterAll(async () => {
  if (ready) await line.stop();
}, START_TIMEOUT_MS);

/** Other settings, in force when this resolves. */
async function serve(settings: string): Promise<void> {
  if (isServed.by === settings) return;
  const before = line.weir.log().split('settings taken').length;
  writeFileSync(join(line.directory, 'weir.yaml'), line.config.replace(WATCHFUL, settings));
  line.weir.signal('SIGHUP');
  await waitUntil('the settings to be in force', LOG_TIMEOUT_MS, () =>
    line.weir.log().split('settings taken').length > before ? true : undefined,
  );
  isServed.by = settings;
}

/** A session as a client of that address without a reverse name. */
async function pose(address: string): Promise<SmtpClient> {
  const client = await SmtpClient.open(line.port, { localAddress: '127.0.0.1' });
  await client.command(`XCLIENT ADDR=${address} NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]`);
  await client.command('EHLO lost.example');
  return client;
}

const say = async (client: SmtpClient, ...commands: readonly string[]): Promise<readonly string[]> => {
  const replies: string[] = [];
  for (const command of commands) replies.push((await client.command(command)).text);
  return replies;
};

const searchSecurity = (...args: readonly string[]) => line.weir.rows(['log', 'search', '--security', ...args]);
const REFUSED = /^550 5\.7\.25 /;

describe.runIf(ready)('a mail refused at RCPT', { timeout: CASE_TIMEOUT_MS }, () => {
  it('is found by recipient, sender, client and HELO, hinted at in the mail log, and explained', async () => {
    await serve(WATCHFUL);
    const client = await pose('192.0.2.10');
    const replies = await say(
      client,
      'MAIL FROM:<wanted@away.test>',
      'RCPT TO:<ann@house.test>',
      'RCPT TO:<bob@house.test>',
    );
    expect(replies).toEqual([
      expect.stringMatching(/^250/),
      expect.stringMatching(REFUSED),
      expect.stringMatching(REFUSED),
    ]);
    await client.quit();
    const [row] = await waitUntil('the refusal to be found', LOG_TIMEOUT_MS, async () => {
      const rows = await searchSecurity('--recipient', 'ann@house.test');
      return rows.length > 0 ? rows : undefined;
    });
    expect(row).toMatchObject({
      ...{ kind: 'session', step: 'rcpt', category: 'policy', clientAddress: '192.0.2.10', helo: 'lost.example' },
      ...{ mailFrom: 'wanted@away.test', recipients: ['ann@house.test'] },
    });
    for (const by of [
      ['--sender', 'wanted@away.test'],
      ['--source', '192.0.2.10'],
      ['--helo', 'lost.example'],
    ])
      expect((await searchSecurity(...by)).map(({ recipients }) => recipients)).toEqual([
        ['bob@house.test'],
        ['ann@house.test'],
      ]);
    const looked = await line.weir.run(['log', 'search', '--recipient', 'ann@house.test']);
    expect(looked.stderr).toContain(`weir explain ${String(row?.['id'])}`);
    const explained = await line.weir.run(['explain', String(row?.['id'])]);
    expect(explained.stdout).toContain('the client 192.0.2.10 was refused at RCPT.');
    expect(explained.stdout).toContain('CLIENT_NO_REVERSE_NAME');
  });

  it('is spared by an allow rule for the recipient, and the explanation names it', async () => {
    await serve(WATCHFUL);
    const client = await pose('192.0.2.11');
    const sent = await client.deliver({
      ...{ mailFrom: 'x@away.test', rcptTo: ['ann@house.test', 'free@house.test'] },
      content: 'Subject: to the free one\r\n\r\nhello\r\n',
    });
    expect(sent.last.text).toMatch(/^250 2\.0\.0/);
    await client.quit();
    const row = await waitUntil('the message to be logged', LOG_TIMEOUT_MS, async () => {
      const rows = await line.weir.rows(['log', 'search', '--recipient', 'free@house.test']);
      return rows[0];
    });
    expect(row['recipients']).toMatchObject([{ address: 'free@house.test', action: 'accept' }]);
    const { stdout } = await line.weir.run(['explain', String(row['id'])]);
    expect(stdout).toMatch(/CLIENT_NO_REVERSE_NAME \(not counted: .*anyone for free/);
    expect(stdout).toMatch(/Without .*anyone for free.* it would have been refused/);
    await line.settle();
    expect(line.sink.mails.map(({ rcptTo }) => rcptTo)).toContainEqual(['free@house.test']);
  });
});

describe.runIf(ready)('a rule that discards for one recipient', { timeout: CASE_TIMEOUT_MS }, () => {
  it('waits for the message and takes that one out', async () => {
    await serve(WATCHFUL);
    // Mail from this machine's own network: no client check, but block rules hold.
    const client = await SmtpClient.open(line.port, { localAddress: '127.0.0.2', helo: 'named.example' });
    const sent = await client.deliver({
      ...{ mailFrom: 'x@away.test', rcptTo: ['free@house.test', 'lost@house.test'] },
      content: 'Subject: one is lost\r\n\r\nhello\r\n',
    });
    expect(sent.last.text).toMatch(/^250 2\.0\.0/);
    await client.quit();
    await line.settle();
    const about = line.sink.mails.filter(({ content }) => content.toString().includes('one is lost'));
    expect(about.map(({ rcptTo }) => rcptTo)).toEqual([['free@house.test']]);
  });
});

describe.runIf(ready)('a session that was open when checks were switched on', { timeout: CASE_TIMEOUT_MS }, () => {
  it('is judged at its message, since silence was agreed for it; the next one at RCPT', async () => {
    await serve(BLIND);
    const early = await pose('192.0.2.12');
    await serve(WATCHFUL);
    const replies = await say(early, 'MAIL FROM:<x@away.test>', 'RCPT TO:<ann@house.test>', 'DATA');
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '354']);
    expect((await early.command('Subject: too late\r\n\r\nhello\r\n.')).text).toMatch(REFUSED);
    await early.quit();
    const next = await pose('192.0.2.12');
    expect((await say(next, 'MAIL FROM:<x@away.test>', 'RCPT TO:<ann@house.test>')).at(-1)).toMatch(REFUSED);
    await next.quit();
  });
});
