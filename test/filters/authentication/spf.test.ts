// SPF beyond the public suite: identities that are none, limits, time, DNS that fails, hostile records; over real DNS where
// the network matters. mailauth's outer function, whose evaluator ours calls, is the oracle for whole checks.
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { spf as mailauthSpf } from 'mailauth/lib/spf/index.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SpfFacts } from '../../../filters/authentication/facts.js';
import { mailauthResolver } from '../../../filters/authentication/mailauth-dns.js';
import { checkSpf, type SpfInput } from '../../../filters/authentication/spf.js';
import { SPF_RECORD_BYTES_MAX } from '../../../filters/authentication/spf-lookups.js';
import { systemClock } from '../../../outside/clock.js';
import { createResolver, type DnsResolver } from '../../../outside/dns-resolver.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../../ground/scripted-dns.js';
import { zoneResolver } from './zone-resolver.js';
import { cpuMsSince } from '../../ground/cpu.js';

const CLIENT = '192.0.2.7';

/** A check of `user@away.test` from `CLIENT` against a zone in memory. */
function check(zone: Zone, fields: Partial<SpfInput> = {}): Promise<SpfFacts> {
  return checkSpf({
    clientAddress: CLIENT,
    scope: 'mfrom',
    mailFrom: 'user@away.test',
    helo: 'mta.away.test',
    resolver: zoneResolver(zone),
    signal: new AbortController().signal,
    deadline: systemClock.monotonicMs() + 10_000,
    clock: systemClock,
    ...fields,
  });
}

const record = (text: string, more: Zone = {}): Zone => ({ 'away.test': { TXT: [text] }, ...more });

describe('identity', () => {
  const zone: Zone = {
    'away.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
    'mta.away.test': { TXT: ['v=spf1 a:%{l}.name.test -all'] },
    'postmaster.name.test': { A: [CLIENT] },
    'under_score.away.test': { TXT: ['v=spf1 +all'] },
    'xn--bcher-kva.test': { TXT: ['v=spf1 +all'] },
    localhost: { TXT: ['v=spf1 +all'] },
    'l.test': { TXT: ['v=spf1 exists:%{l}.%{o}.%{s}.e.test -all'] },
    'postmaster.l.test.postmaster@l.test.e.test': { A: ['127.0.0.2'] },
  };
  it.each([
    ['a plain sender', { mailFrom: 'user@away.test' }, 'pass', 'away.test'],
    ['another case and a final dot', { mailFrom: 'User@AWAY.test.' }, 'pass', 'away.test'],
    ['the null sender, by HELO as postmaster', { mailFrom: '' }, 'pass', 'mta.away.test'],
    ['the scope helo', { scope: 'helo' as const }, 'pass', 'mta.away.test'],
    ['no HELO', { mailFrom: '', helo: null }, 'none', ''],
    ['a HELO address literal', { mailFrom: '', helo: '[192.0.2.7]' }, 'none', ''],
    ['a HELO IPv6 literal', { mailFrom: '', helo: '[IPv6:2001:db8::1]' }, 'none', ''],
    ['a HELO bare address', { mailFrom: '', helo: '192.0.2.7' }, 'none', ''],
    ['a HELO of one label', { mailFrom: '', helo: 'localhost' }, 'none', ''],
    ['a HELO that looks like an address', { mailFrom: '', helo: 'x@away.test' }, 'none', ''],
    ['a HELO with a NUL', { mailFrom: '', helo: 'away.test\0' }, 'none', ''],
    ['a HELO with a blank', { mailFrom: '', helo: 'mta.away.test away.test' }, 'none', ''],
    ['a sender without a domain', { mailFrom: 'user' }, 'none', ''],
    ['a sender with an empty domain', { mailFrom: 'user@' }, 'none', ''],
    ['a sender without a local-part', { mailFrom: '@l.test' }, 'pass', 'l.test'],
    ['a quoted local-part with an at sign', { mailFrom: '"a@bad.test"@away.test' }, 'pass', 'away.test'],
    ['a domain literal', { mailFrom: 'user@[192.0.2.7]' }, 'none', ''],
    ['a domain with an underscore', { mailFrom: 'user@under_score.away.test' }, 'pass', 'under_score.away.test'],
    ['a domain in Unicode', { mailFrom: 'user@bücher.test' }, 'pass', 'xn--bcher-kva.test'],
    ['an IPv4-mapped client', { clientAddress: '::ffff:192.0.2.7' }, 'pass', 'away.test'],
    ['an IPv6 client', { clientAddress: '2001:db8::1' }, 'fail', 'away.test'],
    ['a client that is no address', { clientAddress: 'unknown' }, 'temperror', 'away.test'],
    ['a client in a form only libc reads', { clientAddress: '0300.0.2.7' }, 'temperror', 'away.test'],
  ] as const)('%s', async (_what, fields, result, domain) => {
    expect(await check(zone, fields)).toMatchObject({ result, domain });
  });
});

