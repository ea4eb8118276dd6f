// The store in Redis, on a real server: the contract, several processes on one entry, and ways to it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FILES_ON_DISK } from '../../config/attached.js';
import { systemClock, type Clock } from '../../outside/clock.js';
import type { SweptState } from '../../state/keeper.js';
import { openState, type StateOptions } from '../../state/open.js';
import { factsOf, findFaults, inspectRedis } from '../../state/redis-check.js';
import { parseRedisUrl, redisOptions } from '../../state/settings.js';
import { StateUnavailable } from '../../state/state.js';
import { offerStartTls } from '../ground/credentials.js';
import { requirePackage } from '../ground/packages.js';
import { findPorts, makePlace } from '../ground/place.js';
import { startRedis, type PrivateRedis } from '../ground/redis.js';
import { movedClock } from '../ground/state.js';
import { countTable, describeState, more } from './contract.js';
import { countAtOnce, COUNTERS, countsOf, upTo } from './counting.js';

const TIME_LIMIT_MS = 20_000;
const isHere = requirePackage('redis-server', 'openssl');
const place = makePlace('state-redis');
const PASSWORD = 'pass word: #1';
let redis: PrivateRedis;
let tls: Readonly<Record<string, string>>;
let tlsPort = 0;
beforeAll(async () => {
  if (!isHere) return;
  tls = await offerStartTls(place.directory, 'localhost');
  tlsPort = (await findPorts(1))[0] ?? 0;
  const files = [
    '--tls-cert-file',
    tls['smtpd_tls_cert_file'] ?? '',
    '--tls-key-file',
    tls['smtpd_tls_key_file'] ?? '',
  ];
  const settings = ['--tls-port', String(tlsPort), '--tls-auth-clients', 'no', ...files];
  redis = await startRedis(place.directory, { password: PASSWORD, settings });
}, 60_000);
afterAll(async () => {
  if (isHere) await redis.stop();
  place.remove();
});

/** As the settings would give them. */
function optionsOf(
  prefix: string,
  given: { readonly url?: string; readonly password?: string; readonly authorityFile?: string } = {},
): StateOptions {
  const passwordFile = join(place.directory, `password-${prefix}`);
  writeFileSync(passwordFile, `${given.password ?? PASSWORD}\n`);
  const settings = {
    kind: 'redis' as const,
    url: given.url ?? redis.url,
    passwordFile,
    authorityFile: given.authorityFile ?? '',
    prefix,
    timeLimitMs: TIME_LIMIT_MS,
  };
  return { path: '', redis: redisOptions(settings, FILES_ON_DISK), timeLimitMs: TIME_LIMIT_MS };
}

function open(options: StateOptions, clock: Clock = systemClock, told: string[] = []): Promise<SweptState> {
  return openState(options, { clock, alert: (_, raised, detail) => void told.push(`${raised}: ${detail}`) });
}

/** As an administrator would grant them. */
const RIGHTS = '+@read +@write +@scripting +@connection +info';

let prefixes = 0;

