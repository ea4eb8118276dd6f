// The runner: order, needs, neighbours at once, time limits, break policies, directions.
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import type { Message } from '../../message/message.js';
import { systemClock } from '../../outside/clock.js';
import { createPipeline } from '../../pipeline/run.js';
import { planWaves } from '../../pipeline/stage-run.js';
import { pipelineSection } from '../../pipeline/settings.js';
import { stageSection } from '../../pipeline/stage-section.js';
import type { Direction, MessageJob, StageModule, StageReport, StageSpec } from '../../pipeline/stage.js';
import { makeTransaction } from '../ground/transaction.js';

type OnMessage = (job: MessageJob) => StageReport | Promise<StageReport>;

function stage(name: string, onMessage: OnMessage, fields: Partial<StageSpec> = {}): StageModule {
  return {
    spec: {
      name,
      summary: 'A stage of the test.',
      runsAt: ['message'],
      directions: ['received', 'sent', 'internal'],
      needs: [],
      settings: Type.Object({}),
      findings: [],
      onBreak: 'tempfail',
      timeLimitMs: 1_000,
      ...fields,
    },
    create: () => ({ onMessage }),
  };
}

const found = (id: string): StageReport => ({ findings: [{ id, category: 'spam', score: 1, evidence: '' }] });
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function run(modules: readonly StageModule[], yaml = '', directions: readonly Direction[] = ['received']) {
  const loaded = parseConfiguration(
    [pipelineSection, ...modules.map(({ spec }) => stageSection(spec))],
    yaml,
    'test.yaml',
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const pipeline = await createPipeline(modules, loaded.configuration, {
    clock: systemClock,
    resolver: null,
    countries: null,
    state: null,
    alert: () => undefined,
  });
  const message = {} as Message;
  const result = await pipeline.scan({
    message,
    transaction: makeTransaction(''),
    directions,
    signal: new AbortController().signal,
  });
  await pipeline.close();
  return result;
}

const ids = (result: { findings: readonly { id: string }[] }) => result.findings.map(({ id }) => id);

describe('order', () => {
  it('groups neighbours that read nothing of each other', () => {
    const list = [
      stage('a', () => found('A')),
      stage('b', () => found('B')),
      stage('c', () => found('C'), { needs: ['b'] }),
      stage('d', () => found('D')),
    ];
    expect(planWaves(list).map((wave) => wave.map(({ spec }) => spec.name))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('merges in list order whichever is done first', async () => {
    const slow = stage('slow', async () => (await sleep(30), found('SLOW')));
    const fast = stage('fast', () => found('FAST'));
    expect(ids(await run([slow, fast]))).toEqual(['SLOW', 'FAST']);
  });

  it('runs independent neighbours at once', async () => {
    let running = 0;
    let most = 0;
    const one = async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(20);
      running -= 1;
      return found('X');
    };
    await run([stage('a', one), stage('b', one)]);
    expect(most).toBe(2);
  });

  it('hands results to the stage that names them, and refuses others', async () => {
    const first = stage('first', () => ({ findings: [], facts: 42 }));
    const second = stage('second', (job) => found(`SAW_${String(job.results('first')?.facts)}`), { needs: ['first'] });
    expect(ids(await run([first, second]))).toEqual(['SAW_42']);
    const nosy = stage('nosy', (job) => (job.results('first'), found('NO')), { needs: [] });
    expect((await run([first, nosy])).broken).toMatchObject([
      { stage: 'nosy', reason: expect.stringContaining('needs') },
    ]);
  });
});

describe('breaking', () => {
  it('records a throw with the policy, and the other stages go on', async () => {
    const bad = stage('bad', () => {
      throw new Error('kaputt');
    });
    const result = await run([bad, stage('good', () => found('GOOD'))]);
    expect(result.broken).toEqual([{ stage: 'bad', reason: 'kaputt', policy: 'tempfail' }]);
    expect(ids(result)).toEqual(['GOOD']);
  });

  it('takes the policy from the settings', async () => {
    const bad = stage('bad', () => Promise.reject(new Error('x')));
    expect((await run([bad], 'bad:\n  onBreak: quarantine\n')).broken).toMatchObject([{ policy: 'quarantine' }]);
  });

  it('ends a stage that overruns its time and tells it so', async () => {
    let aborted = false;
    const hung = stage('hung', (job) => {
      job.signal.addEventListener('abort', () => (aborted = true));
      return new Promise<StageReport>(() => undefined);
    });
    const result = await run([hung], 'hung:\n  timeLimitMs: 30\n');
    expect(result.broken).toMatchObject([{ stage: 'hung', reason: 'over its time limit of 30 ms' }]);
    expect(aborted).toBe(true);
  });

  it('bounds the whole message: later stages break when the time is used up', async () => {
    const slow = stage('slow', () => new Promise<StageReport>(() => undefined));
    // It too takes its time: a timer may fire so early that a last millisecond is left.
    const late = stage('late', () => new Promise<StageReport>(() => undefined), { needs: ['slow'] });
    const result = await run([slow, late], 'pipeline:\n  timeLimitMs: 100\n');
    expect(result.broken.map(({ stage: name }) => name)).toEqual(['slow', 'late']);
    expect(result.totalMs).toBeLessThan(1_000);
  });
});

describe('what runs', () => {
  it('leaves out a stage that is off', async () => {
    expect(ids(await run([stage('a', () => found('A'))], 'a:\n  enabled: false\n'))).toEqual([]);
  });

  it('refuses a stage with something to do that nothing would run, rather than leave it out in silence', async () => {
    const early = stage('early', () => found('EARLY'), { runsAt: ['connect'] });
    await expect(run([early])).rejects.toThrow('stage early has onMessage and does not say that it runs at message');
  });

  it('leaves out a stage none of whose directions occurs', async () => {
    const only = stage('only', () => found('ONLY'), { directions: ['sent'] });
    expect(ids(await run([only], '', ['received', 'internal']))).toEqual([]);
    expect(ids(await run([only], '', ['received', 'sent']))).toEqual(['ONLY']);
  });
});
