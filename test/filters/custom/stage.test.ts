// The custom filters: marks per recipient by sender and recipient, believed only as far as wanted; keywords that add up
// per group.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import type { AuthenticationFacts } from '../../../filters/authentication/facts.js';
import {
  addressFilterSchema,
  keywordGroupSchema,
  keywordSchema,
  type AddressFilter,
  type CustomSettings,
  type KeywordGroup,
} from '../../../filters/custom/settings.js';
import { customStage } from '../../../filters/custom/stage.js';
import { parseConfiguration } from '../../../config/load.js';
import { formatProblem } from '../../../config/problem.js';
import { stageSection } from '../../../pipeline/stage-section.js';
import { mail, makeJob, makeStage, runStage } from '../message-job.js';

const filter = (fields: Partial<AddressFilter>): AddressFilter => ({
  ...(Value.Default(addressFilterSchema, {}) as AddressFilter),
  kind: 'spam',
  ...fields,
});
type Keyword = KeywordGroup['keywords'][number];
const keyword = (text: string, fields: Partial<Keyword> = {}): Keyword => ({
  ...(Value.Default(keywordSchema, {}) as Keyword),
  keyword: text,
  ...fields,
});
const group = (name: string, keywords: readonly Keyword[], fields: Partial<KeywordGroup> = {}): KeywordGroup => ({
  ...(Value.Default(keywordGroupSchema, {}) as KeywordGroup),
  name,
  keywords: [...keywords],
  ...fields,
});

const MAIL = mail('From: Anna <anna@partner.test>', 'Subject: Cheap pills', '', 'Buy pills, cheap. Unsubscribe.', '');

type Fields = Parameters<typeof makeJob>[1];
async function findings(settings: Partial<CustomSettings>, fields: Fields = {}, raw = MAIL) {
  return (await runStage(await makeStage(customStage, settings), makeJob(raw, fields))).findings;
}

/** Recipient and mark of each finding. */
async function marks(addresses: readonly AddressFilter[], fields: Fields = {}, raw = MAIL): Promise<readonly string[]> {
  const found = await findings({ addresses: [...addresses] }, fields, raw);
  return found.map(({ recipient, mark }) => `${recipient ?? 'all'} ${mark}`);
}

const proven = (facts: Partial<AuthenticationFacts>): Fields => ({
  results: (stage) =>
    stage === 'authentication'
      ? {
          findings: [],
          facts: { authservId: 'x', spf: null, spfHelo: null, dkim: [], dmarc: null, arc: null, ...facts },
        }
      : undefined,
});
const dmarc = (result: 'pass' | 'fail') => proven({ dmarc: { result } as NonNullable<AuthenticationFacts['dmarc']> });

