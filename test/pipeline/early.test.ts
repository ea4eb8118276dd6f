// The runner before the content: order, needs, directions, time, what breaks, what is told of earlier moments.
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import type { Message } from '../../message/message.js';
import { systemClock } from '../../outside/clock.js';
import type { EarlyInput, EarlyResult } from '../../pipeline/early.js';
import { createPipeline } from '../../pipeline/run.js';
import { pipelineSection, verdictSection } from '../../pipeline/settings.js';
import { stageSection } from '../../pipeline/stage-section.js';
import type { EarlyMoment, StageModule, StageReport } from '../../pipeline/stage.js';
import { fixedStage, makeEarlyJob, makeRefused, type EarlyFields } from '../filters/early-job.js';
import { makeConnection, makeTransaction } from '../ground/transaction.js';

const found = (id: string, fields: Partial<StageReport> = {}): StageReport => ({
  findings: [{ id, category: 'policy', score: 1, evidence: '' }],
  ...fields,
});

async function makePipeline(modules: readonly StageModule[], yaml = '') {
  const sections = [pipelineSection, verdictSection, ...modules.map(({ spec }) => stageSection(spec))];
  const loaded = parseConfiguration(sections, yaml, 'test.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const outside = { clock: systemClock, resolver: null, countries: null, state: null, alert: () => undefined };
  return createPipeline(modules, loaded.configuration, outside);
}

function input(
  moment: EarlyMoment,
  fields: EarlyFields & Partial<Pick<EarlyInput, 'before' | 'ran'>> = {},
): EarlyInput {
  return { ...makeEarlyJob(moment, fields), before: fields.before ?? [], ran: fields.ran ?? [] };
}

const idsIn = (result: EarlyResult | null) => result?.reports.flatMap(({ findings }) => findings.map(({ id }) => id));

describe('a moment', () => {
  it('asks the stages that listen to it, in list order, and nobody where there is none', async () => {
    const slow = fixedStage(
      { onMail: async () => (await new Promise((done) => setImmediate(done)), found('SLOW')) },
      { name: 'slow', runsAt: ['mail'] },
    );
    const fast = fixedStage({ onMail: () => found('FAST') }, { name: 'fast', runsAt: ['mail'] });
    const pipeline = await makePipeline([slow, fast]);
    expect((['connect', 'helo', 'mail', 'rcpt'] as const).map((moment) => pipeline.hearing(moment))).toEqual([
      null,
      null,
      'now',
      null,
    ]);
    expect(pipeline.early(input('helo'))).toBeNull();
    const result = await pipeline.early(input('mail'));
    expect(idsIn(result)).toEqual(['SLOW', 'FAST']);
    expect(result?.ran).toEqual(['slow', 'fast']);
  });

  it('leaves out stages of other directions, those that ran, and those that are off', async () => {
    const one = fixedStage({ onMail: () => found('ONE') }, { name: 'one', runsAt: ['mail'], directions: ['received'] });
    const two = fixedStage({ onMail: () => found('TWO') }, { name: 'two', runsAt: ['mail'], directions: ['sent'] });
    const off = fixedStage({ onMail: () => found('OFF') }, { name: 'off', runsAt: ['mail'] });
    const pipeline = await makePipeline([one, two, off], 'off:\n  enabled: false\n');
    expect(idsIn(await pipeline.early(input('mail', { directions: ['sent', 'internal'] })))).toEqual(['TWO']);
    expect(pipeline.early(input('mail', { ran: ['one'] }))).toBeNull();
    expect(pipeline.early(input('mail', { directions: [] }))).toBeNull();
  });

  it('tells a stage what it and those it names said before, of other recipients nothing', async () => {
    const seen: unknown[] = [];
    const speaker = fixedStage(
      { onConnect: () => found('C', { facts: 1 }), onRcpt: ({ rcptTo }) => found('R', { facts: rcptTo?.address }) },
      { name: 'speaker', runsAt: ['connect', 'rcpt'] },
    );
    const reader = fixedStage(
      { onRcpt: (job) => (seen.push(job.results('speaker').map(({ facts }) => facts)), { findings: [] }) },
      { name: 'reader', runsAt: ['rcpt'], needs: ['speaker'] },
    );
    const pipeline = await makePipeline([speaker, reader]);
    const before: EarlyResult[] = [];
    for (const job of [
      input('connect'),
      input('rcpt', { rcptTo: 'b@house.test' }),
      input('rcpt', { rcptTo: 'c@house.test', accepted: ['b@house.test'] }),
    ]) {
      const result = await pipeline.early({ ...job, before });
      if (result !== null) before.push(result);
    }
    expect(seen).toEqual([
      [1, 'b@house.test'],
      [1, 'c@house.test'],
    ]);
  });

  it('breaks a stage that reads what it does not name', async () => {
    const nosy = fixedStage(
      { onMail: (job) => (job.results('other'), { findings: [] }) },
      { name: 'nosy', runsAt: ['mail'] },
    );
    const result = await (await makePipeline([nosy])).early(input('mail'));
    expect(result?.broken[0]?.breakage.reason).toContain('needs');
  });

  it('marks what is said at RCPT as that recipient’s, whatever the stage wrote', async () => {
    const stage = fixedStage(
      { onRcpt: () => found('X', { exempts: [{ check: 'spf', rule: 'r', recipient: 7 }] }) },
      { name: 'probe', runsAt: ['rcpt'] },
    );
    const result = await (await makePipeline([stage])).early(input('rcpt', { accepted: ['a@house.test'] }));
    expect(result).toMatchObject({
      recipient: 1,
      reports: [{ findings: [{ id: 'X', recipient: 1 }], exempts: [{ recipient: 1 }], moment: 'rcpt', stage: 'probe' }],
    });
  });
});

describe('breaking', () => {
  it('is recorded with its policy, for the recipient at RCPT, and the others go on', async () => {
    const bad = fixedStage(
      { onRcpt: () => Promise.reject(new Error('store down')) },
      { name: 'bad', runsAt: ['rcpt'] },
    );
    const good = fixedStage({ onRcpt: () => found('GOOD') }, { name: 'good', runsAt: ['rcpt'] });
    const result = await (await makePipeline([bad, good], 'bad:\n  onBreak: continue\n')).early(input('rcpt'));
    expect(result?.broken.map(({ breakage }) => breakage)).toEqual([
      { stage: 'bad', reason: 'store down', policy: 'continue', recipient: 0 },
    ]);
    expect(idsIn(result)).toEqual(['GOOD']);
  });

  it('comes of time: the stage’s own, and that of all together; its signal is aborted', async () => {
    let aborted = false;
    const hung = fixedStage(
      {
        onMail: ({ signal }) =>
          new Promise<StageReport>(() => signal.addEventListener('abort', () => void (aborted = true))),
      },
      { name: 'hung', runsAt: ['mail'] },
    );
    const pipeline = await makePipeline([hung], 'hung:\n  timeLimitMs: 20\n');
    const result = await pipeline.early(input('mail'));
    expect(result?.broken[0]?.breakage.reason).toBe('over its time limit of 20 ms');
    expect(aborted).toBe(true);
    const late = await (await makePipeline([hung])).early(input('mail', { timeMs: 20 }));
    expect(late?.broken[0]?.breakage.reason).toMatch(/^over its time limit of \d+ ms$/);
  });
});

describe('in the message', () => {
  it('stands once, and its stage reads it', async () => {
    const seen: unknown[] = [];
    const stage = fixedStage(
      {
        onConnect: () => found('EARLY', { facts: 'told at connect' }),
        onMessage: (job) => {
          seen.push(
            job.early('probe').map(({ facts, moment }) => [moment, facts]),
            job.scoreSoFar(0),
          );
          return { findings: [{ id: 'LATE', category: 'spam', score: 2, evidence: '' }] };
        },
      },
      { name: 'probe', runsAt: ['connect', 'message'] },
    );
    const pipeline = await makePipeline([stage]);
    const early = [await pipeline.early(input('connect'))].filter((result) => result !== null);
    const { signal } = new AbortController();
    const job = { message: {} as Message, transaction: makeTransaction(''), early, signal };
    const result = await pipeline.scan({ ...job, directions: ['received'] });
    expect(result.findings.map(({ id, stage: by }) => [by, id])).toEqual([
      ['probe', 'EARLY'],
      ['probe', 'LATE'],
    ]);
    expect(seen).toEqual([[['connect', 'told at connect']], 0]);
    // It crosses process borders.
    expect(structuredClone(early)).toEqual(early);
  });

  it('scores once: a later stage covers what was said before', async () => {
    const first = fixedStage(
      {
        onConnect: () => ({ findings: [{ id: 'P', category: 'spam', score: 3, evidence: '', about: ['x.zen'] }] }),
      },
      { name: 'first', runsAt: ['connect'] },
    );
    const second = fixedStage({ onMessage: () => ({ findings: [], covers: ['x.zen'] }) }, { name: 'second' });
    const pipeline = await makePipeline([first, second]);
    const early = [await pipeline.early(input('connect'))].filter((result) => result !== null);
    const { signal } = new AbortController();
    const job = { message: {} as Message, transaction: makeTransaction(''), early, signal };
    expect((await pipeline.scan({ ...job, directions: ['received'] })).findings).toMatchObject([{ id: 'P', score: 0 }]);
  });

  it('tells the score so far, of the recipient, caps and exemptions applied', async () => {
    const seen: number[] = [];
    const first = fixedStage(
      {
        onMessage: () => ({
          findings: [
            { id: 'A', category: 'spam', group: 'lists', score: 50, evidence: '' },
            { id: 'B', category: 'spam', score: 2, evidence: '', recipient: 1 },
          ],
          exempts: [{ check: 'spam', rule: 'friend', recipient: 2 }],
        }),
      },
      { name: 'first' },
    );
    const last = fixedStage(
      { onMessage: ({ scoreSoFar }) => (seen.push(...[0, 1, 2].map((one) => scoreSoFar(one))), { findings: [] }) },
      { name: 'last', needs: ['first'] },
    );
    const { signal } = new AbortController();
    const job = { message: {} as Message, transaction: makeTransaction(''), signal };
    await (await makePipeline([first, last])).scan({ ...job, directions: ['received'] });
    expect(seen).toEqual([20, 22, 0]);
  });
});

describe('counting', () => {
  it('tells refused recipients and ends to the stages for that direction; what breaks is told', async () => {
    const told: string[] = [];
    const counter = fixedStage(
      {
        onRefusedRcpt: ({ rcptTo, status }) => void told.push(`${rcptTo.address} ${status}`),
        onEnd: ({ clientAddress }) => void told.push(`end ${String(clientAddress)}`),
      },
      { name: 'counter', directions: ['received'] },
    );
    const bad = fixedStage({ onRefusedRcpt: () => Promise.reject(new Error('down')) }, { name: 'bad' });
    const pipeline = await makePipeline([counter, bad]);
    const { deadline, signal } = makeEarlyJob('rcpt');
    const broken = await pipeline.refused(makeRefused({ status: '5.1.1' }), ['received'], { deadline, signal });
    expect(broken).toMatchObject([{ stage: 'bad', reason: 'down' }]);
    await pipeline.refused(makeRefused(), ['sent'], { deadline, signal });
    await pipeline.ended(makeConnection(), ['counter']);
    await pipeline.ended(makeConnection(), ['bad']);
    expect(told).toEqual(['b@house.test 5.1.1', 'end 203.0.113.5']);
  });
});
