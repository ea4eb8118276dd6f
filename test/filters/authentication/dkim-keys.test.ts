// DKIM keys: records as they are published, such as must not serve, and a DNS that fails.
import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Resolver } from '../../../outside/resolver.js';
import { MAIL, RSA, rsaKey, signed, verifyOne, zoneOf } from './signing.js';

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
    const p = createPublicKey(RSA.privateKey).export({ type: 'pkcs1', format: 'der' }).toString('base64');
    expect(await verifyOne(mail, zoneOf(`v=DKIM1; p=${p}`))).toMatchObject({ result: 'pass' });
  });

  test('keys whose numbers make no sense, and such as cost too much', async () => {
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
