// From findings to actions: thresholds, caps, precedence, single recipients, broken stages.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { decide, harmsIn, spamScore, type Action } from '../../pipeline/decide.js';
import type { SpecTable } from '../../pipeline/exempt.js';
import type { StagedFinding } from '../../pipeline/finding.js';
import type { ScanResult } from '../../pipeline/run.js';
import { verdictSection, type VerdictSettings } from '../../pipeline/settings.js';
import { envelopeAddress } from '../ground/transaction.js';

const defaults = Value.Default(verdictSection.schema, {}) as VerdictSettings;
const spam = (score: number, fields: Partial<StagedFinding> = {}): StagedFinding => ({
  id: 'X',
  stage: 'rules',
  category: 'spam',
  group: 'rules',
  score,
  evidence: '',
  ...fields,
});
const harm = (category: StagedFinding['category'], fields: Partial<StagedFinding> = {}) =>
  spam(1, { category, id: 'HARM', ...fields });
const result = (findings: readonly StagedFinding[], broken: ScanResult['broken'] = []): ScanResult => ({
  findings,
  edits: [],
  subRules: [],
  sealBasis: null,
  stageMs: {},
  totalMs: 0,
  broken,
  exempts: [],
});
const actions = (
  findings: readonly StagedFinding[],
  settings: Partial<VerdictSettings> = {},
  rcptTo = ['b@house.test'],
): Action[] =>
  decide(result(findings), rcptTo.map(envelopeAddress), { ...defaults, ...settings }, new Map()).map(
    ({ action }) => action,
  );

describe('thresholds', () => {
  it.each([
    [4.999, 'accept'],
    [5, 'tag'],
    [9.999, 'tag'],
    [10, 'quarantine'],
    [14.999, 'quarantine'],
    [15, 'reject'],
    [-3, 'accept'],
  ] as const)('score %d leads to %s', (score, action) => {
    expect(actions([spam(score)])).toEqual([action]);
  });

  it('adds up floats to three decimals: 0.1 + 0.2 + 4.7 acts at 5', () => {
    expect(actions([spam(0.1), spam(0.2), spam(4.7)])).toEqual(['tag']);
  });

  it('only tags when the others are switched off, as the model does', () => {
    expect(actions([spam(1_000)], { quarantineAt: null, rejectAt: null })).toEqual(['tag']);
  });

  it('refuses GTUBE-sized scores whatever the caps of the other groups', () => {
    expect(actions([spam(1_000), spam(-1_000, { group: 'reputation' })])).toEqual(['reject']);
  });
});

describe('caps', () => {
  it('bounds each group both ways', () => {
    const findings = [spam(50, { group: 'lists' }), spam(-50, { group: 'learning' }), spam(3)];
    expect(spamScore(findings, { ...defaults.caps, lists: 8, learning: 4 })).toBe(7);
  });

  it('counts no finding of another category as spam', () => {
    expect(spamScore([harm('virus', { score: 100 })], defaults.caps)).toBe(0);
  });
});

