// The policies before the content in real SMTP dialogues: a real Postfix with Weir as its milter, clients that pose as
// others by XCLIENT, a scripted DNS server. One line of servers; every case comes from an address of its own.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLine, type Line } from '../ground/line.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { findPorts, waitUntil } from '../ground/place.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';
import { SmtpClient } from '../ground/smtp-client.js';
import type { LogRow } from '../ground/weir.js';

const ready = requirePackage('postfix') && requireRoot();

const START_TIMEOUT_MS = 120_000;
const CASE_TIMEOUT_MS = 60_000;
const LOG_TIMEOUT_MS = 20_000;

const reversed = (address: string): string => `${address.split('.').reverse().join('.')}.in-addr.arpa`;

/** Clients with a good name: 192.0.2.100 and up. */
const GOOD = Array.from({ length: 40 }, (_, index) => `192.0.2.${100 + index}`);

const ZONE = {
  ...Object.fromEntries(GOOD.map((address) => [reversed(address), { PTR: ['good.example'] }])),
  'good.example': { A: GOOD, MX: [[10, 'good.example'] as const] },
  [reversed('192.0.2.3')]: { PTR: ['nowhere.example'] },
  [reversed('192.0.2.4')]: { PTR: ['good.example'] },
  [reversed('192.0.2.5')]: { behaviour: 'servfail' as const },
  'null.example': { MX: [[0, '.'] as const] },
  'numbers.example': { MX: [[10, '192.0.2.1'] as const] },
  'shaky.example': { behaviour: 'servfail' as const },
};

const CONFIG = (dns: string, logins: string): string => `resolver: { servers: ['${dns}'], timeoutMs: 1500, tries: 1 }
client:
  noReverseName: refuse
  nameUnresolved: refuse
  nameMismatch: refuse
  connectionsPerMinute: 3
  messagesPerMinute: 4
conduct:
  heloNotFqdn: refuse
  heloUnresolved: refuse
  unknownRecipientsPerDay: 3
sender:
  notFqdn: refuse
  unknownDomain: refuse
  malformedMx: refuse
  loginsFile: ${logins}
limits: { sizeMaxBytes: 20000, recipientsMax: 2, hopsMax: 5 }
access:
  rules: [{ name: gone, kind: recipient, value: blocked@house.test, effect: reject }]
authentication: { enabled: false }
rules: { enabled: false }
`;

/** As `weir postfix` prints them, but soon reached; errors cost no time, so that the test costs none. */
const STRICT = {
  // Whoever may say XCLIENT is not counted.
  smtpd_authorized_xclient_hosts: '',
  smtpd_client_connection_count_limit: '2',
  smtpd_junk_command_limit: '5',
  smtpd_soft_error_limit: '2',
  smtpd_hard_error_limit: '4',
  smtpd_error_sleep_time: '0',
};

const RECIPIENTS = ['ann', 'bob', 'eve'].map((name) => `${name}@house.test`);
/** A further name of the house's domain. */
const ELSEWHERE = 'blocked@haus.test';

let line: Line;
let dns: ScriptedDns;
/** A port where Postfix's own limits are low. */
let strictPort = 0;

beforeAll(async () => {
  if (!ready) return;
  dns = await startScriptedDns(ZONE);
  strictPort = (await findPorts(1))[0] ?? 0;
  line = await startLine({
    name: 'policies',
    main: {
      smtpd_authorized_xclient_hosts: '127.0.0.0/8',
      smtpd_client_connection_rate_limit: '0',
      relay_recipient_maps: `inline:{ ${[...RECIPIENTS, ELSEWHERE].map((one) => `{${one}=ok}`).join(', ')} }`,
      relay_domains: 'house.test haus.test',
      smtpd_sasl_auth_enable: 'yes',
      smtpd_soft_error_limit: '100',
      smtpd_hard_error_limit: '200',
      smtpd_error_sleep_time: '0',
    },
    listeners: () => [{ address: `127.0.0.1:${strictPort}`, options: STRICT }],
    directions: '  domainAliases: [{ domain: house.test, names: [haus.test] }]\n',
    prepare: (directory) => {
      const logins = join(directory, 'logins');
      writeFileSync(logins, 'ann@house.test ann\nteam@house.test ann,bob\n');
      return { config: CONFIG(dns.address, logins) };
    },
  });
}, START_TIMEOUT_MS);

