// Mail that wants to pass for somebody else's, through a real Postfix: forged results in many spellings, several authors,
// signatures that cover too little, records that ask for too much. Whatever is tried: never a pass that was not earned.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RSA } from '../filters/authentication/signing.js';
import type { Line } from '../ground/line.js';
import { splitMail, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import type { Zone } from '../ground/scripted-dns.js';
import { send, startAuthenticationLine, type AuthenticationLine, type Seen, type Sent } from './authentication-line.js';
import { AUTHSERV_ID, signFor, ZONE } from './authentication-zone.js';

const ready = requirePackage('postfix') && requireRoot();
const START_MS = 120_000;
/** Neither passes nor fails SPF, has no keys, publishes no policy. */
const CROOK = 'crook@spf-neutral.test';
/** The bank asks for refusal and signs what it sends. */
const BANK = 'd-reject.test';
const chain = (count: number, last: string): Zone =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `hop${at}.test`,
      { TXT: [at === count - 1 ? last : `v=spf1 include:hop${at + 1}.test -all`] },
    ]),
  );

const HOSTILE_ZONE: Zone = {
  ...ZONE,
  ...chain(13, 'v=spf1 +all'),
  'many.test': { TXT: [`v=spf1 ${Array.from({ length: 11 }, (_, at) => `a:a${at}.many.test`).join(' ')} +all`] },
  ...Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`a${at}.many.test`, { A: ['192.0.2.1'] }])),
  'loop.test': { TXT: ['v=spf1 redirect=loop.test'] },
  'void.test': { TXT: ['v=spf1 a:v1.void.test a:v2.void.test a:v3.void.test +all'] },
  'quoted.test': { TXT: [`v=spf1 exists:%{l}.quoted.test -all`] },
  'spf-word.test': { TXT: ['v=spf10 +all', 'x v=spf1 +all'] },
  's1._domainkey.nul.test': { TXT: [RSA.record] },
  's1._domainkey.evil.test': { TXT: [RSA.record] },
  // A key with more rights than a mail of another name may use.
  'strict._domainkey.d-reject.test': { TXT: [`${RSA.record}; t=s`] },
  'other._domainkey.d-reject.test': { TXT: [`${RSA.record}; s=tlsrpt`] },
};

