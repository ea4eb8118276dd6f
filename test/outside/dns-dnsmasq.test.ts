// The resolver against a real DNS server that knows some records.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDns, type DnsServer } from '../ground/dns.js';
import { requirePackage } from '../ground/packages.js';
import { makePlace } from '../ground/place.js';
import { resolverOn } from './dns-ground.js';

describe.skipIf(!requirePackage('dnsmasq-base'))('dnsmasq', () => {
  const place = makePlace('dns');
  let server: DnsServer;

  beforeAll(async () => {
    server = await startDns(place.directory, {
      a: { 'host.test': ['192.0.2.1', '2001:db8::1'] },
      mx: { 'host.test': [{ exchange: 'mail.host.test', priority: 10 }] },
      txt: {
        'host.test': ['v=spf1 -all'],
        'long.test': ['k'.repeat(600)],
        'big.test': Array.from({ length: 6 }, (_, at) => String(at).repeat(600)),
      },
      cname: { 'alias.test': 'host.test' },
      ptr: { '192.0.2.1': 'host.test' },
    });
  });
  afterAll(async () => {
    await server.stop();
    place.remove();
  });

  test('gives what it knows', async () => {
    const resolver = resolverOn([server.address]);
    expect(await resolver.lookup('A', 'HOST.test')).toMatchObject({ records: ['192.0.2.1'], ttlS: 60, stale: false });
    expect(await resolver.lookup('AAAA', 'host.test')).toMatchObject({ records: ['2001:db8::1'] });
    expect(await resolver.lookup('MX', 'host.test')).toMatchObject({
      records: [{ exchange: 'mail.host.test', priority: 10 }],
    });
    expect(await resolver.lookup('TXT', 'host.test')).toMatchObject({ records: [['v=spf1 -all']] });
    expect(await resolver.lookup('A', 'alias.test')).toMatchObject({ records: ['192.0.2.1'] });
    expect(await resolver.lookup('PTR', '1.2.0.192.in-addr.arpa')).toMatchObject({ records: ['host.test'] });
  });

  test('gives long texts whole, over TCP where they must be', async () => {
    const resolver = resolverOn([server.address]);
    const lengths = async (name: string) => {
      const answer = await resolver.lookup('TXT', name);
      return answer.status === 'found' ? answer.records.map((strings) => strings.join('').length) : answer;
    };
    expect(await lengths('long.test')).toEqual([600]);
    expect(await lengths('big.test')).toEqual([600, 600, 600, 600, 600, 600]);
  });

  test('what does not exist and what has no data is told apart', async () => {
    const resolver = resolverOn([server.address]);
    expect(await resolver.statusOf('A', 'absent.test')).toBe('nxdomain');
    expect(await resolver.statusOf('MX', 'long.test')).toBe('nodata');
  });

  test('is asked again when the time of an answer is over, and not before', async () => {
    const first = await startDns(place.directory, { a: { 'host.test': ['192.0.2.7'] }, ttlS: 2 });
    const resolver = resolverOn([first.address], { ttlMinS: 0 });
    expect(await resolver.lookup('A', 'host.test')).toMatchObject({ records: ['192.0.2.7'], ttlS: 2 });
    await first.stop();
    expect(await resolver.lookup('A', 'host.test')).toMatchObject({ records: ['192.0.2.7'] });
    await new Promise((done) => setTimeout(done, 2_100));
    expect(await resolver.statusOf('A', 'host.test')).toBe('timeout');
  });

  test('is failed over from when it stops, and found when it is back', async () => {
    const other = await startDns(place.directory, { a: { 'host.test': ['192.0.2.9'] } });
    const resolver = resolverOn([other.address, server.address], { ttlMinS: 0, timeoutMs: 2_000 });
    expect(await resolver.lookup('A', 'host.test')).toMatchObject({ records: ['192.0.2.9'] });
    await other.stop();
    resolver.clock.moveOn(61);
    expect(await resolver.lookup('A', 'host.test')).toMatchObject({ records: ['192.0.2.1'] });
  });
});
