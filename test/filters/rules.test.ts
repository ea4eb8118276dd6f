// The rule stage: findings from core and site rules, settings, what a broken rule file does, and the deadline.
import { describe, expect, it } from 'vitest';
import { rulesStage, RuleTimeError, type RuleFacts } from '../../filters/rules/stage.js';
import { idsOf, mail, makeJob, makeOutside, makeStage, runStage } from './message-job.js';
import { useRuleFiles } from './rule-files.js';

const GTUBE = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';
const HEAD = [
  'Received: from mail.example.net (mail.example.net [192.0.2.1]) by mx.example.org; Tue, 3 Jan 2023 10:00:05 +0000',
  'From: Ben <ben@example.net>',
  'To: Ada <ada@example.org>',
  'Date: Tue, 3 Jan 2023 10:00:00 +0000',
  'Message-ID: <1@mail.example.net>',
];
const plain = (subject: string, ...body: readonly string[]) => mail(...HEAD, `Subject: ${subject}`, '', ...body);

const ruleFile = useRuleFiles();

describe('the rule stage', () => {
  it('declares a finding for each core rule, with a sentence', () => {
    const { findings } = rulesStage.spec;
    expect(findings.length).toBeGreaterThan(60);
    expect(findings.find(({ id }) => id === 'GTUBE')).toEqual({
      id: 'GTUBE',
      category: 'spam',
      group: 'rules',
      score: 1000,
      meaning: 'The test string for spam filters.',
    });
    expect(findings.filter(({ meaning }) => !/^[A-Z].*\.$/.test(meaning))).toEqual([]);
  });

  it('finds nothing in plain mail', async () => {
    const stage = await makeStage(rulesStage);
    const report = await runStage(stage, makeJob(plain('Tuesday', 'See you on Tuesday.')));
    expect(report.findings).toEqual([]);
  });

  it('gives GTUBE its thousand', async () => {
    const stage = await makeStage(rulesStage);
    const report = await runStage(stage, makeJob(plain('Test', GTUBE)));
    expect(report.findings).toEqual([{ id: 'GTUBE', category: 'spam', group: 'rules', score: 1000, evidence: 'body' }]);
  });

  it('tells hits and sub-rules to later stages and the log', async () => {
    const stage = await makeStage(rulesStage);
    const report = await runStage(
      stage,
      makeJob(plain('Test', 'Pay in bitcoin to 1A2b3C4d5E6f7G8h9J1k2L3m4N5o6P7q8R')),
    );
    expect(report.subRules).toContain('__EXT_WALLET');
    expect(report.facts as RuleFacts).toMatchObject({ hits: [{ name: 'COIN_DEMAND', count: 1 }] });
    expect((report.facts as RuleFacts).subRules).toEqual(report.subRules);
  });

  it('reports only findings that it declares', async () => {
    const stage = await makeStage(rulesStage);
    const report = await runStage(
      stage,
      makeJob(plain('YOUR ACCOUNT IS LOCKED!!!', 'verify your account at http://198.51.100.7/ today')),
    );
    const declared = new Set(rulesStage.spec.findings.map(({ id }) => id));
    expect(report.findings.length).toBeGreaterThan(1);
    expect(idsOf(report).filter((id) => !declared.has(id))).toEqual([]);
  });
});

describe('settings', () => {
  it('add rules of the site, which may replace core ones', async () => {
    const file = ruleFile(
      'site.cf',
      'body SITE_WORD /zebra/',
      'score SITE_WORD 3',
      'describe SITE_WORD x',
      'body GTUBE /zebra/',
      'score GTUBE 0.5',
    );
    const stage = await makeStage(rulesStage, { files: [file] });
    const report = await runStage(stage, makeJob(plain('Test', `zebra`)));
    expect(report.findings.map(({ id, score }) => [id, score])).toEqual([
      ['GTUBE', 0.5],
      ['SITE_WORD', 3],
    ]);
  });

  it('switch rules off and change scores', async () => {
    const job = () => makeJob(plain('Earn!!!', 'Meet hot singles near you'));
    const usual = idsOf(await runStage(await makeStage(rulesStage), job()));
    expect(usual).toEqual(['OFFER_ADULT', 'SUBJECT_SHOUTS']);
    const stage = await makeStage(rulesStage, { disabled: ['OFFER_ADULT'], scores: { SUBJECT_SHOUTS: 4 } });
    expect((await runStage(stage, job())).findings).toMatchObject([{ id: 'SUBJECT_SHOUTS', score: 4 }]);
  });

  it('run without the core rules', async () => {
    const stage = await makeStage(rulesStage, { core: false });
    expect((await runStage(stage, makeJob(plain('Test', GTUBE)))).findings).toEqual([]);
  });

  it('bound the text looked at, with a finding that says so', async () => {
    const stage = await makeStage(rulesStage, { textMaxBytes: 10_000 });
    const report = await runStage(
      stage,
      makeJob(plain('Test', ...Array.from({ length: 4_000 }, () => 'word word\r\n'), GTUBE)),
    );
    expect(idsOf(report)).toEqual(['RULES_TEXT_CUT']);
  });
});

