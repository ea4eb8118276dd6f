// ARC seals on mail that Weir changed, as they arrive behind the real Postfix: dkimpy and mailauth verify the chain over
// the delivered bytes, whether Postfix made the edits or the outbox sent the copy.
import { chmodSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSealer } from '../../filters/authentication/seal.js';
import { applyEdits } from '../../pipeline/edits.js';
import { ED25519, RSA, rsaKey, type TestKey } from '../filters/authentication/signing.js';
import { runDkimpy } from '../ground/dkimpy.js';
import type { Line } from '../ground/line.js';
import { OUTSIDE } from '../ground/line.js';
import { fieldsNamed, nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { makePlace, waitUntil } from '../ground/place.js';
import { deliverMail } from '../ground/smtp-client.js';
import { startAuthenticationLine, type AuthenticationLine } from './authentication-line.js';
import { signFor, ZONE } from './authentication-zone.js';
import { ask } from './look.js';

const require = createRequire(import.meta.url);
const { dkimVerify } = require('mailauth/lib/dkim/verify.js') as {
  dkimVerify(mail: Buffer, options: object): Promise<{ readonly arc: object }>;
};
const { arc } = require('mailauth/lib/arc/index.js') as {
  arc(data: object, options: object): Promise<{ readonly status: { readonly result: string }; readonly i?: number }>;
};

const ready = requirePackage('postfix', 'python3-dkim') && requireRoot();
const START_MS = 120_000;
const SEALER = 'seal.house.test';
const LATER = rsaKey(2_048);
const RECORDS = new Map<string, TestKey>([
  [`k1._domainkey.${SEALER}`, RSA],
  [`k2._domainkey.${SEALER}`, LATER],
  ['seal._domainkey.list.test', RSA],
  ['s1._domainkey.d-none.test', RSA],
]);

const settings = (keyFile: string, form: string): string => `verdict:
  recipients:
    - { recipient: 'tag*', tagAt: -100, quarantineAt: null, rejectAt: null }
    - { recipient: '*', tagAt: null, quarantineAt: null, rejectAt: null }
marks:
  subjects: { spam: '[垃圾]' }
encapsulation: { form: ${form} }
sealing: { when: changed, domain: ${SEALER}, selector: k1, keyFile: ${JSON.stringify(keyFile)} }
`;

/** What both witnesses say of the chain, and its length. */
async function verdictsOn(content: Buffer): Promise<readonly string[]> {
  const resolver = (name: string) => {
    const key = RECORDS.get(name);
    return key === undefined
      ? Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))
      : Promise.resolve([[key.record]]);
  };
  const { arc: data } = await dkimVerify(content, { resolver });
  const theirs = await arc(data, { resolver });
  const keys = Object.fromEntries([...RECORDS].map(([name, key]) => [name, key.record]));
  const [dkimpy] = runDkimpy([{ do: 'verify-arc', message: content.toString('latin1'), keys }]);
  return [String(theirs.i ?? 0), theirs.status.result, String(dkimpy)];
}

