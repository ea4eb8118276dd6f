// DKIM verification case by case: what passes, and every way in which a signature, a key, a body or a header must not.
import { describe, expect, test } from 'vitest';
import { verifyDkim } from '../../../filters/authentication/dkim.js';
import { countTurns } from './turns.js';
import { parseMessage } from '../../../message/parse.js';
import type { Resolver } from '../../../outside/resolver.js';
import {
  BODY,
  ED25519,
  HEADER,
  MAIL,
  NOW_MS,
  NOW_S,
  RSA,
  rsaKey,
  signed,
  verify,
  verifyOne,
  zoneOf,
  type SignOptions,
} from './signing.js';

const FORMS = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'];

describe('what passes', () => {
  test.each(FORMS)('%s', async (canonicalisation) => {
    expect(await verifyOne(signed(MAIL, { canonicalisation }))).toEqual({
      result: 'pass',
      domain: 'example.com',
      selector: 'sel',
      identity: '@example.com',
      algorithm: 'rsa-sha256',
      keyBits: 2_048,
      signatureStart: expect.stringMatching(/^[A-Za-z0-9+/]{8}$/) as string,
      alignment: 'strict',
      testing: false,
      signedHeaders: ['from', 'to', 'subject', 'date', 'message-id', 'mime-version', 'content-type'],
      problem: null,
    });
  });

  test('Ed25519', async () => {
    const facts = await verifyOne(signed(MAIL, { key: ED25519 }), zoneOf(ED25519.record));
    expect(facts).toMatchObject({ result: 'pass', algorithm: 'ed25519-sha256', keyBits: 256 });
  });

  test.each(
    [
      '',
      '\r\n',
      '\r\n\r\n\r\n',
      '  \t\r\n \r\n',
      'no line end',
      'blanks at the end  ',
      'a\r\n\r\n  \r\n',
      'a\rb\r\n',
      '\0\r\n',
      'é\xff\r\n',
      `${'x'.repeat(300_000)}\r\n`,
    ].flatMap((body) => FORMS.map((form) => [JSON.stringify(body.slice(0, 20)), form, body] as const)),
  )('body %s under %s', async (_, canonicalisation, body) => {
    expect(await verifyOne(signed(`${HEADER}\r\n\r\n${body}`, { canonicalisation }))).toMatchObject({ result: 'pass' });
  });

  test('no body and no empty line', async () => {
    expect(await verifyOne(signed(HEADER + '\r\n'))).toMatchObject({ result: 'pass' });
  });

  test.each(['relaxed/relaxed', 'simple/simple'])(
    'bare line feeds as a file has them, %s',
    async (canonicalisation) => {
      const mail = signed(MAIL, { canonicalisation });
      expect(await verifyOne(mail.replaceAll('\r\n', '\n'))).toMatchObject({ result: 'pass' });
    },
  );

  test('what relaxed allows to change on the way', async () => {
    const mail = signed(MAIL)
      .replace('Subject: The  minutes of\r\n Thursday ', 'SUBJECT:The minutes\r\n\t of   Thursday')
      .replace('here  are the\tminutes. \r\n', 'here are the minutes.\r\n');
    expect(await verifyOne(`${mail}\r\n\r\n`)).toMatchObject({ result: 'pass' });
  });

  test('signatures one above the other, each with its own result', async () => {
    const inner = signed(MAIL);
    const outer = signed(inner, { tags: { d: 'list.example.net' } });
    const zone = { ...zoneOf(RSA.record), 'sel._domainkey.list.example.net': { TXT: [RSA.record] } };
    const results = await verify(outer.replace('here  are', 'here were'), zone);
    expect(results.map(({ result }) => result)).toEqual(['fail', 'fail']);
    const both = await verify(outer, zone);
    expect(both.map(({ result, alignment }) => [result, alignment])).toEqual([
      ['pass', null],
      ['pass', 'strict'],
    ]);
  });

  test('a good one beside a broken one', async () => {
    const results = await verify(signed(signed(MAIL), { tags: { b: 'x', bh: 'AAAA' } }));
    expect(results.map(({ result }) => result)).toEqual(['permerror', 'pass']);
  });

  test('repeated fields are taken from the bottom up', async () => {
    const mail = `Comments: one\r\nComments: two\r\n${MAIL}`;
    expect(await verifyOne(signed(mail, { headers: 'from:comments' }))).toMatchObject({ result: 'pass' });
    expect(await verifyOne(signed(mail, { headers: 'from:comments:comments:comments' }))).toMatchObject({
      result: 'pass',
    });
    const added = signed(mail, { headers: 'from:comments:comments' }).replace(
      'Comments: one',
      'Comments: 0\r\nComments: one',
    );
    expect(await verifyOne(added)).toMatchObject({ result: 'pass' });
    const more = signed(mail, { headers: 'from:comments:comments:comments' }).replace(
      'Comments: one',
      'Comments: 0\r\nComments: one',
    );
    expect(await verifyOne(more)).toMatchObject({ result: 'fail' });
  });

  test('fields named that were not there', async () => {
    expect(await verifyOne(signed(MAIL, { headers: 'from:reply-to:x-none:from' }))).toMatchObject({ result: 'pass' });
  });

  test('h= that names DKIM-Signature leaves the signature itself out', async () => {
    const headers = 'from:dkim-signature:dkim-signature';
    expect(await verifyOne(signed(MAIL, { headers }))).toMatchObject({ result: 'pass' });
    const results = await verify(signed(signed(MAIL), { headers }));
    expect(results.map(({ result }) => result)).toEqual(['pass', 'pass']);
  });

  test.each([
    ['blanks and folds in h=', (field: string) => field.replace('h=from:to', 'h=from\r\n\t : \r\n to')],
    ['a folded bh=', (field: string) => field.replace(/bh=(.{9})/, 'bh=\r\n\t$1 \r\n ')],
    [
      'blanks around every equals and semicolon',
      (field: string) => field.replace(/; /g, ' \t;\r\n ').replace('s=sel', 's = sel'),
    ],
    ['b= in the middle of the field is deleted there alone', (field: string) => field],
    ['unknown tags', (field: string) => field.replace('s=sel', 's=sel; zz=1; x_y=a b c')],
    ['c= with the header form alone', (field: string) => field],
  ])('%s', async (_, rewrite) => {
    for (const canonicalisation of ['relaxed/relaxed', 'simple/relaxed'])
      expect(await verifyOne(signed(MAIL, { canonicalisation, rewrite }))).toMatchObject({ result: 'pass' });
  });

  test('c= absent or with the header form alone means simple for the rest', async () => {
    expect(await verifyOne(signed(MAIL, { canonicalisation: 'simple/simple', tags: { c: null } }))).toMatchObject({
      result: 'pass',
    });
    expect(await verifyOne(signed(MAIL, { canonicalisation: 'relaxed/simple', tags: { c: 'relaxed' } }))).toMatchObject(
      { result: 'pass' },
    );
  });

  test.each<[string, SignOptions['tags'], object]>([
    ['d= in capitals', { d: 'Example.COM' }, { domain: 'example.com', alignment: 'strict' }],
    ['i= below d=', { i: 'ann@mail.example.com' }, { identity: 'ann@mail.example.com' }],
    ['i= in quoted printable', { i: 'a=3Bb@example.com' }, { identity: 'a;b@example.com' }],
    ['q= with a way that is known', { q: 'x/y:dns/txt' }, {}],
    ['t= now and x= later', { t: String(NOW_S), x: String(NOW_S + 1) }, {}],
    ['t= as much ahead as clocks differ', { t: String(NOW_S + 299) }, {}],
    ['z= with copies', { z: 'From:x|To:y=20z' }, {}],
  ])('%s', async (_, tags, facts) => {
    expect(await verifyOne(signed(MAIL, { tags }))).toMatchObject({ result: 'pass', ...facts });
  });

  test('a selector with dots, and a domain in U-labels', async () => {
    const tags = { s: 'a.b_c.2026', d: Buffer.from('bücher.example').toString('latin1') };
    const zone = { 'a.b_c.2026._domainkey.xn--bcher-kva.example': { TXT: [RSA.record] } };
    expect(await verifyOne(signed(MAIL, { tags }), zone)).toMatchObject({
      result: 'pass',
      domain: 'xn--bcher-kva.example',
      selector: 'a.b_c.2026',
    });
  });

  test('l= that covers the whole body', async () => {
    const size = String(BODY.trimEnd().length + 2);
    const options = { canonicalisation: 'simple/simple', tags: { l: size } };
    expect(await verifyOne(signed(MAIL, options))).toMatchObject({ result: 'pass' });
  });
});

