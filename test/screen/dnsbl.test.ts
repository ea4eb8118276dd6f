// DNS lists asked by the front listener: a scripted DNS server, the real resolver. Sums, filters, errors, silence, what is
// shared between sessions, and what is left when a client hangs up.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../outside/clock.js';
import { createResolver, type DnsResolver } from '../../outside/dns-resolver.js';
import type { Resolver } from '../../outside/resolver.js';
import { reverseAddress } from '../../lists/question.js';
import type { ScreenSettings } from '../../screen/settings.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';
import { startMta, startScreen, until, type FakeMta } from './ground.js';

const WAIT_MS = 6_000;
const CLIENT = '203.0.113.7';

let dns: ScriptedDns;
let inner: DnsResolver;
let resolver: Resolver;
/** Names whose answers have come. */
const heard = new Set<string>();
let mta: FakeMta;

beforeAll(async () => {
  dns = await startScriptedDns();
  mta = await startMta();
});
beforeEach(() => {
  inner = createResolver({ servers: [dns.address], timeoutMs: 15_000 }, { clock: systemClock });
  resolver = {
    lookup: async (type, name, options) => {
      const answer = await inner.lookup(type, name, options);
      heard.add(name);
      return answer;
    },
  };
  dns.forget();
  heard.clear();
});
afterEach(() => inner.close());
afterAll(() => dns.stop());

/** The answer about a client has come, and that of the test entries: what they say counts. */
async function answered(zone: string, address = CLIENT): Promise<void> {
  const names = [reverseAddress(address), '2.0.0.127', '1.0.0.127'].map((label) => `${label}.${zone}`);
  await until(`the answers of ${zone}`, () => names.every((name) => heard.has(name)));
}

/** A list that works (RFC 5782 §5), with these clients on it. */
function setList(zone: string, listed: Readonly<Record<string, readonly string[]>>, ttlS?: number): void {
  dns.set(`2.0.0.127.${zone}`, { A: ['127.0.0.2'] });
  for (const [address, A] of Object.entries(listed))
    dns.set(`${reverseAddress(address)}.${zone}`, { A, ...(ttlS === undefined ? {} : { ttlS }) });
}

const start = (sites: readonly string[], more: Partial<ScreenSettings> = {}) =>
  startScreen(
    { upstream: mta.upstream, dnsblSites: sites.map((list) => ({ list })), dnsblAction: 'drop', ...more },
    { resolver },
  );