describe.skipIf(!ready)('seals', () => {
  const place = makePlace('sealing-key');
  const keyFile = join(place.directory, 'seal.pem');
  let ground: AuthenticationLine;
  let line: Line;
  beforeAll(async () => {
    writeFileSync(keyFile, RSA.pem, { mode: 0o600 });
    ground = await startAuthenticationLine('sealing', ZONE, '', { config: settings(keyFile, 'none') });
    line = ground.line;
  }, START_MS);
  afterAll(async () => {
    await ground?.stop();
    place.remove();
  });

  const signedMail = (): string =>
    signFor('d-none.test', writeMail({ messageId: nextId(), from: 'Anna <anna@d-none.test>', subject: 'minutes' }));
  let count = 0;
  const submit = async (content: string | Buffer, ...names: readonly string[]): Promise<readonly Buffer[]> => {
    count += 1;
    const rcptTo = names.map((name) => `${name}.${count}@house.test`);
    const mail = { mailFrom: 'anna@d-none.test', rcptTo, content: Buffer.from(content as string, 'latin1') };
    expect((await deliverMail(line.port, mail, { localAddress: OUTSIDE })).last.code).toBe(250);
    return Promise.all(rcptTo.map(async (address) => (await line.sink.mailFor(address)).content));
  };

  it('a changed subject breaks the signature, and the seal says what was found before', async () => {
    const [content = Buffer.alloc(0)] = await submit(signedMail(), 'tag');
    expect(fieldsNamed(content, 'Subject')[0]).toMatch(/^=\?utf-8\?B\?.* minutes$/);
    expect(await verdictsOn(content)).toEqual(['1', 'pass', 'pass']);
    const stated = fieldsNamed(content, 'ARC-Authentication-Results')[0]?.replace(/\s+/g, ' ') ?? '';
    expect(stated).toMatch(/^i=1; mx\.house\.test; /);
    expect(stated).toContain('dkim=pass');
    expect(stated).toContain('spf=pass');
    expect(fieldsNamed(content, 'ARC-Seal')[0]).toContain(`d=${SEALER}`);
  });

  it('mail that only got fields of ours is not sealed', async () => {
    const [content = Buffer.alloc(0)] = await submit(signedMail(), 'plain');
    expect(fieldsNamed(content, 'ARC-Seal')).toEqual([]);
    expect(fieldsNamed(content, 'X-Spam-Status')).toHaveLength(1);
  });

  it('a copy from the outbox is sealed as well', async () => {
    const [, , copy = Buffer.alloc(0)] = await submit(signedMail(), 'one', 'two', 'tag');
    expect(await verdictsOn(copy)).toEqual(['1', 'pass', 'pass']);
  });

  it('a chain that came with the mail goes on', async () => {
    const sealer = createSealer({ domain: 'list.test', selector: 'seal', privateKeyPem: RSA.pem });
    const before = Buffer.from(signedMail(), 'latin1');
    const basis = { authservId: 'list.test', results: 'spf=pass', chain: 'none', instances: 0 } as const;
    const sealed = applyEdits(before, sealer.seal(before, basis, Date.now()));
    const [content = Buffer.alloc(0)] = await submit(sealed.toString('latin1'), 'tag');
    expect(await verdictsOn(content)).toEqual(['2', 'pass', 'pass']);
  });

  it.each([
    ['8-bit', 'Content-Type: text/plain; charset=utf-8', 'gr\xc3\xbc\xc3\x9fe  \t\r\n\r\n\r\n'],
    ['no body', 'Content-Type: text/plain', ''],
    ['odd fields', 'Content-Type : text/plain;\r\n\tcharset=us-ascii\r\nX-Odd:\tx\r\nX-Empty:', 'a\r\n'],
  ])('holds over %s', async (_, field, body) => {
    const mail = writeMail({ messageId: nextId(), from: 'Anna <anna@d-none.test>', headers: [field], body });
    const [content = Buffer.alloc(0), copy] = await submit(mail, 'tag');
    expect(copy).toBeUndefined();
    expect(await verdictsOn(content)).toEqual(['1', 'pass', 'pass']);
  });

  it.each(['message', 'text'])('over a report too: %s', async (form) => {
    await line.weir.stop();
    await line.restartWeir({}, (config) => config.replace('form: none', `form: ${form}`));
    const sealer = createSealer({ domain: 'list.test', selector: 'seal', privateKeyPem: RSA.pem });
    const before = Buffer.from(signedMail(), 'latin1');
    const basis = { authservId: 'list.test', results: 'spf=pass', chain: 'none', instances: 0 } as const;
    const sealed = applyEdits(before, sealer.seal(before, basis, Date.now())).toString('latin1');
    const [alone = Buffer.alloc(0)] = await submit(sealed, 'tag');
    const [, , copy = Buffer.alloc(0)] = await submit(signedMail(), 'one', 'two', 'tag');
    expect(fieldsNamed(alone, 'Content-Type')[0]).toMatch(/^multipart\/mixed/);
    expect(await verdictsOn(alone)).toEqual(['2', 'pass', 'pass']);
    expect(await verdictsOn(copy)).toEqual(['1', 'pass', 'pass']);
  });

  it('a new key in the file is taken with a reload; one that others can read is told of; none is in any log', async () => {
    writeFileSync(keyFile, LATER.pem);
    chmodSync(keyFile, 0o644);
    const file = join(line.directory, 'weir.yaml');
    writeFileSync(file, line.config.replace('selector: k1', 'selector: k2'));
    line.weir.signal('SIGHUP');
    await waitUntil('the new key to be in force', 30_000, async () => {
      const [content = Buffer.alloc(0)] = await submit(signedMail(), 'tag');
      return fieldsNamed(content, 'ARC-Seal')[0]?.includes('s=k2');
    });
    const [content = Buffer.alloc(0)] = await submit(signedMail(), 'tag');
    expect(await verdictsOn(content)).toEqual(['1', 'pass', 'pass']);
    const alerts = JSON.stringify(await ask(line, 'alerts', {}));
    expect(alerts).toContain('sealing-key-open');
    expect(alerts).toContain('0644');
    for (const key of [RSA, LATER]) expect(line.weir.log()).not.toContain(key.pem.split('\n')[1]);
  });

  it.each([
    ['an unreadable one', 'absent.pem', null],
    ['no key at all', 'none.pem', 'nothing'],
    ['a public key', 'public.pem', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['a weak key', 'weak.pem', rsaKey(512).pem],
  ])('settings with %s are refused, and the file is named', async (_, name, text) => {
    const path = join(place.directory, name);
    if (text !== null) writeFileSync(path, text, { mode: 0o600 });
    const file = join(line.directory, 'weir.yaml');
    writeFileSync(file, line.config.replace(JSON.stringify(keyFile), JSON.stringify(path)));
    const checked = await line.weir.run(['config', 'check']);
    expect(checked.status).toBe(78);
    expect(checked.stderr).toContain(path);
    if (text !== null) expect(checked.stderr).not.toContain(text.split('\n')[1] ?? text);
    writeFileSync(file, line.config);
  });

  it('an Ed25519 key seals too', async () => {
    writeFileSync(keyFile, ED25519.pem, { mode: 0o600 });
    const checked = await line.weir.run(['config', 'check']);
    expect(checked).toMatchObject({ status: 0 });
  });
});
