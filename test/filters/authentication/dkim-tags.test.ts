// DKIM tags one by one: lengths, and everything that breaks the syntax or the rules must not pass.
import { describe, expect, test } from 'vitest';
import { BODY, MAIL, NOW_S, signed, verify, verifyOne, type SignOptions } from './signing.js';

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
