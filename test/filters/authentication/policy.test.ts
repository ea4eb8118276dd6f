// From facts to findings: every result of every method, what each setting makes of it, and who is excused.
import { describe, expect, it } from 'vitest';
import type { AuthenticationFacts } from '../../../filters/authentication/facts.js';
import { authenticationFindings } from '../../../filters/authentication/findings.js';
import { judge, type PolicyInput } from '../../../filters/authentication/policy.js';
import { decide } from '../../../pipeline/decide.js';
import type { FindingSpec } from '../../../pipeline/finding.js';
import { verdictSection, type VerdictSettings } from '../../../pipeline/settings.js';
import { Value } from 'typebox/value';
import { envelopeAddress } from '../../ground/transaction.js';
import { arcFacts, AUTHOR, DEFAULTS, dkimFacts, dmarcFacts, factsWith, settingsWith, spfFacts } from './facts-made.js';

const CLIENT: PolicyInput['client'] = { address: '192.0.2.1', forwarder: null, dkimAllowed: false };
const VERDICT = Value.Default(verdictSection.schema, {}) as VerdictSettings;
const SPECS = new Map<string, FindingSpec>(authenticationFindings.map((spec) => [spec.id, spec]));

type Given = Partial<Omit<PolicyInput, 'facts'>> & { readonly facts?: Partial<AuthenticationFacts> };

const run = ({ facts = {}, ...given }: Given) =>
  judge({ facts: factsWith(facts), author: AUTHOR, client: CLIENT, settings: DEFAULTS, vouched: false, ...given });
const ids = (given: Given) => run(given).map(({ id }) => id);
const evidenceOf = (given: Given, id: string) => run(given).find((finding) => finding.id === id)?.evidence ?? '';

/** What the house does with it: action and SMTP reply. */
function outcome(given: Given, verdict: Partial<VerdictSettings> = {}): string {
  const findings = run(given).map((finding) => ({ ...finding, stage: 'authentication' }));
  const [first] = decide(
    { findings, broken: [] },
    [envelopeAddress('b@house.test')],
    { ...VERDICT, ...verdict },
    SPECS,
  );
  return first?.reply ? `${first.action} ${first.reply.code} ${first.reply.enhanced}` : (first?.action ?? '');
}

