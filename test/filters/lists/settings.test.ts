// The settings of `lists`: what is refused beyond their form, with the place of the mistake; what is known of well-known
// lists; the lines of doctor on own addresses.
import { describe, expect, it } from 'vitest';
import { AttachedSnapshot } from '../../../config/attached.js';
import { KNOWN_LISTS, knownList, SUBJECT_KINDS } from '../../../lists/known.js';
import { readLists } from '../../../lists/list.js';
import { reverseAddress } from '../../../lists/question.js';
import { checkListsSettings, type ListsSettings, type SiteSettings } from '../../../filters/lists/settings.js';
import { parseFilter, parseSite } from '../../../lists/site.js';
import { addressList, makeSettings, startLists } from './ground.js';

const files = new AttachedSnapshot([
  [JSON.stringify(['/good', '.key']), { files: [{ file: '/good', text: 'abc-123\n' }] }],
  [JSON.stringify(['/bad', '.key']), { files: [{ file: '/bad', text: 'a b\n' }] }],
]);

const objections = (sites: readonly (string | Partial<SiteSettings>)[], more: Partial<ListsSettings> = {}) =>
  checkListsSettings(makeSettings(sites, more), files).map(({ path }) => path.join('.'));

describe('settings of lists', () => {
  it('are taken when they are good', () => {
    const site = { list: '{key}.bl.example=127.0.0.2*-3', keyFile: '/good', errors: ['127.0.0.255'] };
    const more = { ownAddresses: ['203.0.113.1'], skipNetworks: ['192.0.2.0/24'], skipDomains: ['bücher.example'] };
    expect(objections([site], { ...more, ownCheckLists: ['bl.example'] })).toEqual([]);
  });

  it.each([
    ['a list that is none', ['bl.example', 'b l'], {}, 'sites.2.list'],
    ['a key without a place', [{ list: 'bl.example', keyFile: '/good' }], {}, 'sites.1.list'],
    ['a place without a key', ['{key}.bl.example'], {}, 'sites.1.list'],
    ['a file without a key', [{ list: '{key}.bl.example', keyFile: '/bad' }], {}, 'sites.1.keyFile'],
    ['an error code that is no filter', [{ list: 'bl.example', errors: ['127'] }], {}, 'sites.1.errors'],
    ['a policy code that is no filter', [{ list: 'bl.example', policy: ['x'] }], {}, 'sites.1.policy'],
    ['a policy list for hops', [{ list: 'pbl.spamhaus.org', ask: ['received' as const] }], {}, 'sites.1.ask'],
    ['an own address that is none', [], { ownAddresses: ['mx.example'] }, 'ownAddresses.1'],
    ['an own list that is none', [], { ownCheckLists: ['bl.example', '*'] }, 'ownCheckLists.2'],
    ['a network that is none', [], { skipNetworks: ['192.0.2.0/33'] }, 'skipNetworks.1'],
    ['a domain that is none', [], { skipDomains: ['a b'] }, 'skipDomains.1'],
  ])('are refused for %s', (_, sites, more, place) => {
    expect(objections(sites, more)).toEqual([place]);
  });

  it('name no key in what is shown of a list', () => {
    const [list] = readLists([{ list: '{key}.bl.example', ask: ['client'], keyFile: '/good' }], files);
    expect(list).toMatchObject({ name: 'bl.example', zone: 'abc-123.bl.example' });
  });
});

describe('the test entries', () => {
  const tests = (site: Partial<SiteSettings>) => {
    const [list] = readLists([{ list: 'bl.example', ask: ['client'], ...site }], files);
    return [list?.testListed, list?.testUnlisted];
  };

  it('are those of RFC 5782 §5, by what the list is asked about', () => {
    expect(tests({})).toEqual(['2.0.0.127', '1.0.0.127']);
    expect(tests({ ask: ['sender', 'url'] })).toEqual(['test', 'invalid']);
    expect(tests({ ipv4: false })).toEqual([reverseAddress6('7f00:2'), reverseAddress6('7f00:1')]);
  });

  it('may be set, and are known of some lists', () => {
    expect(tests({ testListed: 'here', testUnlisted: '' })).toEqual(['here', '']);
    expect(tests({ list: 'multi.surbl.org', ask: ['url'] })).toEqual(['surbl-org-permanent-test-point.com', 'invalid']);
  });

  /** ::ffff:x, whose reading as IPv4 must not apply here. */
  function reverseAddress6(end: string): string {
    return reverseAddress(`::fffe:${end}`).replace('e.f.f.f', 'f.f.f.f');
  }
});

describe('well-known lists', () => {
  it('can be set as they are shown, and know their own codes', () => {
    for (const known of KNOWN_LISTS) {
      expect(typeof parseSite(known.site), known.zone).toBe('object');
      const filters = [...known.codes.map(([filter]) => filter), ...(known.errors ?? []), ...(known.policy ?? [])];
      for (const filter of filters) expect(parseFilter(filter), `${known.zone} ${filter}`).not.toBeNull();
      expect(known.ask.every((kind) => SUBJECT_KINDS.includes(kind))).toBe(true);
      const site = { list: known.site, ask: [...known.ask] };
      expect(checkListsSettings(makeSettings([site]), files), known.zone).toEqual([]);
    }
  });

  it('are found by their zone, with a key before it too, and not by a likeness', () => {
    expect(knownList('zen.spamhaus.org')?.policy).toEqual(['127.0.0.[10..11]']);
    expect(knownList('abc.zen.dq.spamhaus.net')?.zone).toBe('zen.spamhaus.org');
    expect(knownList('notzen.spamhaus.org')).toBeNull();
  });
});

describe('doctor on own addresses', async () => {
  const ground = await startLists({
    ...addressList('bl.example', { '25.113.0.203': ['127.0.0.2'] }),
    '*.dead.example': { behaviour: 'servfail' },
  });
  const check = async (more: Partial<ListsSettings>, sites: readonly string[] = []) => {
    const stage = await ground.stage(sites, more);
    const lines = (await stage.check?.(AbortSignal.timeout(5_000))) ?? [];
    return lines.filter(({ name }) => name.startsWith('own address')).map(({ state, detail }) => `${state}: ${detail}`);
  };

  it('tells listed, clean and unknown apart', async () => {
    expect(await check({})).toEqual([]);
    expect(await check({ ownAddresses: ['203.0.113.25', '203.0.113.26'] }, ['bl.example'])).toEqual([
      'fail: listed by bl.example (127.0.0.2)',
      'ok: on none of 1 lists',
    ]);
    const unknown = { ownAddresses: ['203.0.113.26'], ownCheckLists: ['bl.example', 'dead.example'] };
    expect(await check(unknown)).toEqual([
      'warn: on none of 1 lists; not known of dead.example (no answer (servfail))',
    ]);
    expect(await check({ ownAddresses: ['203.0.113.26'] })).toEqual([
      'warn: no list to check them against: set `lists.ownCheckLists`',
    ]);
  });
});