afterAll(async () => {
  if (!ready) return;
  await line.stop();
  await dns.stop();
}, START_TIMEOUT_MS);

interface Pose {
  readonly address: string;
  readonly helo?: string;
  readonly login?: string;
}

/** A session as somebody else: what that client is greeted with is a new session for Postfix and for Weir. */
async function pose({ address, helo = 'good.example', login }: Pose) {
  const client = await SmtpClient.open(line.port, { localAddress: '127.0.0.1' });
  const names = 'NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]';
  const as = login === undefined ? '' : ` LOGIN=${login}`;
  const greeting = await client.command(`XCLIENT ADDR=${address} ${names}${as}`);
  if (greeting.code === 220) await client.command(`EHLO ${helo}`);
  return { client, greeting };
}

/** The reply to each command up to the first that is refused; the session is ended. */
async function speak(given: Pose, commands: readonly string[]): Promise<readonly string[]> {
  const { client, greeting } = await pose(given);
  const replies = greeting.code === 220 ? [] : [greeting.text];
  for (const command of replies.length > 0 ? [] : commands) {
    const reply = await client.command(command);
    replies.push(reply.text);
    if (reply.code >= 400) break;
  }
  client.abort();
  return replies;
}

const MAIL = (sender: string, params = ''): string => `MAIL FROM:<${sender}>${params}`;
const RCPT = (recipient = 'bob@house.test'): string => `RCPT TO:<${recipient}>`;

/** The last reply to sender and recipient. */
async function envelope(given: Pose, sender = 'x@good.example', recipient = 'bob@house.test'): Promise<string> {
  return (await speak(given, [MAIL(sender), RCPT(recipient)])).at(-1) ?? '';
}

let taken = 0;
/** A good client that no case had before. */
const fresh = (): string => GOOD[taken++] ?? '';

/** The first reply to a client that really comes from there. */
async function greetingFor(localAddress: string, port = line.port): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  try {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return bytes.toString();
  } finally {
    socket.destroy();
  }
}

/** `about`: anything the row tells, such as a recipient or the client's address. */
async function findRefusal(about: string, id: string): Promise<LogRow> {
  return waitUntil(`a refusal with ${id} in the security log`, LOG_TIMEOUT_MS, async () => {
    const rows = await line.weir.rows(['log', 'search', '--security', '--limit', '200']);
    return rows.find((row) => JSON.stringify(row).includes(id) && JSON.stringify(row).includes(about));
  });
}

