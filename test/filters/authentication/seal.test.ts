// Sealing: what a set looks like, when there must be none, and which keys will do.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifyArc } from '../../../filters/authentication/arc.js';
import { createSealer } from '../../../filters/authentication/seal.js';
import { parseMessage } from '../../../message/parse.js';
import type { Edit } from '../../../pipeline/answer.js';
import { applyEdits } from '../../../pipeline/edits.js';
import type { SealBasis } from '../../../pipeline/stage.js';
import { chained, ZONE } from './sealing.js';
import { ED25519, HEADER, MAIL, NOW_MS, RSA, rsaKey, signed } from './signing.js';
import { zoneResolver } from './zone-resolver.js';

const BASIS: SealBasis = {
  authservId: 'mx.list.example',
  results: 'spf=pass; dmarc=pass',
  chain: 'none',
  instances: 0,
};
const sealer = createSealer({ domain: 'list.example', selector: 'sel', privateKeyPem: RSA.pem });

function seal(mail: string, basis: Partial<SealBasis> = {}): readonly Edit[] {
  return sealer.seal(Buffer.from(mail, 'latin1'), { ...BASIS, ...basis }, NOW_MS);
}

function apply(mail: string, edits: readonly Edit[]): string {
  return applyEdits(Buffer.from(mail, 'latin1'), edits).toString('latin1');
}

async function verify(mail: string): Promise<string> {
  const facts = await verifyArc({
    message: parseMessage(Buffer.from(mail, 'latin1')),
    resolver: zoneResolver(ZONE),
    signal: new AbortController().signal,
    nowMs: NOW_MS,
    trustedSealers: [],
    fromDomain: null,
  });
  return facts.problem ?? facts.result;
}

describe('a set', () => {
  test('is three fields, the seal on top', async () => {
    const edits = seal(MAIL);
    expect(edits.map((edit) => (edit.kind === 'prepend-header' ? edit.name : edit.kind))).toEqual([
      'ARC-Authentication-Results',
      'ARC-Message-Signature',
      'ARC-Seal',
    ]);
    const mail = apply(MAIL, edits);
    expect(mail).toMatch(
      /^ARC-Seal: a=rsa-sha256;\r\n b=[^;]+;\r\n cv=none;\r\n d=list\.example;\r\n i=1;\r\n s=sel;\r\n t=\d+\r\nARC-Message-Signature: /,
    );
    expect(mail).toContain(
      '\r\nARC-Authentication-Results: i=1; mx.list.example;\r\n spf=pass;\r\n dmarc=pass\r\nReceived',
    );
    expect(mail.endsWith(MAIL)).toBe(true);
    expect(await verify(mail)).toBe('pass');
  });

  test.each([
    ['no body', HEADER],
    ['an empty body', `${HEADER}\r\n\r\n`],
    ['a body without a line end', `${HEADER}\r\n\r\nx`],
    ['line feeds alone', MAIL.replaceAll('\r\n', '\n')],
    ['8-bit text', MAIL.replace('Dear', 'D\xe9\xff')],
    ['a signature of its own', signed(MAIL)],
    ['fields that stand often', `${HEADER}\r\n${'DKIM-Signature: v=1\r\n'.repeat(40)}To: c\r\n\r\nx\r\n`],
    ['long fields', MAIL.replace('Subject:', `Subject: ${'long '.repeat(2_000)}`)],
  ])('over a message with %s verifies', async (_, mail) => {
    expect(await verify(apply(mail, seal(mail)))).toBe('pass');
  });

  test('by an Ed25519 key', async () => {
    const own = createSealer({ domain: 'ed.example', selector: 'sel', privateKeyPem: ED25519.pem });
    expect(await verify(apply(MAIL, own.seal(Buffer.from(MAIL, 'latin1'), BASIS, NOW_MS)))).toBe('pass');
  });

  test('no line is longer than a mail may have, the signature of a long key neither', async () => {
    const key = rsaKey(4_096);
    const own = createSealer({ domain: 'list.example', selector: 'sel', privateKeyPem: key.pem });
    const mail = `${HEADER}\r\nList-Id: <x>\r\n${'Resent-To: x\r\n'.repeat(30)}\r\nx`;
    for (const edit of own.seal(Buffer.from(mail), BASIS, NOW_MS)) {
      const value = edit.kind === 'prepend-header' ? edit.value : '';
      expect(Math.max(...value.split('\n').map((line) => line.length))).toBeLessThan(900);
    }
  });

  test('covers From once more than it stands', async () => {
    const mail = apply(MAIL, seal(MAIL));
    expect(await verify(`From: eve@example.com\r\n${mail}`)).toContain('does not verify');
  });

  test('what the results hold can add no field', () => {
    const edits = seal(MAIL, { results: 'spf=pass\r\nBcc: eve@evil.test\r\n\r\nbody\0' });
    const fields = parseMessage(Buffer.from(apply(MAIL, edits), 'latin1')).headers.map(({ name }) => name);
    expect(fields.slice(0, 4)).toEqual(['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results', 'Received']);
    expect(fields).toHaveLength(parseMessage(Buffer.from(MAIL)).headers.length + 3);
  });
});

