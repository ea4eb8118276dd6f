// DNS lists on real servers: clients from anywhere by XCLIENT, Postfix with Weir as its milter, and a DNS server that plays
// the lists. What counts is refused, scored or rescued; what is an error, dead or lists the world counts for nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Alert } from '../../logs/alerts.js';
import { startDns, type DnsRecords, type DnsServer } from '../ground/dns.js';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { nextId, writeMail, type MailParts } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { SmtpClient, type ClientReply } from '../ground/smtp-client.js';
import { findAlerts, findLogged, findSecurity, outcomeOf } from './look.js';
import type { LogRow } from '../ground/weir.js';

const ready = requirePackage('postfix', 'dnsmasq-base') && requireRoot();
const ALERT_WAIT_MS = 10_000;

const BAD = '203.0.113.9';
const MIXED = '203.0.113.10';
const MILD = '203.0.113.11';
const CLEAN = '198.51.100.20';
const REFUSED_BY_LIST = '203.0.113.66';
const IPV6 = '2001:db8::45';

const list = (zone: string, listed: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(listed).map(([label, addresses]) => [`${label}.${zone}`, addresses]));

const RECORDS: DnsRecords = {
  a: {
    ...list('bl.test', {
      '2.0.0.127': ['127.0.0.2'],
      '9.113.0.203': ['127.0.0.2', '127.0.0.4'],
      '10.113.0.203': ['127.0.0.4'],
      '11.113.0.203': ['127.0.0.11'],
      '66.113.0.203': ['127.255.255.254'],
      '5.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2': ['127.0.0.4'],
    }),
    ...list('wl.test', { '2.0.0.127': ['127.0.10.0'], '10.113.0.203': ['127.0.5.3'] }),
    ...list('dom.test', { test: ['127.0.1.2'], 'evil.example': ['127.0.1.2'], 'sender.example': ['127.0.1.4'] }),
    ...list('parked.test', { nobody: ['127.0.0.2'] }),
  },
  wildcard: { 'world.test': '127.0.0.2', 'blocking.test': '127.255.255.254', 'captive.test': '198.51.100.80' },
};

const CONFIG = (dns: DnsServer): string => `resolver: { servers: ["${dns.address}"], timeoutMs: 2000 }
verdict: { tagAt: 3, quarantineAt: null, rejectAt: null, spf: accept, dmarc: accept }
lists:
  refuseAt: 5
  sites:
    - { list: 'bl.test=127.0.0.[2..9]*5', ask: [client] }
    - { list: 'bl.test=127.0.0.[10..11]*3', ask: [client] }
    - { list: 'wl.test=127.0.[0..255].[1..3]*-4', ask: [client] }
    - { list: 'dom.test=127.0.1.[2..99]*4', ask: [url, sender] }
    - { list: 'world.test*9', ask: [client] }
    - { list: 'blocking.test*9', ask: [client] }
    - { list: 'captive.test*9', ask: [client] }
    - { list: 'parked.test*9', ask: [client] }
`;

