// The stage on a DNS server of its own: what is asked, what counts, how much it weighs, and what is said of the rest.
import { describe, expect, it } from 'vitest';
import type { ListFacts } from '../../../filters/lists/facts.js';
import { makeOutside } from '../message-job.js';
import { listsStage } from '../../../filters/lists/stage.js';
import { FILES_ON_DISK } from '../../../config/attached.js';
import { addressList, briefly, domainList, findingOf, makeSettings, report, startLists } from './ground.js';

const CLIENT = '9.113.0.203';

const ground = await startLists({
  ...addressList('bl.example', {
    [CLIENT]: ['127.0.0.2'],
    '7.113.0.203': ['127.0.0.10'],
    '8.113.0.203': ['127.0.0.4'],
  }),
  ...addressList('two.example', { [CLIENT]: ['127.0.0.4', '127.0.0.9'] }),
  ...addressList('good.example', { [CLIENT]: ['127.0.5.3'] }),
  ...addressList('six.example', {
    '5.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2': ['127.0.0.2'],
  }),
  ...addressList('host.example', { '1.2.0.192': ['127.0.0.2'] }),
  ...domainList('dom.example', {
    'bad.example.org': ['127.0.1.2'],
    'evil.test': ['127.0.1.2'],
    'xn--bse-sna.test': ['127.0.1.4'],
    'www.shared.test': ['127.0.1.5'],
    'shared.test': ['127.0.1.6'],
  }),
});

const html = (...links: readonly string[]): readonly string[] => [
  'From: a@outside.test',
  'Content-Type: text/html; charset=utf-8',
  '',
  ...links.map((link) => `<a href="${link}">x</a>`),
  '',
];

describe('the client', () => {
  it('is asked about once per name, and each entry that its answer fits scores its weight', async () => {
    ground.dns.forget();
    const stage = await ground.stage([
      'two.example=127.0.0.4*1.5',
      'two.example=127.0.0.[8..9]*2',
      'two.example=127.0.0.3*9',
    ]);
    const said = await report(stage);
    expect(briefly(said)).toEqual(['LIST_CLIENT 1.5', 'LIST_CLIENT 2']);
    expect(findingOf(said, 'LIST_CLIENT').evidence).toBe('two.example lists 203.0.113.9 (127.0.0.4)');
    expect(ground.dns.count(`${CLIENT}.two.example`)).toBe(1);
  });

  it('is not on a list that has no such name', async () => {
    expect(briefly(await report(await ground.stage(['bl.example']), { client: '198.51.100.1' }))).toEqual([]);
  });

  it('gets points off for an allow list, in a finding of its own', async () => {
    const stage = await ground.stage(['bl.example*3', 'good.example=127.0.[0..255].[1..3]*-4'], { refuseAt: 1 });
    const said = await report(stage);
    expect(briefly(said)).toEqual(['LIST_CLIENT 3', 'LIST_ALLOWED -4']);
    expect((said.facts as ListFacts).clientScore).toBe(-1);
  });

  it('is refused at the sum, not below it', async () => {
    const sites = ['bl.example*3', 'two.example=127.0.0.4*2'];
    expect(briefly(await report(await ground.stage(sites, { refuseAt: 5.5 })))).toEqual([
      'LIST_CLIENT 3',
      'LIST_CLIENT 2',
    ]);
    const refused = await report(await ground.stage(sites, { refuseAt: 5 }));
    expect(findingOf(refused, 'CLIENT_REFUSED_BY_LISTS')).toMatchObject({
      category: 'dnsbl',
      score: 1,
      evidence: '203.0.113.9: 5 at or over 5 by bl.example, two.example',
    });
  });

  it('of IPv6 is asked for by nibbles, unless the list is not for IPv6', async () => {
    const client = '2001:db8::45';
    expect(briefly(await report(await ground.stage(['six.example']), { client }))).toEqual(['LIST_CLIENT 1']);
    ground.dns.forget();
    const without = await ground.stage([{ list: 'six.example', ipv6: false }]);
    expect(briefly(await report(without, { client }))).toEqual([]);
    expect(ground.dns.asked).toEqual([]);
  });

  it('that is private, ours or unknown is not asked about', async () => {
    const stage = await ground.stage(['bl.example'], { skipNetworks: ['203.0.113.0/24'] });
    ground.dns.forget();
    for (const client of ['10.0.0.1', '127.0.0.2', '203.0.113.9', null])
      expect(briefly(await report(stage, { client }))).toEqual([]);
    expect(ground.dns.asked).toEqual([]);
  });

  it('is asked about with a key that no finding shows', async () => {
    const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const directory = mkdtempSync(join(tmpdir(), 'weir-lists-'));
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, 'S3CRET0key\n');
    ground.dns.set(`2.0.0.127.s3cret0key.keyed.example`, { A: ['127.0.0.2'] });
    ground.dns.set(`${CLIENT}.s3cret0key.keyed.example`, { A: ['127.0.0.3'] });
    const stage = await ground.stage([{ list: '{key}.keyed.example', keyFile }]);
    rmSync(directory, { recursive: true });
    const said = await report(stage);
    expect(findingOf(said, 'LIST_CLIENT').evidence).toBe('keyed.example lists 203.0.113.9 (127.0.0.3)');
    expect(JSON.stringify(said).toLowerCase()).not.toContain('s3cret0');
  });
});

