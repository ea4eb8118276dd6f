// The walk along relays: which are trusted and internal, by networks of the settings or without any, and the strings that
// rules read.
import { describe, expect, it } from 'vitest';
import { RuleNetworks } from '../../../rules/mail/networks.js';
import { readRelays, type Relays, type TrustSettings } from '../../../rules/mail/relays.js';

const NONE = { configured: false, entries: [] };
const SETTINGS: TrustSettings = {
  trustedNetworks: NONE,
  internalNetworks: NONE,
  msaNetworks: NONE,
  originatingIpHeaders: [],
};

const nets = (...entries: string[]) => ({ configured: true, entries });
const hop = (ip: string, protocol = 'ESMTP') =>
  `from h (n.example [${ip}]) by b.example (Postfix) with ${protocol} id A123\n`;

function relaysOf(
  received: readonly string[],
  settings: Partial<TrustSettings> = {},
  last: Record<string, string> = {},
): Relays {
  return readRelays({ received, own: null, lastValue: (name) => last[name] ?? null }, { ...SETTINGS, ...settings });
}

const ips = (relays: readonly { ip: string }[]) => relays.map(({ ip }) => ip);

describe('relays', () => {
  it('stand in strings, newest first', () => {
    const { untrustedText, trustedText } = relaysOf([hop('192.0.2.1'), hop('192.0.2.2')]);
    const one = (ip: string) =>
      `[ ip=${ip} rdns=n.example helo=h by=b.example ident= envfrom= intl=0 id=A123 auth= msa=0 ]`;
    expect(untrustedText).toBe(`${one('192.0.2.1')} ${one('192.0.2.2')}`);
    expect(trustedText).toBe('');
  });

  it('are trusted without settings while they are private or authenticated', () => {
    const relays = relaysOf([hop('10.0.0.1'), hop('192.0.2.1', 'ESMTPSA'), hop('192.0.2.2'), hop('10.0.0.2')]);
    expect(ips(relays.trusted)).toEqual(['10.0.0.1', '192.0.2.1']);
    expect(ips(relays.untrusted)).toEqual(['192.0.2.2', '10.0.0.2']);
    expect(ips(relays.internal)).toEqual(ips(relays.trusted));
    expect(relays.lastTrustedIndex).toBe(1);
    expect(relays.trustedText).toContain('intl=1 id=A123 auth= msa=0');
  });

  it('are trusted and internal by the networks of the settings', () => {
    const settings = { trustedNetworks: nets('192.0.2.0/24'), internalNetworks: nets('192.0.2.1') };
    const relays = relaysOf([hop('192.0.2.1'), hop('192.0.2.2'), hop('198.51.100.1'), hop('192.0.2.1')], settings);
    expect(ips(relays.trusted)).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(ips(relays.internal)).toEqual(['192.0.2.1']);
    expect(ips(relays.external)).toEqual(['192.0.2.2', '198.51.100.1', '192.0.2.1']);
  });

  it('one list of networks stands for both', () => {
    const relays = relaysOf([hop('192.0.2.1'), hop('10.0.0.1')], { internalNetworks: nets('192.0.2.1') });
    expect(ips(relays.trusted)).toEqual(['192.0.2.1']);
    expect(ips(relays.internal)).toEqual(['192.0.2.1']);
  });

  it('behind a server where users hand in mail keep its state', () => {
    const settings = { trustedNetworks: nets('192.0.2.0/24'), msaNetworks: nets('192.0.2.2') };
    const relays = relaysOf([hop('192.0.2.2'), hop('198.51.100.1')], settings);
    expect(ips(relays.trusted)).toEqual(['192.0.2.2', '198.51.100.1']);
    expect(relays.trustedText).toContain('msa=1 ] [ ip=198.51.100.1');
    expect(relays.trustedText.endsWith('msa=0 ]')).toBe(true);
  });

  it('lines without a handover count for the place where trust ends', () => {
    const relays = relaysOf(['(qmail 1 invoked by uid 2)\n', hop('10.0.0.1'), 'from nowhere\n', hop('192.0.2.1')]);
    expect(relays.lastTrustedIndex).toBe(2);
    expect(relays.unparseable).toBe(1);
  });

  it('begin anew where mail was fetched from a mailbox, unless somebody else wrote that', () => {
    const fetched = 'from pop.example [192.0.2.9] by localhost with POP3 (fetchmail-6)\n';
    expect(relaysOf([hop('127.0.0.1'), fetched, hop('192.0.2.1')]).trustedText).toBe('');
    expect(relaysOf([hop('127.0.0.1'), hop('192.0.2.1'), fetched]).trustedText).toContain('ip=127.0.0.1');
  });

  it('are told by single headers too', () => {
    const relays = relaysOf([], { originatingIpHeaders: ['X-Client'] }, { 'X-Client': 'ask [192.0.2.8] about it' });
    expect(ips(relays.untrusted)).toEqual(['192.0.2.8']);
  });

  it('the sender that a virus scanner told belongs to the line below', () => {
    const scanner = 'from 192.0.2.1 by b.example (envelope-from <a@b.example>, uid 502) with qmail-scanner-1.24 (x)\n';
    expect(relaysOf([scanner, hop('192.0.2.1')]).untrusted[0]?.envfrom).toBe('a@b.example');
  });

  it('our own handover comes first', () => {
    const own = {
      ip: '192.0.2.3',
      rdns: '',
      helo: 'x',
      by: 'y',
      id: '',
      ident: '',
      envfrom: null,
      auth: '',
      noReverseDns: true,
      ipPrivate: false,
    };
    const relays = readRelays({ received: [hop('10.0.0.1')], own, lastValue: () => null }, SETTINGS);
    expect(ips(relays.untrusted)).toEqual(['192.0.2.3', '10.0.0.1']);
  });

  it('are bounded in number', () => {
    expect(relaysOf(Array.from({ length: 2_000 }, () => hop('192.0.2.1'))).untrusted).toHaveLength(500);
  });
});

describe('networks', () => {
  it.each<[string, string[], string, boolean]>([
    ['CIDR', ['192.0.2.0/25'], '192.0.2.127', true],
    ['CIDR, beyond', ['192.0.2.0/25'], '192.0.2.128', false],
    ['a short form', ['10.'], '10.9.8.7', true],
    ['a short form with bits', ['192.0.2/24'], '192.0.2.9', true],
    ['a netmask', ['192.0.2.0/255.255.255.0'], '192.0.2.9', true],
    ['IPv6', ['2001:db8::/32'], '2001:db8::1', true],
    ['IPv4 in IPv6', ['192.0.2.0/24'], '::ffff:192.0.2.1', true],
    ['an exclusion before', ['!192.0.2.1', '192.0.2.0/24'], '192.0.2.1', false],
    ['an exclusion after, too late', ['192.0.2.0/24', '!192.0.2.1'], '192.0.2.1', true],
    ['loopback, always', [], '127.0.0.1', true],
    ['loopback of IPv6, always', [], '::1', true],
    ['no address at all', ['0.0.0.0/0'], 'a.example', false],
  ])('%s', (_, entries, ip, expected) => {
    expect(new RuleNetworks(entries, true).has(ip)).toBe(expected);
  });

  it('tells what is none', () => {
    expect(new RuleNetworks(['192.0.2.0/99', 'a.example', '300.1.1.1'], false).refused).toHaveLength(3);
  });
});