describe('SPF', () => {
  it.each([
    ['none', 'AUTH_SPF_NONE', 'accept'],
    ['neutral', 'AUTH_SPF_NEUTRAL', 'accept'],
    ['pass', 'AUTH_SPF_PASS', 'accept'],
    ['fail', 'AUTH_SPF_FAIL', 'reject 550 5.7.23'],
    ['softfail', 'AUTH_SPF_SOFTFAIL', 'accept'],
    ['temperror', 'AUTH_SPF_TEMPERROR', 'accept'],
    ['permerror', 'AUTH_SPF_PERMERROR', 'accept'],
  ] as const)('%s is %s and leads to %s by default', (result, id, action) => {
    const given = { facts: { spf: spfFacts(result) } };
    expect(ids(given)).toContain(id);
    expect(outcome(given)).toBe(action);
  });

  it.each([
    ['fail', { refuseFail: false }, 'accept'],
    ['softfail', { refuseSoftfail: true }, 'reject 550 5.7.23'],
    ['permerror', { onPermerror: 'refuse' }, 'reject 550 5.7.24'],
    ['temperror', { onTemperror: 'tempfail' }, 'tempfail 451 4.7.24'],
  ] as const)('%s under %o: %s', (result, spf, action) => {
    expect(outcome({ facts: { spf: spfFacts(result) }, settings: settingsWith({ spf }) })).toBe(action);
  });

  it('does not refuse what DKIM carries through DMARC, unless set', () => {
    const facts = { spf: spfFacts('fail'), dkim: [dkimFacts('pass')], dmarc: dmarcFacts('pass') };
    expect(outcome({ facts })).toBe('accept');
    expect(ids({ facts })).toContain('AUTH_SPF_EXEMPT');
    expect(run({ facts }).find(({ id }) => id === 'AUTH_SPF_FAIL')?.score).toBe(0);
    const settings = settingsWith({ spf: { refuseDespiteDmarc: true } });
    expect(outcome({ facts, settings })).toBe('reject 550 5.7.23');
  });

  it('does refuse where DMARC passes by anything but DKIM, or DKIM by anything but DMARC', () => {
    const spf = spfFacts('fail');
    const bySpf = dmarcFacts('pass', { alignedSpf: true, alignedDkim: false });
    expect(outcome({ facts: { spf, dmarc: bySpf } })).toBe('reject 550 5.7.23');
    const unpublished = dmarcFacts('none', { alignedDkim: true });
    expect(outcome({ facts: { spf, dmarc: unpublished, dkim: [dkimFacts('pass')] } })).toBe('reject 550 5.7.23');
  });

  it('asks to try again where DNS hides whether DKIM excuses the failure', () => {
    const hidden = { spf: spfFacts('fail'), dkim: [dkimFacts('temperror')], dmarc: dmarcFacts('temperror') };
    expect(outcome({ facts: hidden })).toBe('tempfail 451 4.7.24');
    const unaligned = { ...hidden, dkim: [dkimFacts('temperror', { alignment: null })] };
    expect(outcome({ facts: unaligned })).toBe('reject 550 5.7.23');
  });

  it('lets known forwarders and what a trusted ARC sealer vouches for pass, and says so', () => {
    const facts = { spf: spfFacts('fail'), dmarc: dmarcFacts('none') };
    const client = { ...CLIENT, forwarder: '192.0.2.0/24' };
    expect(outcome({ facts, client })).toBe('accept');
    expect(evidenceOf({ facts, client }, 'AUTH_SPF_EXEMPT')).toContain('known forwarder');
    expect(outcome({ facts, vouched: true })).toBe('accept');
    expect(evidenceOf({ facts, vouched: true }, 'AUTH_SPF_EXEMPT')).toContain('ARC');
  });

  it('says nothing while it is off, though DMARC had it evaluated', () => {
    const settings = settingsWith({ spf: { enabled: false } });
    expect(ids({ facts: { spf: spfFacts('fail') }, settings }).filter((id) => id.includes('SPF'))).toEqual([]);
  });

  it('reports the HELO name, and refuses for it only if set', () => {
    const facts = { spfHelo: spfFacts('fail', { scope: 'helo', domain: 'client.test' }) };
    expect(ids({ facts })).toContain('AUTH_SPF_HELO_FAIL');
    expect(outcome({ facts })).toBe('accept');
    expect(outcome({ facts, settings: settingsWith({ spf: { refuseHeloFail: true } }) })).toBe('reject 550 5.7.23');
    expect(ids({ facts: { spfHelo: spfFacts('softfail') } })).toContain('AUTH_SPF_HELO_OTHER');
    expect(ids({ facts: { spfHelo: spfFacts('none') } }).join()).not.toContain('HELO');
  });
});