describe('lists', () => {
  it('add up: two points and minus three are under one', async () => {
    setList('black.test', { [CLIENT]: ['127.0.0.3'], '203.0.113.8': ['127.0.0.3'] });
    setList('white.test', { [CLIENT]: ['127.0.5.3'] });
    const world = await start(['black.test=127.0.0.[2..11]*2', 'white.test=127.0.[2;5].[0..3]*-3']);
    const good = await world.from(CLIENT);
    const bad = await world.from('203.0.113.8');
    await Promise.all([good.sees('220-'), bad.sees('220-')]);
    for (const zone of ['black.test', 'white.test']) {
      await answered(zone);
      await answered(zone, '203.0.113.8');
    }
    world.clock.move(WAIT_MS);
    await good.sees('220 mta');
    expect(await bad.closes()).toMatch(
      /521 5\.7\.1 Service unavailable; client \[203\.0\.113\.8\] blocked using black\.test\r\n$/,
    );
    expect(await world.event('dnsbl')).toMatchObject({
      clientAddress: '203.0.113.8',
      rank: 2,
      hits: [{ list: 'black.test', points: 2, codes: ['127.0.0.3'] }],
    });
  });

  it('count a code only where a filter fits, and several items of one domain each', async () => {
    setList('codes.test', { [CLIENT]: ['127.0.0.4', '127.0.0.12'] });
    const world = await start(
      ['codes.test=127.0.0.[2..3]*9', 'codes.test=127.0.0.4*1', 'codes.test=127.0.0.[10..20]*2'],
      {
        dnsblThreshold: 3,
      },
    );
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await answered('codes.test');
    world.clock.move(WAIT_MS);
    await client.closes();
    expect(await world.event('dnsbl')).toMatchObject({ rank: 3, hits: [{ points: 2 }, { points: 1 }] });
    expect(dns.count(`${reverseAddress(CLIENT)}.codes.test`)).toBe(1);
  });

  it('are asked about IPv6 by nibbles', async () => {
    setList('six.test', { '2001:db8::7': ['127.0.0.2'] });
    const world = await start(['six.test']);
    const client = await world.from('2001:db8::7');
    await client.sees('220-');
    await answered('six.test', '2001:db8::7');
    world.clock.move(WAIT_MS);
    expect(await client.closes()).toContain('client [2001:db8::7] blocked using six.test');
  });

  it('that fail, are late, refuse us or answer from elsewhere count nothing, and say so', async () => {
    setList('fails.test', {});
    setList('silent.test', {});
    setList('refuses.test', { [CLIENT]: ['127.255.255.254'] });
    setList('parked.test', { [CLIENT]: ['192.0.2.1'] });
    dns.set(`${reverseAddress(CLIENT)}.fails.test`, { behaviour: 'servfail' });
    dns.set(`${reverseAddress(CLIENT)}.silent.test`, { behaviour: 'silent' });
    const world = await start(['fails.test*9', 'silent.test*9', 'refuses.test*9', 'parked.test*9']);
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await until('the errors told', () => {
      const detail = world.alerts.findLast(({ code, raised }) => code === 'screen-list-error' && raised)?.detail ?? '';
      return (
        detail.includes('refuses.test: error code 127.255.255.254') &&
        detail.includes('parked.test: answered 192.0.2.1')
      );
    });
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
    expect(world.kinds()).toEqual(['pass']);
  });

  it('that list everything are suspended, with an alert, and count nothing', async () => {
    dns.set('*.all.test', { A: ['127.0.0.2'] });
    const world = await start(['all.test*9']);
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await until('the alert', () => world.alerts.some(({ code, raised }) => code === 'screen-list-dead' && raised));
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
  });

  it('are told to clients by the name that is set, never by a key', async () => {
    setList('secret.test', { [CLIENT]: ['127.0.0.2'] });
    const world = await startScreen(
      { upstream: mta.upstream, dnsblSites: [{ list: 'secret.test', name: 'our list' }], dnsblAction: 'drop' },
      { resolver },
    );
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await answered('secret.test');
    world.clock.move(WAIT_MS);
    expect(await client.closes()).toContain('blocked using our list');
    expect(JSON.stringify(world.events)).not.toContain('secret.test');
  });
});

describe('an allow list', () => {
  it('cuts the wait short and skips deep tests for whom it vouches', async () => {
    setList('good.test', { [CLIENT]: ['127.0.10.3'] });
    const world = await start(['good.test*-5'], { dnsblAllowThreshold: -3 });
    const client = await world.from(CLIENT);
    expect(await client.sees('220 mta')).toContain('220-front.test');
    expect(await world.event('pass')).toMatchObject({ how: 'allowed' });
  });

  it('does not help a client that talked already', async () => {
    setList('good.test', { [CLIENT]: ['127.0.10.3'] });
    const world = await start(['good.test*-5'], { dnsblAllowThreshold: -3, pregreetAction: 'enforce' });
    dns.set(`${reverseAddress(CLIENT)}.good.test`, { A: ['127.0.10.3'], delayMs: 300 });
    const client = await world.from(CLIENT);
    client.send('HELO zombie\r\n');
    await client.sees('250 front.test');
    expect(world.kinds()).toEqual(['pregreet']);
  });
});

describe('sessions of one client', () => {
  it('share look-ups, and neither believes a pass that the other has not earned', async () => {
    setList('slow.test', {});
    dns.set(`${reverseAddress(CLIENT)}.slow.test`, { A: ['127.0.0.2'], delayMs: 200 });
    const world = await start(['slow.test']);
    const one = await world.from(CLIENT);
    await one.sees('220-');
    const other = await world.from(CLIENT);
    await other.sees('220-');
    await answered('slow.test');
    world.clock.move(WAIT_MS);
    await Promise.all([one.closes(), other.closes()]);
    expect(world.screen.stats()).toMatchObject({ refused: 2, passedOld: 0 });
    expect(dns.count(`${reverseAddress(CLIENT)}.slow.test`)).toBe(1);
  });

  it('leave no look-up behind when they hang up', async () => {
    setList('silent2.test', {});
    dns.set(`${reverseAddress(CLIENT)}.silent2.test`, { behaviour: 'silent' });
    const world = await start(['silent2.test']);
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await until('the question', () => dns.count(`${reverseAddress(CLIENT)}.silent2.test`) > 0);
    world.clock.move(3_000);
    client.socket.destroy();
    expect(await world.event('hangup')).toMatchObject({ afterMs: 3_000 });
    await until('nothing in flight', () => inner.state().inFlight === 0);
  });
});

