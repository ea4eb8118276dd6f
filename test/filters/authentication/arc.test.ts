// ARC chains beyond the public suite: whose word is believed, what DNS failures mean, changes on the way, bounds; and the
// same chains judged by dkimpy.
import { describe, expect, test } from 'vitest';
import { verifyArc, type ArcInput } from '../../../filters/authentication/arc.js';
import { ARC_BYTES_MAX } from '../../../filters/authentication/arc-chain.js';
import { fromDomain } from '../../../filters/authentication/author.js';
import type { ArcFacts } from '../../../filters/authentication/facts.js';
import { statedResult } from '../../../filters/authentication/stated-results.js';
import { parseMessage } from '../../../message/parse.js';
import { runDkimpy } from '../../ground/dkimpy.js';
import { requirePackage } from '../../ground/packages.js';
import { chained, KEYS, sealed, ZONE } from './sealing.js';
import { ED25519, MAIL, NOW_MS, RSA } from './signing.js';
import { countTurns } from './turns.js';
import { zoneResolver } from './zone-resolver.js';

async function verify(mail: string, more: Partial<ArcInput> = {}): Promise<ArcFacts> {
  const message = parseMessage(Buffer.from(mail, 'latin1'));
  return verifyArc({
    message,
    resolver: zoneResolver(ZONE),
    signal: new AbortController().signal,
    nowMs: NOW_MS,
    trustedSealers: [],
    fromDomain: fromDomain(message).domain,
    ...more,
  });
}

const NONE: ArcFacts = { result: 'none', instances: 0, sealer: '', trusted: false, statedDmarc: null, problem: null };
const DMARC_PASS = 'spf=fail; dkim=none; dmarc=pass header.from=example.com';
const DMARC_FAIL = 'spf=fail; dmarc=fail header.from=example.com';

