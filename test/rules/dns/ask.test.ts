// DNS rules from the rule text to the hit, over a real DNS server on loopback that answers as told.
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import { compileRules } from '../../../rules/compile.js';
import { askDns, QUESTIONS_MAX, type DnsAskOptions } from '../../../rules/dns/ask.js';
import { planDns } from '../../../rules/dns/plan.js';
import { evaluateRules } from '../../../rules/evaluate.js';
import { parseRules } from '../../../rules/language/reader.js';
import { RuleMail } from '../../../rules/mail/rule-mail.js';
import { ground } from '../../outside/dns-ground.js';
import type { Zone } from '../../ground/scripted-dns.js';

const TABLES = 'util_rb_tld test com net example\nutil_rb_2tld co.test\n';

/** Two relays: the client 198.51.100.7, before it 203.0.113.9. */
const MAIL = [
  'Return-Path: <bounce@env.sender.test>',
  'Received: from mx.sender.test (mx.sender.test [198.51.100.7]) by mx.own.example (Postfix) with ESMTP id 1;',
  ' Mon, 2 Mar 2026 10:00:00 +0000',
  'Received: from [203.0.113.9] (home.sender.test [203.0.113.9]) by mx.sender.test (Postfix) with ESMTP id 2;',
  ' Mon, 2 Mar 2026 09:59:58 +0000',
  'From: Ann <ann@news.sender.test>',
  'To: joe@own.example',
  'Subject: hello',
  '',
  'Look at http://www.shop.test/x and at http://192.0.2.99/y',
  '',
].join('\r\n');

interface Judged {
  readonly names: readonly string[];
  readonly asked: readonly string[];
  readonly failed: number;
  readonly cut: boolean;
  readonly evidence: ReadonlyMap<string, string>;
}

async function judge(rules: string, zone: Zone, mail = MAIL, options: Partial<DnsAskOptions> = {}): Promise<Judged> {
  const { statements, settings, refusals } = parseRules(TABLES + rules, 'test.cf');
  const compiled = compileRules(statements);
  expect([...refusals, ...compiled.refusals]).toEqual([]);
  const { server, resolver } = await ground(zone);
  const ruleMail = new RuleMail(parseMessage(Buffer.from(mail, 'latin1')), null, 1_000_000, null, { settings });
  const plan = planDns(compiled.set, settings);
  ruleMail.dnsHits = await askDns(plan, ruleMail, { resolver, timeoutMs: 2_000, ...options });
  const result = evaluateRules(compiled.set, ruleMail, { deadline: Infinity, monotonicMs: () => 0 });
  const { hits, failed, cut } = ruleMail.dnsHits;
  const asked = server.asked.map(({ name, type }) => `${type} ${name}`).sort();
  return { names: [...result.counts.keys()].sort(), asked, failed, cut, evidence: hits };
}

describe('lists of relays', () => {
  const ZONE = { '7.100.51.198.list.test': { A: ['127.0.0.4'] }, '9.113.0.203.list.test': { A: ['127.0.0.2'] } };

  it('asks about the last external relay, all of them, or all but the first hop', async () => {
    const rules = [
      "header LAST eval:check_rbl('a-lastexternal', 'list.test.', '^127\\.0\\.0\\.4$')",
      "header ALL eval:check_rbl('b', 'list.test', '127.0.0.2')",
      "header NOT_FIRST eval:check_rbl('c-notfirsthop', 'list.test', '2')",
      'meta BOTH LAST && ALL',
    ].join('\n');
    const { names, asked, evidence } = await judge(rules, ZONE);
    expect(names).toEqual(['ALL', 'BOTH', 'LAST']);
    expect(asked).toEqual(['A 7.100.51.198.list.test', 'A 9.113.0.203.list.test']);
    expect(evidence.get('ALL')).toBe('9.113.0.203.list.test 127.0.0.2');
  });

  it('lets subtests read what the set got', async () => {
    const rules = [
      "header __ANY eval:check_rbl('s-lastexternal', 'list.test')",
      "header FOUR eval:check_rbl_sub('s-lastexternal', '4')",
      "header TWO eval:check_rbl_sub('s-lastexternal', '127.0.0.2')",
    ].join('\n');
    expect((await judge(rules, ZONE)).names).toEqual(['FOUR', '__ANY']);
  });

  it('counts no code by which a list says that it does not answer', async () => {
    const rules = [
      "header LISTED eval:check_rbl('x-lastexternal', 'list.test')",
      "header MASK eval:check_rbl_sub('x-lastexternal', '2')",
      "header BLOCKED eval:check_rbl_sub('x-lastexternal', '^127\\.255\\.255\\.254$')",
    ].join('\n');
    const zone = { '7.100.51.198.list.test': { A: ['127.255.255.254'] } };
    expect((await judge(rules, zone)).names).toEqual(['BLOCKED']);
  });

  it('asks by TXT, and about the hosts of senders', async () => {
    const rules = [
      "header TEXT eval:check_rbl_txt('t-lastexternal', 'list.test')",
      "header HOST eval:check_rbl_from_host('h', 'names.test')",
      "header DOMAIN eval:check_rbl_from_domain('d', 'names.test')",
      "header ENVELOPE eval:check_rbl_envfrom('e', 'names.test')",
    ].join('\n');
    const zone = {
      '7.100.51.198.list.test': { TXT: ['listed'] },
      'news.sender.test.names.test': { A: ['127.0.0.2'] },
      'sender.test.names.test': { A: ['127.0.0.2'] },
      'env.sender.test.names.test': { A: ['127.0.0.3'] },
    };
    expect((await judge(rules, zone)).names).toEqual(['DOMAIN', 'ENVELOPE', 'HOST', 'TEXT']);
  });

  it('asks nothing where rules switch it off', async () => {
    const rules = "skip_rbl_checks 1\nheader LISTED eval:check_rbl('x', 'list.test')";
    const { names, asked } = await judge(rules, ZONE);
    expect([names, asked]).toEqual([[], []]);
  });
});