describe('address filters', () => {
  const three: Fields = { transaction: { mailFrom: 'b@bounce.test', rcptTo: ['a@x.test', 'b@x.test', 'a@y.test'] } };

  it('mark for the recipients that match, both must', async () => {
    expect(await marks([filter({ sender: '*@partner.test', recipient: 'a@*' })], three)).toEqual(['0 spam', '2 spam']);
    expect(await marks([filter({ sender: '*@partner.test' })], three)).toEqual(['all spam']);
    expect(await marks([filter({ sender: '*@other.test', recipient: 'a@*' })], three)).toEqual([]);
  });

  it('know envelope and header apart', async () => {
    expect(await marks([filter({ sender: 'B@BOUNCE.test' })], three)).toEqual(['all spam']);
    expect(await marks([filter({ sender: 'b@bounce.test', senderIs: 'header' })], three)).toEqual([]);
    expect(await marks([filter({ sender: '*@partner.test', senderIs: 'envelope' })], three)).toEqual([]);
    expect(await marks([filter({ sender: '<>' })], { transaction: { mailFrom: '' } })).toEqual(['all spam']);
  });

  it('let not spam win over spam, per recipient', async () => {
    const both = [filter({ sender: '*@partner.test' }), filter({ kind: 'not-spam', recipient: '*@y.test' })];
    expect(await marks(both, three)).toEqual(['0 spam', '1 spam', '2 not-spam']);
  });

  it('that are off, or of another country or direction, do not count', async () => {
    expect(await marks([filter({ enabled: false })])).toEqual([]);
    const when = {
      directions: ['sent' as const],
      countries: [],
      exceptCountries: [],
      networks: [],
      exceptNetworks: [],
    };
    expect(await marks([filter({ when })], { ...three, directions: ['received', 'sent', 'received'] })).toEqual([
      '1 spam',
    ]);
    const swiss = { ...when, directions: [], countries: ['CH'] };
    expect(await marks([filter({ when: swiss })], { transaction: { connection: { country: 'CH' } } })).toEqual([
      'all spam',
    ]);
    expect(await marks([filter({ when: swiss })], { transaction: { connection: { country: 'DE' } } })).toEqual([]);
  });

  it('that ask for proof get it from login, DMARC, aligned DKIM or SPF, each for its own sender', async () => {
    const strict = [filter({ kind: 'not-spam', sender: '*@partner.test', onlyIfAuthenticated: true })];
    expect(await marks(strict)).toEqual([]);
    expect(await marks(strict, dmarc('fail'))).toEqual([]);
    expect(await marks(strict, dmarc('pass'))).toEqual(['all not-spam']);
    const signature = { result: 'pass', alignment: null } as AuthenticationFacts['dkim'][number];
    expect(await marks(strict, proven({ dkim: [signature] }))).toEqual([]);
    expect(await marks(strict, proven({ dkim: [{ ...signature, alignment: 'relaxed' }] }))).toEqual(['all not-spam']);
    expect(await marks(strict, { transaction: { login: 'anna' } })).toEqual(['all not-spam']);
    const spf = proven({ spf: { result: 'pass', scope: 'mfrom' } as NonNullable<AuthenticationFacts['spf']> });
    expect(await marks(strict, spf)).toEqual([]);
    const envelope = { ...spf, transaction: { mailFrom: 'x@partner.test' } };
    expect(await marks(strict, envelope)).toEqual(['all not-spam']);
  });

  it('do not take one proof for two From addresses', async () => {
    const strict = [filter({ kind: 'not-spam', sender: '*@partner.test', onlyIfAuthenticated: true })];
    const two = mail('From: x@evil.test, anna@partner.test', 'Subject: x', '', 'y', '');
    expect(await marks(strict, dmarc('pass'), two)).toEqual([]);
  });

  it('are told as safe as they are', async () => {
    const stage = await makeStage(customStage, { addresses: [filter({ kind: 'not-spam', sender: '*@partner.test' })] });
    const lines = await stage.check?.(new AbortController().signal);
    expect(lines?.map(({ state }) => state)).toEqual(['ok', 'warn']);
    expect(lines?.[1]?.detail).toMatch(/easily forged/);
  });
});

describe('keyword groups', () => {
  it('add up per group, each keyword once, told by number', async () => {
    const found = await findings({
      keywords: [
        group('pills', [
          keyword('PILLS', { score: 1.2 }),
          keyword('nothing', { score: 9 }),
          keyword('buy .* cheap', { regex: true, score: 0.4 }),
          keyword('unsubscribe', { target: 'subject', score: 9 }),
        ]),
        group('friends', [keyword('cheap', { target: 'subject', score: -1 })]),
        group('off', [keyword('pills')], { enabled: false }),
      ],
    });
    expect(found).toEqual([
      {
        id: 'CUSTOM_WORDS_PILLS',
        category: 'spam',
        group: 'rules',
        score: 1.6,
        evidence: 'keyword 1 in content; keyword 3 in content',
      },
      { id: 'CUSTOM_WORDS_FRIENDS', category: 'spam', group: 'rules', score: -1, evidence: 'keyword 1 in subject' },
    ]);
  });

  it('tell of one that took too many steps, and count the others', async () => {
    const raw = mail('Subject: x', '', 'a'.repeat(200_000), '');
    const keywords = [group('hard', [keyword('(?=a)(a+)+$', { regex: true }), keyword('aaa', { score: 0.5 })])];
    const found = await findings({ keywords }, {}, raw);
    expect(found.map(({ id, score, evidence }) => [id, score, evidence])).toEqual([
      ['CUSTOM_WORDS_HARD', 0.5, 'keyword 2 in content'],
      ['CUSTOM_GAVE_UP', 0, 'a keyword of hard'],
    ]);
  });

  it('that do not compile are refused at their line', () => {
    const yaml = `custom:
  keywords:
    - name: one
      keywords:
        - { keyword: fine }
        - keyword: "a{3,2}"
          regex: true
    - name: ONE
`;
    const loaded = parseConfiguration([stageSection(customStage.spec)], yaml, 'weir.yaml');
    expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([
      expect.stringMatching(
        /^weir\.yaml:6:11: custom\.keywords\.1\.keywords\.2\.keyword: expected a regular expression.* in group one$/,
      ),
      expect.stringMatching(/^weir\.yaml:8:7: custom\.keywords\.2\.name: expected a name of its own/),
    ]);
  });
});