describe('what was changed', () => {
  test.each([
    ['a signed field', (mail: string) => mail.replace('minutes of', 'minutes  off')],
    ['the author', (mail: string) => mail.replace('ann@', 'eve@')],
    ['the body', (mail: string) => mail.replace('Dear Bo', 'Dear Eve')],
    ['the body, by one blank at a line start', (mail: string) => mail.replace('\r\nAnn', '\r\n Ann')],
    ['bh=', (mail: string) => mail.replace(/bh=..../, 'bh=AAAA')],
    ['b=', (mail: string) => mail.replace(/b=..../, (value) => `b=${value[2] === 'A' ? 'B' : 'A'}${value.slice(3)}`)],
    ['the signature cut short', (mail: string) => mail.replace(/(\tb=.{60})[^;:]*?\r\n(Received)/s, '$1\r\n$2')],
  ])('%s', async (_, change) => {
    const mail = signed(MAIL);
    expect(change(mail)).not.toBe(mail);
    expect(await verifyOne(change(mail))).toMatchObject({ result: 'fail', problem: expect.any(String) as string });
  });

  test.each(['simple/simple', 'simple/relaxed'])('white space in the header under %s', async (canonicalisation) => {
    const mail = signed(MAIL, { canonicalisation });
    expect(await verifyOne(mail.replace('minutes of\r\n Thursday', 'minutes of Thursday'))).toMatchObject({
      result: 'fail',
    });
  });

  test.each(['relaxed/simple', 'simple/simple'])('white space in the body under %s', async (canonicalisation) => {
    expect(await verifyOne(signed(MAIL, { canonicalisation }).replace('here  are', 'here are'))).toMatchObject({
      result: 'fail',
    });
  });

  test('the message was cut at the size limit: nothing is said', async () => {
    expect(await verifyOne(signed(MAIL), zoneOf(RSA.record), { truncated: true })).toMatchObject({ result: 'neutral' });
  });
});