describe.skipIf(!isHere)('Redis', () => {
  describeState('keeps the contract', async (clock) => {
    const options = optionsOf(`p${(prefixes += 1)}`);
    const [one, other] = [await open(options, clock), await open(options, clock)];
    return { one, other, close: async () => void (await Promise.all([one.close(), other.close()])) };
  });

  it('loses and doubles nothing when several processes change the same entries', async () => {
    const { all, ends } = await countAtOnce(optionsOf('counting'), 3, 900);
    for (const end of ends) expect(end).toEqual({ code: 0, refused: 0, errors: '' });
    for (const key of COUNTERS) expect(countsOf(all, key)).toEqual(upTo(900));
  }, 60_000);

  it('is reached by a UNIX socket, by TLS and by the name of a user, with a database of its own', async () => {
    const authorityFile = tls['smtpd_tls_cert_file'] ?? '';
    const table = countTable('ways');
    const ways = [
      `unix:${redis.socketPath}`,
      `rediss://localhost:${tlsPort}`,
      `redis://default@127.0.0.1:${redis.port}`,
    ];
    for (const [at, url] of ways.entries()) {
      const state = await open(optionsOf('ways', { url, authorityFile }));
      expect(await state.update(table, 'k', more())).toBe(at + 1);
      await state.close();
    }
    const elsewhere = await open(optionsOf('ways', { url: `unix:${redis.socketPath}?db=3` }));
    expect(await elsewhere.read(table, 'k')).toBeNull();
    await elsewhere.close();
    const named = await open(optionsOf('other-name'));
    expect(await named.read(table, 'k')).toBeNull();
    await named.close();
  });

  it('is not believed when nobody vouches for its certificate', async () => {
    const told: string[] = [];
    const options = optionsOf('untrusted', { url: `rediss://localhost:${tlsPort}` });
    const state = await open(
      { ...options, redis: options.redis && { ...options.redis, timeLimitMs: 500 } },
      systemClock,
      told,
    );
    expect(told.join()).toMatch(/^true: .*(self-signed|certificate)/);
    await expect(state.read(countTable('t'), 'k')).rejects.toThrow(StateUnavailable);
    await state.close();
  });

  it('says so when the password is wrong, and never what it was', async () => {
    const told: string[] = [];
    const options = optionsOf('locked-out', { password: 'a wrong one' });
    const state = await open(
      { ...options, redis: options.redis && { ...options.redis, timeLimitMs: 500 } },
      systemClock,
      told,
    );
    expect(told.join()).toMatch(/^true: .*(WRONGPASS|NOAUTH)/);
    expect(told.join()).not.toContain('a wrong one');
    await expect(state.update(countTable('t'), 'k', more())).rejects.toThrow(StateUnavailable);
    await state.close();
  });

  it('counts and keeps no more keys than there are entries, though nobody sweeps', async () => {
    const clock = movedClock(Date.now());
    const state = await open(optionsOf('years'), clock);
    const table = countTable('triplets');
    for (let day = 0; day < 100; day += 1) {
      await Promise.all(Array.from({ length: 20 }, (_, at) => state.update(table, `${day}-${at}`, more(86_400_000))));
      clock.pass(86_400_000);
    }
    expect(await state.count(table)).toBeLessThanOrEqual(40);
    expect(Number((await redis.ask('KEYS', 'years:triplets:*')).split('\n').length)).toBeLessThanOrEqual(40);
    const [key = ''] = (await redis.ask('KEYS', 'years:triplets:*')).split('\n');
    expect(Number(await redis.ask('PTTL', key))).toBeGreaterThan(86_400_000);
    const ofSet = Number(await redis.ask('PTTL', 'years:triplets'));
    expect(ofSet).toBeGreaterThan(86_400_000);
    expect(ofSet).toBeLessThan(86_400_000 + 3_600_000);
    await state.close();
  });

  it('needs no more rights than its documentation says', async () => {
    const rights = RIGHTS.split(' ');
    expect(readFileSync('docs/state.md', 'utf8')).toContain(RIGHTS);
    await redis.ask('ACL', 'SETUSER', 'narrow', 'on', `>${PASSWORD}`, '~narrow:*', ...rights);
    const state = await open(optionsOf('narrow', { url: `redis://narrow@127.0.0.1:${redis.port}` }));
    const table = countTable('t', 10);
    for (let at = 0; at < 30; at += 1) expect(await state.update(table, `k${at}`, more())).toBe(1);
    expect((await state.list(table, { limit: 20 })).length).toBe(await state.count(table));
    expect(await state.remove(table, 'k29')).toBe(true);
    expect(await state.check()).toBe(true);
    await state.close();
  });

  it('tells what it would forget', async () => {
    const { redis: options } = optionsOf('inspected');
    if (options === null) throw new Error('no options');
    expect(await inspectRedis(options)).toEqual([expect.stringContaining('appendonly no')]);
    expect(await inspectRedis({ ...options, password: 'wrong' })).toEqual([]);
    const facts = 'maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\nrole:slave\r\n';
    expect(findFaults(factsOf(facts))).toEqual([expect.stringContaining('allkeys-lru'), 'it is a replica']);
    expect(findFaults(factsOf(facts.replace('100', '0').replace('slave', 'master')))).toEqual([]);
  });

  it('writes keys that an administrator can read', async () => {
    const state = await open(optionsOf('plain'));
    await state.update(countTable('some-table'), '192.0.2.1/a@x.example', more());
    expect(await redis.ask('GET', 'plain:some-table:192.0.2.1/a@x.example')).toMatch(/^\d{13}:\{"count":1\}$/);
    await state.close();
  });
});

describe('where Redis is', () => {
  it('is said by a URL', () => {
    const none = { path: null, username: null, isTls: false, db: 0 };
    expect(parseRedisUrl('redis://localhost')).toEqual({ ...none, host: 'localhost', port: 6379 });
    expect(parseRedisUrl('redis://[2001:db8::1]:7000/5')).toEqual({ ...none, host: '2001:db8::1', port: 7000, db: 5 });
    expect(parseRedisUrl('rediss://weir-1@r.example/')).toEqual({
      ...none,
      host: 'r.example',
      port: 6379,
      username: 'weir-1',
      isTls: true,
    });
    expect(parseRedisUrl('unix:/run/r.sock?db=2')).toEqual({ ...none, host: '', port: 0, path: '/run/r.sock', db: 2 });
    const wrong = [
      '',
      'redis://',
      'redis:///1',
      'http://localhost',
      'redis://u:secret@h',
      'redis://h/x',
      'redis://h?a=b',
    ];
    wrong.push('unix:relative', 'redis://h:99999', 'unix:', 'redis://h/99999999', 'redis://h#x', 'redis://%zz@h');
    for (const url of wrong) expect([url, parseRedisUrl(url)]).toEqual([url, null]);
  });

  it('is said beside the first line of a file and the authorities of another', () => {
    const file = join(place.directory, 'of-two-lines');
    writeFileSync(file, 'gehörtes\r\nnot this\n');
    const settings = { kind: 'redis' as const, url: 'redis://h', prefix: 'p', timeLimitMs: 9 };
    const options = redisOptions({ ...settings, passwordFile: file, authorityFile: file }, FILES_ON_DISK);
    expect(options).toMatchObject({ password: 'gehörtes', authorities: readFileSync(file, 'utf8'), timeLimitMs: 9 });
    const bare = redisOptions({ ...settings, passwordFile: '', authorityFile: '' }, FILES_ON_DISK);
    expect(bare).toMatchObject({ password: null, authorities: null });
    expect(
      redisOptions({ ...settings, kind: 'embedded', passwordFile: file, authorityFile: '' }, FILES_ON_DISK),
    ).toBeNull();
  });
});