describe('mechanisms', () => {
  const hosts: Zone = {
    'host.test': { A: [CLIENT], AAAA: ['2001:db8::7'] },
    'away.test.inner.test': { TXT: ['v=spf1 ip4:192.0.2.7 -all'] },
  };
  it.each([
    ['v=spf1 ip4:192.0.2.0/28 -all', 'pass', 'ip4:192.0.2.0/28'],
    ['v=spf1 a:host.test -all', 'pass', 'a'],
    ['v=spf1 include:%{d}.inner.test -all', 'pass', 'include:%{d}.inner.test'],
    ['v=spf1 redirect=away.test.inner.test', 'pass', 'ip4:192.0.2.7'],
    ['v=spf1 ~all', 'softfail', 'all'],
    ['v=spf1 ?all', 'neutral', 'all'],
    ['v=spf1', 'neutral', null],
    ['v=spf1 -ip4:192.0.2.7 +all', 'fail', 'ip4:192.0.2.7'],
    ['V=SPF1 IP4:192.0.2.7 -ALL', 'pass', 'ip4:192.0.2.7'],
    ['v=spf10 +all', 'none', null],
    [' v=spf1 +all', 'none', null],
    ['v=spf1 +all ip4:300.0.2.1', 'permerror', null],
    ['v=spf1 ip4:192.0.2.0/33 +all', 'permerror', null],
    ['v=spf1 +all unknown', 'permerror', null],
    ['v=spf1 +all redirect=', 'permerror', null],
    ['v=spf1 redirect=host.test', 'permerror', null],
    ['v=spf1 include:absent.test +all', 'permerror', null],
  ])('%s: %s by %s', async (text, result, mechanism) => {
    expect(await check(record(text, hosts))).toMatchObject({ result, mechanism });
  });

  it('joins the strings of a record without blanks', async () => {
    expect(await check({ 'away.test': { TXT: [['v=spf1 ip4:192.', '0.2.7 -all']] } })).toMatchObject({
      result: 'pass',
    });
  });

  it('takes two records for an error, whatever they say', async () => {
    expect(await check({ 'away.test': { TXT: ['v=spf1 +all', 'v=spf1 +all'] } })).toMatchObject({
      result: 'permerror',
    });
  });

  it('asks MX hosts of one label as any other', async () => {
    const zone = record('v=spf1 mx -all', { localhost: { A: ['127.0.0.1'] } });
    expect(await check({ ...zone, 'away.test': { ...zone['away.test'], MX: [[5, 'localhost']] } })).toMatchObject({
      result: 'fail',
    });
  });
});