describe('DKIM', () => {
  it.each([
    ['pass', 'AUTH_DKIM_PASS'],
    ['fail', 'AUTH_DKIM_FAIL'],
    ['policy', 'AUTH_DKIM_POLICY'],
    ['neutral', 'AUTH_DKIM_NEUTRAL'],
    ['temperror', 'AUTH_DKIM_TEMPERROR'],
    ['permerror', 'AUTH_DKIM_PERMERROR'],
  ] as const)('%s is %s, and refuses nothing by default', (result, id) => {
    const given = { facts: { dkim: [dkimFacts(result)] } };
    expect(ids(given)).toContain(id);
    expect(outcome(given)).toBe('accept');
  });

  it("has the model's refusal one setting away: signed, and no signature holds", () => {
    const refuse = { dkim: 'reject' } as const;
    expect(outcome({ facts: { dkim: [dkimFacts('fail')] } }, refuse)).toBe('reject 550 5.7.20');
    expect(outcome({ facts: { dkim: [dkimFacts('permerror')] } }, refuse)).toBe('reject 550 5.7.20');
    expect(outcome({ facts: { dkim: [] } }, refuse)).toBe('accept');
    expect(outcome({ facts: { dkim: [dkimFacts('fail'), dkimFacts('pass')] } }, refuse)).toBe('accept');
    expect(outcome({ facts: { dkim: [dkimFacts('fail', { testing: true })] } }, refuse)).toBe('accept');
    expect(outcome({ facts: { dkim: [dkimFacts('temperror')] } }, refuse)).toBe('accept');
  });

  it('does not hold failing signatures against hosts of the allow list', () => {
    const given = { facts: { dkim: [dkimFacts('fail')] }, client: { ...CLIENT, dkimAllowed: true } };
    expect(outcome(given, { dkim: 'reject' })).toBe('accept');
    expect(run(given).find(({ id }) => id === 'AUTH_DKIM_FAIL')?.score).toBe(0);
    expect(ids(given)).not.toContain('AUTH_DKIM_PASS');
  });

  it('names every signature in one finding per result', () => {
    const given = {
      facts: {
        dkim: [
          dkimFacts('fail', { domain: 'a.test' }),
          dkimFacts('pass', { domain: 'b.test' }),
          dkimFacts('fail', { domain: 'c.test' }),
        ],
      },
    };
    expect(ids(given).filter((id) => id.includes('DKIM'))).toEqual(['AUTH_DKIM_PASS', 'AUTH_DKIM_FAIL']);
    expect(evidenceOf(given, 'AUTH_DKIM_FAIL')).toMatch(/a\.test.*c\.test/);
  });

  it('asks to try again when keys could not be fetched, if set, and no signature holds', () => {
    const settings = settingsWith({ dkim: { onTemperror: 'tempfail' } });
    expect(outcome({ facts: { dkim: [dkimFacts('temperror')] }, settings })).toBe('tempfail 451 4.7.20');
    expect(outcome({ facts: { dkim: [dkimFacts('temperror'), dkimFacts('pass')] }, settings })).toBe('accept');
  });
});