describe('the domain of the sender', () => {
  const RULE = 'header GONE eval:check_dns_sender()';

  it('is missing when it has neither address nor mail host', async () => {
    expect((await judge(RULE, {})).names).toEqual(['GONE']);
  });

  it.each<[string, Zone]>([
    ['it has an address', { 'env.sender.test': { A: ['192.0.2.5'] } }],
    ['it exists without one', { 'env.sender.test': { TXT: ['x'] } }],
    ['the server fails', { 'env.sender.test': { behaviour: 'servfail' } }],
  ])('is not missing when %s', async (_, zone) => {
    expect((await judge(RULE, zone)).names).toEqual([]);
  });
});

describe('lists of hosts of links', () => {
  it('asks about registered domains, addresses, and whole hosts where a rule says so', async () => {
    const rules = [
      'urirhssub NAME uri.test. A 4\nbody NAME eval:check_uridnsbl("NAME")',
      'urirhssub RANGE uri.test A 127.0.0.5-127.0.0.9\nbody RANGE eval:check_uridnsbl("RANGE")',
      'urirhsbl WHOLE host.test A\nbody WHOLE eval:check_uridnsbl("WHOLE")\ntflags WHOLE net notrim domains_only',
      'urirhsbl IPS ip.test A\nbody IPS eval:check_uridnsbl("IPS")\ntflags IPS net ips_only',
    ].join('\n');
    const zone = {
      'shop.test.uri.test': { A: ['127.0.0.4'] },
      'www.shop.test.host.test': { A: ['127.0.0.2'] },
      '99.2.0.192.ip.test': { A: ['127.0.0.2'] },
    };
    const { names, asked } = await judge(rules, zone);
    expect(names).toEqual(['IPS', 'NAME', 'WHOLE']);
    expect(asked).toEqual([
      'A 99.2.0.192.ip.test',
      'A 99.2.0.192.uri.test',
      'A shop.test.uri.test',
      'A www.shop.test.host.test',
    ]);
  });

  it('follows hosts and name servers to lists of addresses', async () => {
    const rules = [
      'uridnsbl HOST_A ips.test A\nbody HOST_A eval:check_uridnsbl("HOST_A")\ntflags HOST_A net a',
      'uridnsbl SERVER_A ips.test A\nbody SERVER_A eval:check_uridnsbl("SERVER_A")',
      'urinsrhsbl SERVER ns.test A\nbody SERVER eval:check_uridnsbl("SERVER")',
      'urifullnsrhsbl FULL_SERVER ns.test A\nbody FULL_SERVER eval:check_uridnsbl("FULL_SERVER")',
    ].join('\n');
    const zone = {
      'www.shop.test': { A: ['192.0.2.10', '10.0.0.1'] },
      'shop.test': { NS: ['ns1.bad.co.test'] },
      'ns1.bad.co.test': { A: ['192.0.2.53'] },
      '10.2.0.192.ips.test': { A: ['127.0.0.2'] },
      '53.2.0.192.ips.test': { A: ['127.0.0.2'] },
      'bad.co.test.ns.test': { A: ['127.0.0.2'] },
      'ns1.bad.co.test.ns.test': { A: ['127.0.0.2'] },
    };
    const { names, asked } = await judge(rules, zone);
    expect(names).toEqual(['FULL_SERVER', 'HOST_A', 'SERVER', 'SERVER_A']);
    expect(asked).not.toContain('A 1.0.0.10.ips.test');
  });

  it('leaves out domains that are to be skipped, and mailboxes', async () => {
    const rules =
      'uridnsbl_skip_domain shop.test\nurirhssub NAME uri.test A 4\nbody NAME eval:check_uridnsbl("NAME")\n' +
      'tflags NAME net domains_only';
    expect((await judge(rules, {}, `${MAIL}write joe@other.test\r\n`)).asked).toEqual([]);
  });

  it('asks about no more hosts than are allowed', async () => {
    const links = Array.from({ length: 50 }, (_, index) => `http://a${index}.test/`).join(' ');
    const rules = 'urirhssub NAME uri.test A 4\nbody NAME eval:check_uridnsbl("NAME")';
    expect((await judge(rules, {}, `Subject: x\r\n\r\n${links}\r\n`)).asked).toHaveLength(20);
  });
});