describe('earlier hops', () => {
  const lines = [
    'Received: from relay.test (relay.test [203.0.113.9]) by mx.house.test; Mon, 1 Jan 2024 00:00:00 +0000',
    'Received: from a.test (a.test [203.0.113.8]) by relay.test; Mon, 1 Jan 2024 00:00:00 +0000',
    'Received: from b.test (b.test [10.0.0.5]) by a.test; Mon, 1 Jan 2024 00:00:00 +0000',
    'Received: from c.test ([203.0.113.7]) by b.test; Mon, 1 Jan 2024 00:00:00 +0000',
    'From: a@outside.test',
    '',
    'text',
  ];

  it('are asked about only where that is set, without the client and private ones', async () => {
    ground.dns.forget();
    expect(briefly(await report(await ground.stage(['bl.example']), { lines, client: '198.51.100.3' }))).toEqual([]);
    const stage = await ground.stage([{ list: 'bl.example*2', ask: ['received'] }]);
    const said = await report(stage, { lines });
    expect(findingOf(said, 'LIST_RECEIVED').evidence).toContain('203.0.113.8 (127.0.0.4), 203.0.113.7 (127.0.0.10)');
    const subjects = (said.facts as ListFacts).answers.map(({ subject }) => subject);
    expect(subjects).toEqual(['203.0.113.8', '203.0.113.7']);
  });

  it('are never held to codes of policy', async () => {
    const policy = ['127.0.0.[10..11]'];
    const stage = await ground.stage([{ list: 'bl.example', ask: ['client', 'received'], policy }]);
    const said = await report(stage, { lines: lines.slice(2), client: '198.51.100.3' });
    expect(briefly(said)).toEqual([]);
    expect(briefly(await report(stage, { client: '203.0.113.7' }))).toEqual(['LIST_CLIENT 1']);
  });

  it('are asked about up to the limit, newest first, and what is left out is said', async () => {
    const stage = await ground.stage([{ list: 'bl.example', ask: ['received'] }], { receivedMax: 1 });
    const said = await report(stage, { lines });
    expect((said.facts as ListFacts).answers.map(({ subject }) => subject)).toEqual(['203.0.113.8']);
    expect(findingOf(said, 'LIST_NOT_ASKED')).toMatchObject({ score: 0, evidence: '1 hops' });
  });
});

