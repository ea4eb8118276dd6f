// DKIM verification: what passes in every form, what a change on the way does, and whom a signature speaks for.
import { describe, expect, test } from 'vitest';
import {
  BODY,
  ED25519,
  HEADER,
  MAIL,
  NOW_S,
  RSA,
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
