// Which recipients get which bytes: tags by category, reports, signed subjects, mail that leaves.
import { describe, expect, it } from 'vitest';
import { makePlan, type PlanInput } from '../../gateway/plan.js';
import { makeSealing } from '../../gateway/seal.js';
import { parseMessage } from '../../message/parse.js';
import type { Edit } from '../../pipeline/answer.js';
import type { Verdict } from '../../pipeline/decide.js';
import { applyEdits } from '../../pipeline/edits.js';
import { CATEGORIES, type StagedFinding } from '../../pipeline/finding.js';
import type { Direction, SealBasis } from '../../pipeline/stage.js';
import { makeTransaction } from '../ground/transaction.js';
import { markSettings } from './settings.js';

const MAIL = 'From: A <a@outside.test>\r\nX-Spam-Flag: NO\r\nSubject: hello\r\n\r\nsee http://bad.test\r\n';
const BASIS: SealBasis = { authservId: 'mx', results: 'spf=pass', chain: 'none', instances: 0 };

interface Given {
  readonly mail?: string;
  readonly settings?: Parameters<typeof markSettings>[0];
  readonly findings?: readonly StagedFinding[];
  readonly directions?: readonly Direction[];
  readonly edits?: readonly Edit[];
  readonly seal?: PlanInput['seal'];
}

const verdict = (recipient: number, fields: Partial<Verdict> = {}): Verdict => ({
  ...{ recipient, action: 'tag', category: 'spam', score: 7.25, reason: 'score 7.25 at or over 5', reply: null },
  ...{ thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: 15 }, broken: null, ...fields },
});

function deliver(verdicts: readonly Verdict[], given: Given = {}) {
  const rcptTo = verdicts.map((_, index) => `r${index}@house.test`);
  const transaction = makeTransaction(given.mail ?? MAIL, { rcptTo });
  const findings = given.findings ?? [];
  const plan = makePlan(verdicts, {
    transaction,
    message: parseMessage(transaction.content),
    result: {
      findings,
      edits: given.edits ?? [],
      subRules: [],
      sealBasis: BASIS,
      stageMs: {},
      totalMs: 0,
      broken: [],
      exempts: [],
    },
    settings: markSettings(given.settings),
    specs: new Map([['SPAMMY', { id: 'SPAMMY', category: 'spam', score: 1, meaning: 'It looks like spam.' }]]),
    version: 'weir/test',
    directions: given.directions ?? verdicts.map(() => 'received'),
    seal: given.seal ?? (() => []),
  });
  if (plan.answer.kind !== 'accept') throw new Error(plan.answer.kind);
  const main = parseMessage(applyEdits(transaction.content, plan.answer.edits));
  return { main, plan, copies: plan.copies.map(({ edits }) => parseMessage(applyEdits(transaction.content, edits))) };
}

const finding = (fields: Partial<StagedFinding>): StagedFinding => ({
  ...{ id: 'SPAMMY', stage: 'rules', category: 'spam', score: 2, evidence: '', ...fields },
});

describe('tags', () => {
  it.each(CATEGORIES)('each category has its own: %s', (category) => {
    const subjects = { ...markSettings().marks.subjects, [category]: `<${category} {score}>` };
    const { main } = deliver([verdict(0, { category })], { settings: { marks: { subjects } } });
    expect(main.subject).toBe(`<${category} 7.3> hello`.replace('7.3', (7.25).toFixed(1)));
  });

  it('by default: a virus is marked, spam by its headers alone', () => {
    expect(deliver([verdict(0, { category: 'virus' })]).main.subject).toBe('[VIRUS] hello');
    const { main } = deliver([verdict(0)]);
    expect(main.subject).toBe('hello');
    expect(main.headersNamed('X-Spam-Flag').map(({ value }) => value)).toEqual(['YES']);
  });

  it('ham has none', () => {
    const subjects = { ...markSettings().marks.subjects, spam: '[SPAM]' };
    const accepted = verdict(0, { action: 'accept', category: null });
    expect(deliver([accepted], { settings: { marks: { subjects } } }).main.subject).toBe('hello');
  });

  it('recipients of different marks get different mails, those of one the same', () => {
    const subjects = { ...markSettings().marks.subjects, spam: '[SPAM]' };
    const verdicts = [verdict(0), verdict(1, { action: 'accept', category: null }), verdict(2)];
    const { main, plan, copies } = deliver(verdicts, { settings: { marks: { subjects } } });
    expect([main.subject, ...copies.map(({ subject }) => subject)]).toEqual(['[SPAM] hello', 'hello']);
    expect(plan.copies.map(({ recipients }) => recipients)).toEqual([[1]]);
  });
});