describe('l=', () => {
  const size = BODY.trimEnd().length + 2;
  const simple = { canonicalisation: 'simple/simple' };

  test('text appended behind what is signed is never a pass', async () => {
    const mail = signed(MAIL, { ...simple, tags: { l: String(size) } });
    expect(await verifyOne(`${mail}Buy now\r\n`)).toMatchObject({
      result: 'policy',
      problem: expect.stringContaining('l=') as string,
    });
  });

  test.each([0, 1, size - 1])('%d bytes, less than the body', async (length) => {
    expect(await verifyOne(signed(MAIL, { ...simple, tags: { l: String(length) } }))).toMatchObject({
      result: 'policy',
    });
  });

  test('more than the body', async () => {
    expect(await verifyOne(signed(MAIL, { ...simple, tags: { l: String(size + 1) } }))).toMatchObject({
      result: 'permerror',
    });
  });

  test('with a body changed in the signed part', async () => {
    const mail = signed(MAIL, { ...simple, tags: { l: String(size) } });
    expect(await verifyOne(mail.replace('Dear', 'Deer'))).toMatchObject({ result: 'fail' });
  });

  test.each(['-1', '1e3', '0x10', '', '1 0', '9'.repeat(77)])('no number: %j', async (l) => {
    expect(
      await verifyOne(
        signed(MAIL, { ...simple, tags: { l: '5' }, rewrite: (field) => field.replace('l=5', `l=${l}`) }),
      ),
    ).toMatchObject({ result: 'permerror' });
  });

  test('many of them cost a bounded number of hashes', async () => {
    let mail = MAIL;
    for (let length = 1; length <= 9; length++) mail = signed(mail, { ...simple, tags: { l: String(length) } });
    const results = await verify(mail);
    expect(results.filter(({ result }) => result === 'policy')).toHaveLength(9);
    expect(results.filter(({ problem }) => problem?.includes('too many') === true)).toHaveLength(3);
  });
});