describe('precedence', () => {
  it('lets the stronger action win: reject > tempfail > discard > quarantine > tag', () => {
    expect(actions([harm('virus'), spam(20)])).toEqual(['reject']);
    expect(actions([harm('virus'), harm('mcp')], { virus: 'tempfail', mcp: 'discard' })).toEqual(['tempfail']);
    expect(actions([harm('virus'), spam(6)], { virus: 'discard' })).toEqual(['discard']);
    expect(actions([harm('virus'), spam(6)], { virus: 'accept' })).toEqual(['tag']);
  });

  it('names the stronger category where two ask for the same', () => {
    const findings = [spam(11), harm('mcp'), harm('attachment'), harm('virus', { id: 'V', evidence: 'Eicar' })];
    const [verdict] = decide(result(findings), [envelopeAddress('b@house.test')], defaults, new Map());
    expect(verdict).toMatchObject({ action: 'quarantine', category: 'virus', reason: 'V: Eicar' });
  });

  it('needs a whole point in a category other than spam', () => {
    expect(actions([harm('policy', { score: 0.4 })])).toEqual(['accept']);
    expect(actions([harm('policy', { score: 0.4 }), harm('policy', { score: 0.6 })])).toEqual(['reject']);
  });

  it('acts on an MCP score over its threshold, not at it', () => {
    expect(actions([harm('mcp', { score: 1 })])).toEqual(['accept']);
    expect(actions([harm('mcp', { score: 0.6 }), harm('mcp', { score: 0.5 })])).toEqual(['quarantine']);
    expect(actions([harm('mcp', { score: 2 }), harm('mcp', { score: -1 })])).toEqual(['accept']);
  });

  it('uses the reply a finding asks for', () => {
    const replies = new Map([['HARM', { reply: { code: 552, enhanced: '5.3.4', text: 'too large' } }]]);
    const [verdict] = decide(result([harm('policy')]), [envelopeAddress('b@house.test')], defaults, replies);
    expect(verdict?.reply).toEqual({ code: 552, enhanced: '5.3.4', text: 'too large' });
  });

  it("prefers the reply of this very finding to its specification's", () => {
    const own = { code: 550, enhanced: '5.7.1', text: 'for this one' };
    const replies = new Map([['HARM', { reply: { ...own, text: 'for all' } }]]);
    const [verdict] = decide(
      result([harm('policy', { reply: own })]),
      [envelopeAddress('b@house.test')],
      defaults,
      replies,
    );
    expect(verdict?.reply).toEqual(own);
  });

  it('never refuses with a temporary code, nor asks to try again with a final one', () => {
    const later = { code: 451, enhanced: '4.7.24', text: 'later' };
    const replyOf = (action: 'reject' | 'tempfail', reply = later) =>
      decide(
        result([harm('spf')]),
        [envelopeAddress('b@house.test')],
        { ...defaults, actions: { HARM: action } },
        new Map([['HARM', { reply }]]),
      )[0]?.reply;
    expect(replyOf('tempfail')).toEqual(later);
    expect(replyOf('reject')).toMatchObject({ code: 554 });
    expect(replyOf('tempfail', { ...later, code: 550 })).toMatchObject({ code: 451, enhanced: '4.7.1' });
  });
});

describe('recipients', () => {
  const settings: Partial<VerdictSettings> = {
    recipients: [
      { recipient: 'strict@house.test', rejectAt: 5 },
      { recipient: '*@lenient.test', tagAt: 8, quarantineAt: null, rejectAt: null },
    ],
  };

  it('judges each by its own thresholds', () => {
    expect(actions([spam(6)], settings, ['strict@house.test', 'x@lenient.test', 'b@house.test'])).toEqual([
      'reject',
      'accept',
      'tag',
    ]);
  });

  it('counts a finding of one recipient for that one alone', () => {
    expect(actions([spam(6, { recipient: 1 })], {}, ['a@house.test', 'b@house.test'])).toEqual(['accept', 'tag']);
  });
});

