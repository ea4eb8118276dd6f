// From the engine's answer to the verdict, through the real runner and `decide`: a virus, an engine that hangs or is
// gone under each break policy, and one byte over the ceiling. Nothing of these ends as accepted in silence.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../config/load.js';
import { antivirusStage } from '../../../filters/antivirus/stage.js';
import { attachmentsStage } from '../../../filters/attachments/stage.js';
import { parseMessage } from '../../../message/parse.js';
import { systemClock } from '../../../outside/clock.js';
import { decide } from '../../../pipeline/decide.js';
import { createPipeline } from '../../../pipeline/run.js';
import { pipelineSection, verdictSection } from '../../../pipeline/settings.js';
import { stageSection } from '../../../pipeline/stage-section.js';
import type { StageModule } from '../../../pipeline/stage.js';
import { EICAR, startClamd, type Clamd } from '../../ground/clamd.js';
import { requirePackage } from '../../ground/packages.js';
import { makePlace } from '../../ground/place.js';
import { makeTransaction } from '../../ground/transaction.js';
import { mail } from '../message-job.js';

const STAGES = [attachmentsStage, antivirusStage] as unknown as readonly StageModule[];
const SECTIONS = [pipelineSection, verdictSection, ...STAGES.map(({ spec }) => stageSection(spec))];

/** The verdict on one message under a configuration, with what broke. */
async function judge(yaml: string, raw: Buffer) {
  const loaded = parseConfiguration(SECTIONS, yaml, 'test.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const alerts: string[] = [];
  const outside = {
    clock: systemClock,
    resolver: null,
    countries: null,
    state: null,
    alert: (code: string, raised: boolean) => void (raised && alerts.push(code)),
  };
  const pipeline = await createPipeline(STAGES, loaded.configuration, outside);
  const transaction = makeTransaction(raw);
  const signal = new AbortController().signal;
  const result = await pipeline.scan({ message: parseMessage(raw), transaction, directions: ['received'], signal });
  await pipeline.close();
  const [verdict] = decide(result, transaction.rcptTo, loaded.configuration.section(verdictSection), new Map());
  return { verdict, broken: result.broken, alerts };
}

const letter = (text: string) => mail('From: a@outside.test', 'Subject: hello', '', text, '');

describe.skipIf(!requirePackage('clamav-daemon'))('verdicts', () => {
  const place = makePlace('policy');
  let clamd: Clamd;
  beforeAll(async () => {
    clamd = await startClamd(`${place.directory}/clamd`);
  });
  afterAll(async () => {
    await clamd.stop();
    place.remove();
  });

  const settings = (...more: readonly string[]) =>
    ['antivirus:', '  engine: clamd', `  server: ${clamd.unixServer}`, '  scanTimeoutMs: 200', ...more, ''].join('\n');

  it('clean mail is accepted, a virus quarantined as one', async () => {
    expect((await judge(settings(), letter('hello'))).verdict).toMatchObject({ action: 'accept', broken: null });
    const { verdict } = await judge(settings(), letter(EICAR));
    expect(verdict).toMatchObject({
      action: 'quarantine',
      category: 'virus',
      reason: expect.stringMatching(/^VIRUS_FOUND: Weir\.Test\.EICAR/) as string,
    });
  });

  it.each([
    ['tempfail', 'tempfail'],
    ['quarantine', 'quarantine'],
    ['continue', 'accept'],
  ])('a hung engine under onBreak %s: %s, named and with an alert', async (policy, action) => {
    clamd.signal('SIGSTOP');
    try {
      const { verdict, broken, alerts } = await judge(settings(`  onBreak: ${policy}`), letter('hello'));
      expect(verdict).toMatchObject({ action });
      expect(broken).toMatchObject([
        { stage: 'antivirus', policy, reason: expect.stringContaining('no answer within') as string },
      ]);
      expect(alerts).toContain('antivirus-unreachable');
    } finally {
      clamd.signal('SIGCONT');
    }
  });

  it('an engine that is not there: a temporary failure by default', async () => {
    const yaml = ['antivirus:', '  engine: clamd', `  server: unix:${place.directory}/nothing.sock`, ''].join('\n');
    const { verdict, alerts } = await judge(yaml, letter('hello'));
    expect(verdict).toMatchObject({ action: 'tempfail', broken: 'antivirus', reply: { code: 451 } });
    expect(alerts).toContain('antivirus-unreachable');
  });

  it('time of the whole stage over: the same', async () => {
    clamd.signal('SIGSTOP');
    try {
      const { verdict, broken } = await judge(settings('  timeLimitMs: 120'), letter('hello'));
      expect(verdict).toMatchObject({ action: 'tempfail' });
      expect(broken).toHaveLength(1);
    } finally {
      clamd.signal('SIGCONT');
    }
  });

  it('one byte over the ceiling is held, not passed', async () => {
    const fit = letter('x'.repeat(2_000));
    const yaml = settings(`  streamMaxBytes: ${fit.length}`);
    expect((await judge(yaml, fit)).verdict).toMatchObject({ action: 'accept' });
    const { verdict } = await judge(yaml, letter('x'.repeat(2_001)));
    expect(verdict).toMatchObject({
      action: 'quarantine',
      category: 'unprocessable',
      reason: expect.stringContaining('VIRUS_UNSCANNED') as string,
    });
  });

  it('refused files, fragments and external bodies each in their category', async () => {
    const exe = mail('Content-Type: application/octet-stream; name=a.exe', '', 'x');
    expect((await judge(settings(), exe)).verdict).toMatchObject({ action: 'quarantine', category: 'attachment' });
    const partial = mail('Content-Type: message/partial; id=a; number=1; total=2', '', 'x');
    expect((await judge(settings(), partial)).verdict).toMatchObject({
      action: 'reject',
      category: 'content',
      reply: { code: 554 },
    });
  });
});

it('a wrong address is refused with the configuration', () => {
  const loaded = parseConfiguration(SECTIONS, 'antivirus:\n  server: localhost:3310\n', 'test.yaml');
  expect(loaded).toMatchObject({ ok: false, problems: [{ line: 2 }] });
});
