// DMARC: where the policy is found, how it is read, what aligns, what a failure leads to.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Author } from '../../../filters/authentication/author.js';
import { DMARC_RECORD_BYTES_MAX, parseDmarcRecord } from '../../../filters/authentication/dmarc-record.js';
import { concludeDmarc, evaluateDmarc, type DmarcInput } from '../../../filters/authentication/dmarc.js';
import type { Zone } from '../../ground/scripted-dns.js';
import { at, evaluate, FIRST, LAST, passing, policy, signal } from './dmarc-ground.js';
import { dkimFacts, spfFacts } from './facts-made.js';
import { zoneResolver } from './zone-resolver.js';

describe('the record', () => {
  it.each([
    ['v=DMARC1; p=none', 'none'],
    ['v=DMARC1;p=quarantine', 'quarantine'],
    ['v=DMARC1; p=reject;', 'reject'],
    ['v = DMARC1 ; p = Reject ; rua=mailto:a@good.test', 'reject'],
    ['v=DMARC1; P=REJECT', 'reject'],
    ['v=DMARC1; rua=mailto:a@good.test; p=reject', 'reject'],
    ['v=DMARC1; p=reject; x=y; ; =; junk', 'reject'],
    ['v=DMARC1; p=no; rua=mailto:a@good.test', 'none'],
    ['v=DMARC1; rua=mailto:a@good.test', 'none'],
    ['v=DMARC1; p=reject; sp=no; rua=mailto:a@good.test', 'none'],
    ['v=DMARC1; p=reject; np=no; rua=https://good.test/r', 'none'],
  ])('%s: %s', async (text, published) => {
    expect(await evaluate(policy(text), 'good.test')).toMatchObject({
      result: 'fail',
      published,
      applied: published,
      recordDomain: 'good.test',
      override: null,
      problem: null,
    });
    expect(await evaluate(policy(text), 'good.test', passing)).toMatchObject({
      result: 'pass',
      published,
      applied: 'none',
    });
  });

  it.each([
    ['v=DMARC1', 'permerror'],
    ['v=DMARC1; p=no', 'permerror'],
    ['v=DMARC1; p=', 'permerror'],
    ['v=DMARC1; p=reject; sp=no', 'permerror'],
    ['v=DMARC1; p=no; rua=a@good.test', 'permerror'],
    ['v=DMARC1; p=reject\xa0', 'permerror'],
    ['v=DMARC1; p=none; p=reject', 'permerror'],
    ['v=DMARC1; v=DMARC1; p=reject', 'permerror'],
    [`v=DMARC1; p=reject; ${'x'.repeat(DMARC_RECORD_BYTES_MAX)}`, 'permerror'],
    ['v=DMARC1 p=reject', 'none'],
    ['v=dmarc1; p=reject', 'none'],
    ['v=DMARC2; p=reject', 'none'],
    ['v=DMARC11; p=reject', 'none'],
    ['p=reject; v=DMARC1', 'none'],
    ['"v=DMARC1; p=reject"', 'none'],
    ['v=spf1 -all', 'none'],
    ['', 'none'],
  ])('%s: %s, whatever passes', async (text, result) => {
    for (const fields of [{}, passing])
      expect(await evaluate(policy(text), 'good.test', fields)).toMatchObject({
        result,
        applied: 'none',
        published: null,
      });
  });

  it('may be split into strings and stand beside other texts', async () => {
    const zone: Zone = { '_dmarc.good.test': { TXT: ['v=spf1 -all', ['v=DM', 'ARC1; p=rej', 'ect'], 'x'] } };
    expect(await evaluate(zone, 'good.test')).toMatchObject({ result: 'fail', published: 'reject' });
  });

  it('that stands twice is none, above too', async () => {
    const twice: Zone = { '_dmarc.good.test': { TXT: ['v=DMARC1; p=reject', 'v=DMARC1; p=reject'] } };
    expect(await evaluate(twice, 'good.test', passing)).toMatchObject({ result: 'none' });
    expect(await evaluate(twice, 'a.good.test')).toMatchObject({ result: 'none' });
    const ends = { '_dmarc.a.good.test': twice['_dmarc.good.test'] ?? {}, ...policy('v=DMARC1; p=reject') };
    expect(await evaluate(ends, 'a.good.test')).toMatchObject({ result: 'none' });
  });

  it.each([
    ['pct=', 100],
    ['pct=-1', 100],
    ['pct=101', 100],
    ['pct=50%', 100],
    ['pct=1e1', 100],
    ['pct=0', 0],
    ['pct=007', 7],
    ['pct=100', 100],
  ])('%s is %i', (tag, pct) => {
    expect(parseDmarcRecord(`v=DMARC1; p=reject; ${tag}`)?.pct).toBe(pct);
  });

  it('of any text never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const record = parseDmarcRecord(`v=DMARC1;${text}`);
        if (record !== null) expect(['none', 'quarantine', 'reject']).toContain(record.p);
      }),
    );
  });
});

