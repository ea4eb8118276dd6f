// Lists that are dead, list everything, refuse us, fall silent or are lied about: what they say counts for nothing, that
// is said in a finding and an alert, and they count again when their test entries pass (threat class 19).
import { describe, expect, it } from 'vitest';
import type { ListFacts } from '../../filters/lists/facts.js';
import { FILES_ON_DISK } from '../../config/attached.js';
import { ListHealth, LISTING_TRUST_MS, TEST_EVERY_MIN_MS } from '../../lists/health.js';
import { readLists } from '../../lists/list.js';
import { addressList, briefly, domainList, findingOf, report, startLists, zoneOf } from '../filters/lists/ground.js';

const CLIENT = '9.113.0.203';
const OTHER = '203.0.113.77';
const DEAD = 'dns-list-dead';
const ERROR = 'dns-list-error';

const ground = await startLists(
  {
    ...addressList('fine.example', { [CLIENT]: ['127.0.0.2'] }),
    // Some names alone are answered with errors.
    ...addressList('partly.example', { [CLIENT]: ['127.255.255.254'], '77.113.0.203': ['127.0.0.2'] }),
    ...addressList('mixed.example', { [CLIENT]: ['127.0.0.2', '192.0.2.80'] }),
    ...addressList('one.example', { [CLIENT]: ['127.0.0.1'] }),
    // Every name: refused, a captive resolver, all the world listed, nothing there.
    '*.refusing.example': { A: ['127.255.255.254'] },
    '*.captive.example': { A: ['198.51.100.80'] },
    '*.world.example': { A: ['127.0.0.2'] },
    ...zoneOf('gone.example', { unrelated: ['127.0.0.2'] }),
    '*.failing.example': { behaviour: 'servfail' },
    ...domainList('dom.example', { 'evil.test': ['127.0.1.2'] }),
    '*.worlddom.example': { A: ['127.0.1.2'] },
    '*.late.example': { A: ['127.0.0.2'], delayMs: 900 },
  },
  { timeoutMs: 600, failureTtlS: 0, ttlMinS: 0 },
);

describe('an answer that is no listing', () => {
  it.each([
    ['refusing.example', 'error code 127.255.255.254 (asked through an open or public resolver)'],
    ['captive.example', 'answered 198.51.100.80, which no list gives'],
    ['world.example', 'lists everything: 1.0.0.127 gives 127.0.0.2'],
    ['gone.example', 'dead, or no list: its test entry 2.0.0.127 is not listed'],
  ])('of %s never counts: the list is suspended', async (zone, reason) => {
    const stage = await ground.stage([`${zone}*5`], { refuseAt: 1 });
    const said = await report(stage);
    expect(briefly(said)).toEqual(['LIST_UNKNOWN 0']);
    expect(findingOf(said, 'LIST_UNKNOWN').evidence).toContain(`suspended: ${reason}`);
    expect(ground.raised(DEAD)).toContain(`${zone}: ${reason}`);
    expect((said.facts as ListFacts).answers.every(({ state }) => state !== 'listed')).toBe(true);

    // Suspended: not asked again, and still said.
    ground.dns.forget();
    expect(briefly(await report(stage, { client: OTHER }))).toEqual(['LIST_UNKNOWN 0']);
    expect(ground.dns.asked).toEqual([]);
  });

  it('of a domain list that lists the world does not count either', async () => {
    const stage = await ground.stage([{ list: 'worlddom.example', ask: ['sender'] }]);
    expect(briefly(await report(stage, { mailFrom: 'a@nobody.test' }))).toEqual(['LIST_UNKNOWN 0']);
    expect(ground.raised(DEAD)).toContain('worlddom.example: lists everything: invalid gives 127.0.1.2');
  });

  it('does not suspend the others beside it', async () => {
    const stage = await ground.stage(['world.example*5', 'fine.example*2']);
    expect(briefly(await report(stage))).toEqual(['LIST_CLIENT 2', 'LIST_UNKNOWN 0']);
  });

  it('for one name is an alert, while the list goes on counting for others', async () => {
    const stage = await ground.stage(['partly.example*5']);
    const said = await report(stage);
    expect(briefly(said)).toEqual(['LIST_UNKNOWN 0']);
    expect(findingOf(said, 'LIST_UNKNOWN').evidence).toContain('127.255.255.254');
    expect(ground.raised(ERROR)).toContain('partly.example: error code 127.255.255.254');
    expect(briefly(await report(stage, { client: OTHER }))).toEqual(['LIST_CLIENT 5']);
    // Later the error is a reason to test first, and the list passes.
    await new Promise((done) => setTimeout(done, TEST_EVERY_MIN_MS + 50));
    ground.dns.forget();
    expect(briefly(await report(stage, { client: OTHER }))).toEqual(['LIST_CLIENT 5']);
    expect(ground.dns.count('1.0.0.127.partly.example')).toBe(1);
    expect(ground.raised(ERROR)).toContain('partly.example');
  });

  it('is never made good by a listing beside it', async () => {
    expect(briefly(await report(await ground.stage(['mixed.example*5'])))).toEqual(['LIST_UNKNOWN 0']);
  });

  it('of 127.0.0.1 counts only for who names it', async () => {
    expect(briefly(await report(await ground.stage(['one.example*5'])))).toEqual(['LIST_UNKNOWN 0']);
    expect(briefly(await report(await ground.stage(['one.example=127.0.0.1*-2'])))).toEqual(['LIST_ALLOWED -2']);
  });

  it('may be set for a list', async () => {
    const stage = await ground.stage([{ list: 'fine.example', errors: ['127.0.0.[2..3]'] }]);
    expect(briefly(await report(stage))).toEqual(['LIST_UNKNOWN 0']);
  });
});