describe('tags that break the syntax or the rules', () => {
  test.each<[string, SignOptions['tags']]>([
    ['v= missing', { v: null }],
    ['v= of another version', { v: '2' }],
    ['v= with more', { v: '1.0' }],
    ['a= missing', { a: null }],
    ['a= unknown', { a: 'rsa-sha512' }],
    ['a= of another kind than the key', { a: 'ed25519-sha256' }],
    ['d= missing', { d: null }],
    ['d= empty', { d: '' }],
    ['d= with one label', { d: 'localhost' }],
    ['d= with a dot at the end', { d: 'example.com.' }],
    ['d= with a dot before', { d: '.example.com' }],
    ['d= with blanks', { d: 'example .com' }],
    ['d= with NUL', { d: 'example.com\0.example.net' }],
    ['d= with a control', { d: 'example.com\x01' }],
    ['d= with a bare CR', { d: 'example.com\rx' }],
    ['d= with a slash', { d: 'example.com/x' }],
    ['d= with a percent sign', { d: 'example%2ecom' }],
    ['d= an address', { d: '192.0.2.1' }],
    ['d= not UTF-8', { d: 'b\xfccher.example' }],
    ['d= with a label too long', { d: `${'a'.repeat(64)}.com` }],
    ['s= missing', { s: null }],
    ['s= empty', { s: '' }],
    ['s= with NUL', { s: 'sel\0' }],
    ['s= with blanks', { s: 's el' }],
    ['s= with an empty label', { s: 'a..b' }],
    ['bh= missing', { bh: null }],
    ['bh= not base64', { bh: '!!!' }],
    ['c= unknown', { c: 'nofws/simple' }],
    ['c= with three parts', { c: 'relaxed/relaxed/relaxed' }],
    ['q= with an unknown way', { q: 'http/x' }],
    ['t= no number', { t: 'now' }],
    ['x= no number', { x: '-1' }],
    ['x= not after t=', { t: '100', x: '100' }],
    ['i= of another domain', { i: 'ann@example.net' }],
    ['i= of a domain that ends alike', { i: '@evilexample.com' }],
    ['i= above d=', { i: '@com' }],
    ['i= without at', { i: 'example.com' }],
    ['i= with NUL', { i: 'a\0b@example.com' }],
    ['i= with NUL in quoted printable', { i: 'a=00b@example.com' }],
    ['i= with a line end in quoted printable', { i: 'a=0D=0Ab@example.com' }],
    ['i= with broken quoted printable', { i: 'a=zz@example.com' }],
    ['i= with a dot at the end', { i: '@example.com.' }],
  ])('%s', async (_, tags) => {
    expect(await verifyOne(signed(MAIL, { tags }))).toMatchObject({
      result: 'permerror',
      problem: expect.any(String) as string,
    });
  });

  test.each<[string, string]>([
    ['h= missing', 'h='],
    ['h= without From', 'to:subject'],
    ['h= with From only as part of a name', 'x-from:to'],
  ])('%s', async (_, headers) => {
    expect(await verifyOne(signed(MAIL, { headers }))).toMatchObject({ result: 'permerror' });
  });

  test.each<[string, (field: string) => string]>([
    ['h= absent', (field) => field.replace(/h=from[^;]*; /, '')],
    ['a tag twice', (field) => field.replace('s=sel', 's=sel; s=sel')],
    ['d= twice', (field) => field.replace('d=example.com', 'd=example.com; d=example.net')],
    ['an empty tag', (field) => field.replace('s=sel;', 's=sel;;')],
    ['a tag without a value', (field) => field.replace('s=sel;', 's=sel; q;')],
    ['a tag name that is none', (field) => field.replace('s=sel;', 's=sel; 1x=y;')],
    ['tag names in capitals', (field) => field.replace('d=example.com', 'D=example.com')],
    ['a name with NUL', (field) => field.replace('d=example.com', 'd\0=example.com')],
    ['no-break spaces', (field) => field.replace('d=example.com', 'd=example.com\xa0')],
  ])('%s', async (_, rewrite) => {
    expect(await verifyOne(signed(MAIL, { rewrite }))).toMatchObject({ result: 'permerror' });
  });

  test('b= missing, empty or no base64', async () => {
    const mail = signed(MAIL);
    const field = /\tb=[^;:]*?\r\nReceived/s;
    for (const b of ['', '\tb=', '\tb=;', '\tb=!!!'])
      expect(await verifyOne(mail.replace(field, `${b === '' ? '\tz=1' : b}\r\nReceived`))).toMatchObject({
        result: 'permerror',
      });
  });

  test('rsa-sha1 is never a pass', async () => {
    expect(await verifyOne(signed(MAIL, { tags: { a: 'rsa-sha1' } }))).toMatchObject({ result: 'policy' });
  });

  test.each<[string, SignOptions['tags'], string]>([
    ['expired', { x: String(NOW_S - 1) }, 'expired'],
    ['made in the future', { t: String(NOW_S + 301) }, 'future'],
  ])('%s', async (_, tags, word) => {
    const facts = await verifyOne(signed(MAIL, { tags }));
    expect(facts).toMatchObject({ result: 'policy', problem: expect.stringContaining(word) as string });
    expect(await verifyOne(signed(MAIL, { tags }).replace('Dear', 'Deer'))).toMatchObject({ result: 'fail' });
  });

  test('an empty field, and one of nonsense', async () => {
    for (const field of ['DKIM-Signature:', 'DKIM-Signature: hello', 'DKIM-Signature: \0\0;=;=;='])
      expect(await verifyOne(`${field}\r\n${MAIL}`)).toMatchObject({ result: 'permerror', domain: '' });
  });
});

