// One look-up: every outcome told apart, nothing believed that was not asked, names and aliases within limits.
import { encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { resolverOptions, resolverSection } from '../../programs/resolver-settings.js';
import { Value } from 'typebox/value';
import { checkServers } from '../../outside/dns-check.js';
import { RESOLVER_DEFAULTS } from '../../outside/dns-resolver.js';
import { systemClock } from '../../outside/clock.js';
import { ground, resolverOn, serve, TIMEOUT_MS } from './dns-ground.js';

test('every type is found with its shape and TTL', async () => {
  const { resolver } = await ground({
    'all.test': {
      A: ['192.0.2.1', '192.0.2.2'],
      AAAA: ['2001:DB8::1'],
      MX: [
        [10, 'MX.all.test'],
        [0, '.'],
      ],
      TXT: ['one', ['two', 'th\xe9ree'], 'x'.repeat(300), ''],
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
  expect(await records('TXT', 'all.test')).toEqual([
    ['one'],
    ['two', 'th\xe9ree'],
    ['x'.repeat(255), 'x'.repeat(45)],
    [''],
  ]);
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
  const statusOf = (name: string): Promise<string> => resolver.statusOf('MX', name);
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

describe('an answer is believed only if it is one', () => {
  test('not under another id, about another name or type: such answers are as none', async () => {
    const { resolver } = await ground({
      'id.test': { A: ['192.0.2.1'], behaviour: 'wrong-id' },
      'name.test': { A: ['192.0.2.1'], behaviour: 'wrong-name' },
      'type.test': { A: ['192.0.2.1'], behaviour: 'wrong-type' },
    });
    const answers = await Promise.all(['id.test', 'name.test', 'type.test'].map((name) => resolver.lookup('A', name)));
    expect(answers.map(({ status }) => status)).toEqual(['timeout', 'timeout', 'timeout']);
  });

  test('a forged answer that comes first is passed over for the true one', async () => {
    const { resolver } = await ground({ 'bank.test': { A: ['192.0.2.1'], behaviour: 'spoofed-first' } });
    expect(await resolver.lookup('A', 'bank.test')).toMatchObject({ status: 'found', records: ['192.0.2.1'] });
  });

  test('every question has an id and a source port of its own', async () => {
    const { server, resolver } = await ground({ '*.many.test': { A: ['192.0.2.1'] } });
    await Promise.all(Array.from({ length: 200 }, (_, at) => resolver.lookup('A', `n${String(at)}.many.test`)));
    // 200 of 65,536: three pairs of the same by chance are rare, ten are not chance.
    expect(new Set(server.asked.map(({ id }) => id)).size).toBeGreaterThan(190);
    expect(new Set(server.asked.map(({ port }) => port)).size).toBeGreaterThan(190);
  });

  test('records of names that were not asked for count for nothing', async () => {
    const { resolver } = await ground({
      'lure.test': { CNAME: 'elsewhere.test' },
      'elsewhere.test': { TXT: ['x'] },
    });
    expect(await resolver.statusOf('A', 'lure.test')).toBe('nodata');
  });
});

describe('long answers', () => {
  test('come over TCP when they are cut over UDP, whole', async () => {
    const addresses = Array.from({ length: 200 }, (_, at) => `192.0.2.${String(at)}`);
    const { server, resolver } = await ground({
      'many.test': { A: addresses },
      'cut.test': { TXT: ['v=spf1 -all'], behaviour: 'truncated' },
    });
    expect(await resolver.lookup('A', 'many.test')).toMatchObject({ records: addresses });
    expect(await resolver.lookup('TXT', 'cut.test')).toMatchObject({ records: [['v=spf1 -all']] });
    expect(server.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp', 'udp', 'tcp']);
  });

  test('are bounded in records and bytes', async () => {
    const { resolver } = await ground({
      'count.test': { A: Array.from({ length: 600 }, () => '192.0.2.1') },
      'bytes.test': { TXT: ['x'.repeat(33_000)] },
      'fits.test': { TXT: ['x'.repeat(30_000)] },
    });
    expect(await resolver.statusOf('A', 'count.test')).toBe('malformed');
    expect(await resolver.statusOf('TXT', 'bytes.test')).toBe('malformed');
    expect(await resolver.statusOf('TXT', 'fits.test')).toBe('found');
  });
});

describe('aliases', () => {
  const chain = (length: number) =>
    Object.fromEntries(
      Array.from({ length }, (_, at) => [`a${String(at)}.test`, { CNAME: `a${String(at + 1)}.test`, ttlS: 100 - at }]),
    );

  test('are followed as far as the cap, the smallest TTL counts, the end may be missing', async () => {
    const { resolver } = await ground({ ...chain(12), 'a12.test': { A: ['192.0.2.1'], ttlS: 300 } });
    expect(await resolver.lookup('A', 'a0.test')).toMatchObject({ status: 'found', ttlS: 89 });
    expect(await resolver.statusOf('MX', 'a0.test')).toBe('nodata');
  });

  test('that go on too long or in a circle are no answer', async () => {
    const { resolver } = await ground({
      ...chain(13),
      'a13.test': { A: ['192.0.2.1'] },
      'round.test': { CNAME: 'about.test' },
      'about.test': { CNAME: 'round.test' },
      'self.test': { CNAME: 'self.test' },
      'lost.test': { CNAME: 'nowhere.test' },
    });
    expect(await resolver.statusOf('A', 'a0.test')).toBe('malformed');
    expect(await resolver.statusOf('A', 'round.test')).toBe('malformed');
    expect(await resolver.statusOf('A', 'self.test')).toBe('malformed');
    expect(await resolver.statusOf('A', 'lost.test')).toBe('nxdomain');
  });
});

test('an alias whose records the server leaves out is asked for, as far as the cap', async () => {
  const bare = (name: string, target: string): { readonly raw: Buffer } => ({
    raw: encode({
      type: 'response',
      flags: 0x0180,
      questions: [{ type: 'A', name }],
      answers: [{ type: 'CNAME', name, ttl: 30, data: target }],
    }),
  });
  const { server, resolver } = await ground({
    'a.test': bare('a.test', 'b.test'),
    'b.test': bare('b.test', 'c.test'),
    'c.test': { A: ['192.0.2.1'] },
    'round.test': bare('round.test', 'about.test'),
    'about.test': bare('about.test', 'round.test'),
  });
  expect(await resolver.lookup('A', 'a.test')).toEqual({
    status: 'found',
    records: ['192.0.2.1'],
    ttlS: 30,
    stale: false,
  });
  expect(await resolver.statusOf('A', 'round.test')).toBe('malformed');
  expect(server.count('round.test') + server.count('about.test')).toBeLessThanOrEqual(14);
});

describe('names', () => {
  test('that cannot be asked for are not asked for', async () => {
    const { server, resolver } = await ground({ '*': { A: ['192.0.2.1'] } });
    const names = ['', '.', 'a..test', '.test', `${'x'.repeat(64)}.test`, 'x.'.repeat(127) + 'test', 'a\0b.test'];
    for (const name of [...names, 'a\nb.test', '\ud800.test', 'x'.repeat(5_000)])
      expect([name, await resolver.statusOf('A', name)]).toEqual([name, 'invalid']);
    expect(server.asked).toEqual([]);
  });

  test('of any script go as A-labels, and odd ASCII goes as it is', async () => {
    const { server, resolver } = await ground({ '*': { A: ['192.0.2.1'] } });
    for (const name of ['_dmarc.BÜCHER.test', '例え.test', '_spf.x+y=z~.test', 'a b.test'])
      expect(await resolver.statusOf('A', name)).toBe('found');
    expect(server.asked.map(({ name }) => name)).toEqual([
      '_dmarc.xn--bcher-kva.test',
      'xn--r8jz45g.test',
      '_spf.x+y=z~.test',
      'a b.test',
    ]);
  });
});

describe('limits of one look-up', () => {
  test('its own time limit and its signal end it; the answer still comes into the cache', async () => {
    const { server, resolver } = await ground(
      { 'slow.test': { A: ['192.0.2.1'], delayMs: 1_500 } },
      { timeoutMs: 4_000 },
    );
    const abort = new AbortController();
    const started = performance.now();
    const short = resolver.lookup('A', 'slow.test', { timeoutMs: 50 });
    const called = resolver.lookup('A', 'slow.test', { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    expect([(await called).status, (await short).status]).toEqual(['timeout', 'timeout']);
    expect(performance.now() - started).toBeLessThan(1_400);
    expect((await resolver.lookup('A', 'slow.test', { signal: abort.signal })).status).toBe('timeout');
    expect(await resolver.statusOf('A', 'slow.test')).toBe('found');
    const seen = server.count('slow.test');
    expect(await resolver.statusOf('A', 'slow.test')).toBe('found');
    expect(server.count('slow.test')).toBe(seen);
  });

  test('an answer slower than one try, yet within the limit, is taken', async () => {
    const { resolver } = await ground({ 'slow.test': { A: ['192.0.2.1'], delayMs: TIMEOUT_MS * 0.6 } });
    expect(await resolver.statusOf('A', 'slow.test')).toBe('found');
  });

  test('closing ends every question', async () => {
    const { resolver } = await ground({ 'mute.test': { behaviour: 'silent' } });
    const pending = resolver.statusOf('A', 'mute.test');
    resolver.close();
    expect(await pending).toBe('timeout');
    expect(await resolver.statusOf('A', 'other.test')).toBe('timeout');
  });
});

test('a server that knows no EDNS is asked without', async () => {
  const { server, resolver } = await ground({ 'old.test': { behaviour: 'formerr' } });
  expect(await resolver.statusOf('A', 'old.test')).toBe('servfail');
  expect(server.count('old.test')).toBe(2);
});

test('servers are addresses; settings give what the resolver takes', async () => {
  expect(() => resolverOn(['dns.example'])).toThrow('not the address of a DNS server');
  expect(resolverOptions(Value.Create(resolverSection.schema))).toEqual(RESOLVER_DEFAULTS);
  const objections = resolverSection.check?.(
    { ...Value.Create(resolverSection.schema), servers: ['127.0.0.1', 'ns.example:53', '[::1]:0'], ttlMaxS: 1 },
    undefined as never,
  );
  expect(objections?.map((one) => ('path' in one ? one.path.join('.') : ''))).toEqual([
    'servers.2',
    'servers.3',
    'ttlMinS',
  ]);
});

test('each server is asked for a sign of life', async () => {
  const [good, refusing, silent] = [
    await serve({ '': { NS: ['ns.test'] } }),
    await serve({ '': { behaviour: 'refused' } }),
    await serve({ '': { behaviour: 'silent' } }),
  ];
  const servers = [good.address, refusing.address, silent.address, '127.0.0.1:1'];
  const checks = await checkServers({ ...RESOLVER_DEFAULTS, timeoutMs: 300, servers }, systemClock);
  expect(checks.map(({ address }) => address)).toEqual(servers);
  expect(checks[0]).toMatchObject({ objection: null });
  expect(checks[0]?.answeredMs).toBeLessThan(300);
  expect(checks[1]?.objection).toBe('the server said REFUSED');
  expect(checks.slice(2).map(({ answeredMs }) => answeredMs)).toEqual([null, null]);
});

test('an answer that came while the process stood still counts', async () => {
  const { resolver } = await ground({ 'a.test': { A: ['192.0.2.1'] } });
  await resolver.lookup('A', 'warm.test');
  const pending = resolver.statusOf('A', 'a.test');
  // The server is in this process too: let it answer, then stand still until every limit is over.
  await new Promise((done) => setTimeout(done, 0));
  const until = performance.now() + TIMEOUT_MS * 1.5;
  while (performance.now() < until);
  expect(await pending).toBe('found');
  expect(resolver.state().servers[0]?.health).toBe('good');
});