describe.skipIf(!ready)('forged authentication', () => {
  let ground: AuthenticationLine;
  let line: Line;
  beforeAll(async () => {
    ground = await startAuthenticationLine('forged', HOSTILE_ZONE, '  dmarc: { refuseRepeatedFrom: false }\n');
    line = ground.line;
  }, START_MS);
  afterAll(() => ground?.stop());

  const mail = (sent: Partial<Sent>): Promise<Seen> => send(line, { mailFrom: CROOK, ...sent });
  const withFields = (...headers: readonly string[]) => ({ mail: { headers } });
  /** Words that only a pass of ours would bring. */
  const PASSES = /(?:dkim|dmarc|spf|arc)=pass/;

  describe('results under our name, written by the sender', () => {
    it.each([
      `Authentication-Results: ${AUTHSERV_ID}; dmarc=pass header.from=bank.test`,
      `AUTHENTICATION-results: ${AUTHSERV_ID}; dmarc=pass`,
      `Authentication-Results : ${AUTHSERV_ID}; dmarc=pass`,
      `Authentication-Results:${AUTHSERV_ID};dmarc=pass`,
      `Authentication-Results: MX.House.Test; dmarc=pass`,
      `Authentication-Results: "${AUTHSERV_ID}"; dmarc=pass`,
      `Authentication-Results: "mx\\.house.test" 1; dmarc=pass`,
      `Authentication-Results: (c (d) \\) e) ${AUTHSERV_ID} (f) / 1; dmarc=pass`,
      `Authentication-Results:\r\n ${AUTHSERV_ID};\r\n\tdmarc=pass`,
      `Authentication-Results:\r\n\t(x)\r\n\t${AUTHSERV_ID}\r\n\t;dmarc=pass`,
      `Authentication-Results: ${AUTHSERV_ID}.; dmarc=pass`,
      `Authentication-Results: =?us-ascii?q?${AUTHSERV_ID}?=; dmarc=pass`,
      `Authentication-Results: ; ${AUTHSERV_ID}; dmarc=pass`,
      `Authentication-Results: mx.ho\xc2\xaduse.test; dmarc=pass`,
      `Authentication-Results: ${AUTHSERV_ID} dmarc=pass`,
    ])('%j goes', async (field) => {
      const seen = await mail(withFields('Content-Type: text/plain', field));
      expect(seen.reply).toMatch(/^250 /);
      expect(seen.results).toHaveLength(1);
      expect(seen.results.join()).not.toMatch(PASSES);
      const { fields } = splitMail(seen.content ?? Buffer.alloc(0));
      expect(fields.filter((one) => /^authentication-results/i.test(one))).toHaveLength(1);
    });

    it('many at once, at every place, and below a field name that is too long', async () => {
      const forged = `Authentication-Results: ${AUTHSERV_ID}; dmarc=pass`;
      const seen = await mail({
        write: (id) =>
          [
            ...[forged, `Message-ID: <${id}>`, `X-${'n'.repeat(400)}: y`, forged],
            writeMail({ messageId: 'second@away.test', headers: [forged, 'Content-Type: text/plain', forged] }),
          ].join('\r\n'),
      });
      expect(seen.results).toHaveLength(1);
      expect(seen.content?.toString('latin1').split('\r\n\r\n')[0]).not.toMatch(/dmarc=pass/);
    });

    it("those of others stay, and so does an ARC set's", async () => {
      const others = [
        'Authentication-Results: mx.other.test; dkim=pass',
        `ARC-Authentication-Results: i=1; ${AUTHSERV_ID}; dkim=pass`,
      ];
      const seen = await mail(withFields('Content-Type: text/plain', ...others));
      expect(seen.results).toHaveLength(2);
      expect(seen.results[1]).toBe('mx.other.test; dkim=pass');
      expect(seen.content?.toString()).toContain(`ARC-Authentication-Results: i=1; ${AUTHSERV_ID}; dkim=pass`);
    });

    it('words of the envelope and of signatures cannot write results', async () => {
      const helo = await mail({ helo: 'x;dkim=pass', mailFrom: '' });
      expect(helo.results.join()).not.toMatch(PASSES);
      const sender = await mail({ mailFrom: '"a; dkim=pass (x"@spf-neutral.test' });
      expect(sender.results.join()).not.toMatch(PASSES);
      const tags = await mail({
        write: (id) =>
          signFor('dkim.test', writeMail({ messageId: id }), {
            tags: { s: 'x; dkim=pass', i: '"; dkim=pass"@dkim.test' },
          }),
      });
      expect(tags.results.join()).not.toMatch(PASSES);
    });
  });

  describe('authors', () => {
    /** Two authors, the attacker's own aligned and signed. */
    const both = (first: string, second: string) => (id: string) => {
      const plain = writeMail({ messageId: id, from: 'Anna <anna@d-none.test>' });
      return signFor('d-none.test', plain.replace('From: Anna <anna@d-none.test>', `${first}\r\n${second}`));
    };
    it('one author who is who he says passes: what follows fails for its own sake', async () => {
      const seen = await mail({ mailFrom: CROOK, write: both('From: a@d-none.test', 'X-Y: z') });
      expect(seen.results.join()).toMatch(/dkim=pass .*dmarc=pass/);
    });

    it.each([
      ['two fields', both('From: a@d-none.test', `From: ceo@${BANK}`)],
      ['the other way round', both(`From: ceo@${BANK}`, 'From: a@d-none.test')],
      ['another letter case', both('From: a@d-none.test', `fRoM: ceo@${BANK}`)],
      ['a blank before the colon', both('From: a@d-none.test', `From : ceo@${BANK}`)],
      ['two addresses in one', both(`From: a@d-none.test, ceo@${BANK}`, 'X-Y: z')],
      ['an address in a group', both(`From: team: ceo@${BANK};`, 'X-Y: z')],
      ['an empty group', both('From: team:;', 'X-Y: z')],
      ['an address in angle brackets twice', both(`From: <a@d-none.test> <ceo@${BANK}>`, 'X-Y: z')],
      ['a route', both(`From: <@d-none.test:ceo@${BANK}>`, 'X-Y: z')],
      ['an at sign in quotes', both(`From: "ceo@${BANK}"@d-none.test, x`, 'X-Y: z')],
      ['no domain', both('From: undisclosed', 'X-Y: z')],
      ['no From at all', both('Sender: a@d-none.test', 'X-Y: z')],
      ['a NUL in the domain', both(`From: ceo@${BANK}\0.d-none.test`, 'X-Y: z')],
      ['a comment inside', both(`From: ceo@d-none.test (,) <ceo@${BANK}`, 'X-Y: z')],
    ])('%s: DMARC never passes', async (_, write) => {
      const seen = await mail({ mailFrom: 'anna@d-none.test', write });
      expect(seen.ids).not.toContain('AUTH_DMARC_PASS');
      expect(seen.results.join()).not.toMatch(/dmarc=pass/);
    });

    it('what hides behind bare carriage returns is delivered as no field of its own', async () => {
      const headers = [`X-A: b\rFrom: ceo@${BANK}`, `X-B: c\rAuthentication-Results: ${AUTHSERV_ID}; dmarc=pass`];
      const seen = await mail({ mail: { from: 'a@d-none.test', headers } });
      const lines = (seen.content?.toString('latin1') ?? '').split(/\r\n|\r|\n/);
      expect(lines.filter((one) => /^from:/i.test(one))).toEqual(['From: a@d-none.test']);
      expect(lines.filter((one) => /^authentication-results:/i.test(one))).toHaveLength(1);
      expect(seen.results.join()).not.toMatch(/dmarc=pass/);
    });

    it('a look-alike name is another name', async () => {
      const seen = await mail({ mailFrom: `a@${BANK}`, mail: { from: 'CEO <ceo@d-r\xd0\xb5ject.test>' } });
      expect(seen.results.join()).not.toMatch(/dmarc=pass/);
    });
  });

  describe('DKIM', () => {
    it('a plain signature passes: what follows fails for its own sake', async () => {
      const seen = await mail({ write: (id) => signFor('dkim.test', writeMail({ messageId: id })) });
      expect(seen.ids).toContain('AUTH_DKIM_PASS');
    });

    it.each([
      [
        'l= with text added',
        (id: string) => `${signFor('dkim.test', writeMail({ messageId: id }), { tags: { l: '10' } })}PAY HERE\r\n`,
      ],
      ['l=0', (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { tags: { l: '0' } })],
      [
        'From not signed',
        (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { headers: 'to:subject' }),
      ],
      [
        'NUL in d=',
        (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { tags: { d: 'dkim.test\0.evil.test' } }),
      ],
      ['NUL in s=', (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { tags: { s: 's1\0.x' } })],
      [
        'two d=',
        (id: string) =>
          signFor('dkim.test', writeMail({ messageId: id }), {
            rewrite: (field) => field.replace('d=', 'd=bank.test; d='),
          }),
      ],
      ['d= above its own', (id: string) => signFor('test', writeMail({ messageId: id }))],
      [
        'i= of another domain',
        (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { tags: { i: `@${BANK}` } }),
      ],
      [
        'past its time',
        (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { tags: { t: '1000', x: '2000' } }),
      ],
      ['SHA-1', (id: string) => signFor('dkim.test', writeMail({ messageId: id }), { tags: { a: 'rsa-sha1' } })],
      ['a key for other services', (id: string) => signFor(BANK, writeMail({ messageId: id }), { selector: 'other' })],
      [
        'a name below under a key for the name alone',
        (id: string) => signFor(BANK, writeMail({ messageId: id }), { selector: 'strict', tags: { i: `@x.${BANK}` } }),
      ],
      [
        'an empty b=',
        (id: string) =>
          signFor('dkim.test', writeMail({ messageId: id })).replace(/b=[^\r]*\r\n(?:[ \t][^\r]*\r\n)*/, 'b=\r\n'),
      ],
    ])('%s: no pass', async (_, write) => {
      const seen = await mail({ write });
      expect(seen.ids).not.toContain('AUTH_DKIM_PASS');
      expect(seen.results.join()).not.toMatch(/dkim=pass/);
    });

    it('a pass of the sender for himself is none for the author he claims', async () => {
      const seen = await mail({
        write: (id) => signFor('evil.test', writeMail({ messageId: id, from: `CEO <ceo@${BANK}>` })),
      });
      expect(seen.reply).toMatch(/^550 5\.7\.1 /);
      expect(seen.ids).toContain('AUTH_DKIM_PASS');
    });

    it('a second Subject above a signed one', async () => {
      const seen = await mail({
        write: (id) =>
          `Subject: Your account\r\n${signFor('dkim.test', writeMail({ messageId: id }), { headers: 'from:to:subject:date' })}`,
      });
      expect(seen.reply).toMatch(/^250 /);
      expect(seen.findings.find(({ id }) => id.startsWith('AUTH_DKIM'))?.evidence).toMatch(/subject/i);
    });

    it('a hundred signatures: the work is bounded', async () => {
      const one = (id: string) => signFor('dkim.test', writeMail({ messageId: id })).replace('tomorrow', 'never');
      const seen = await mail({
        write: (id) => {
          const [head = ''] = one(id).split('\r\nFrom:');
          return `${`${head}\r\n`.repeat(99)}${one(id)}`;
        },
      });
      expect(seen.reply).toMatch(/^250 /);
      expect(seen.results.join()).not.toMatch(/dkim=pass/);
      expect(seen.results.join().match(/dkim=/g)?.length).toBeLessThan(20);
      expect(seen.elapsedMs).toBeLessThan(5_000);
    });
  });

  describe('SPF', () => {
    it.each([
      ['over ten includes', 'a@hop0.test', 'permerror'],
      ['over ten addresses', 'a@many.test', 'permerror'],
      ['a loop', 'a@loop.test', 'permerror'],
      ['over two void look-ups', 'a@void.test', 'permerror'],
      ['records that are none', 'a@spf-word.test', 'none'],
    ])('%s (%s): %s', async (_, mailFrom, result) => {
      const seen = await mail({ mailFrom });
      expect(seen.results.join()).toMatch(new RegExp(`spf=${result} .*smtp\\.mailfrom=`));
      expect(seen.ids).not.toContain('AUTH_SPF_PASS');
    });

    it('a local part that wants to be a name of its own', async () => {
      const seen = await mail({ mailFrom: '"x.spf-pass.test. "@quoted.test' });
      expect(seen.ids).not.toContain('AUTH_SPF_PASS');
    });

    it('a pass of the envelope is none for the author', async () => {
      const seen = await mail({ mailFrom: 'a@spf-pass.test', mail: { from: `CEO <ceo@${BANK}>` } });
      expect(seen.reply).toMatch(/^550 5\.7\.1 /);
    });

    it('HELO in place of a sender does not stand in for the author', async () => {
      const seen = await mail({ mailFrom: CROOK, helo: BANK, mail: { from: `CEO <ceo@${BANK}>` } });
      expect(seen.reply).toMatch(/^550 5\.7\.1 /);
    });
  });
});
