// Every result of SPF, DKIM, DMARC and ARC through a real Postfix and a real DNS server, and what each policy makes of it:
// the SMTP reply, the results written into the delivered mail, the quarantine, the log.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSealer } from '../../filters/authentication/seal.js';
import { applyEdits } from '../../pipeline/edits.js';
import { RSA } from '../filters/authentication/signing.js';
import type { Line } from '../ground/line.js';
import { writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { send, startAuthenticationLine, type AuthenticationLine, type Seen, type Sent } from './authentication-line.js';
import { AUTHSERV_ID, signFor, ZONE } from './authentication-zone.js';
import { findHeld, findSecurity } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const START_MS = 120_000;

/** The results written, without our name. */
const resultOf = ({ results }: Seen): string => {
  expect(results).toEqual([expect.stringMatching(new RegExp(`^${AUTHSERV_ID}; `))]);
  return results[0] ?? '';
};
const from = (domain: string) => ({ mail: { from: `Anna <anna@${domain}>` } });
const signedBy = (domain: string, options: Parameters<typeof signFor>[2] = {}, author = domain) => ({
  write: (messageId: string) => signFor(domain, writeMail({ messageId, from: `Anna <anna@${author}>` }), options),
});

describe.skipIf(!ready)('authentication as it comes', () => {
  let ground: AuthenticationLine;
  let line: Line;
  beforeAll(async () => {
    ground = await startAuthenticationLine(
      'auth',
      ZONE,
      `  arc: { trustedSealers: [list.test] }
  dmarc:
    overrides:
      - { domain: d-local.test, policy: quarantine }
`,
      { main: { smtpd_authorized_xclient_hosts: '127.0.0.2' } },
    );
    line = ground.line;
  }, START_MS);
  afterAll(() => ground?.stop());

  const mail = (sent: Sent): Promise<Seen> => send(line, sent);

  describe('SPF', () => {
    it.each([
      ['none', 'spf-none.test', 'AUTH_SPF_NONE'],
      ['neutral', 'spf-neutral.test', 'AUTH_SPF_NEUTRAL'],
      ['pass', 'spf-pass.test', 'AUTH_SPF_PASS'],
      ['softfail', 'spf-softfail.test', 'AUTH_SPF_SOFTFAIL'],
      ['temperror', 'spf-temperror.test', 'AUTH_SPF_TEMPERROR'],
      ['temperror', 'spf-silent.test', 'AUTH_SPF_TEMPERROR'],
      ['permerror', 'spf-permerror.test', 'AUTH_SPF_PERMERROR'],
      ['permerror', 'spf-twice.test', 'AUTH_SPF_PERMERROR'],
    ] as const)('%s: delivered, said so in header and log (%s)', async (result, domain, id) => {
      const seen = await mail({ mailFrom: `anna@${domain}`, ...from('d-open.test') });
      expect(seen.reply).toMatch(/^250 /);
      expect(resultOf(seen)).toContain(`spf=${result} `);
      expect(resultOf(seen)).toContain(`smtp.mailfrom=anna@${domain}`);
      expect(seen.ids).toContain(id);
      expect(seen.findings.find((finding) => finding.id === id)?.evidence).toContain('127.0.0.2');
    });

    it('fail: refused with the code of its own, logged as such, nothing delivered', async () => {
      const seen = await mail({ mailFrom: 'anna@spf-fail.test', ...from('d-open.test') });
      expect(seen.reply).toMatch(/^550 5\.7\.23 /);
      expect(seen.ids).toEqual(expect.arrayContaining(['AUTH_SPF_FAIL', 'AUTH_SPF_FAIL_REFUSED']));
      expect(seen.action).toBe('reject');
    });

    it('fail, while DKIM carries the mail through DMARC: delivered', async () => {
      const seen = await mail({ mailFrom: 'anna@spf-fail.test', ...signedBy('d-reject.test') });
      expect(seen.reply).toMatch(/^250 /);
      expect(resultOf(seen)).toMatch(/spf=fail .*dkim=pass .*dmarc=pass/);
      expect(seen.ids).toContain('AUTH_SPF_EXEMPT');
    });

    it('the null sender is checked by its HELO name', async () => {
      const passing = await mail({ mailFrom: '', helo: 'helo-pass.test', ...from('d-open.test') });
      expect(resultOf(passing)).toContain('spf=pass smtp.helo=helo-pass.test');
      const failing = await mail({ mailFrom: '', helo: 'helo-fail.test', ...from('d-open.test') });
      expect(failing.reply).toMatch(/^550 5\.7\.23 /);
    });

    it('the HELO name beside a sender is reported and refuses nothing', async () => {
      const seen = await mail({ mailFrom: 'anna@spf-pass.test', helo: 'helo-fail.test', ...from('d-open.test') });
      expect(resultOf(seen)).toMatch(
        /spf=pass smtp\.mailfrom=anna@spf-pass\.test; spf=fail smtp\.helo=helo-fail\.test/,
      );
      expect(seen.ids).toContain('AUTH_SPF_HELO_FAIL');
    });

    it('the client is the one the MTA speaks of, IPv6 too, with its reverse name', async () => {
      const seen = await mail({
        mailFrom: 'anna@spf-neutral.test',
        xclient: 'ADDR=IPV6:2001:db8::25 NAME=out.away.test',
        ...from('d-open.test'),
      });
      expect(resultOf(seen)).toContain('iprev=pass (out.away.test) policy.iprev="2001:db8::25"');
      const other = await mail({ mailFrom: 'anna@spf-pass.test', xclient: 'ADDR=192.0.2.9 NAME=[UNAVAILABLE]' });
      expect(other.reply).toMatch(/^550 5\.7\.23 /);
      const theirs = await mail({ mailFrom: 'anna@spf-fail.test', xclient: 'ADDR=192.0.2.9 NAME=[UNAVAILABLE]' });
      expect(resultOf(theirs)).toContain('spf=pass');
    });
  });

  describe('DKIM', () => {
    const unsigned = 'a@spf-neutral.test';

    it('none', async () => {
      const seen = await mail({ mailFrom: unsigned });
      expect(seen.ids).toContain('AUTH_DKIM_NONE');
      expect(resultOf(seen)).toContain('dkim=none');
    });

    it.each([
      ['pass', 's1', 'header.a=rsa-sha256', 'AUTH_DKIM_PASS'],
      ['pass', 's2', 'header.a=ed25519-sha256', 'AUTH_DKIM_PASS'],
      ['policy', 'weak', '(512-bit key)', 'AUTH_DKIM_POLICY'],
      ['permerror', 'gone', 'header.s=gone', 'AUTH_DKIM_PERMERROR'],
      ['permerror', 'never', 'header.s=never', 'AUTH_DKIM_PERMERROR'],
      ['temperror', 'late', 'header.s=late', 'AUTH_DKIM_TEMPERROR'],
    ] as const)('%s by the key %s: delivered', async (result, selector, property, id) => {
      const seen = await mail({ mailFrom: unsigned, ...signedBy('dkim.test', { selector }) });
      expect(seen.reply).toMatch(/^250 /);
      expect(resultOf(seen)).toContain(`dkim=${result} `);
      expect(resultOf(seen)).toContain(property);
      expect(seen.ids).toContain(id);
    });

    it('fail: a changed body, delivered by default', async () => {
      const { write } = signedBy('dkim.test');
      const seen = await mail({ mailFrom: unsigned, write: (id) => write(id).replace('tomorrow', 'never') });
      expect(resultOf(seen)).toMatch(/dkim=fail reason="[^"]+" header\.d=dkim\.test/);
      expect(seen.ids).toEqual(expect.arrayContaining(['AUTH_DKIM_FAIL', 'AUTH_DKIM_BROKEN']));
      expect(seen.action).toBe('accept');
    });

    it('several signatures, each with its own result', async () => {
      const { write } = signedBy('dkim.test');
      const twice = (id: string) => signFor('dkim.test', write(id), { selector: 's2' }).replace('tomorrow', 'tomorrow');
      const seen = await mail({ mailFrom: unsigned, write: twice });
      expect(resultOf(seen).match(/dkim=pass/g)).toHaveLength(2);
    });
  });

  describe('DMARC', () => {
    /** SPF neither passes nor fails for it, and nothing is signed. */
    const stranger = 'bounce@spf-neutral.test';

    it('none: no record', async () => {
      const seen = await mail({ mailFrom: stranger, ...from('d-open.test') });
      expect(resultOf(seen)).toContain('dmarc=none header.from=d-open.test');
      expect(seen.ids).toContain('AUTH_DMARC_NONE');
    });

    it('pass by SPF, and by DKIM alone', async () => {
      const bySpf = await mail({ mailFrom: 'anna@d-reject.test', ...from('d-reject.test') });
      expect(resultOf(bySpf)).toContain('dmarc=pass (p=reject dis=none) header.from=d-reject.test');
      const byDkim = await mail({ mailFrom: stranger, ...signedBy('d-reject.test') });
      expect(resultOf(byDkim)).toContain('dmarc=pass');
      expect(byDkim.ids).toContain('AUTH_DMARC_PASS');
    });

    it('pass for a name below, unless the domain is strict', async () => {
      const relaxed = await mail({ mailFrom: stranger, ...signedBy('d-reject.test', {}, 'news.d-reject.test') });
      expect(resultOf(relaxed)).toContain('dmarc=pass');
      const strict = await mail({ mailFrom: stranger, ...signedBy('d-strict.test', {}, 'news.d-strict.test') });
      expect(strict.reply).toMatch(/^550 5\.7\.1 /);
    });

    it('fail under none: delivered, and remembered', async () => {
      const seen = await mail({ mailFrom: stranger, ...from('d-none.test') });
      expect(resultOf(seen)).toContain('dmarc=fail (p=none dis=none) header.from=d-none.test');
      expect(seen.ids).toContain('AUTH_DMARC_FAIL_NONE');
    });

    it('fail under quarantine: held under its category', async () => {
      const seen = await mail({ mailFrom: stranger, ...from('d-quarantine.test') });
      expect(seen.reply).toMatch(/^250 /);
      expect(seen).toMatchObject({ action: 'quarantine', content: null });
      expect(await findHeld(line, seen.quarantineId ?? '')).toMatchObject({ category: 'dmarc' });
    });

    it('fail under reject: refused, in the words of the policy, and in the security log', async () => {
      const seen = await mail({ mailFrom: stranger, ...from('d-reject.test') });
      expect(seen.reply).toMatch(/^550 5\.7\.1 .*DMARC/);
      expect(seen.ids).toContain('AUTH_DMARC_REJECT');
      const evidence = seen.findings.find(({ id }) => id === 'AUTH_DMARC_REJECT')?.evidence;
      expect(evidence).toContain('From d-reject.test: policy reject');
      const rows = await line.weir.rows(['log', 'search', '--security', '--category', 'dmarc']);
      expect(rows.length).toBeGreaterThan(0);
      expect(await findSecurity(line, rows[0] ?? {})).toMatchObject([{ category: 'dmarc' }]);
    });

    it('fail of a name below, by the policy for such', async () => {
      expect((await mail({ mailFrom: stranger, ...from('news.d-sub.test') })).reply).toMatch(/^550 5\.7\.1 /);
      expect((await mail({ mailFrom: stranger, ...from('d-sub.test') })).reply).toMatch(/^250 /);
    });

    it('fail outside the sample: one level milder', async () => {
      expect(await mail({ mailFrom: stranger, ...from('d-sampled.test') })).toMatchObject({ action: 'quarantine' });
    });

    it('fail under a local policy', async () => {
      expect(await mail({ mailFrom: stranger, ...from('d-local.test') })).toMatchObject({ action: 'quarantine' });
    });

    it('temperror and permerror: delivered, and never a pass', async () => {
      const late = await mail({ mailFrom: stranger, ...from('d-late.test') });
      expect(resultOf(late)).toMatch(/dmarc=temperror reason="[^"]+" header\.from=d-late\.test/);
      expect(late.ids).toContain('AUTH_DMARC_TEMPERROR');
      const broken = await mail({ mailFrom: stranger, ...from('d-broken.test') });
      expect(resultOf(broken)).toMatch(/dmarc=permerror/);
      expect(broken.ids).toContain('AUTH_DMARC_PERMERROR');
    });
  });

  describe('ARC', () => {
    /** A mail of a domain that asks for refusal, changed and sealed on its way. */
    const passedOn = (sealedBy: string, results: string, change = (text: string) => text) => ({
      mailFrom: 'bounce@spf-fail.test',
      write: (messageId: string) => {
        const content = Buffer.from(
          writeMail({ messageId, from: 'Anna <anna@d-reject.test>', subject: '[list] Minutes' }),
        );
        const sealer = createSealer({ domain: sealedBy, selector: 'seal', privateKeyPem: RSA.pem });
        const basis = { authservId: sealedBy, results, chain: 'none', instances: 0 } as const;
        return change(applyEdits(content, sealer.seal(content, basis, Date.now())).toString('latin1'));
      },
    });
    const PASSED = 'dmarc=pass header.from=d-reject.test';

    it('none', async () => {
      expect(resultOf(await mail({ mailFrom: 'a@spf-neutral.test' }))).toContain('arc=none');
    });

    it('pass by a trusted sealer rescues what SPF and DMARC would refuse', async () => {
      const seen = await mail(passedOn('list.test', PASSED));
      expect(seen.reply).toMatch(/^250 /);
      expect(resultOf(seen)).toMatch(
        /spf=fail .*arc=pass \(i=1\) smtp\.remote-ip=127\.0\.0\.2.*dmarc=fail \(p=reject dis=none\)/,
      );
      expect(seen.ids).toEqual(expect.arrayContaining(['AUTH_ARC_PASS', 'AUTH_DMARC_FAIL_RESCUED', 'AUTH_SPF_EXEMPT']));
    });

    it.each([
      ['a stranger', passedOn('stranger.test', PASSED), 'AUTH_ARC_PASS'],
      [
        'a trusted sealer that saw no pass',
        passedOn('list.test', 'dmarc=fail header.from=d-reject.test'),
        'AUTH_ARC_PASS',
      ],
      ['a broken chain', passedOn('list.test', PASSED, (text) => text.replace('tomorrow', 'never')), 'AUTH_ARC_FAIL'],
    ])('%s rescues nothing', async (_, sent, id) => {
      const seen = await mail(sent);
      expect(seen.reply).toMatch(/^550 5\.7\.1 /);
      expect(seen.ids).toContain(id);
    });
  });

  it('mail of our own people is not checked, and gets no results', async () => {
    const { deliverMail } = await import('../ground/smtp-client.js');
    const content = writeMail({ from: 'Anna <anna@d-reject.test>' });
    const outcome = await deliverMail(line.port, {
      mailFrom: 'a@spf-fail.test',
      rcptTo: ['inside@house.test'],
      content,
    });
    expect(outcome.last.code).toBe(250);
    expect((await line.sink.mailFor('inside@house.test')).content.toString()).not.toContain('Authentication-Results');
  });
});

describe.skipIf(!ready)('authentication under other policies', () => {
  let ground: AuthenticationLine;
  beforeAll(async () => {
    ground = await startAuthenticationLine(
      'auth2',
      ZONE,
      `  spf: { refuseSoftfail: true, refuseDespiteDmarc: true, refuseHeloFail: true, onPermerror: refuse, onTemperror: tempfail }
  dkim: { onTemperror: tempfail, allowNetworks: [192.0.2.44] }
  dmarc: { onTemperror: tempfail }
  forwarders: { networks: [198.51.100.55], names: ['*.forward.test'], rescueDmarc: true }
verdict:
  dkim: reject
`,
      { main: { smtpd_authorized_xclient_hosts: '127.0.0.2' } },
    );
  }, START_MS);
  afterAll(() => ground?.stop());

  const mail = (sent: Sent): Promise<Seen> => send(ground.line, sent);

  it.each([
    ['softfail', { mailFrom: 'a@spf-softfail.test' }, /^550 5\.7\.23 /],
    ['permerror', { mailFrom: 'a@spf-permerror.test' }, /^550 5\.7\.24 /],
    ['temperror', { mailFrom: 'a@spf-temperror.test' }, /^451 4\.7\.24 /],
    ['HELO fail', { mailFrom: 'a@spf-pass.test', helo: 'helo-fail.test' }, /^550 5\.7\.23 /],
    [
      'fail in spite of DKIM and DMARC',
      { mailFrom: 'a@spf-fail.test', ...signedBy('d-reject.test') },
      /^550 5\.7\.23 /,
    ],
  ] as const)('SPF %s', async (_, sent, reply) => {
    expect((await mail(sent)).reply).toMatch(reply);
  });

  it('DKIM refuses as the model does: a signature that fails, not a missing one, not one beside one that holds', async () => {
    const { write } = signedBy('dkim.test');
    const broken = (id: string) => write(id).replace('tomorrow', 'never');
    expect((await mail({ mailFrom: 'a@spf-pass.test', write: broken })).reply).toMatch(/^550 5\.7\.20 /);
    expect((await mail({ mailFrom: 'a@spf-pass.test' })).reply).toMatch(/^250 /);
    const mended = (id: string) => signFor('dkim.test', broken(id), { selector: 's2' });
    expect((await mail({ mailFrom: 'a@spf-pass.test', write: mended })).reply).toMatch(/^250 /);
    const late = signedBy('dkim.test', { selector: 'late' });
    expect((await mail({ mailFrom: 'a@spf-pass.test', ...late })).reply).toMatch(/^451 4\.7\.20 /);
    const allowed = { mailFrom: 'a@spf-neutral.test', xclient: 'ADDR=192.0.2.44', write: broken };
    expect((await mail(allowed)).reply).toMatch(/^250 /);
  });

  it('DMARC that cannot be looked up is tried again', async () => {
    expect((await mail({ mailFrom: 'a@spf-pass.test', ...from('d-late.test') })).reply).toMatch(/^451 4\.7\.1 /);
  });

  it('known forwarders, by network and by confirmed name, are spared SPF and DMARC', async () => {
    const forwarded = { mailFrom: 'a@spf-fail.test', ...from('d-closed.test') };
    expect((await mail({ ...forwarded, xclient: 'ADDR=198.51.100.56' })).reply).toMatch(/^550 /);
    const byNetwork = await mail({ ...forwarded, xclient: 'ADDR=198.51.100.55' });
    expect(byNetwork.reply).toMatch(/^250 /);
    expect(byNetwork.ids).toEqual(expect.arrayContaining(['AUTH_SPF_EXEMPT', 'AUTH_DMARC_FAIL_RESCUED']));
    const byName = await mail({ ...forwarded, xclient: 'ADDR=198.51.100.57 NAME=mx1.forward.test' });
    expect(byName.reply).toMatch(/^250 /);
    const unconfirmed = await mail({
      ...forwarded,
      xclient: 'ADDR=198.51.100.58 NAME=[UNAVAILABLE] REVERSE_NAME=mx1.forward.test',
    });
    expect(unconfirmed.reply).toMatch(/^550 /);
  });
});