describe('chains', () => {
  test('none', async () => {
    expect(await verify(MAIL)).toEqual(NONE);
  });

  test.each([1, 2, 3, 50])('%d sets pass', async (count) => {
    const mail = chained(
      MAIL,
      Array.from({ length: count }, () => ({ domain: 'list.example' })),
    );
    expect(await verify(mail)).toEqual({ ...NONE, result: 'pass', instances: count, sealer: 'list.example' });
  });

  test('RSA and Ed25519 by turns', async () => {
    const mail = chained(MAIL, [
      { domain: 'list.example' },
      { domain: 'ed.example', key: ED25519 },
      { domain: 'a.test' },
    ]);
    expect(await verify(mail)).toMatchObject({ result: 'pass', instances: 3 });
  });

  test.each<[string, (mail: string) => string]>([
    ['the body', (mail) => mail.replace('Dear Bo', 'Dear Eve')],
    ['the author', (mail) => mail.replace('ann@', 'eve@')],
    ['a second author on top', (mail) => `From: eve@example.com\r\n${mail}`],
    ['an old statement', (mail) => mail.replace('i=1; mx.list.example;', 'i=1; mx.other.example;')],
    ['the newest statement', (mail) => mail.replace('i=3; mx.list.example;', 'i=3; mx.other.example;')],
    [
      'an old signature field',
      (mail) => mail.replace(/(ARC-Message-Signature: a=rsa-sha256;[^:]*?bh=)....(?![^]*?i=3)/, '$1AAAA'),
    ],
    ['an old seal', (mail) => mail.replace(/(ARC-Seal: a=rsa-sha256;\s+b=)....(?=[^;]*;\s+cv=none)/, '$1AAAA')],
    ['the newest seal', (mail) => mail.replace(/(ARC-Seal: a=rsa-sha256;\s+b=)..../, '$1AAAA')],
    ['the newest set taken away', (mail) => withoutSet(mail, 3)],
    ['the oldest set taken away', (mail) => withoutSet(mail, 1)],
    ['a set in the middle taken away', (mail) => withoutSet(mail, 2)],
    [
      'seals exchanged',
      (mail) =>
        mail
          .replace(/cv=none/, 'cv=hold')
          .replace('cv=pass', 'cv=none')
          .replace('cv=hold', 'cv=pass'),
    ],
  ])('changed: %s', async (name, change) => {
    const whole = chained(MAIL, [{ domain: 'list.example' }, { domain: 'a.test' }, { domain: 'list.example' }]);
    expect(await verify(whole)).toMatchObject({ result: 'pass' });
    const changed = change(whole);
    expect(changed).not.toBe(whole);
    // The sets below the newest still cover the message where nothing else was changed since.
    const result = name === 'the newest set taken away' ? 'pass' : 'fail';
    expect(await verify(changed)).toMatchObject({
      result,
      ...(result === 'fail' && { problem: expect.any(String) as string }),
    });
  });

  test('what hosts add above and around does no harm', async () => {
    const mail = chained(MAIL, [{ domain: 'list.example' }]);
    const added = `Return-Path: <ann@example.com>\r\nDelivered-To: bo@example.org\r\nReceived: from x\r\n\tby y\r\nX-Spam-Flag: NO\r\n${mail}`;
    expect(await verify(added)).toMatchObject({ result: 'pass' });
    expect(await verify(added.replaceAll('\r\n', '\n'))).toMatchObject({ result: 'pass' });
  });

  test('DNS that fails is told apart from a chain that fails', async () => {
    const mail = chained(MAIL, [{ domain: 'list.example' }, { domain: 'a.test' }]);
    for (const name of Object.keys(ZONE).filter((one) => /list|a\.test/.test(one))) {
      const silent = zoneResolver({ ...ZONE, [name]: { behaviour: 'servfail' } });
      expect(await verify(mail, { resolver: silent })).toMatchObject({ result: 'fail', temporary: true });
      const absent = await verify(mail, { resolver: zoneResolver({ ...ZONE, [name]: {} }) });
      expect(absent.result).toBe('fail');
      expect(absent.temporary).toBeUndefined();
    }
    expect(await verify(mail, { signal: AbortSignal.abort() })).toMatchObject({ result: 'fail', temporary: true });
    expect(await verify(mail, { truncated: true })).toMatchObject({ result: 'fail', temporary: true });
  });
});