describe('the error alert', () => {
  it('ends when there was no error from one test to the next', async () => {
    const stage = await ground.stage(['partly.example*5'], { retestMs: 100 });
    await report(stage);
    expect(ground.raised(ERROR)).not.toBeNull();
    const [check] = (await stage.check?.(AbortSignal.timeout(2_000))) ?? [];
    expect(check).toMatchObject({ name: 'partly.example', state: 'ok' });
    await stage.check?.(AbortSignal.timeout(2_000));
    expect(ground.raised(ERROR)).toBeNull();
  });
});

describe('a list that does not answer', () => {
  it('is unknown, not clean: SERVFAIL', async () => {
    const said = await report(await ground.stage(['failing.example*5', 'fine.example*2']));
    expect(briefly(said)).toEqual(['LIST_CLIENT 2', 'LIST_UNKNOWN 0']);
    expect(findingOf(said, 'LIST_UNKNOWN').evidence).toContain('failing.example: servfail');
  });

  it('is waited for no longer than set, and the rest counts', async () => {
    const stage = await ground.stage(['late.example*5', 'fine.example*2'], { waitMs: 300 });
    await report(stage, { client: OTHER });
    const startedMs = performance.now();
    const said = await report(stage);
    expect(performance.now() - startedMs).toBeLessThan(550);
    expect(briefly(said)).toEqual(['LIST_CLIENT 2', 'LIST_UNKNOWN 0']);
    expect(findingOf(said, 'LIST_UNKNOWN').evidence).toContain('late.example: ');
  });

  it('keeps within the time of the stage', async () => {
    const stage = await ground.stage(['late.example*5'], { waitMs: 5_000 });
    const startedMs = performance.now();
    expect(briefly(await report(stage, { timeMs: 300 }))).toEqual(['LIST_UNKNOWN 0']);
    expect(performance.now() - startedMs).toBeLessThan(300);
  });

  it('is suspended after some tests in silence, and counts again when it is back', async () => {
    const zone = 'sleepy.example';
    const set = (behaviour: 'servfail' | null, label: string, code: string) =>
      ground.dns.set(`${label}.${zone}`, behaviour === null ? { A: [code] } : { behaviour });
    for (const label of ['2.0.0.127', '1.0.0.127', CLIENT]) set('servfail', label, '');
    const stage = await ground.stage([`${zone}*5`], { retestMs: 100 });
    for (let tries = 0; tries < 4; tries += 1) {
      expect(briefly(await report(stage))).toEqual(['LIST_UNKNOWN 0']);
      await new Promise((done) => setTimeout(done, 120));
    }
    expect(ground.raised(DEAD)).toContain(`${zone}: no answer (servfail)`);
    ground.dns.set(`1.0.0.127.${zone}`, null);
    set(null, '2.0.0.127', '127.0.0.2');
    set(null, CLIENT, '127.0.0.2');
    await new Promise((done) => setTimeout(done, 120));
    expect(briefly(await report(stage))).toEqual(['LIST_UNKNOWN 0']);
    await new Promise((done) => setTimeout(done, 60));
    expect(briefly(await report(stage))).toEqual(['LIST_CLIENT 5']);
    expect(ground.raised(DEAD)).toBeNull();
  });

  it('after it was good is suspended too once it lists the world, past the cache', async () => {
    const zone = 'parked.example';
    ground.dns.set(`2.0.0.127.${zone}`, { A: ['127.0.0.2'], ttlS: 3_600 });
    const stage = await ground.stage([`${zone}*5`]);
    expect(briefly(await report(stage))).toEqual([]);
    ground.dns.set(`*.${zone}`, { A: ['127.0.0.2'] });
    const [check] = (await stage.check?.(AbortSignal.timeout(2_000))) ?? [];
    expect(check?.detail).toContain('lists everything');
    expect(briefly(await report(stage, { client: OTHER }))).toEqual(['LIST_UNKNOWN 0']);
  });
});

