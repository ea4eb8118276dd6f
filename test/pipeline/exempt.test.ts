// What an allow rule spares does not count: by check, for all or for one recipient, in every category.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { decide } from '../../pipeline/decide.js';
import { decideEarly, type Scope } from '../../pipeline/decide-early.js';
import { checkOf, countedFor, exemptionOf, type SpecTable } from '../../pipeline/exempt.js';
import { CATEGORIES, CHECKS, type Exemption, type FindingSpec, type StagedFinding } from '../../pipeline/finding.js';
import { verdictSection, type VerdictSettings } from '../../pipeline/settings.js';
import type { BrokenStage } from '../../pipeline/stage-run.js';
import { STAGES } from '../../filters/index.js';
import { envelopeAddress } from '../ground/transaction.js';

const settings = Value.Default(verdictSection.schema, {}) as VerdictSettings;
const finding = (id: string, fields: Partial<StagedFinding> = {}): StagedFinding => ({
  ...{ id, stage: 'probe', category: 'policy', score: 1, evidence: '' },
  ...fields,
});
const table = (specs: Readonly<Record<string, Partial<FindingSpec>>>): SpecTable => new Map(Object.entries(specs));
const none: SpecTable = new Map();
const spare = (check: Exemption['check'], recipient?: number): Exemption => ({
  ...{ check, rule: 'allow partner' },
  ...(recipient === undefined ? {} : { recipient }),
});

describe('the check of a finding', () => {
  it('is its specification, else its category; caps, blocks and content have none', () => {
    const specs = table({ A: { check: 'restriction' } });
    expect(checkOf(finding('A'), specs)).toBe('restriction');
    const byCategory = CATEGORIES.map((category) => [category, checkOf(finding('B', { category }), none)]);
    expect(byCategory).toEqual([
      ['virus', 'antivirus'],
      ['attachment', null],
      ['content', null],
      ['mcp', null],
      ['dmarc', 'dmarc'],
      ['spf', 'spf'],
      ['dkim', 'dkim'],
      ['dnsbl', 'dnsbl'],
      ['blocked', null],
      ['policy', null],
      ['greylist', 'greylist'],
      ['unprocessable', null],
      ['spam', 'spam'],
    ]);
  });

  it('is that of its family, the longest name first', () => {
    const specs = table({ 'RATE_*': { check: 'restriction' }, 'RATE_DNS_*': { check: 'dnsbl' } });
    expect(['RATE_X', 'RATE_DNS_X', 'RATEX'].map((id) => checkOf(finding(id), specs))).toEqual([
      'restriction',
      'dnsbl',
      null,
    ]);
  });

  it.each(CHECKS)('%s is said by some finding of the house, or is its own category', (check) => {
    const specs = STAGES.flatMap(({ spec }) => spec.findings.map((one): FindingSpec => one));
    const all: SpecTable = new Map(specs.map((spec) => [spec.id, spec]));
    expect(specs.some((spec) => checkOf(finding(spec.id, { category: spec.category }), all) === check)).toBe(true);
  });
});

describe('an exemption', () => {
  it.each(CHECKS)('of %s takes its findings out and leaves the others', (check) => {
    const specs = table(Object.fromEntries(CHECKS.map((name) => [name.toUpperCase(), { check: name }])));
    const findings = CHECKS.map((name) => finding(name.toUpperCase()));
    const counted = countedFor({ findings, exempts: [spare(check)] }, 0, specs);
    expect(counted.map(({ id }) => id)).toEqual(
      CHECKS.filter((name) => name !== check).map((name) => name.toUpperCase()),
    );
  });

  it('of the spam score takes out all of it, points of other checks included', () => {
    const specs = table({ SPF_POINTS: { check: 'spf' } });
    const findings = [finding('SPF_POINTS', { category: 'spam' }), finding('X', { category: 'spam' }), finding('CAP')];
    expect(countedFor({ findings, exempts: [spare('spam')] }, 0, specs).map(({ id }) => id)).toEqual(['CAP']);
    expect(countedFor({ findings, exempts: [spare('spf')] }, 0, specs).map(({ id }) => id)).toEqual(['X', 'CAP']);
  });

  it('holds for the recipient it names alone, and names its rule', () => {
    const rejects = [finding('NO', { category: 'dnsbl' })];
    const verdicts = decide(
      { findings: rejects, broken: [], exempts: [spare('dnsbl', 1)] },
      ['a@house.test', 'b@house.test'].map(envelopeAddress),
      settings,
      none,
    );
    expect(verdicts.map(({ action }) => action)).toEqual(['reject', 'accept']);
    expect(exemptionOf(finding('NO', { category: 'dnsbl' }), [spare('dnsbl', 1)], 0, none)).toBeNull();
    expect(exemptionOf(finding('NO', { category: 'dnsbl' }), [spare('dnsbl', 1)], 1, none)?.rule).toBe('allow partner');
  });
});