describe('actions of single findings', () => {
  const one = (fields: Partial<VerdictSettings>, spec: NonNullable<ReturnType<SpecTable['get']>> = {}, score = 1) =>
    decide(
      result([harm('dmarc', { score })]),
      [envelopeAddress('b@house.test')],
      { ...defaults, ...fields },
      new Map([['HARM', spec]]),
    )[0];

  it('the settings’ word beats the finding’s own, which beats that of its category', () => {
    expect(one({ dmarc: 'reject' })).toMatchObject({ action: 'reject', category: 'dmarc' });
    expect(one({ dmarc: 'reject' }, { action: 'quarantine' })).toMatchObject({
      action: 'quarantine',
      category: 'dmarc',
    });
    expect(one({ actions: { HARM: 'tag' } }, { action: 'quarantine' })).toMatchObject({
      action: 'tag',
      category: 'dmarc',
    });
    expect(one({ actions: { HARM: 'accept' } })).toMatchObject({ action: 'accept', category: null });
    expect(one({ actions: { OTHER: 'accept' } })).toMatchObject({ action: 'reject' });
  });

  it('hold only where the category acts, and not for spam', () => {
    expect(one({ actions: { HARM: 'reject' } }, {}, 0.5)).toMatchObject({ action: 'accept' });
    expect(actions([spam(1, { id: 'HARM' })], { actions: { HARM: 'reject' } })).toEqual(['accept']);
  });

  it('the strongest of several findings of one category holds', () => {
    const settings: Partial<VerdictSettings> = { actions: { A: 'tag', B: 'quarantine' } };
    expect(actions([harm('mcp', { id: 'A' }), harm('mcp', { id: 'B' })], settings)).toEqual(['quarantine']);
  });

  it('a name from the prototype is no setting', () => {
    expect(actions([harm('policy', { id: '__PROTO__' }), harm('policy', { id: 'CONSTRUCTOR' })])).toEqual(['reject']);
  });
});

describe('the administrator’s own word', () => {
  const said = (mark: 'spam' | 'not-spam', fields: Partial<StagedFinding> = {}) =>
    spam(0, { id: 'LISTED', evidence: 'a@b.test', mark, ...fields });

  it('spam marks at least, whatever the score', () => {
    const [verdict] = decide(result([said('spam')]), [envelopeAddress('b@house.test')], defaults, new Map());
    expect(verdict).toMatchObject({ action: 'tag', category: 'spam', reason: 'LISTED: a@b.test' });
    expect(actions([said('spam'), spam(-100)], { tagAt: null })).toEqual(['tag']);
    expect(actions([said('spam'), spam(20)])).toEqual(['reject']);
  });

  it('not spam keeps any score from acting, and says nothing of other harm', () => {
    expect(actions([said('not-spam'), spam(1_000)])).toEqual(['accept']);
    expect(actions([said('not-spam'), said('spam')])).toEqual(['accept']);
    expect(actions([said('not-spam'), harm('virus')])).toEqual(['quarantine']);
  });

  it('holds for the recipient it was said for', () => {
    const recipients = ['a@house.test', 'b@house.test'];
    expect(actions([said('not-spam', { recipient: 0 }), spam(6)], {}, recipients)).toEqual(['accept', 'tag']);
  });
});

describe('harms', () => {
  it('are known whatever their action, the strongest first, with a reason', () => {
    const settings = { ...defaults, mcp: 'accept' as const };
    const found = [
      harm('mcp', { id: 'MCP_A', score: 2 }),
      harm('virus', { id: 'V', evidence: 'Eicar' }),
      harm('policy', { score: 0.4 }),
    ];
    expect(harmsIn([...found, spam(20)], settings).map(({ category, reason }) => [category, reason])).toEqual([
      ['virus', 'V: Eicar'],
      ['mcp', 'MCP score 2 over 1: MCP_A'],
    ]);
    expect(harmsIn([harm('mcp')], settings)).toEqual([]);
  });
});

describe('broken stages', () => {
  const broken = (policy: 'tempfail' | 'quarantine' | 'continue') => [{ stage: 'antivirus', reason: 'gone', policy }];
  const decideBroken = (policy: 'tempfail' | 'quarantine' | 'continue', findings: StagedFinding[] = []) =>
    decide(result(findings, broken(policy)), [envelopeAddress('b@house.test')], defaults, new Map())[0];

  it('follows the policy of the stage and says which broke', () => {
    expect(decideBroken('tempfail')).toMatchObject({ action: 'tempfail', broken: 'antivirus', reply: { code: 451 } });
    expect(decideBroken('quarantine')).toMatchObject({ action: 'quarantine', category: 'unprocessable' });
    expect(decideBroken('continue')).toMatchObject({ action: 'accept' });
  });

  it('does not hide a refusal that the other stages found', () => {
    expect(decideBroken('tempfail', [spam(20)])).toMatchObject({ action: 'reject' });
  });
});