describe('no further set', () => {
  const passing = chained(MAIL, [{ domain: 'list.example' }]);

  test('on 50 sets', () => {
    const full = chained(
      MAIL,
      Array.from({ length: 50 }, () => ({ domain: 'list.example' })),
    );
    expect(seal(full, { chain: 'pass', instances: 50 })).toEqual([]);
    expect(seal(full, { chain: 'fail', instances: 50 })).toEqual([]);
  });

  test('on a chain that says it had failed', async () => {
    const broken = passing.replace('Dear Bo', 'Dear Eve');
    const once = apply(broken, seal(broken, { chain: 'fail', instances: 1 }));
    expect(once).toContain('cv=fail');
    expect(await verify(once)).toBe('instance 2 says the chain had failed');
    for (const chain of ['none', 'pass', 'fail'] as const) expect(seal(once, { chain, instances: 2 })).toEqual([]);
  });

  test.each<[string, string, Partial<SealBasis>]>([
    ['a chain that nobody saw', passing, { chain: 'none', instances: 0 }],
    ['more sets than were verified', passing, { chain: 'pass', instances: 2 }],
    ['no chain where one passed', MAIL, { chain: 'pass', instances: 1 }],
    ['no chain where one failed', MAIL, { chain: 'fail', instances: 1 }],
    ['a broken chain said to pass', passing.replace(/^ARC-Seal:/m, 'X-Seal:'), { chain: 'pass', instances: 1 }],
  ])('on %s', (_, mail, basis) => {
    expect(seal(mail, basis)).toEqual([]);
  });

  test('over a failing chain, its own set alone is covered (RFC 8617 §5.1.2)', () => {
    const broken = passing.replace(/^ARC-Message-Signature:/m, 'X-Signature:');
    expect(seal(broken, { chain: 'fail', instances: 1 })).toHaveLength(3);
  });
});

describe('keys', () => {
  const make = (privateKeyPem: string) => () =>
    createSealer({ domain: 'list.example', selector: 'sel', privateKeyPem, keyFile: '/etc/weir/seal.pem' });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  test.each<[string, string, string]>([
    ['nothing', '', 'not a private key in PEM'],
    ['text', 'hello', 'not a private key in PEM'],
    ['a cut key', RSA.pem.slice(0, 200), 'not a private key in PEM'],
    ['a public key', publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'a public key'],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'not a private key in PEM'],
    [
      'a locked key',
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      'passphrase',
    ],
    [
      'a locked key of the old kind',
      privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      'passphrase',
    ],
    ['another kind', ec.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'type ec'],
    ['a short key', rsaKey(768).pem, '768 bits'],
  ])('%s is refused by name', (_, pem, reason) => {
    expect(make(pem)).toThrow(/^\/etc\/weir\/seal\.pem: /);
    expect(make(pem)).toThrow(reason);
  });

  test('nothing of a key stands in an error', () => {
    const cut = RSA.pem.slice(0, 300);
    let message = '';
    try {
      make(cut)();
    } catch (error) {
      message = String(error) + String((error as Error).cause);
    }
    expect(message).not.toBe('');
    expect(message).not.toContain(cut.slice(40, 60));
  });

  test('both PEM forms of an RSA key will do', () => {
    for (const type of ['pkcs1', 'pkcs8'] as const)
      expect(make(RSA.privateKey.export({ type, format: 'pem' }).toString())).not.toThrow();
  });
});