describe.skipIf(!ready)('DNS lists', () => {
  let line: Line;
  let dns: DnsServer;
  beforeAll(async () => {
    line = await startLine({
      name: 'lists',
      workers: 1,
      main: { smtpd_authorized_xclient_hosts: OUTSIDE },
      prepare: async (directory) => {
        dns = await startDns(directory, RECORDS);
        return { config: CONFIG(dns) };
      },
    });
  });
  afterAll(async () => {
    await line?.stop();
    await dns?.stop();
  });

  /** One mail from a client of that address; the reply that decided, and the row of the log. */
  async function send(
    address: string,
    parts: MailParts = {},
    mailFrom = 'anna@away.test',
  ): Promise<{ readonly reply: ClientReply; readonly row: LogRow }> {
    const messageId = nextId();
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    const given = address.includes(':') ? `IPV6:${address}` : address;
    const taken = await client.command(`XCLIENT ADDR=${given} NAME=[UNAVAILABLE]`);
    expect(taken.code).toBe(220);
    await client.command('EHLO client.test');
    const { last } = await client.deliver({
      mailFrom,
      rcptTo: ['hans@house.test'],
      content: writeMail({ ...parts, messageId }),
    });
    await client.quit();
    return { reply: last, row: await findLogged(line, messageId) };
  }

  const findings = (row: LogRow): readonly string[] =>
    (row['findings'] as { stage: string; id: string; score: number; evidence: string }[])
      .filter(({ stage }) => stage === 'lists')
      .map(({ id, score }) => `${id} ${score}`);

  /** The newest detail of an alert comes with the mail after it. */
  async function alertsAfterMail(): Promise<readonly Alert[]> {
    await send(CLEAN);
    return findAlerts(line);
  }

  it('a client on no list passes, and what no list could tell is in the log', async () => {
    const { reply, row } = await send(CLEAN);
    expect(reply.code).toBe(250);
    expect(row).toMatchObject({ clientAddress: CLEAN, security: null });
    expect(findings(row)).toEqual(['LIST_UNKNOWN 0']);
    expect(JSON.stringify(row['findings'])).toMatch(/world\.test: [^;]*lists everything/);
    expect(JSON.stringify(row['findings'])).toContain('127.255.255.254');
  });

  it('a client at or over the sum is refused as of DNSBL', async () => {
    const { reply, row } = await send(BAD);
    expect(reply.text).toMatch(/^554 5\.7\.1 Service unavailable; client address is on block lists/);
    expect(findings(row)).toEqual(['LIST_CLIENT 5', 'CLIENT_REFUSED_BY_LISTS 1', 'LIST_UNKNOWN 0']);
    expect(outcomeOf(row, 'hans@house.test')).toMatchObject({ action: 'reject', category: 'dnsbl' });
    expect(await findSecurity(line, row)).toMatchObject([{ category: 'dnsbl' }]);
  });

  it('so is one of IPv6', async () => {
    const { reply, row } = await send(IPV6);
    expect(reply.code).toBe(554);
    expect(row).toMatchObject({ clientAddress: IPV6 });
  });

  it('a client below the sum is scored: three points mark it', async () => {
    const { reply, row } = await send(MILD);
    expect(reply.code).toBe(250);
    expect(findings(row)).toEqual(['LIST_CLIENT 3', 'LIST_UNKNOWN 0']);
    expect(outcomeOf(row, 'hans@house.test')).toMatchObject({ action: 'tag', category: 'spam' });
  });

  it('an allow list rescues who is on a block list too', async () => {
    const { reply, row } = await send(MIXED);
    expect(reply.code).toBe(250);
    expect(findings(row)).toEqual(['LIST_CLIENT 5', 'LIST_ALLOWED -4', 'LIST_UNKNOWN 0']);
    expect(outcomeOf(row, 'hans@house.test')).toMatchObject({ action: 'accept' });
  });

  it('a domain that is linked to, or sends, is found and marked', async () => {
    const linked = await send(CLEAN, { body: 'see http://www.evil.example/offer today\r\n' });
    expect(findings(linked.row)).toEqual(['LIST_URL 4', 'LIST_UNKNOWN 0']);
    expect(outcomeOf(linked.row, 'hans@house.test')).toMatchObject({ action: 'tag' });
    const sent = await send(CLEAN, {}, 'bounce@mail.sender.example');
    expect(findings(sent.row)).toEqual(['LIST_SENDER 4', 'LIST_UNKNOWN 0']);
  });

  it('an error code counts for nothing, and the alert names the list', async () => {
    const { reply, row } = await send(REFUSED_BY_LIST);
    expect(reply.code).toBe(250);
    expect(findings(row)).toEqual(['LIST_UNKNOWN 0']);
    await waitUntil('the alert', ALERT_WAIT_MS, async () =>
      (await alertsAfterMail()).some(
        ({ code, detail }) => code === 'dns-list-error' && detail.includes('bl.test: error'),
      ),
    );
    expect((await send(BAD)).reply.code).toBe(554);
  });

  it('lists that are dead, answer everything or refuse us are suspended with an alert', async () => {
    await waitUntil('the alert', ALERT_WAIT_MS, async () =>
      (await alertsAfterMail()).some(
        ({ code, detail }) =>
          code === 'dns-list-dead' &&
          ['world.test', 'blocking.test', 'captive.test', 'parked.test'].every((zone) => detail.includes(`${zone}:`)),
      ),
    );
  });

  it('mail that is sent by us is not asked about', async () => {
    const messageId = nextId();
    const client = await SmtpClient.open(line.port, { localAddress: '127.0.0.1' });
    const { last } = await client.deliver({
      mailFrom: 'hans@house.test',
      rcptTo: ['anna@away.test'],
      content: writeMail({ messageId, body: 'see http://evil.example/\r\n' }),
    });
    await client.quit();
    expect(last.code).toBe(250);
    expect(findings(await findLogged(line, messageId))).toEqual([]);
  });
});