describe('whose word is believed', () => {
  const chain = (...sets: readonly (readonly [domain: string, results: string])[]) =>
    chained(
      MAIL,
      sets.map(([domain, results]) => ({ domain, results })),
    );

  test.each<[string, readonly string[], boolean]>([
    ['nobody', [], false],
    ['another', ['a.test'], false],
    ['the sealer', ['list.example'], true],
    ['the sealer in capitals', ['LIST.example'], true],
    ['what is below', ['*.example'], true],
    ['what is below the sealer', ['*.list.example'], false],
    ['a name that ends alike', ['st.example'], false],
    ['no domain name', ['*', 'list example', ''], false],
  ])('trusted: %s', async (_, trustedSealers, trusted) => {
    const facts = await verify(chain(['list.example', DMARC_PASS]), { trustedSealers });
    expect(facts).toMatchObject({ result: 'pass', trusted, statedDmarc: trusted ? 'pass' : null });
  });

  test('the earliest of those trusted without a gap from the newest', async () => {
    const trustedSealers = ['list.example', 'a.test'];
    const own = chain(['list.example', DMARC_PASS], ['a.test', DMARC_FAIL]);
    expect(await verify(own, { trustedSealers })).toMatchObject({ trusted: true, statedDmarc: 'pass' });
    const behindStranger = chain(['evil.test', DMARC_PASS], ['list.example', DMARC_FAIL], ['a.test', DMARC_PASS]);
    expect(await verify(behindStranger, { trustedSealers })).toMatchObject({ trusted: true, statedDmarc: 'fail' });
    const strangerBetween = chain(['list.example', DMARC_PASS], ['evil.test', DMARC_PASS], ['a.test', DMARC_FAIL]);
    expect(await verify(strangerBetween, { trustedSealers })).toMatchObject({ trusted: true, statedDmarc: 'fail' });
    const strangerLast = chain(['list.example', DMARC_PASS], ['evil.test', DMARC_PASS]);
    expect(await verify(strangerLast, { trustedSealers })).toMatchObject({
      result: 'pass',
      trusted: false,
      statedDmarc: null,
    });
  });

  test('a failing chain is trusted never', async () => {
    const mail = chain(['list.example', DMARC_PASS]).replace('Dear Bo', 'Dear Eve');
    expect(await verify(mail, { trustedSealers: ['list.example'] })).toMatchObject({
      result: 'fail',
      trusted: false,
      statedDmarc: null,
    });
  });

  test.each([
    ['of another author', 'dmarc=pass header.from=example.net', null],
    ['of this author in capitals', 'dmarc=pass header.from=EXAMPLE.com', 'pass'],
    ['of no author named', 'dmarc=pass (p=none)', 'pass'],
    ['only in a comment', 'spf=fail (; dmarc=pass )', null],
    ['only in quotes', 'spf=fail reason="; dmarc=pass"', null],
    ['only as part of a name', 'x-dmarc=pass', null],
    ['twice, not the same', 'dmarc=pass; dmarc=fail', null],
    ['twice, the same', 'dmarc=pass; dmarc=pass', 'pass'],
    ['with an open comment', 'dmarc=pass (', null],
    ['none', 'none', null],
  ])('a statement %s', async (_, results, statedDmarc) => {
    const facts = await verify(chain(['list.example', results]), { trustedSealers: ['list.example'] });
    expect(facts).toMatchObject({ result: 'pass', trusted: true, statedDmarc });
  });

  test('a signature that leaves From out vouches for no author', async () => {
    const mail = chained(MAIL, [{ domain: 'list.example', results: DMARC_PASS, headersToSign: ['to', 'subject'] }]);
    const forged = mail.replace('ann@example.com', 'eve@example.com');
    expect(await verify(forged, { trustedSealers: ['list.example'] })).toMatchObject({
      result: 'pass',
      trusted: false,
      statedDmarc: null,
    });
  });

  test('two authors: nobody is vouched for', async () => {
    const mail = chained(MAIL, [{ domain: 'list.example', results: DMARC_PASS, headersToSign: ['from', 'to'] }]);
    const forged = `From: eve@example.com\r\n${mail}`;
    expect(await verify(forged, { trustedSealers: ['list.example'] })).toMatchObject({
      result: 'pass',
      trusted: false,
      statedDmarc: null,
    });
  });
});

test('statements are read as RFC 8601 writes them', () => {
  const read = (text: string) => statedResult(` i=1; mx.test; ${text}`, 'dmarc')?.result ?? null;
  expect(read('dmarc=pass')).toBe('pass');
  expect(read('DMARC/1=Pass')).toBe('pass');
  expect(read('spf=pass (a \\) ; dmarc=fail);\r\n\tdmarc=fail')).toBe('fail');
  expect(read('dmarc')).toBeNull();
  expect(read('dmarc=')).toBeNull();
  expect(statedResult(' i=1; dmarc=pass', 'dmarc')).toBeNull();
  expect(statedResult(' i=1; mx (; dmarc=pass)', 'dmarc')).toBeNull();
  expect(statedResult(` i=1; mx; ${'('.repeat(60_000)}`, 'dmarc')).toBeNull();
});