describe('where it is found', () => {
  const org = policy('v=DMARC1; p=reject; sp=quarantine');
  it.each([
    ['good.test', org, 'good.test', 'reject'],
    ['a.good.test', org, 'good.test', 'quarantine'],
    ['a.b.c.d.good.test', org, 'good.test', 'quarantine'],
    ['a.good.test', policy('v=DMARC1; p=reject'), 'good.test', 'reject'],
    ['a.good.test', { ...org, ...policy('v=DMARC1; p=none; sp=reject', 'a.good.test') }, 'a.good.test', 'none'],
    ['b.a.good.test', { ...org, ...policy('v=DMARC1; p=none', 'a.good.test') }, 'good.test', 'quarantine'],
    ['a.good.test', { ...org, '_dmarc.a.good.test': { TXT: ['x'] } }, 'good.test', 'quarantine'],
    ['a.good.test', { ...org, '*.a.good.test': { TXT: ['v=spf1 -all'] } }, 'good.test', 'quarantine'],
    ['a.good.test', { '*.good.test': { TXT: ['v=DMARC1; p=reject'] } }, 'a.good.test', 'reject'],
    [
      'good.test',
      { '_dmarc.good.test': { CNAME: 'policies.test' }, 'policies.test': { TXT: ['v=DMARC1; p=reject'] } },
      'good.test',
      'reject',
    ],
    ['www.one.co.uk', policy('v=DMARC1; p=reject', 'one.co.uk'), 'one.co.uk', 'reject'],
    ['co.uk', policy('v=DMARC1; p=reject', 'co.uk'), 'co.uk', 'reject'],
    ['x.one.github.io', policy('v=DMARC1; p=reject', 'one.github.io'), 'one.github.io', 'reject'],
    ['xn--bcher-kva.test', policy('v=DMARC1; p=reject', 'xn--bcher-kva.test'), 'xn--bcher-kva.test', 'reject'],
  ] as [string, Zone, string, string][])('%s', async (domain, zone, recordDomain, published) => {
    expect(await evaluate(zone, domain)).toMatchObject({ result: 'fail', recordDomain, published, applied: published });
  });

  it.each([
    ['good.test', {}],
    ['one.co.uk', policy('v=DMARC1; p=reject', 'co.uk')],
    ['one.github.io', policy('v=DMARC1; p=reject', 'github.io')],
    ['notgood.test', org],
    ['good.test', policy('v=DMARC1; p=reject', 'a.good.test')],
  ] as [string, Zone][])('none for %s', async (domain, zone) => {
    expect(await evaluate(zone, domain)).toMatchObject({
      result: 'none',
      recordDomain: '',
      published: null,
      applied: 'none',
    });
  });

  it('asks two names at most, without np=', async () => {
    const resolver = zoneResolver({});
    await evaluateDmarc({ author: at('a.b.c.good.test'), spf: null, dkim: [], sha256: FIRST, resolver, signal });
    expect(resolver.asked).toEqual(['TXT _dmarc.a.b.c.good.test', 'TXT _dmarc.good.test']);
  });

  it('takes a name too long for its record as one without', async () => {
    const domain = `${`${'x'.repeat(60)}.`.repeat(4)}test`;
    expect(domain.length).toBe(248);
    expect(await evaluate({}, domain)).toMatchObject({ result: 'none' });
  });

  describe('np=, for subdomains that do not exist', () => {
    const zone: Zone = {
      ...policy('v=DMARC1; p=none; sp=quarantine; np=reject'),
      'host.good.test': { A: ['192.0.2.1'] },
      'mail.good.test': { MX: [[1, 'host.good.test']] },
      'alias.good.test': { CNAME: 'gone.test' },
      'down.good.test': { behaviour: 'servfail' },
    };
    it.each([
      ['host.good.test', 'quarantine'],
      ['mail.good.test', 'quarantine'],
      ['alias.good.test', 'quarantine'],
      ['gone.good.test', 'reject'],
      ['good.test', 'none'],
    ])('%s: %s', async (domain, published) => {
      expect(await evaluate(zone, domain)).toMatchObject({ result: 'fail', published });
    });

    it('is a temporary error where DNS does not tell, but for a pass', async () => {
      expect(await evaluate(zone, 'down.good.test')).toMatchObject({
        result: 'temperror',
        applied: 'none',
        published: null,
      });
      expect(await evaluate(zone, 'down.good.test', passing)).toMatchObject({ result: 'pass' });
    });
  });
});