describe('limits', () => {
  const includes = (count: number): Zone =>
    Object.fromEntries(
      Array.from({ length: count }, (_, at) => [
        at === 0 ? 'away.test' : `i${at}.test`,
        { TXT: [`v=spf1 ${at === count - 1 ? '+all' : `include:i${at + 1}.test -all`}`] },
      ]),
    );
  const mx = (count: number): Zone => ({
    'away.test': { TXT: ['v=spf1 mx +all'], MX: Array.from({ length: count }, (_, at) => [at, `m${at}.test`]) },
    ...Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}.test`, { A: ['198.51.100.1'] }])),
  });
  const absent = (count: number): string =>
    `v=spf1 ${Array.from({ length: count }, (_, at) => `a:gone${at}.test`).join(' ')} +all`;
  const terms = (count: number): Zone =>
    record(`v=spf1 ${Array.from({ length: count }, (_, at) => `a:h${at}.test`).join(' ')} +all`, {
      ...Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}.test`, { A: ['198.51.100.1'] }])),
    });

  it.each([
    ['ten terms that look up', terms(10), 'pass'],
    ['eleven', terms(11), 'permerror'],
    ['ten nested includes', includes(11), 'pass'],
    ['eleven', includes(12), 'permerror'],
    ['an include of itself', record('v=spf1 include:away.test +all'), 'permerror'],
    ['a redirect to itself', record('v=spf1 redirect=away.test'), 'permerror'],
    ['two look-ups without an answer', record(absent(2)), 'pass'],
    ['three', record(absent(3)), 'permerror'],
    ['ten MX hosts', mx(10), 'pass'],
    ['eleven', mx(11), 'permerror'],
    ['a record at the limit', record(`v=spf1 +all${' '.repeat(SPF_RECORD_BYTES_MAX - 11)}`), 'pass'],
    ['a longer one', record(`v=spf1 +all${' '.repeat(SPF_RECORD_BYTES_MAX - 10)}`), 'permerror'],
    ['a long text that is no SPF', { 'away.test': { TXT: ['x'.repeat(20_000), 'v=spf1 +all'] } }, 'pass'],
  ] as [string, Zone, string][])('%s', async (_what, zone, result) => {
    expect((await check(zone)).result).toBe(result);
  });

  it('a record over a limit asks no more than the limit allows', async () => {
    const resolver = zoneResolver(terms(5_000 / 10));
    expect((await check({}, { resolver })).result).toBe('permerror');
    expect(resolver.asked.length).toBe(11);
  });

  it('keeps explanations printable and short', async () => {
    const zone = record('v=spf1 -all exp=why.test', { 'why.test': { TXT: ['%{l} '.repeat(60)] } });
    const { explanation } = await check(zone, { mailFrom: `${'a\r\nb\x1b[31m'.repeat(30)}@away.test` });
    expect(explanation).toMatch(/^[\x20-\x7e]{1,400}$/);
  });

  it('is not slowed by records made to expand', async () => {
    const text = `v=spf1 exists:${'%{lr-}'.repeat(1_300)}.x.test -all`;
    const zone: Zone = {
      'away.test': { TXT: [`v=spf1 ${Array.from({ length: 9 }, (_, at) => `include:i${at}.test`).join(' ')}`] },
      ...Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`i${at}.test`, { TXT: [text] }])),
    };
    const before = process.cpuUsage();
    await check(zone, { mailFrom: `${'-.'.repeat(5_000)}@away.test` });
    expect(cpuMsSince(before)).toBeLessThan(1_500);
  });
});