describe('DMARC', () => {
  it.each([
    [dmarcFacts('none'), 'AUTH_DMARC_NONE', 'accept'],
    [dmarcFacts('pass'), 'AUTH_DMARC_PASS', 'accept'],
    [dmarcFacts('fail', { published: 'none', applied: 'none' }), 'AUTH_DMARC_FAIL_NONE', 'accept'],
    [dmarcFacts('fail', { published: 'quarantine', applied: 'quarantine' }), 'AUTH_DMARC_QUARANTINE', 'quarantine'],
    [dmarcFacts('fail'), 'AUTH_DMARC_REJECT', 'reject 550 5.7.1'],
    [dmarcFacts('fail', { applied: 'quarantine', override: 'sampled-out' }), 'AUTH_DMARC_QUARANTINE', 'quarantine'],
    [dmarcFacts('fail', { applied: 'none', override: 'local-policy' }), 'AUTH_DMARC_FAIL_NONE', 'accept'],
    [dmarcFacts('fail', { applied: 'none', override: 'trusted-arc' }), 'AUTH_DMARC_FAIL_RESCUED', 'accept'],
    [dmarcFacts('fail', { applied: 'none', override: 'trusted-forwarder' }), 'AUTH_DMARC_FAIL_RESCUED', 'accept'],
    [dmarcFacts('temperror', { problem: 'silence' }), 'AUTH_DMARC_TEMPERROR', 'accept'],
    [dmarcFacts('permerror', { problem: 'two records' }), 'AUTH_DMARC_PERMERROR', 'accept'],
  ])('%o is %s: %s', (dmarc, id, action) => {
    expect(ids({ facts: { dmarc } })).toContain(id);
    expect(outcome({ facts: { dmarc } })).toBe(action);
  });

  it('asks to try again for want of DNS, if set', () => {
    const settings = settingsWith({ dmarc: { onTemperror: 'tempfail' } });
    expect(outcome({ facts: { dmarc: dmarcFacts('temperror') }, settings })).toBe('tempfail 451 4.7.1');
  });

  it('says nothing while it is off', () => {
    const settings = settingsWith({ dmarc: { enabled: false } });
    expect(ids({ facts: { dmarc: null }, author: null, settings }).join()).not.toMatch(/DMARC|FROM/);
  });

  it.each([
    ['repeated', ['AUTH_FROM_UNCLEAR', 'AUTH_FROM_REPEATED'], 'reject 550 5.7.1'],
    ['several', ['AUTH_FROM_SEVERAL'], 'accept'],
    ['group', ['AUTH_FROM_SEVERAL'], 'accept'],
    ['missing', ['AUTH_FROM_UNCLEAR'], 'accept'],
    ['no-domain', ['AUTH_FROM_UNCLEAR'], 'accept'],
    ['broken', ['AUTH_FROM_UNCLEAR'], 'accept'],
  ] as const)('a From that is %s is never a pass: %s, %s', (problem, expected, action) => {
    const given = { author: { domain: null, problem }, facts: { dmarc: dmarcFacts('pass') } };
    expect(ids(given).filter((id) => /FROM|DMARC/.test(id))).toEqual(expected);
    expect(outcome(given)).toBe(action);
  });

  it('tells in words whom the domain could not be tied to', () => {
    const facts = {
      spf: spfFacts('pass', { domain: 'bulk.test' }),
      dkim: [dkimFacts('pass', { domain: 'other.test' })],
      dmarc: dmarcFacts('fail'),
    };
    expect(evidenceOf({ facts }, 'AUTH_DMARC_REJECT')).toBe(
      'From away.test: policy reject; SPF passes for bulk.test only; DKIM passes for other.test only',
    );
  });
});

describe('ARC', () => {
  it('is a fact: pass, fail, or nothing', () => {
    expect(ids({ facts: { arc: arcFacts('none') } }).join()).not.toContain('AUTH_ARC');
    expect(ids({ facts: { arc: arcFacts('fail', { problem: 'seal 2 does not verify' }) } })).toContain('AUTH_ARC_FAIL');
    expect(evidenceOf({ facts: { arc: arcFacts('pass') } }, 'AUTH_ARC_PASS')).toContain('list.test, not trusted here');
  });
});

describe('evidence', () => {
  it('never holds what cannot be shown, however hostile the facts', () => {
    const nasty = '\u202e\x1b[31m\r\nSubject: x\u0000"'.repeat(40);
    const facts = {
      spf: spfFacts('fail', { domain: nasty, mechanism: nasty, explanation: nasty, problem: nasty }),
      dkim: [dkimFacts('fail', { domain: nasty, selector: nasty, problem: nasty })],
      dmarc: dmarcFacts('fail', { domain: nasty, recordDomain: nasty, problem: nasty }),
      arc: arcFacts('fail', { sealer: nasty, problem: nasty }),
    };
    for (const { evidence } of run({ facts, client: { ...CLIENT, forwarder: nasty } })) {
      expect(evidence).toMatch(/^[ -~]{1,420}$/);
    }
  });
});

it('every finding that is reported is declared', () => {
  const declared = new Set<string>(authenticationFindings.map(({ id }) => id));
  expect(declared.size).toBe(authenticationFindings.length);
  for (const finding of run({ facts: { spf: spfFacts('fail'), dkim: [dkimFacts('fail')] } })) {
    expect(declared.has(finding.id)).toBe(true);
  }
});