describe('domains', () => {
  const site = { list: 'dom.example*3' };

  it('of links are asked for by their registered domain, each once, whatever their script', async () => {
    ground.dns.forget();
    const stage = await ground.stage([{ ...site, ask: ['url'] }]);
    const said = await report(stage, {
      lines: html(
        'http://a.evil.test/1',
        'https://b.evil.test/2',
        'http://b\u00f6se.test'.normalize('NFC').replace('\u00f6', '&ouml;'),
      ),
    });
    expect(briefly(said)).toEqual(['LIST_URL 3']);
    expect(findingOf(said, 'LIST_URL').evidence).toBe(
      'dom.example lists evil.test (127.0.1.2), xn--bse-sna.test (127.0.1.4)',
    );
    expect(ground.dns.count('evil.test.dom.example')).toBe(1);
  });

  it('are asked for by host where the list wants hosts, and each entry counts only what it asked for', async () => {
    const lines = html('http://www.shared.test/');
    const sites = [
      { list: 'dom.example=127.0.1.5*1', ask: ['url' as const], names: 'host' as const },
      { list: 'dom.example=127.0.1.6*2', ask: ['url' as const] },
      { list: 'dom.example=127.0.1.6*4', ask: ['url' as const], names: 'host' as const },
    ];
    expect(briefly(await report(await ground.stage(sites), { lines }))).toEqual(['LIST_URL 1', 'LIST_URL 2']);
  });

  it('of MAIL FROM, From and HELO are asked about where that is set; an entry scores once for all', async () => {
    const lines = ['From: "x" <boss@www.evil.test>', '', 'text'];
    const sender = await ground.stage([{ ...site, ask: ['sender'] }]);
    expect(briefly(await report(sender, { mailFrom: 'b@sub.evil.test', lines }))).toEqual(['LIST_SENDER 3']);
    expect(briefly(await report(sender, { mailFrom: '', lines }))).toEqual(['LIST_SENDER 3']);
    expect(briefly(await report(sender, { mailFrom: 'b@[203.0.113.9]' }))).toEqual([]);
    const helo = await ground.stage([{ ...site, ask: ['helo', 'url'] }]);
    expect(briefly(await report(helo, { helo: 'mx.evil.test', lines: html('http://evil.test/') }))).toEqual([
      'LIST_HELO 3',
    ]);
    expect(briefly(await report(helo, { helo: '[203.0.113.9]' }))).toEqual([]);
  });

  it('in the settings as own ones are not asked about', async () => {
    const stage = await ground.stage([{ ...site, ask: ['url'] }], { skipDomains: ['Evil.test'] });
    ground.dns.forget();
    expect(briefly(await report(stage, { lines: html('http://www.evil.test/') }))).toEqual([]);
    expect(ground.dns.asked).toEqual([]);
  });

  it('of links never stand for addresses, and links to addresses are asked about only as such', async () => {
    const lines = html('http://192.0.2.1/', 'http://[2001:db8::1]/', 'http://3221225985/');
    const stage = await ground.stage([
      { list: 'dom.example', ask: ['url'] },
      { list: 'host.example*2', ask: ['url-address'] },
    ]);
    const said = await report(stage, { lines });
    expect(briefly(said)).toEqual(['LIST_URL_ADDRESS 2']);
    expect((said.facts as ListFacts).answers.map(({ list, subject }) => `${list} ${subject}`)).toEqual([
      'host.example 192.0.2.1',
      'host.example 2001:db8::1',
    ]);
  });

  it('are chosen by rank and order when there are too many: padding does not push a link out', async () => {
    const padding = Array.from({ length: 60 }, (_, index) => `<img src="http://p${index}.pad${index}.test/x">`);
    const lines = [...html(), ...padding, '<a href="http://evil.test/">x</a>', ''];
    const stage = await ground.stage([{ ...site, ask: ['url'] }], { urlDomainsMax: 5 });
    const said = await report(stage, { lines });
    expect(briefly(said)).toEqual(['LIST_URL 3', 'LIST_NOT_ASKED 0']);
    expect(findingOf(said, 'LIST_NOT_ASKED').evidence).toBe('56 hosts of links');
    expect(await report(stage, { lines })).toEqual(said);
  });
});

describe('limits', () => {
  it('bound the look-ups of one message, the client first', async () => {
    const stage = await ground.stage([{ list: 'dom.example', ask: ['url'] }, 'bl.example'], { lookupsMax: 2 });
    const said = await report(stage, { lines: html('http://one.test/', 'http://evil.test/', 'http://two.test/') });
    expect(briefly(said)).toEqual(['LIST_CLIENT 1', 'LIST_NOT_ASKED 0']);
    expect(findingOf(said, 'LIST_NOT_ASKED').evidence).toBe('2 look-ups over the 2 allowed');
  });
});

describe('nothing', () => {
  it('is asked by default', async () => {
    ground.dns.forget();
    const stage = await ground.stage([]);
    expect(await report(stage)).toMatchObject({ findings: [], facts: { asked: false } });
    expect(ground.dns.asked).toEqual([]);
  });

  it('is asked without a resolver, and that is said', async () => {
    const stage = await listsStage.create(makeSettings(['bl.example']), makeOutside(), FILES_ON_DISK);
    expect(briefly(await report(stage))).toEqual(['LIST_NOT_ASKED 0']);
    expect(await stage.check?.(AbortSignal.timeout(1_000))).toMatchObject([{ state: 'warn' }]);
  });
});