describe('over DNS that fails', () => {
  let server: ScriptedDns;
  let resolver: DnsResolver;
  beforeAll(async () => {
    server = await startScriptedDns({
      'silent.test': { behaviour: 'silent' },
      'servfail.test': { behaviour: 'servfail' },
      'refused.test': { behaviour: 'refused' },
      'garbage.test': { behaviour: 'garbage' },
      'include.test': { TXT: ['v=spf1 include:silent.test -all'] },
      'redirect.test': { TXT: ['v=spf1 redirect=servfail.test'] },
      'a.test': { TXT: ['v=spf1 a:refused.test +all'] },
      'mx.test': { TXT: ['v=spf1 mx +all'], MX: [[1, 'servfail.test']] },
      'exists.test': { TXT: ['v=spf1 exists:servfail.test +all'] },
      'ptr.test': { TXT: ['v=spf1 ptr -all'] },
      '7.2.0.192.in-addr.arpa': { behaviour: 'servfail' },
      'exp.test': { TXT: ['v=spf1 -all exp=servfail.test'] },
      'slow.test': { TXT: ['v=spf1 a:one.slow.test a:two.slow.test a:three.slow.test +all'] },
      'one.slow.test': { A: ['198.51.100.1'], delayMs: 200 },
      'two.slow.test': { A: ['198.51.100.1'], delayMs: 200 },
      'three.slow.test': { A: ['198.51.100.1'], delayMs: 200 },
      'truncated.test': {
        TXT: [`v=spf1 ${'ip4:198.51.100.1 '.repeat(60)} ip4:192.0.2.7 -all`],
        behaviour: 'truncated',
      },
      'forged.test': { TXT: ['v=spf1 -all'], behaviour: 'spoofed-first' },
    });
  });
  // One for each test: a resolver remembers that its server was silent.
  beforeEach(() => {
    resolver = createResolver({ servers: [server.address], timeoutMs: 300, tries: 1 }, { clock: systemClock });
  });
  afterEach(() => {
    resolver.close();
  });
  afterAll(async () => {
    await server.stop();
  });
  const overDns = (domain: string, timeMs = 5_000) =>
    check({}, { resolver, mailFrom: `user@${domain}`, deadline: systemClock.monotonicMs() + timeMs });

  it.each([
    ['silent.test', 'temperror'],
    ['servfail.test', 'temperror'],
    ['refused.test', 'temperror'],
    ['garbage.test', 'temperror'],
    ['include.test', 'temperror'],
    ['redirect.test', 'temperror'],
    ['a.test', 'temperror'],
    ['mx.test', 'temperror'],
    ['exists.test', 'temperror'],
    ['ptr.test', 'fail'],
    ['exp.test', 'fail'],
    ['absent.test', 'none'],
    ['slow.test', 'pass'],
    ['truncated.test', 'pass'],
    ['forged.test', 'fail'],
  ])('%s: %s', async (domain, result) => {
    const facts = await overDns(domain);
    expect(facts.result).toBe(result);
    if (result === 'temperror') expect(facts.problem).toMatch(/\.test/);
  });

  it('ends at its deadline, within a slow chain too', async () => {
    resolver.close();
    resolver = createResolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 }, { clock: systemClock });
    for (const domain of ['slow.test', 'silent.test']) {
      const before = performance.now();
      expect(await overDns(domain, 300)).toMatchObject({ result: 'temperror' });
      expect(performance.now() - before).toBeLessThan(4_000);
    }
  });

  it('ends when called off', async () => {
    const stop = new AbortController();
    const before = performance.now();
    const facts = check({}, { resolver, mailFrom: 'user@silent.test', signal: stop.signal });
    await sleep(50);
    stop.abort();
    expect(await facts).toMatchObject({ result: 'temperror', problem: 'out of time' });
    expect(performance.now() - before).toBeLessThan(4_000);
  });

  it('asks nothing when its time is already over', async () => {
    server.forget();
    expect(await overDns('slow.test', 0)).toMatchObject({ result: 'temperror', problem: 'out of time' });
    expect(server.asked).toEqual([]);
  });
});

describe('any record', () => {
  const term = fc.oneof(
    fc.constantFrom('a', 'mx', 'ptr', '-all', '~all', '+all', '?all', 'a/24', 'mx//64', 'ip4:192.0.2.0/24', 'ip4:x'),
    fc.constantFrom(
      'include:i.test',
      'redirect=i.test',
      'exists:%{ir}.i.test',
      'a:%{l}.i.test',
      'exp=e.test',
      'x=%{c}',
    ),
    fc.constantFrom(
      'include:gone.test',
      'a:gone.test',
      'a:%{p}.i.test',
      '?include:i.test',
      'ip6:2001:db8::/32',
      '%',
      'a:',
    ),
    fc.string({ maxLength: 12 }),
  );
  const texts = fc.array(term, { maxLength: 9 }).map((terms) => `v=spf1 ${terms.join(' ')}`);
  const zones = fc.tuple(texts, texts).map(([outer, inner]): Zone => ({
    'away.test': { TXT: [outer], A: ['192.0.2.9'], MX: [[1, 'i.test']] },
    'i.test': { TXT: [inner], A: [CLIENT] },
    'e.test': { TXT: ['%{i} is not %{d}'] },
    '7.2.0.192.in-addr.arpa': { PTR: ['i.test'] },
  }));

  it('gives facts, and the result mailauth gives', async () => {
    await fc.assert(
      fc.asyncProperty(zones, async (zone) => {
        const ours = await check(zone);
        const theirs = await mailauthSpf({
          sender: 'user@away.test',
          ip: CLIENT,
          helo: 'mta.away.test',
          mta: 'unknown',
          strict: true,
          resolver: mailauthResolver(zoneResolver(zone), { signal: new AbortController().signal }),
        });
        expect(ours.result).toBe(theirs.status.result);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws on identities of any kind', async () => {
    const zone = record('v=spf1 exists:%{l}.%{h}.%{s}.e.test a:%{H}.test -all exp=%{S}.test', {
      '*.test': { A: ['127.0.0.1'] },
    });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (local, helo) => {
        const facts = await check(zone, { mailFrom: `${local}@away.test`, helo });
        expect(facts.problem ?? '').toMatch(/^[\x20-\x7e]*$/);
      }),
      { numRuns: 200 },
    );
  });
});