describe('a broken rule file', () => {
  it('is told with file and line, and breaks nothing else', async () => {
    const file = ruleFile('broken.cf', 'body GOOD /zebra/', 'bdoy BAD /x/', 'body LOOK /a(?{1})/', 'score NOBODY 1');
    const outside = makeOutside();
    const stage = await makeStage(rulesStage, { files: [file] }, outside);
    expect(idsOf(await runStage(stage, makeJob(plain('Test', 'zebra', GTUBE))))).toEqual(['GOOD', 'GTUBE']);
    const [line] = (await stage.check?.(new AbortController().signal)) ?? [];
    expect(line?.state).toBe('warn');
    expect(line?.detail).toContain(`${file}:2: unknown word "bdoy", did you mean "body"?`);
    expect(line?.detail).toContain(`${file}:3: LOOK: `);
    expect(outside.alerts.filter(({ code }) => code !== 'rules-not-kept')).toEqual([
      { code: 'rules-refused', raised: true, detail: line?.detail.replace(/^.*?not taken: /, '') },
    ]);
  });

  it('that is not there is told too', async () => {
    const stage = await makeStage(rulesStage, { files: ['/absent/absent.cf'] });
    const [line] = (await stage.check?.(new AbortController().signal)) ?? [];
    expect(line).toMatchObject({ state: 'warn' });
    expect(line?.detail).toContain('absent.cf:0: ENOENT');
    expect(idsOf(await runStage(stage, makeJob(plain('Test', GTUBE))))).toEqual(['GTUBE']);
  });

  it('when all is well the alert is cleared', async () => {
    const outside = makeOutside();
    await makeStage(rulesStage, {}, outside);
    expect(outside.alerts.filter(({ code }) => code !== 'rules-not-kept')).toEqual([
      { code: 'rules-refused', raised: false, detail: '' },
    ]);
  });
});

describe('time', () => {
  it('over the deadline the stage throws, and its break policy decides', async () => {
    const stage = await makeStage(rulesStage);
    await expect((async () => runStage(stage, makeJob(plain('Test', GTUBE), { timeMs: -1 })))()).rejects.toThrow(
      RuleTimeError,
    );
  });
});

describe('rules of the stock set', () => {
  it('switch the core rules off that they cover', async () => {
    const file = ruleFile('stock.cf', 'header MISSING_SUBJECT Subject !~ /\\S/', 'score MISSING_SUBJECT 1.8');
    const message = mail(...HEAD, '', 'No subject.');
    const alone = await runStage(await makeStage(rulesStage), makeJob(message));
    expect(idsOf(alone)).toContain('NO_SUBJECT');
    const both = await runStage(await makeStage(rulesStage, { files: [file] }), makeJob(message));
    expect(idsOf(both)).toContain('MISSING_SUBJECT');
    expect(idsOf(both)).not.toContain('NO_SUBJECT');
  });

  it('name the findings of authentication that they score instead, which they read', async () => {
    const file = ruleFile('spf.cf', 'header SPF_FAIL eval:check_for_spf_fail()', 'score SPF_FAIL 0.9');
    const stage = await makeStage(rulesStage, { files: [file] });
    const report = await runStage(stage, makeJob(plain('Test', 'Text.')));
    expect(report.covers).toEqual(['AUTH_SPF_FAIL']);
    expect(idsOf(report)).not.toContain('SPF_FAIL');
    const facts = { authservId: 'mx', spf: { result: 'fail' }, spfHelo: null, dkim: [], dmarc: null, arc: null };
    const job = makeJob(plain('Test', 'Text.'));
    const told = await runStage(stage, {
      ...job,
      results: (name: string) => (name === 'authentication' ? { findings: [], facts } : undefined),
    });
    expect(told.findings).toMatchObject([{ id: 'SPF_FAIL', score: 0.9 }]);
  });

  it('end the run where a short-circuit says so, and add its score', async () => {
    const file = ruleFile(
      'short.cf',
      `loadplugin Mail::SpamAssassin::Plugin::Shortcircuit`,
      'header OURS Subject =~ /ours/',
      'loadplugin Mail::SpamAssassin::Plugin::Shortcircuit',
      'shortcircuit OURS ham',
      'body LATER /Text/',
    );
    const stage = await makeStage(rulesStage, { files: [file] });
    const report = await runStage(stage, makeJob(plain('ours', 'Text.')));
    expect(report.findings.map(({ id, score }) => [id, score])).toEqual([
      ['OURS', -1],
      ['SHORTCIRCUIT', -100],
    ]);
  });
});
