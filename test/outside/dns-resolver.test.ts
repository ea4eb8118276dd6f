// The resolver against a server that misbehaves as told: every outcome told apart, nothing believed that was not asked,
// limits held.
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../outside/clock.js';
import { createResolver, type DnsResolver, type ResolverOptions } from '../../outside/dns-resolver.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../ground/scripted-dns.js';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(zone: Zone): Promise<ScriptedDns> {
  const server = await startScriptedDns(zone);
  open.push(() => server.stop());
  return server;
}

function resolve(options: Partial<ResolverOptions>, onSilent?: (silent: boolean, detail: string) => void): DnsResolver {
  const resolver = createResolver(
    { timeoutMs: 600, ...options },
    { clock: systemClock, ...(onSilent ? { onSilent } : {}) },
  );
  open.push(() => resolver.close());
  return resolver;
}

async function ground(zone: Zone, options: Partial<ResolverOptions> = {}) {
  const server = await serve(zone);
  return { server, resolver: resolve({ servers: [server.address], ...options }) };
}

test('every type is found with its shape and TTL', async () => {
  const { resolver } = await ground({
    'all.test': {
      A: ['192.0.2.1', '192.0.2.2'],
      AAAA: ['2001:DB8::1'],
      MX: [
        [10, 'MX.all.test'],
        [0, '.'],
      ],
      TXT: ['one', ['two', 'th\xe9ree'], 'x'.repeat(300)],
      NS: ['ns.all.test'],
      ttlS: 77,
    },
    '1.2.0.192.in-addr.arpa': { PTR: ['All.Test'] },
    'alias.test': { CNAME: 'all.test' },
  });
  const records = async (
    type: 'A' | 'AAAA' | 'MX' | 'TXT' | 'NS' | 'PTR' | 'CNAME',
    name: string,
  ): Promise<unknown> => {
    const answer = await resolver.lookup(type, name);
    return answer.status === 'found' ? answer.records : answer;
  };
  expect(await resolver.lookup('A', 'ALL.test.')).toEqual({
    status: 'found',
    records: ['192.0.2.1', '192.0.2.2'],
    ttlS: 77,
    stale: false,
  });
  expect(await records('AAAA', 'all.test')).toEqual(['2001:db8::1']);
  expect(await records('MX', 'all.test')).toEqual([
    { exchange: 'mx.all.test', priority: 10 },
    { exchange: '', priority: 0 },
  ]);
  expect(await records('TXT', 'all.test')).toEqual([['one'], ['two', 'th\xe9ree'], ['x'.repeat(255), 'x'.repeat(45)]]);
  expect(await records('NS', 'all.test')).toEqual(['ns.all.test']);
  expect(await records('PTR', '1.2.0.192.in-addr.arpa')).toEqual(['all.test']);
  expect(await records('CNAME', 'alias.test')).toEqual(['all.test']);
  expect(await records('A', 'alias.test')).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('what is absent, what failed, and how, is told apart', async () => {
  const { resolver } = await ground({
    'here.test': { A: ['192.0.2.1'] },
    'servfail.test': { behaviour: 'servfail' },
    'refused.test': { behaviour: 'refused' },
    'notimp.test': { behaviour: 'notimp' },
    'formerr.test': { behaviour: 'formerr' },
    'silent.test': { behaviour: 'silent' },
    'garbage.test': { behaviour: 'garbage' },
    'endless.test': { behaviour: 'truncated-for-ever' },
  });
  const statusOf = async (name: string): Promise<string> => (await resolver.lookup('MX', name)).status;
  expect(await statusOf('absent.test')).toBe('nxdomain');
  expect(await statusOf('here.test')).toBe('nodata');
  expect(await statusOf('servfail.test')).toBe('servfail');
  expect(await statusOf('refused.test')).toBe('refused');
  expect(await statusOf('notimp.test')).toBe('refused');
  expect(await statusOf('formerr.test')).toBe('servfail');
  expect(await statusOf('silent.test')).toBe('timeout');
  expect(await statusOf('garbage.test')).toBe('malformed');
  expect(await statusOf('endless.test')).toBe('malformed');
});