describe('a refusal before the content', () => {
  const early = (
    findings: readonly StagedFinding[],
    fields: {
      readonly scope?: Scope;
      readonly recipient?: number | null;
      readonly broken?: readonly BrokenStage[];
      readonly exempts?: readonly Exemption[];
      readonly specs?: SpecTable;
    } = {},
  ) =>
    decideEarly(
      { findings, broken: fields.broken ?? [], exempts: fields.exempts ?? [] },
      fields.recipient ?? null,
      fields.scope ?? 'all',
      settings,
      fields.specs ?? none,
    );

  it('is what leads to reject or tempfail; spam, quarantine and the like wait for the message', () => {
    expect(early([finding('S', { category: 'spam', score: 100 })])).toBeNull();
    expect(early([finding('V', { category: 'virus' })])).toBeNull();
    expect(early([finding('D')], { specs: table({ D: { action: 'discard' } }) })).toBeNull();
    expect(early([finding('P')])).toMatchObject({ kind: 'reject', category: 'policy', reason: 'P' });
    expect(early([finding('G', { category: 'greylist' })])).toMatchObject({
      kind: 'tempfail',
      reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again later' },
    });
  });

  it('is the strongest: a refusal goes before a temporary one', () => {
    const both = [finding('G', { category: 'greylist' }), finding('P')];
    expect(early(both)).toMatchObject({ kind: 'reject', category: 'policy' });
  });

  it('rests on what no rule can spare where only that counts yet', () => {
    const specs = table({ RDNS: { check: 'restriction' } });
    expect(early([finding('RDNS')], { scope: 'unsparable', specs })).toBeNull();
    expect(early([finding('CAP')], { scope: 'unsparable', specs })).toMatchObject({ category: 'policy' });
    const broken = [{ stage: 'probe', reason: 'down', policy: 'tempfail' as const }];
    expect(early([], { scope: 'unsparable', broken })).toBeNull();
    expect(early([], { broken })).toMatchObject({
      ...{ kind: 'tempfail', broken: 'probe' },
      reply: { code: 451, enhanced: '4.3.0' },
    });
  });

  it('is for the recipient it is about', () => {
    const specs = table({ NO: { check: 'restriction' } });
    const findings = [finding('NO', { recipient: 2 })];
    expect(early(findings, { recipient: 1, specs })).toBeNull();
    expect(early(findings, { recipient: 2, specs })).not.toBeNull();
    expect(early(findings, { recipient: 2, specs, exempts: [spare('restriction', 2)] })).toBeNull();
  });

  it('has a reply of the class of its action, whatever the finding brings', () => {
    const reply = { code: 421, enhanced: '4.7.0', text: 'Busy' };
    expect(early([finding('P', { reply })])?.reply).toMatchObject({ code: 554 });
    expect(early([finding('P', { reply })], { specs: table({ P: { action: 'tempfail' } }) })?.reply).toEqual(reply);
  });

  it.each(CATEGORIES.filter((category) => category !== 'spam'))('has a sensible reply for %s', (category) => {
    for (const action of ['reject', 'tempfail'] as const) {
      const refusal = early([finding('X', { category, score: 5 })], { specs: table({ X: { action } }) });
      const digit = action === 'reject' ? 5 : 4;
      expect(Math.floor((refusal?.reply.code ?? 0) / 100)).toBe(digit);
      expect(refusal?.reply.enhanced.startsWith(`${digit}.`)).toBe(true);
      expect(refusal?.reply.text).toMatch(/^[ -~]{5,100}$/);
    }
  });
});