describe('keys', () => {
  const mail = signed(MAIL);
  test.each<[string, readonly (string | readonly string[])[], string]>([
    ['in many strings', [RSA.record.match(/.{1,40}/g) ?? []], 'pass'],
    ['without v= and k=', [`p=${RSA.p}`], 'pass'],
    ['with flags and notes', [`v=DKIM1; h=sha1:sha256; s=email; t=; n=x y; p=${RSA.p};`], 'pass'],
    ['with blanks in p=', [`v=DKIM1; p=${RSA.p.replace(/.{50}/g, '$& ')}`], 'pass'],
    ['beside other records', ['v=spf1 -all', RSA.record, 'hello'], 'pass'],
    ['the second of two', [rsaKey(1_024).record, RSA.record], 'pass'],
    ['beside a revoked one', ['v=DKIM1; p=', RSA.record], 'pass'],
    ['testing', [`${RSA.record}; t=y`], 'pass'],
    ['revoked', ['v=DKIM1; p='], 'permerror'],
    ['no key', ['v=DKIM1; k=rsa'], 'permerror'],
    ['another version', [`v=DKIM2; p=${RSA.p}`], 'permerror'],
    ['v= not first', [`p=${RSA.p}; v=DKIM1`], 'permerror'],
    ['another kind', [`v=DKIM1; k=ed25519; p=${RSA.p}`], 'permerror'],
    ['unknown kind', [`v=DKIM1; k=dsa; p=${RSA.p}`], 'permerror'],
    ['for another hash', [`v=DKIM1; h=sha1; p=${RSA.p}`], 'permerror'],
    ['for another service', [`v=DKIM1; s=tlsrpt; p=${RSA.p}`], 'permerror'],
    ['not base64', ['v=DKIM1; p=????'], 'permerror'],
    ['no DER', ['v=DKIM1; p=AAAA'], 'permerror'],
    ['a tag twice', [`v=DKIM1; p=${RSA.p}; p=${RSA.p}`], 'permerror'],
    ['escaped semicolons', [`v=DKIM1\\; p=${RSA.p}`], 'permerror'],
    ['no key at all', ['v=spf1 -all'], 'permerror'],
    ['of somebody else', [rsaKey(2_048).record], 'fail'],
    ['short', [rsaKey(768).record], 'policy'],
  ])('%s', async (_, records, result) => {
    expect(await verifyOne(mail, zoneOf(...records))).toMatchObject({ result });
  });

  test('1024 bits pass, 1023 and less never', async () => {
    const key = rsaKey(1_024);
    expect(await verifyOne(signed(MAIL, { key }), zoneOf(key.record))).toMatchObject({
      result: 'pass',
      keyBits: 1_024,
    });
    const short = rsaKey(1_016);
    expect(await verifyOne(signed(MAIL, { key: short }), zoneOf(short.record))).toMatchObject({
      result: 'policy',
      keyBits: 1_016,
    });
  });

  test('the least length is a setting', async () => {
    const key = rsaKey(1_024);
    const facts = await verifyOne(signed(MAIL, { key }), zoneOf(key.record), { limits: { rsaBitsMin: 2_048 } });
    expect(facts).toMatchObject({ result: 'policy', keyBits: 1_024 });
  });

  test('RSAPublicKey without its wrapping, as RFC 6376 names it', async () => {
    const { createPublicKey } = await import('node:crypto');
    const p = createPublicKey(RSA.privateKey).export({ type: 'pkcs1', format: 'der' }).toString('base64');
    expect(await verifyOne(mail, zoneOf(`v=DKIM1; p=${p}`))).toMatchObject({ result: 'pass' });
  });

  test('keys whose numbers make no sense, and such as cost too much', async () => {
    const { createPublicKey } = await import('node:crypto');
    const jwk = createPublicKey(RSA.privateKey).export({ format: 'jwk' });
    for (const parts of [
      { e: 'AQ' },
      { e: 'AA' },
      { e: 'Ag' },
      { n: 'gA' + 'A'.repeat(340) },
      { e: 'f'.repeat(300) },
    ]) {
      const p = createPublicKey({ key: { ...jwk, ...parts }, format: 'jwk' }).export({ type: 'spki', format: 'der' });
      const facts = await verifyOne(mail, zoneOf(`v=DKIM1; p=${p.toString('base64')}`));
      expect(['fail', 'permerror']).toContain(facts.result);
    }
  });

  test('t=s refuses identities below the domain', async () => {
    const zone = zoneOf(`${RSA.record}; t=y:s`);
    expect(await verifyOne(signed(MAIL, { tags: { i: '@example.com' } }), zone)).toMatchObject({
      result: 'pass',
      testing: true,
    });
    expect(await verifyOne(signed(MAIL, { tags: { i: '@a.example.com' } }), zone)).toMatchObject({
      result: 'permerror',
    });
  });

  test('absent, and DNS that fails', async () => {
    expect(await verifyOne(mail, {})).toMatchObject({
      result: 'permerror',
      problem: expect.stringContaining('no key') as string,
    });
    expect(await verifyOne(mail, { 'sel._domainkey.example.com': { A: ['192.0.2.1'] } })).toMatchObject({
      result: 'permerror',
    });
    for (const behaviour of ['servfail', 'silent', 'refused'] as const)
      expect(await verifyOne(mail, { 'sel._domainkey.example.com': { behaviour } })).toMatchObject({
        result: 'temperror',
      });
  });

  test('busy, malformed and timed-out answers are temporary, a name that cannot be asked for is not', async () => {
    for (const [status, result] of [
      ['busy', 'temperror'],
      ['malformed', 'temperror'],
      ['timeout', 'temperror'],
      ['invalid', 'permerror'],
    ] as const) {
      const resolver = { lookup: () => Promise.resolve({ status, detail: 'x' }) } as unknown as Resolver;
      expect(await verifyOne(mail, {}, { resolver })).toMatchObject({ result });
    }
  });

  test('out of time', async () => {
    expect(await verifyOne(mail, zoneOf(RSA.record), { signal: AbortSignal.abort() })).toMatchObject({
      result: 'temperror',
    });
  });
});