describe('a pass', () => {
  const passFor = async (ttlS: number): Promise<number> => {
    const zone = `ttl${ttlS}.test`;
    setList(zone, {});
    // Listed with a code that no item counts: the answer has a TTL, the sum is 0.
    dns.set(`${reverseAddress(CLIENT)}.${zone}`, { A: ['127.0.0.9'], ttlS });
    const world = await start([`${zone}=127.0.0.2`]);
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await answered(zone);
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
    await until('the pass', () => world.state.entries.size === 1);
    const [entry] = world.state.entries.values();
    return ((entry?.value as { dnsbl: number }).dnsbl - world.clock.now()) / 1_000;
  };

  it('of the lists holds as long as their answers, within bounds', async () => {
    expect(await passFor(600)).toBeCloseTo(600, -1);
    expect(await passFor(5)).toBe(60);
    expect(await passFor(86_400)).toBe(3_600);
  });

  it('of the lists that is over asks again, without the whole wait', async () => {
    setList('again.test', {});
    const world = await start(['again.test']);
    const first = await world.from(CLIENT);
    await first.sees('220-');
    await answered('again.test');
    world.clock.move(WAIT_MS);
    await first.sees('220 mta');
    await until('the pass', () => world.state.entries.size === 1);
    first.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
    world.clock.move(3_700_000);
    const second = await world.from(CLIENT);
    // The clock stands: only the answer of the list can end the wait.
    expect(await second.sees('220 mta')).toContain('220-front');
  });
});

describe('too many look-ups', () => {
  it('are told as an alert, say nothing of the lists, and let clients pass', async () => {
    setList('busy.test', { [CLIENT]: ['127.0.0.2'] });
    let isBusy = true;
    const busy: Resolver = {
      lookup: async (type, name, options) =>
        isBusy ? { status: 'busy', detail: 'too many questions are out' } : resolver.lookup(type, name, options),
    };
    const world = await startScreen(
      { upstream: mta.upstream, dnsblSites: [{ list: 'busy.test' }], dnsblAction: 'drop' },
      { resolver: busy },
    );
    const words = (code: string) => world.alerts.filter((alert) => alert.code === code).map(({ raised }) => raised);
    for (let round = 0; round < 4; round += 1) {
      const client = await world.from(CLIENT);
      await client.sees('220-');
      world.clock.move(WAIT_MS);
      await client.sees('220 mta');
      client.socket.destroy();
      await until('the end', () => world.screen.stats().connections === 0);
      world.clock.move(120_000);
    }
    expect(words('screen-lists-busy')).toEqual([true]);
    expect(words('screen-list-dead')).toEqual([]);
    isBusy = false;
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await answered('busy.test');
    world.clock.move(WAIT_MS);
    expect(await client.closes()).toContain('521 5.7.1');
    expect(words('screen-lists-busy')).toEqual([true, false]);
  });
});

describe('a suspended list', () => {
  it('holds no pass short', async () => {
    dns.set('*.everything.test', { A: ['127.0.0.2'] });
    setList('fine.test', {});
    dns.set(`${reverseAddress(CLIENT)}.fine.test`, { A: ['127.0.0.9'], ttlS: 900 });
    const world = await start(['everything.test', 'fine.test=127.0.0.2']);
    const first = await world.from('203.0.113.66');
    await first.sees('220-');
    await until('the alert', () => world.alerts.some(({ code, raised }) => code === 'screen-list-dead' && raised));
    const client = await world.from(CLIENT);
    await client.sees('220-');
    await until('the answer', () => heard.has(`${reverseAddress(CLIENT)}.fine.test`));
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
    await until('the pass', () => world.state.entries.has(`screen-pass/${CLIENT}`));
    const { dnsbl } = world.state.entries.get(`screen-pass/${CLIENT}`)?.value as { dnsbl: number };
    expect((dnsbl - world.clock.now()) / 1_000).toBeGreaterThan(600);
  });
});

describe('a private address', () => {
  it('is not asked about, and is remembered all the same', async () => {
    setList('any.test', {});
    const world = await start(['any.test']);
    const client = await world.from('192.168.7.7');
    await client.sees('220-');
    world.clock.move(WAIT_MS);
    await client.sees('220 mta');
    await until('the pass', () => world.state.entries.size === 1);
    client.socket.destroy();
    await until('the end', () => world.screen.stats().connections === 0);
    const again = await world.from('192.168.7.7');
    expect(await again.sees('220 ')).toBe('220 mta.test ESMTP\r\n');
    expect(dns.asked).toEqual([]);
  });
});
