// DKIM against other people's code: what dkimpy, mailauth and nodemailer sign verifies here, what we take for signed they
// take for signed, and no change on the way is judged otherwise.
import { createRequire } from 'node:module';
import { createTransport } from 'nodemailer';
import { describe, expect, test } from 'vitest';
import { requirePackage } from '../../ground/packages.js';
import { runDkimpy, type DkimpyTask } from '../../ground/dkimpy.js';
import { BODY, ED25519, HEADER, MAIL, rsaKey, signed, verify, verifyOne, zoneOf, type TestKey } from './signing.js';

const require = createRequire(import.meta.url);
interface MailauthResult {
  readonly results: readonly { readonly status: { readonly result: string; readonly underSized?: number } }[];
}
const { dkimVerify } = require('mailauth/lib/dkim/verify.js') as {
  dkimVerify(mail: Buffer, options: object): Promise<MailauthResult>;
};
const { dkimSign } = require('mailauth/lib/dkim/sign.js') as {
  dkimSign(mail: Buffer, options: object): Promise<{ readonly signatures: string }>;
};
/** Short, since dkimpy calculates in Python. */
const RSA = rsaKey(1_024);
const FORMS = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'];
/** Peers sign by the machine's clock. */
const NOW = { nowMs: Date.now() };
const NAME = 'sel._domainkey.example.com';

/** Mails of every form that has tripped a canonicalisation. */
const BODIES: readonly string[] = [
  BODY,
  '',
  '\r\n',
  '\r\n\r\n\r\n',
  ' \t \r\n\t\r\n',
  'no line end',
  'blanks before the end  \t',
  '\r\n\r\nstarts with empty lines\r\n',
  'a\r\n \r\n\r\n \t\r\n',
  'tab\tand  many   blanks \t \r\n\tat the start\r\n',
  '.\r\n..\r\n.x\r\n',
  'caf\xc3\xa9 \xff\xfe\x80\r\n',
  'NUL \0 and \x0b and \x0c \r\n',
  `${'long '.repeat(30_000)}\r\n`,
];
const HEADERS: readonly string[] = [
  HEADER,
  `${HEADER}\r\nX-Empty:\r\nX-Blank: \r\nX-Tabs:\t a \t b\t`,
  'From:ann@example.com\r\nSUBJECT :  blanks before the colon\r\nTo:\r\n bo@example.org,\r\n\t cy@example.org',
  'From: =?utf-8?q?Ann?= <ann@example.com>\r\nSubject: caf\xc3\xa9 \xe9\r\nTo: a\r\nTo: b\r\nTo: c',
];
/** dkimpy takes no blanks before a colon, and keeps blanks at the end of a body that ends without a line end. */
const isBeyondDkimpy = (mail: string) =>
  /^[!-9;-~]+[ \t]+:/m.test(mail.split('\r\n\r\n')[0] ?? '') || /[ \t]$/.test(mail);
/** A line in the header that is no field: here, as in Postfix, the body begins with it; mailauth joins it to the field above. */
const holdsJunk = (mail: string) =>
  !(mail.split('\r\n\r\n')[0] ?? '').split(/\r\n(?![ \t])/).every((field) => /^[!-9;-~]+[ \t]*:/.test(field));
const mails = HEADERS.flatMap((header) => BODIES.map((body) => `${header}\r\n\r\n${body}`));

function taskOf(message: string, key: TestKey, canonicalisation: string): DkimpyTask {
  const der = key.privateKey.export({ type: 'pkcs8', format: 'der' });
  return {
    do: 'sign',
    message,
    domain: 'example.com',
    selector: 'sel',
    key: key.algorithm === 'rsa-sha256' ? key.pem : der.subarray(-32).toString('base64'),
    algorithm: key.algorithm,
    canonicalisation,
  };
}

async function mailauthPasses(mail: string, record: string): Promise<boolean> {
  const resolver = () => Promise.resolve([[record]]);
  const { results } = await dkimVerify(Buffer.from(mail, 'latin1'), { resolver, strict: true });
  return results.some(({ status }) => status.result === 'pass' && status.underSized === undefined);
}

const hasDkimpy = requirePackage('python3-dkim', 'python3-nacl');