describe('askdns', () => {
  it('fills in tags, each value by itself', async () => {
    const rules = [
      'askdns AUTHOR _AUTHORDOMAIN_.new.test A /^127\\.2\\.0\\.2$/',
      'askdns SIGNER _DKIMDOMAIN_.wl.test A 127.0.0.5',
      'askdns SPF _SENDERDOMAIN_ TXT /^v=spf1 \\+all$/',
      'askdns NAME _LASTEXTERNALHELO_ A',
      'askdns NOBODY _NOSUCHTAG_.wl.test A',
      'askdns MISSING _AUTHORDOMAIN_.gone.test A [NXDOMAIN]',
      'meta ALL_OF AUTHOR && SIGNER',
    ].join('\n');
    const zone = {
      'news.sender.test.new.test': { A: ['127.2.0.2'] },
      'b.test.wl.test': { A: ['127.0.0.5'] },
      'env.sender.test': { TXT: ['v=spf1 +all'] },
      'mx.sender.test': { A: ['198.51.100.7'] },
    };
    const tags = new Map([['DKIMDOMAIN', ['a.test', 'b.test']]]);
    const { names } = await judge(rules, zone, MAIL, { tags });
    expect(names).toEqual(['ALL_OF', 'AUTHOR', 'MISSING', 'NAME', 'SIGNER', 'SPF']);
  });
});

describe('signers', () => {
  it('are those of valid signatures', async () => {
    const { statements, settings } = parseRules(`${TABLES}askdns SIGNER _DKIMDOMAIN_.wl.test A`, 'test.cf');
    const { set } = compileRules(statements);
    const { server, resolver } = await ground({ 'good.test.wl.test': { A: ['127.0.0.5'] } });
    const signature = { identity: '@x.test', keyBits: 2048, testing: false };
    const dkim = [
      { ...signature, result: 'pass' as const, domain: 'good.test' },
      { ...signature, result: 'fail' as const, domain: 'bad.test' },
    ];
    const authentication = { spf: null, spfHelo: null, dkim, dmarc: null, arc: null };
    const mail = new RuleMail(parseMessage(Buffer.from(MAIL)), null, 1_000_000, null, {
      settings,
      facts: { authentication, bayes: null },
    });
    const { hits } = await askDns(planDns(set, settings), mail, { resolver, timeoutMs: 1_000 });
    expect([...hits.keys()]).toEqual(['SIGNER']);
    expect(server.asked.map(({ name }) => name)).toEqual(['good.test.wl.test']);
  });
});

describe('trouble', () => {
  it('is no hit, and is counted', async () => {
    const rules = [
      "header SILENT eval:check_rbl('a-lastexternal', 'silent.test')",
      "header BROKEN eval:check_rbl('b-lastexternal', 'broken.test')",
      "header GOOD eval:check_rbl('c-lastexternal', 'good.test')",
    ].join('\n');
    const zone: Zone = {
      '*.silent.test': { behaviour: 'silent' },
      '*.broken.test': { behaviour: 'servfail' },
      '7.100.51.198.good.test': { A: ['127.0.0.2'] },
    };
    const start = performance.now();
    const { names, failed } = await judge(rules, zone, MAIL, { timeoutMs: 400 });
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(names).toEqual(['GOOD']);
    expect(failed).toBe(2);
  });

  it.each([[0.5], [-1], [Infinity]])('waits %d ms for what it is told to', async (timeoutMs) => {
    const { names } = await judge("header A eval:check_rbl('a-lastexternal', 'list.test')", {}, MAIL, { timeoutMs });
    expect(names).toEqual([]);
  });

  it('ends at once when the message is gone', async () => {
    const { names, asked } = await judge("header A eval:check_rbl('a', 'list.test')", {}, MAIL, {
      signal: AbortSignal.abort(),
    });
    expect([names, asked]).toEqual([[], []]);
  });

  it('is bounded by the number of questions', async () => {
    const rules = Array.from({ length: 30 }, (_, index) => {
      const name = `L${index}`;
      return `urirhssub ${name} l${index}.test A 4\nbody ${name} eval:check_uridnsbl("${name}")`;
    }).join('\n');
    const links = Array.from({ length: 50 }, (_, index) => `http://a${index}.test/`).join(' ');
    const { asked, cut } = await judge(rules, {}, `Subject: x\r\n\r\n${links}\r\n`);
    expect(asked.length).toBe(QUESTIONS_MAX);
    expect(cut).toBe(true);
  });

  it('is told for rules that cannot be asked', () => {
    const rules =
      'askdns ODD _AUTHORDOMAIN_.x.test SPF\naskdns WRONG _AUTHORDOMAIN_.x.test A nonsense\nbody LOST eval:check_uridnsbl("LOST")';
    const { statements, settings } = parseRules(rules, 'test.cf');
    const plan = planDns(compileRules(statements).set, settings);
    expect(plan.left.map(({ name }) => name).sort()).toEqual(['LOST', 'ODD', 'WRONG']);
    expect(plan.isEmpty).toBe(true);
  });
});