describe('forged marks', () => {
  it.each([
    ['three thousand fields', 'X-Filler: 1\r\n'.repeat(3_000)],
    ['a field of more than a megabyte', `X-Filler: ${'word '.repeat(1_000)}\r\n`.repeat(250)],
  ])('go although they stand behind %s', (_, filler) => {
    const { main } = deliver([verdict(0)], { mail: `${filler}${MAIL}` });
    const block = main.raw.toString().split('\r\n\r\n')[0] ?? '';
    expect(block.match(/^X-Spam-Flag:.*$/gm)).toEqual(['X-Spam-Flag: YES']);
  });
});

describe('a signed subject', () => {
  const signed = (names: string): string => `DKIM-Signature: v=1; d=x; h=${names}; b=x\r\n${MAIL}`;
  const subjects = { ...markSettings().marks.subjects, spam: '[SPAM]' };
  const passed = [finding({ id: 'AUTH_DKIM_PASS', score: 0 })];
  const subjectOf = (names: string, findings: readonly StagedFinding[], signedSubjects: 'tag' | 'keep') =>
    deliver([verdict(0)], { mail: signed(names), findings, settings: { marks: { subjects, signedSubjects } } }).main
      .subject;

  it('is tagged all the same, unless set', () => {
    expect(subjectOf('from:subject', passed, 'tag')).toBe('[SPAM] hello');
    expect(subjectOf('from:subject', passed, 'keep')).toBe('hello');
  });

  it('is kept for a signature that passed and covers it only', () => {
    expect(subjectOf('from:subject', [], 'keep')).toBe('[SPAM] hello');
    expect(subjectOf('from', passed, 'keep')).toBe('[SPAM] hello');
  });
});

describe('mail that leaves', () => {
  const settings = { marks: { subjects: { ...markSettings().marks.subjects, spam: '[SPAM]' } } };

  it('is not touched by marks, forged ones included', () => {
    const { main } = deliver([verdict(0)], { settings, directions: ['sent'] });
    expect(main.raw.toString()).toBe(MAIL);
  });

  it('is marked where set', () => {
    const marks = { ...settings.marks, sent: true };
    const { main } = deliver([verdict(0)], { settings: { marks }, directions: ['sent'] });
    expect(main.subject).toBe('[SPAM] hello');
  });

  it('is a delivery of its own beside mail that stays', () => {
    const { plan } = deliver([verdict(0), verdict(1)], { settings, directions: ['sent', 'internal'] });
    expect(plan.copies).toHaveLength(1);
  });
});