describe.runIf(ready)('policies before the content', { timeout: CASE_TIMEOUT_MS }, () => {
  it('let a good client through', async () => {
    const { client } = await pose({ address: fresh() });
    const sent = await client.deliver({
      mailFrom: 'x@good.example',
      rcptTo: ['bob@house.test'],
      content: 'Subject: fine\r\n\r\nfine\r\n',
    });
    expect(sent.last.text).toMatch(/^250 2\.0\.0/);
    await client.quit();
  });

  it('refuse clients by their reverse name at RCPT, and for now where it is not known', async () => {
    expect(await speak({ address: '192.0.2.2' }, [MAIL('x@good.example'), RCPT()])).toEqual([
      '250 2.1.0 Ok',
      expect.stringMatching(/^550 5\.7\.25 .*no reverse DNS name/),
    ]);
    expect(await envelope({ address: '192.0.2.3' })).toMatch(/^550 5\.7\.25 .*does not resolve$/);
    expect(await envelope({ address: '192.0.2.4' })).toMatch(/^550 5\.7\.25 .*does not resolve back/);
    expect(await envelope({ address: '192.0.2.5' })).toMatch(/^450 4\.7\.25 /);
  });

  it('tell the security log client, HELO, sender and recipient of such a refusal', async () => {
    await envelope({ address: '192.0.2.2' }, 'who@good.example', 'eve@house.test');
    const row = await findRefusal('eve@house.test', 'CLIENT_NO_REVERSE_NAME');
    expect(row).toMatchObject({ clientAddress: '192.0.2.2', helo: 'good.example', mailFrom: 'who@good.example' });
  });

  it('refuse HELO names, not literals', async () => {
    const address = fresh();
    expect(await envelope({ address, helo: 'localhost' })).toMatch(/^550 5\.7\.1 .*HELO refused: need/);
    expect(await envelope({ address, helo: 'none.example' })).toMatch(/^550 5\.7\.1 .*HELO refused: host not found/);
    expect(await envelope({ address: fresh(), helo: 'shaky.example' })).toMatch(/^450 4\.4\.3 /);
    expect(await envelope({ address: fresh(), helo: '[192.0.2.1]' })).toMatch(/^250/);
  });

  it('refuse sender domains that cannot be answered, never the null sender', async () => {
    const [first, second, third] = [fresh(), fresh(), fresh()];
    expect(await envelope({ address: first }, 'x@localhost')).toMatch(/^550 5\.1\.8 .*fully-qualified/);
    expect(await envelope({ address: first }, 'x@none.example')).toMatch(/^550 5\.1\.8 .*not found/);
    expect(await envelope({ address: first }, 'x@numbers.example')).toMatch(/^550 5\.1\.8 .*malformed MX/);
    expect(await envelope({ address: second }, 'x@null.example')).toMatch(/^550 5\.7\.27 /);
    expect(await envelope({ address: second }, 'x@shaky.example')).toMatch(/^451 4\.4\.3 /);
    expect(await envelope({ address: second }, '')).toMatch(/^250/);
    expect(await envelope({ address: third }, 'nobodys@house.test')).toMatch(/^250/);
  });

  it('let a sender be used by its owners alone', async () => {
    const [first, second] = [fresh(), fresh()];
    expect(await envelope({ address: first }, 'ann@house.test')).toMatch(/^553 5\.7\.1 .*not logged in/);
    expect(await envelope({ address: first, login: 'bob' }, 'ann@house.test')).toMatch(/^553 5\.7\.1 .*not owned/);
    expect(await envelope({ address: first, login: 'bob' }, 'team@house.test')).toMatch(/^250/);
    expect(await envelope({ address: second, login: 'ann' }, 'Ann+x@house.test')).toMatch(/^250/);
    expect(await envelope({ address: second, login: 'bob' }, '')).toMatch(/^250/);
  });

  it('refuse an announced size at MAIL, and recipients over the limit for another message', async () => {
    const address = fresh();
    expect(await speak({ address }, [MAIL('x@good.example', ' SIZE=20001')])).toEqual([
      expect.stringMatching(/^552 5\.3\.4 /),
    ]);
    const replies = await speak({ address }, [
      MAIL('x@good.example', ' SIZE=20000'),
      ...RECIPIENTS.map((one) => RCPT(one)),
    ]);
    expect(replies.map((reply) => reply.slice(0, 9))).toEqual(['250 2.1.0', '250 2.1.5', '250 2.1.5', '452 4.5.3']);
  });

  it('refuse mail that went over too many servers, received and sent', async () => {
    const content = `${'Received: from a.example by b.example\r\n'.repeat(6)}Subject: loop\r\n\r\nloop\r\n`;
    for (const login of [undefined, 'ann']) {
      const { client } = await pose({ address: fresh(), ...(login !== undefined && { login }) });
      const sender = login === undefined ? 'x@good.example' : 'ann@house.test';
      const sent = await client.deliver({ mailFrom: sender, rcptTo: ['bob@house.test'], content });
      expect(sent.last.text).toMatch(/^554 5\.4\.6 /);
      await client.quit();
    }
  });

  it('refuse the fourth connection of a minute, of that client alone', async () => {
    const address = fresh();
    for (let more = 0; more < 3; more += 1) expect(await envelope({ address })).toMatch(/^250/);
    // Postfix gives the client of an XCLIENT its own words.
    expect(await envelope({ address })).toMatch(/^421 /);
    expect(await envelope({ address: fresh() })).toMatch(/^250/);
    const greetings: string[] = [];
    for (let more = 0; more < 4; more += 1) greetings.push(await greetingFor('127.0.0.9'));
    expect(greetings.slice(0, 3).every((greeting) => greeting.startsWith('220 '))).toBe(true);
    expect(greetings[3]).toMatch(/^421 /);
    expect(await greetingFor('127.0.0.10')).toMatch(/^220 /);
    await findRefusal('127.0.0.9', 'CLIENT_CONNECTIONS_OVER_CAP');
  });

  it('refuse the fifth message of a minute', async () => {
    const { client } = await pose({ address: fresh() });
    const replies: string[] = [];
    for (let more = 0; more < 5; more += 1) {
      replies.push((await client.command(MAIL('x@good.example'))).text);
      await client.command('RSET');
    }
    client.abort();
    expect(replies.slice(0, 4).every((reply) => reply.startsWith('250'))).toBe(true);
    expect(replies[4]).toMatch(/^450 4\.7\.1 .*Too many messages/);
  });

  it('block a client that tries out recipients, at once and in its next session', async () => {
    const address = fresh();
    const { client } = await pose({ address });
    await client.command(MAIL('x@good.example'));
    const replies: string[] = [];
    for (const name of ['a', 'b', 'c', 'A', 'd']) replies.push((await client.command(RCPT(`${name}@house.test`))).text);
    expect(replies.every((reply) => reply.startsWith('550 5.1.1'))).toBe(true);
    expect((await client.command(RCPT())).text).toMatch(/^421 4\.7\.1 .*Too many unknown recipients/);
    client.abort();
    expect(await envelope({ address })).toMatch(/^421 /);
    await findRefusal(address, 'HARVEST_BLOCKED');
    expect(await envelope({ address: fresh() })).toMatch(/^250/);
  });

  it('leave unauthorised pipelining to Postfix, which refuses it as `weir postfix` sets it', async () => {
    const { client } = await pose({ address: fresh() });
    await client.command(MAIL('x@good.example'));
    await client.command(RCPT());
    const reply = await client.command('DATA\r\nSubject: ahead\r\n\r\nahead\r\n.');
    client.abort();
    expect(reply.text).toMatch(/^(503|554) 5\.5\.0 .*(pipelining|synchronization)/);
  });

  it('leave connections at once to Postfix', async () => {
    const localAddress = '127.0.0.11';
    const open = [
      await SmtpClient.open(strictPort, { localAddress }),
      await SmtpClient.open(strictPort, { localAddress }),
    ];
    expect(await greetingFor(localAddress, strictPort)).toMatch(/^421 4\.7\.0 .*too many connections/);
    for (const client of open) await client.quit();
  });

  it('leave junk commands to Postfix', async () => {
    const client = await SmtpClient.open(strictPort, { localAddress: '127.0.0.12' });
    const replies: string[] = [];
    for (let more = 0; more < 20 && replies.at(-1)?.startsWith('421') !== true; more += 1)
      replies.push((await client.command('NOOP')).text);
    client.abort();
    expect(replies.slice(0, 5).every((reply) => reply.startsWith('250'))).toBe(true);
    expect(replies.at(-1)).toMatch(/^421 4\.7\.0 .*too many errors/);
    expect(replies.length).toBeLessThan(12);
  });

  it('know a recipient under every name of its domain', async () => {
    expect(await envelope({ address: fresh() }, 'x@good.example', ELSEWHERE)).toMatch(/^55\d .*Access denied|^550 /);
    await findRefusal(ELSEWHERE, 'gone');
  });

  it('count no recipients that were refused for another reason', async () => {
    const address = fresh();
    const { client } = await pose({ address });
    await client.command(MAIL('x@good.example'));
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      expect((await client.command(RCPT(`${name}@elsewhere.example`))).text).toMatch(/^454 4\.7\.1 .*Relay access/);
    expect((await client.command(RCPT())).text).toMatch(/^250/);
    client.abort();
  });
});