describe('bounds', () => {
  test.each<[string, () => string]>([
    [
      '51 sets',
      () =>
        `${sealedSetNumbered(51)}${chained(
          MAIL,
          Array.from({ length: 50 }, () => ({ domain: 'list.example' })),
        )}`,
    ],
    ['ten thousand seals', () => `${'ARC-Seal: i=1; cv=none\r\n'.repeat(1_990)}${MAIL}`],
    ['a huge statement', () => `ARC-Authentication-Results: i=1; ${'a'.repeat(ARC_BYTES_MAX)}\r\n${MAIL}`],
    ['tags without end', () => `ARC-Seal: ${'a=b;'.repeat(60_000)}\r\n${MAIL}`],
    ['nothing in it', () => `ARC-Seal:\r\nARC-Message-Signature:\r\nARC-Authentication-Results:\r\n${MAIL}`],
    ['names of prototypes', () => `ARC-Seal: i=1; __proto__=x; constructor=y; toString=z\r\n${MAIL}`],
  ])('%s', async (_, make) => {
    const facts = await verify(make());
    expect(facts).toMatchObject({ result: 'fail', problem: expect.any(String) as string });
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('50 sets as long as are taken hold the event loop for a moment only', async () => {
    const results = `spf=pass reason="${'x'.repeat(4_000)}"`;
    const mail = chained(
      MAIL,
      Array.from({ length: 50 }, () => ({ domain: 'list.example', results })),
    );
    const turns = countTurns();
    expect(await verify(mail)).toMatchObject({ result: 'pass', instances: 50 });
    const { longestMs, wholeMs } = turns.end();
    expect(longestMs).toBeLessThan(500);
    expect(wholeMs).toBeLessThan(3_000);
  });
});

describe.skipIf(!requirePackage('python3-dkim', 'python3-authres'))('dkimpy', () => {
  const keys = Object.fromEntries(
    Object.entries(KEYS).map(([domain, key]) => [`sel._domainkey.${domain}`, key.record]),
  );

  test('takes our seals for whole, and sees what was changed', () => {
    const mails = [
      chained(MAIL, [{ domain: 'list.example' }]),
      chained(MAIL, [{ domain: 'list.example' }, { domain: 'a.test' }, { domain: 'list.example' }]),
    ];
    const changed = mails.map((mail) => mail.replace('Dear Bo', 'Dear Eve'));
    const results = runDkimpy([...mails, ...changed].map((message) => ({ do: 'verify-arc', message, keys })));
    expect(results).toEqual(['pass', 'pass', 'fail', 'fail']);
  });

  test('seals what we take for whole, above our own seals too', async () => {
    for (const mail of [MAIL, chained(MAIL, [{ domain: 'list.example' }])]) {
      const stated = `Authentication-Results: mx.a.test; arc=${mail === MAIL ? 'none' : 'pass'}; dmarc=pass\r\n${mail}`;
      const [set = ''] = runDkimpy([
        { do: 'seal', message: stated, domain: 'a.test', selector: 'sel', key: RSA.pem, authservId: 'mx.a.test' },
      ]);
      const facts = await verify(set + stated, { trustedSealers: ['a.test'], nowMs: Date.now() });
      expect(facts).toMatchObject({
        result: 'pass',
        trusted: true,
        statedDmarc: 'pass',
        instances: mail === MAIL ? 1 : 2,
      });
      const onTop = sealed(set + stated, { domain: 'list.example' });
      expect(await verify(onTop, { nowMs: Date.now() })).toMatchObject({ result: 'pass', sealer: 'list.example' });
    }
  });
});

/** The fields of a set with that instance, well-formed and no more. */
function sealedSetNumbered(instance: number): string {
  return [
    `ARC-Seal: i=${instance}; a=rsa-sha256; cv=pass; d=a.test; s=sel; b=AAAA`,
    `ARC-Message-Signature: i=${instance}; a=rsa-sha256; d=a.test; s=sel; h=from; bh=AAAA; b=AAAA`,
    `ARC-Authentication-Results: i=${instance}; a.test; none\r\n`,
  ].join('\r\n');
}

function withoutSet(mail: string, instance: number): string {
  const cut = mail.indexOf('\r\n\r\n');
  const fields = mail.slice(0, cut).split(/\r\n(?![ \t])/);
  const kept = fields.filter((field) => !(field.startsWith('ARC-') && new RegExp(`[ \\t]i=${instance};`).test(field)));
  return kept.join('\r\n') + mail.slice(cut);
}