describe('reports', () => {
  const encapsulation = { form: 'message' as const };

  it('say why, in plain words', () => {
    const findings = [finding({}), finding({ id: 'LESSER', score: 1 }), finding({ id: 'NOTHING', score: 0 })];
    const { main } = deliver([verdict(0)], { settings: { encapsulation }, findings });
    const text = main.texts[0]?.visible ?? '';
    expect(text).toContain('The mail filter of mx.house.test takes the attached message for spam.');
    expect(text).toContain('Why:      score 7.25 at or over 5');
    expect(text).toMatch(/2\.0 +SPAMMY: It looks like spam\.\s+1\.0 +LESSER/);
    expect(text).not.toContain('NOTHING');
    expect(text).not.toContain('bad.test');
  });

  it('are for the categories set, for marked mail, and up to a size', () => {
    const isReport = (one: Verdict, fields: object = {}): boolean =>
      deliver([one], { settings: { encapsulation: { ...encapsulation, ...fields } } }).main.root.children.length === 2;
    expect(isReport(verdict(0))).toBe(true);
    expect(isReport(verdict(0, { category: 'virus' }))).toBe(false);
    expect(isReport(verdict(0, { category: 'virus' }), { categories: ['virus'] })).toBe(true);
    expect(isReport(verdict(0, { action: 'accept', category: null }))).toBe(false);
    expect(isReport(verdict(0), { sizeMaxBytes: MAIL.length })).toBe(true);
    expect(isReport(verdict(0), { sizeMaxBytes: MAIL.length - 1 })).toBe(false);
    expect(isReport(verdict(0), { form: 'none' })).toBe(false);
  });

  it('show the beginning of the text only where the template asks, and no live link', () => {
    const { main } = deliver([verdict(0)], { settings: { encapsulation: { ...encapsulation, text: '{preview}' } } });
    expect(main.texts[0]?.visible.trim()).toBe('see http[:]//bad.test');
  });

  it('put nothing of a stranger into the template', () => {
    const mail = MAIL.replace('hello', '{findings} {{constructor.constructor(1)()}}');
    const { main } = deliver([verdict(0)], {
      mail,
      settings: { encapsulation: { ...encapsulation, text: '[{subject}]' } },
    });
    expect(main.texts[0]?.visible.trim()).toBe('[{findings} {{constructor.constructor(1)()}}]');
  });

  it('recipients who get the same report share it, whatever the order', () => {
    const { plan } = deliver([verdict(0), verdict(1), verdict(2, { score: 8 })], { settings: { encapsulation } });
    expect(plan.copies.map(({ recipients }) => recipients)).toEqual([[2]]);
  });
});

describe('seals', () => {
  const seen: Buffer[] = [];
  const sealer = {
    seal: (content: Buffer): readonly Edit[] => {
      seen.push(content);
      return [{ kind: 'prepend-header', name: 'ARC-Seal', value: 'i=1' }];
    },
  };
  const sealed = (one: Verdict, when: 'changed' | 'always', given: Given = {}): boolean => {
    seen.length = 0;
    const sealing = makeSealing(sealer, when);
    const { main } = deliver([one], { ...given, seal: (content, edits) => sealing.seal(content, edits, BASIS, 0) });
    if (seen[0] !== undefined) expect(`ARC-Seal: i=1\r\n${seen[0].toString()}`).toBe(main.raw.toString());
    return main.header('ARC-Seal') !== null;
  };
  const subjects = { ...markSettings().marks.subjects, spam: '[SPAM]' };
  const results: Edit = { kind: 'prepend-header', name: 'Authentication-Results', value: 'mx; none' };

  it('stand over the bytes as they leave', () => {
    expect(sealed(verdict(0), 'changed', { settings: { marks: { subjects } }, edits: [results] })).toBe(true);
    expect(sealed(verdict(0), 'changed', { settings: { encapsulation: { form: 'text' } }, edits: [results] })).toBe(
      true,
    );
  });

  it('are for mail changed beyond our own fields, or for all', () => {
    expect(sealed(verdict(0), 'changed', { edits: [results] })).toBe(false);
    expect(sealed(verdict(0), 'always', { edits: [results] })).toBe(true);
    expect(sealed(verdict(0, { category: 'virus' }), 'changed')).toBe(true);
    const footer: Edit = { kind: 'replace-body', body: Buffer.from('other') };
    expect(sealed(verdict(0), 'changed', { edits: [footer] })).toBe(true);
  });

  it('are not made where nothing was found out', () => {
    const content = Buffer.from(MAIL);
    expect(makeSealing(sealer, 'always').seal(content, [], null, 0)).toEqual([]);
  });
});