describe('alignment', () => {
  const spf = (domain: string, result: 'pass' | 'fail' | 'softfail' | 'temperror' = 'pass') => ({
    spf: spfFacts(result, { domain }),
  });
  const dkim = (domain: string, result: 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' = 'pass') => ({
    dkim: [dkimFacts(result, { domain })],
  });
  it.each([
    ['p=reject', spf('good.test'), 'pass'],
    ['p=reject', spf('bounce.good.test'), 'pass'],
    ['p=reject; aspf=s', spf('bounce.good.test'), 'fail'],
    ['p=reject; aspf=S', spf('bounce.good.test'), 'fail'],
    ['p=reject; aspf=s', spf('good.test'), 'pass'],
    ['p=reject; aspf=x', spf('bounce.good.test'), 'pass'],
    ['p=reject; adkim=s', spf('bounce.good.test'), 'pass'],
    ['p=reject', spf('other.test'), 'fail'],
    ['p=reject', spf('good.test', 'softfail'), 'fail'],
    ['p=reject', spf('good.test', 'temperror'), 'temperror'],
    ['p=reject', spf('other.test', 'temperror'), 'fail'],
    ['p=reject; aspf=s', spf('a.good.test', 'temperror'), 'fail'],
    ['p=reject', { spf: spfFacts('pass', { domain: 'good.test', scope: 'helo' as const }) }, 'fail'],
    ['p=reject', dkim('good.test'), 'pass'],
    ['p=reject', dkim('mail.good.test'), 'pass'],
    ['p=reject; adkim=s', dkim('mail.good.test'), 'fail'],
    ['p=reject; adkim=s', dkim('GOOD.test'), 'pass'],
    ['p=reject', dkim('test'), 'fail'],
    ['p=reject', dkim('good.test', 'policy'), 'fail'],
    ['p=reject', dkim('good.test', 'neutral'), 'fail'],
    ['p=reject', dkim('good.test', 'temperror'), 'temperror'],
    ['p=reject', dkim('other.test', 'temperror'), 'fail'],
    ['p=reject', { ...spf('good.test', 'temperror'), ...dkim('good.test') }, 'pass'],
    ['p=reject', { ...spf('good.test'), ...dkim('good.test', 'temperror') }, 'pass'],
    [
      'p=reject',
      { dkim: [dkimFacts('pass', { domain: 'other.test' }), dkimFacts('fail', { domain: 'good.test' })] },
      'fail',
    ],
    [
      'p=reject',
      { dkim: [dkimFacts('fail', { domain: 'good.test' }), dkimFacts('pass', { domain: 'good.test' })] },
      'pass',
    ],
  ] as [string, Partial<DmarcInput>, string][])('%s with %j: %s', async (tags, fields, result) => {
    const facts = await evaluate(policy(`v=DMARC1; ${tags}`), 'good.test', fields);
    expect(facts.result).toBe(result);
    expect(facts.alignedSpf || facts.alignedDkim).toBe(result === 'pass');
    expect(facts.applied).toBe(result === 'fail' ? 'reject' : 'none');
  });

  it('holds between subdomains of one organisation, not across public suffixes', async () => {
    expect(await evaluate(policy('v=DMARC1; p=reject', 'one.co.uk'), 'a.one.co.uk', spf('b.one.co.uk'))).toMatchObject({
      result: 'pass',
    });
    expect(await evaluate(policy('v=DMARC1; p=reject', 'one.co.uk'), 'one.co.uk', spf('two.co.uk'))).toMatchObject({
      result: 'fail',
    });
    const host = policy('v=DMARC1; p=reject', 'one.github.io');
    expect(await evaluate(host, 'one.github.io', dkim('two.github.io'))).toMatchObject({ result: 'fail' });
    expect(await evaluate(host, 'one.github.io', dkim('github.io'))).toMatchObject({ result: 'fail' });
  });
});