describe('tests of lists', () => {
  it('may be other entries, or none', async () => {
    const listed = { list: 'gone.example*5', testListed: 'unrelated', testUnlisted: '' };
    expect(briefly(await report(await ground.stage([listed])))).toEqual([]);
    const none = { list: 'world.example*5', testListed: '', testUnlisted: '' };
    expect(briefly(await report(await ground.stage([none])))).toEqual(['LIST_CLIENT 5']);
  });

  it('are shared by messages that come at once', async () => {
    ground.dns.forget();
    const stage = await ground.stage(['fine.example']);
    const said = await Promise.all(Array.from({ length: 20 }, () => report(stage)));
    expect(said.flatMap(briefly)).toEqual(Array.from({ length: 20 }, () => 'LIST_CLIENT 1'));
    expect(ground.dns.count('1.0.0.127.fine.example')).toBe(1);
  });

  it('are what doctor shows', async () => {
    const stage = await ground.stage(['fine.example', 'gone.example']);
    const checks = await stage.check?.(AbortSignal.timeout(2_000));
    expect(checks).toMatchObject([
      { name: 'fine.example', state: 'ok' },
      { name: 'gone.example', state: 'fail' },
    ]);
  });
});

describe('a list that begins to list everything', () => {
  it('is found out before a listing counts, once its last test is a minute old', async () => {
    let nowMs = 1_000;
    const [list] = readLists([{ list: 'turning.example', ask: ['client'] }], FILES_ON_DISK);
    if (list === undefined) throw new Error('no list');
    const health = new ListHealth(list, {
      resolver: ground.resolver,
      clock: { now: () => nowMs, monotonicMs: () => nowMs },
      testEveryMs: 900_000,
      retestMs: 60_000,
      onBelief: () => undefined,
      onError: () => undefined,
    });
    const listed = { state: 'listed', codes: ['127.0.0.2'], detail: '' } as const;
    const { signal } = new AbortController();
    ground.dns.set('2.0.0.127.turning.example', { A: ['127.0.0.2'] });
    expect(await health.belief(signal)).toMatchObject({ state: 'believed' });
    ground.dns.set('1.0.0.127.turning.example', { A: ['127.0.0.2'] });
    nowMs += LISTING_TRUST_MS - 1;
    health.note(listed);
    expect(await health.belief(signal)).toMatchObject({ state: 'believed' });
    nowMs += 1;
    health.note({ ...listed, state: 'not-listed' });
    expect(await health.belief(signal)).toMatchObject({ state: 'believed' });
    health.note(listed);
    expect(await health.belief(signal)).toEqual({
      state: 'suspended',
      reason: 'lists everything: 1.0.0.127 gives 127.0.0.2',
    });
    health.close();
  });
});