describe('whom a signature speaks for', () => {
  test.each([
    ['example.com', 'strict'],
    ['mail.example.com', 'relaxed'],
    ['example.net', null],
    ['com', null],
  ])('From in %s', async (domain, alignment) => {
    expect(await verifyOne(signed(MAIL.replace('ann@example.com', `ann@${domain}`)))).toMatchObject({
      result: 'pass',
      alignment,
    });
  });

  test('a public suffix speaks for nobody', async () => {
    const zone = { 'sel._domainkey.co.uk': { TXT: [RSA.record] } };
    for (const domain of ['shop.co.uk', 'co.uk']) {
      const mail = signed(MAIL.replace('ann@example.com', `ann@${domain}`), { tags: { d: 'co.uk' } });
      expect(await verifyOne(mail, zone)).toMatchObject({ result: 'pass', alignment: null });
    }
  });

  test.each([
    ['above', (mail: string) => `From: Eve <eve@example.com>\r\n${mail}`],
    ['below', (mail: string) => mail.replace('\r\n\r\n', '\r\nFrom: Eve <eve@example.com>\r\n\r\n')],
    ['in odd spelling', (mail: string) => `fRoM : Eve <eve@example.com>\r\n${mail}`],
  ])('a second From %s is aligned with nothing', async (_, add) => {
    const facts = await verifyOne(add(signed(MAIL)));
    expect(facts.alignment).toBeNull();
    expect(['pass', 'fail']).toContain(facts.result);
    if (facts.result === 'pass') expect(facts.problem).toContain('from');
  });

  test('a second Subject on top is told', async () => {
    const facts = await verifyOne(`Subject: You won\r\n${signed(MAIL)}`);
    expect(facts).toMatchObject({ result: 'pass', problem: expect.stringContaining('subject') as string });
  });

  test('fields named once more than they stand cannot be added', async () => {
    const headers = 'from:from:subject:subject:to';
    const mail = signed(MAIL, { headers });
    expect(await verifyOne(mail)).toMatchObject({ result: 'pass', problem: null });
    for (const added of ['From: Eve <eve@example.com>', 'Subject: You won'])
      expect(await verifyOne(`${added}\r\n${mail}`)).toMatchObject({ result: 'fail' });
  });
});