describe('what a failure leads to', () => {
  const fail = (tags: string, fields: Partial<DmarcInput> = {}) =>
    evaluate(policy(`v=DMARC1; ${tags}`), 'good.test', fields);
  const local = (to: 'none' | 'quarantine' | 'reject') => ({
    localPolicy: (domain: string) => (domain === 'good.test' ? to : null),
  });
  it.each([
    ['p=reject; pct=100', { sha256: LAST }, 'reject', null],
    ['p=reject; pct=99', { sha256: LAST }, 'quarantine', 'sampled-out'],
    ['p=quarantine; pct=99', { sha256: LAST }, 'none', 'sampled-out'],
    ['p=none; pct=0', { sha256: LAST }, 'none', null],
    ['p=reject; pct=0', { sha256: FIRST }, 'quarantine', 'sampled-out'],
    ['p=reject; pct=1', { sha256: FIRST }, 'reject', null],
    ['p=reject; t=y', {}, 'quarantine', 'sampled-out'],
    ['p=reject; t=y; pct=0', { sha256: LAST }, 'quarantine', 'sampled-out'],
    ['p=reject; t=n', {}, 'reject', null],
    ['p=reject', local('none'), 'none', 'local-policy'],
    ['p=none', local('reject'), 'reject', 'local-policy'],
    ['p=reject; pct=0', local('reject'), 'reject', null],
    ['p=reject', { rescuedBy: 'trusted-arc' as const }, 'none', 'trusted-arc'],
    ['p=quarantine', { rescuedBy: 'trusted-forwarder' as const }, 'none', 'trusted-forwarder'],
    ['p=none', { rescuedBy: 'trusted-arc' as const }, 'none', null],
    ['p=none', { ...local('reject'), rescuedBy: 'trusted-arc' as const }, 'none', 'trusted-arc'],
    ['p=reject', { rescuedBy: null }, 'reject', null],
  ] as [string, Partial<DmarcInput>, string, string | null][])(
    '%s %j: %s by %s',
    async (tags, fields, applied, override) => {
      expect(await fail(tags, fields)).toMatchObject({ result: 'fail', applied, override });
    },
  );

  it('samples the stated share, the same message the same way', async () => {
    let asked = 0;
    for (let at = 0; at < 400; at++) {
      const sha256 = ((at * 2_654_435_761) >>> 0).toString(16).padStart(8, '0').padEnd(64, '0');
      const { applied } = await fail('p=reject; pct=25', { sha256 });
      expect((await fail('p=reject; pct=25', { sha256 })).applied).toBe(applied);
      if (applied === 'reject') asked++;
    }
    expect(asked).toBeGreaterThan(60);
    expect(asked).toBeLessThan(140);
  });

  it('a local policy holds for a domain that publishes none, and only then judges it', async () => {
    expect(await evaluate({}, 'good.test', local('reject'))).toMatchObject({
      result: 'fail',
      published: null,
      applied: 'reject',
      override: 'local-policy',
      recordDomain: '',
    });
    expect(await evaluate({}, 'good.test', { ...local('reject'), ...passing })).toMatchObject({
      result: 'pass',
      applied: 'none',
    });
    expect(await evaluate({}, 'other.test', local('reject'))).toMatchObject({ result: 'none', applied: 'none' });
  });

  describe('without an author', () => {
    const unclear = (claimed: readonly string[], fields: Partial<DmarcInput> = {}, zone: Zone = ZONE) =>
      evaluate(zone, '', { author: { domain: null, problem: 'several', claimed }, ...fields });
    const ZONE: Zone = {
      ...policy('v=DMARC1; p=reject'),
      ...policy('v=DMARC1; p=quarantine', 'middle.test'),
      ...policy('v=DMARC1; p=none', 'mild.test'),
      '_dmarc.down.test': { behaviour: 'servfail' },
    };
    it.each([
      ['none claimed', [], {}, 'permerror', 'none', ''],
      ['one without a policy', ['plain.test'], {}, 'permerror', 'none', ''],
      ['one whose policy asks for nothing', ['mild.test'], {}, 'permerror', 'none', ''],
      ['one whose policy asks for refusal', ['good.test'], {}, 'fail', 'reject', 'good.test'],
      ['several: the strictest', ['mild.test', 'middle.test', 'good.test'], {}, 'fail', 'reject', 'good.test'],
      ['several: one of them passes', ['good.test', 'middle.test'], passing, 'fail', 'quarantine', 'middle.test'],
      ['one that passes', ['good.test'], passing, 'permerror', 'none', ''],
      ['one that DNS does not tell', ['down.test'], {}, 'permerror', 'none', ''],
      ['one for which somebody vouches', ['good.test'], { rescuedBy: 'trusted-arc' as const }, 'permerror', 'none', ''],
    ] as [string, string[], Partial<DmarcInput>, string, string, string][])(
      '%s',
      async (_what, claimed, fields, result, applied, domain) => {
        const facts = await unclear(claimed, fields);
        expect(facts).toMatchObject({ result, applied, domain, alignedSpf: false, alignedDkim: false });
        expect(facts.problem).toMatch(/From field/);
      },
    );

    it('nothing passes, whatever did', () => {
      const author: Author = { domain: null, problem: 'repeated' };
      const facts = concludeDmarc({ ...passing, author, dkim: [dkimFacts('pass')], sha256: FIRST }, new Map());
      expect(facts).toMatchObject({ result: 'permerror', applied: 'none', alignedSpf: false, alignedDkim: false });
    });
  });
});
