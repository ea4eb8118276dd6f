// Rules of the rule stage that look things up: when they ask, what is said when nobody answers, and that a list which
// both they and the stage `lists` ask counts once.
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { STAGES } from '../../filters/index.js';
import { rulesStage } from '../../filters/rules/stage.js';
import { parseMessage } from '../../message/parse.js';
import { createResolver, type DnsResolver } from '../../outside/dns-resolver.js';
import { systemClock } from '../../outside/clock.js';
import { createPipeline, type ScanResult } from '../../pipeline/run.js';
import { SECTIONS } from '../../programs/sections.js';
import { QUESTIONS_MAX } from '../../rules/dns/ask.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';
import { makeTransaction } from '../ground/transaction.js';
import { idsOf, mail, makeJob, makeOutside, makeStage, runStage } from './message-job.js';
import { useRuleFiles } from './rule-files.js';

const HEAD = [
  'Received: from mail.example.net (mail.example.net [192.0.2.1]) by mx.example.org; Tue, 3 Jan 2023 10:00:05 +0000',
  'From: Ben <ben@example.net>',
  'To: Ada <ada@example.org>',
  'Date: Tue, 3 Jan 2023 10:00:00 +0000',
  'Message-ID: <1@mail.example.net>',
  'Subject: Tuesday',
];
const plain = (...body: readonly string[]) => mail(...HEAD, '', ...body);
/** The client of test transactions, backwards. */
const CLIENT = '5.113.0.203';

const ruleFile = useRuleFiles();

let dns: ScriptedDns | null = null;
let resolver: DnsResolver | null = null;
afterEach(async () => {
  resolver?.close();
  await dns?.stop();
});

async function world(answers: Parameters<typeof startScriptedDns>[0]) {
  dns = await startScriptedDns(answers);
  resolver = createResolver({ servers: [dns.address] }, { clock: systemClock });
  return { ...makeOutside(), resolver };
}

const IN_A_LIST = [
  "header IN_A_LIST eval:check_rbl('client', 'bl.test.')",
  'tflags IN_A_LIST net',
  'score IN_A_LIST 2',
];

describe('rules that look things up', () => {
  it('ask nobody until the settings say so', async () => {
    const file = ruleFile('lists.cf', ...IN_A_LIST);
    const outside = await world({ '*.bl.test': { A: ['127.0.0.2'] } });
    const job = makeJob(plain('See you on Tuesday.'));
    const silent = await makeStage(rulesStage, { files: [file] }, outside);
    expect(idsOf(await runStage(silent, job))).toEqual([]);
    expect(dns!.asked).toEqual([]);
    const asking = await makeStage(rulesStage, { files: [file], lookUps: true }, outside);
    expect(idsOf(await runStage(asking, job))).toEqual(['IN_A_LIST']);
    expect(dns!.asked.length).toBeGreaterThan(0);
  });

  it('say so when nobody answers', async () => {
    const file = ruleFile('lists.cf', ...IN_A_LIST);
    const outside = await world({ '*.bl.test': { behaviour: 'servfail' } });
    const stage = await makeStage(rulesStage, { files: [file], lookUps: true }, outside);
    const { findings } = await runStage(stage, makeJob(plain('See you on Tuesday.')));
    expect(findings).toMatchObject([{ id: 'RULES_DNS_FAILED', score: 0, evidence: '2 of 2 look-ups' }]);
  });

  it('say so when there is more to ask than one message may', async () => {
    const lists = Array.from({ length: QUESTIONS_MAX + 1 }, (_, index) => {
      const name = `LIST_${String(index)}`;
      return `header ${name} eval:check_rbl('${name}', 'bl${String(index)}.test.')\ntflags ${name} net`;
    });
    const outside = await world({});
    const stage = await makeStage(rulesStage, { files: [ruleFile('many.cf', ...lists)], lookUps: true }, outside);
    const report = await runStage(stage, makeJob(plain('See you on Tuesday.')));
    expect(idsOf(report)).toContain('RULES_DNS_CUT');
  });

  it('are counted for the doctor, and those named that never hit', async () => {
    const file = ruleFile('lists.cf', ...IN_A_LIST, 'full RAZOR eval:check_razor2()', 'tflags RAZOR net');
    const outside = await world({});
    const detail = async (lookUps: boolean) => {
      const stage = await makeStage(rulesStage, { files: [file], core: false, lookUps }, outside);
      return (await stage.check?.(new AbortController().signal))?.[0]?.detail;
    };
    const never = 'never hit: RAZOR (check_razor2 is never asked)';
    expect(await detail(false)).toBe(`2 rules; 1 look things up and are off (rules.lookUps); ${never}`);
    expect(await detail(true)).toBe(`2 rules; 1 look things up; ${never}`);
  });
});

describe('a list that rules and the stage `lists` both ask', () => {
  const answers = {
    '2.0.0.127.bl.test': { A: ['127.0.0.2'] },
    [`${CLIENT}.bl.test`]: { A: ['127.0.0.4'] },
    '2.0.0.127.other.test': { A: ['127.0.0.2'] },
    [`${CLIENT}.other.test`]: { A: ['127.0.0.2'] },
  };

  async function scan(...lines: readonly string[]): Promise<ScanResult['findings']> {
    const file = ruleFile('site.cf', ...lines);
    const outside = await world(answers);
    const off = STAGES.map(({ spec }) => spec.name).filter((name) => name !== 'rules' && name !== 'lists');
    const text = [
      ...off.map((name) => `${name}: { enabled: false }`),
      `rules: { core: false, lookUps: true, files: ['${file}'] }`,
      'lists: { sites: [{ list: bl.test*3, ask: [client] }, { list: other.test*4, ask: [client] }] }',
    ].join('\n');
    const loaded = parseConfiguration(SECTIONS, `${text}\n`, 'test');
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const pipeline = await createPipeline(STAGES, loaded.configuration, outside);
    const raw = plain('See you on Tuesday.');
    try {
      const { findings } = await pipeline.scan({
        message: parseMessage(raw),
        transaction: makeTransaction(raw),
        directions: ['received'],
        signal: new AbortController().signal,
      });
      return findings;
    } finally {
      await pipeline.close();
    }
  }
  const scores = (findings: ScanResult['findings']) => findings.map(({ id, score }) => [id, score]);

  it('counts for the rule alone; another list counts on', async () => {
    const findings = await scan(...IN_A_LIST);
    expect(scores(findings)).toEqual([
      ['LIST_CLIENT', 0],
      ['LIST_CLIENT', 4],
      ['IN_A_LIST', 2],
    ]);
    expect(findings.every((finding) => !('about' in finding))).toBe(true);
  });

  it('counts for a meta that reads a sub-rule of it', async () => {
    const findings = await scan(
      "header __IN_A_LIST eval:check_rbl('client', 'bl.test.')",
      'tflags __IN_A_LIST net',
      'meta BOTH __IN_A_LIST && 1',
      'score BOTH 1.5',
    );
    expect(scores(findings)).toEqual([
      ['LIST_CLIENT', 0],
      ['LIST_CLIENT', 4],
      ['BOTH', 1.5],
    ]);
  });

  it('counts for the stage where no rule scores what was answered', async () => {
    const findings = await scan(
      "header __IN_A_LIST eval:check_rbl('client', 'bl.test.')",
      "header OTHER_CODE eval:check_rbl_sub('client', '127.0.0.9')",
      'tflags OTHER_CODE net',
      'score OTHER_CODE 2',
    );
    expect(scores(findings)).toEqual([
      ['LIST_CLIENT', 3],
      ['LIST_CLIENT', 4],
    ]);
  });
});