describe('bounds', () => {
  test('no signature: nothing is looked up', async () => {
    const resolver = { lookup: () => Promise.reject(new Error('asked')) } as Resolver;
    expect(await verify(MAIL, {}, { resolver })).toEqual([]);
  });

  test('a thousand signatures: ten are looked at, the rest has one entry', async () => {
    const one = signed(MAIL).slice(0, -MAIL.length);
    const results = await verify(`${one.repeat(1_000)}${MAIL}`);
    expect(results).toHaveLength(11);
    expect(results.slice(0, 10).every(({ result }) => result === 'pass')).toBe(true);
    expect(results[10]).toMatchObject({
      result: 'policy',
      problem: expect.stringContaining('990') as string,
      alignment: null,
    });
  });

  test('a header over the limits: what is signed cannot be known', async () => {
    const padding = 'X-Pad: y\r\n'.repeat(2_500);
    expect(await verifyOne(`${signed(MAIL).replace('\r\nFrom', `\r\n${padding}From`)}`)).toMatchObject({
      result: 'permerror',
    });
  });

  const huge: readonly (readonly [string, () => string | Buffer])[] = [
    [
      'a folded header of 1 MB',
      () => signed(`X-Long: a${'\r\n b'.repeat(250_000)}\r\n${MAIL}`, { headers: 'from:x-long' }),
    ],
    ['h= of 1,999 names', () => signed(MAIL, { headers: `from${':x-none'.repeat(1_998)}` })],
    ['h= without end', () => signed(MAIL, { headers: `from${':a'.repeat(400_000)}` })],
    ['semicolons', () => `DKIM-Signature: ${'a=b;'.repeat(200_000)}\r\n${MAIL}`],
    ['blanks in the signature', () => `DKIM-Signature: v=1;${' '.repeat(900_000)}x\r\n${MAIL}`],
    ['folds in the signature', () => `DKIM-Signature: v=1;${'\r\n '.repeat(200_000)}x=1\r\n${MAIL}`],
    ['25 MB of blanks, relaxed', () => bigBody(Buffer.alloc(25_000_000, ' '))],
    [
      '25 MB of empty lines and a word',
      () => bigBody(Buffer.concat([Buffer.alloc(25_000_000, '\r\n'), Buffer.from('x')])),
    ],
    ['25 MB of line feeds', () => bigBody(Buffer.alloc(25_000_000, '\n'))],
    ['25 MB of blanks and letters by turns', () => bigBody(Buffer.alloc(25_000_000, ' a'))],
  ];
  test.each(huge)('%s holds the event loop for a moment only', { timeout: 60_000 }, async (_, make) => {
    const mail = make();
    const message = parseMessage(typeof mail === 'string' ? Buffer.from(mail, 'latin1') : mail);
    // Reading the message is not what is measured.
    expect(message.tokens.bytes).toBe(message.raw);
    const turns = countTurns();
    const resolver = {
      lookup: () => Promise.resolve({ status: 'found', records: [[RSA.record]], ttlS: 9, stale: false }),
    } as unknown as Resolver;
    await verifyDkim({ message, resolver, signal: new AbortController().signal, nowMs: NOW_MS, fromDomain: null });
    const { longestMs, wholeMs } = turns.end();
    if (process.env['WEIR_SHOW'] === '1')
      process.stderr.write(`${_}: ${wholeMs.toFixed(0)} ms of CPU, ${longestMs.toFixed(0)} at once\n`);
    expect(longestMs).toBeLessThan(150);
    expect(wholeMs).toBeLessThan(2_000);
  });
});

function bigBody(body: Buffer): Buffer {
  const field = signed(MAIL).slice(0, -MAIL.length);
  return Buffer.concat([Buffer.from(`${field}${HEADER}\r\n\r\n`, 'latin1'), body]);
}