describe.skipIf(!hasDkimpy)('dkimpy', () => {
  test.each([
    ['RSA', RSA],
    ['Ed25519', ED25519],
  ])('what it signs with %s verifies, in all forms', async (_, key) => {
    const fit = mails.filter((mail) => !isBeyondDkimpy(mail));
    expect(fit.length).toBeGreaterThan(mails.length / 2);
    const tasks = fit.flatMap((mail) => FORMS.map((form) => taskOf(mail, key, form)));
    const fields = runDkimpy(tasks);
    const failing: unknown[] = [];
    for (const [index, field] of fields.entries()) {
      const task = tasks[index] as DkimpyTask & { readonly canonicalisation: string };
      if (field.startsWith('error')) {
        failing.push(JSON.stringify([field.slice(0, 100), task.message.slice(0, 50)]));
        continue;
      }
      const { result, problem } = await verifyOne(field + task.message, zoneOf(key.record), NOW);
      if (result !== 'pass') failing.push(JSON.stringify([task.canonicalisation, task.message.slice(-30), problem]));
    }
    expect(failing).toEqual([]);
    expect(fields).toHaveLength(fit.length * FORMS.length);
  });

  test('whatever was changed on the way, it passes here and there or nowhere', { timeout: 60_000 }, async () => {
    const base = FORMS.flatMap((canonicalisation) =>
      [MAIL, mails[5], mails[18]].map((mail) =>
        signed(mail as string, { key: RSA, canonicalisation, headers: 'from:to:subject' }),
      ),
    );
    const changed = base.flatMap((mail) => changes(mail));
    const theirs = runDkimpy(changed.map((message) => ({ do: 'verify', message, keys: { [NAME]: RSA.record } })));
    const apart: unknown[] = [];
    let passing = 0;
    for (const [index, mail] of changed.entries()) {
      const [facts] = await verify(mail, zoneOf(RSA.record));
      const { result, problem } = facts ?? { result: 'none', problem: null };
      const mailauth = await mailauthPasses(mail, RSA.record);
      if (result === 'pass') passing++;
      const ours = result === 'pass';
      const dkimpy = theirs[index] === 'pass';
      const isAgreed = mailauth === (ours || holdsJunk(mail)) || (!mailauth && !ours);
      if (!isAgreed || dkimpy !== (ours && !isBeyondDkimpy(mail)))
        apart.push(JSON.stringify([index, result, problem, { dkimpy, mailauth }, firstChange(mail, base)]));
    }
    expect(apart).toEqual([]);
    expect(passing).toBeGreaterThan(changed.length / 10);
    expect(passing).toBeLessThan(changed.length);
  });

  test('l= of its own making is a pass only while nothing follows', async () => {
    const task = { ...taskOf(MAIL, RSA, 'relaxed/relaxed'), length: true } as DkimpyTask;
    const [field = ''] = runDkimpy([task]);
    expect(await verifyOne(field + MAIL, zoneOf(RSA.record), NOW)).toMatchObject({ result: 'pass' });
    expect(await verifyOne(`${field}${MAIL}more\r\n`, zoneOf(RSA.record), NOW)).toMatchObject({ result: 'policy' });
  });
});

/** The same mail with one byte or line changed at places spread over it: some changes mean nothing to a canonicalisation. */
function changes(mail: string): readonly string[] {
  const made: string[] = [
    mail,
    `${mail}\r\n\r\n`,
    `${mail} `,
    mail.replaceAll('\r\n ', '\r\n\t'),
    mail.replace('Subject', 'sUBJECT'),
  ];
  const step = Math.max(1, Math.floor(mail.length / 25));
  for (let at = 3; at < mail.length; at += step) {
    if (mail[at] === '\r' || mail[at - 1] === '\r') continue;
    made.push(`${mail.slice(0, at)} ${mail.slice(at)}`, `${mail.slice(0, at)}${mail.slice(at + 1)}`);
  }
  for (const blank of [...mail.matchAll(/[ \t]/g)].slice(0, 25)) {
    const at = blank.index;
    made.push(`${mail.slice(0, at)} \t${mail.slice(at)}`);
  }
  return made;
}

/** Where a changed mail leaves the one it came from, for the report of a failure. */
function firstChange(mail: string, base: readonly string[]): string {
  let farthest = 0;
  for (const one of base) {
    let at = 0;
    while (at < one.length && one[at] === mail[at]) at++;
    farthest = Math.max(farthest, at);
  }
  return JSON.stringify(mail.slice(Math.max(0, farthest - 20), farthest + 20));
}

describe('mailauth', () => {
  test.each(FORMS)('what it signs verifies, %s', async (canonicalization) => {
    const failing: unknown[] = [];
    for (const mail of mails) {
      const { signatures } = await dkimSign(Buffer.from(mail, 'latin1'), {
        canonicalization,
        signatureData: [{ signingDomain: 'example.com', selector: 'sel', privateKey: RSA.pem }],
      });
      const { result, problem } = await verifyOne(signatures + mail, zoneOf(RSA.record), NOW);
      if (result !== 'pass') failing.push(JSON.stringify([mail.slice(-40), problem]));
    }
    expect(failing).toEqual([]);
  });
});

test('what nodemailer signs verifies', async () => {
  const transport = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    dkim: { domainName: 'example.com', keySelector: 'sel', privateKey: RSA.pem },
  });
  const mail = {
    from: 'Ann <ann@example.com>',
    to: 'bo@example.org',
    subject: 'Größe',
    text: 'Dear  Bo,\n\nyours\n\n',
  };
  const { message } = (await transport.sendMail(mail)) as { readonly message: Buffer };
  expect(await verify(message, zoneOf(RSA.record), NOW)).toMatchObject([{ result: 'pass', alignment: 'strict' }]);
});
