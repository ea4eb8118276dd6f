// Whatever stands in signatures, seals and key records: nothing throws, and nothing passes that was not signed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifyArc } from '../../../filters/authentication/arc.js';
import { parseMessage } from '../../../message/parse.js';
import { chained, ZONE } from './sealing.js';
import { MAIL, NOW_MS, RSA, signed, verify, zoneOf } from './signing.js';
import { zoneResolver } from './zone-resolver.js';

/** Offset in the SubjectPublicKeyInfo of an RSA key of 2,048 bits; what stands before it says only what follows. */
const MODULUS_START = 33;
const RUNS = { numRuns: 300 };
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1'));
const tagText = fc
  .array(
    fc.tuple(
      fc.constantFrom('v', 'a', 'b', 'bh', 'c', 'd', 'h', 'i', 'l', 'q', 's', 't', 'x', 'cv', 'p', 'k', '__proto__'),
      bytes,
    ),
  )
  .map((tags) => tags.map(([name, value]) => `${name}=${value}`).join(';'));
const value = fc.oneof(bytes, tagText).map((text) => text.replace(/[\r\n]+/g, '\r\n '));

test('signatures of any bytes', async () => {
  await fc.assert(
    fc.asyncProperty(value, async (text) => {
      const results = await verify(`DKIM-Signature: ${text}\r\n${MAIL}`);
      expect(results).toHaveLength(1);
      expect(results[0]?.result).not.toBe('pass');
      expect(results[0]?.problem).toEqual(expect.any(String));
    }),
    RUNS,
  );
});

test('key records of any bytes', async () => {
  const mail = signed(MAIL);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        bytes,
        tagText,
        bytes.map((text) => `v=DKIM1; p=${Buffer.from(text, 'latin1').toString('base64')}`),
      ),
      async (text) => {
        const [facts] = await verify(mail, zoneOf(text));
        expect(facts?.result).not.toBe('pass');
      },
    ),
    RUNS,
  );
});

test('one byte of the modulus of a key changed', async () => {
  const mail = signed(MAIL);
  const der = Buffer.from(RSA.p, 'base64');
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: MODULUS_START, max: MODULUS_START + 255 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] as number) ^ flip;
        const [facts] = await verify(mail, zoneOf(`v=DKIM1; p=${changed.toString('base64')}`));
        expect(facts?.result).not.toBe('pass');
      },
    ),
    RUNS,
  );
});

test('ARC fields of any bytes, alone and above a good chain', async () => {
  const chain = chained(MAIL, [{ domain: 'list.example' }]);
  const names = fc.constantFrom('ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(names, value), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (fields, above) => {
        const top = fields.map(([name, text]) => `${name}: ${text}\r\n`).join('');
        const facts = await verifyArc({
          message: parseMessage(Buffer.from(top + (above ? chain : MAIL), 'latin1')),
          resolver: zoneResolver(ZONE),
          signal: new AbortController().signal,
          nowMs: NOW_MS,
          trustedSealers: ['list.example'],
          fromDomain: 'example.com',
        });
        expect(facts).toMatchObject({ result: 'fail', trusted: false });
      },
    ),
    RUNS,
  );
});
