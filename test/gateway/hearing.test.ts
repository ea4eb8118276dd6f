// Which moments before the content the MTA is asked to wait at, by the settings of the stages that listen; what a silent
// moment leaves to the next one, and to the message.
import { describe, expect, it } from 'vitest';
import { accessStage } from '../../filters/access/stage.js';
import { clientStage } from '../../filters/client/stage.js';
import { conductStage } from '../../filters/conduct/stage.js';
import { limitsStage } from '../../filters/limits/stage.js';
import { senderStage } from '../../filters/sender/stage.js';
import { EARLY_MOMENTS } from '../../pipeline/early.js';
import type { EarlyJob, EarlyMoment, Hearing, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { fixedStage } from '../filters/early-job.js';
import { Dialog, makeHouse, messagesIn, sessionsIn, type House } from './early-house.js';

const STAGES: readonly StageModule[] = [accessStage, clientStage, conductStage, senderStage, limitsStage].map(
  (stage) => stage as unknown as StageModule,
);
const heardIn = ({ gateway }: House): readonly EarlyMoment[] =>
  EARLY_MOMENTS.filter((moment) => gateway.hears?.(moment) === true);

const NOTES = 'limits:\n  enabled: false\naccess:\n  enabled: false\nsender:\n  nullMx: note\n';

describe('moments that the MTA waits at', () => {
  it.each<[string, string, readonly EarlyMoment[]]>([
    ['by default: RCPT alone', '', ['rcpt']],
    ['none where nothing but notes may come of it', NOTES, []],
    ['RCPT for a check of the connect that refuses', `${NOTES}client:\n  noReverseName: refuse\n`, ['rcpt']],
    ['RCPT for a check of the HELO that refuses', `${NOTES}conduct:\n  heloUnresolved: refuse\n`, ['rcpt']],
    ['RCPT for a check of the sender that refuses', `${NOTES}  unknownDomain: refuse\n`, ['rcpt']],
    ['RCPT for rules', NOTES.replace('access:\n  enabled: false\n', ''), ['rcpt']],
    ['connect for a cap on connections', `${NOTES}client:\n  connectionsPerMinute: 9\n`, ['connect', 'rcpt']],
    ['MAIL for a cap on messages', `${NOTES}client:\n  messagesPerMinute: 9\n`, ['mail', 'rcpt']],
    [
      'those of checks that refuse, where refusals do not wait for RCPT',
      `${NOTES}client:\n  noReverseName: refuse\npipeline:\n  refuseAtRcpt: false\n`,
      ['connect', 'rcpt'],
    ],
    [
      'all of the rules, where refusals do not wait for RCPT',
      'pipeline:\n  refuseAtRcpt: false\n',
      ['connect', 'mail', 'rcpt'],
    ],
  ])('%s', async (_, yaml, moments) => {
    expect(heardIn(await makeHouse(STAGES, yaml))).toEqual(moments);
  });
});

/** A stage that finds something at the HELO, and keeps the moments it was told of. */
function watcher(hearing: Hearing | null, id = 'HELO_ODD') {
  const told: string[] = [];
  const tell = ({ moment, connection }: EarlyJob): StageReport => {
    told.push(`${moment} ${connection.helo ?? ''}`);
    const score = hearing === 'with-message' ? 0 : 1;
    return { findings: moment === 'helo' ? [{ id, category: 'policy', score, evidence: '' }] : [] };
  };
  const hooks: Stage = { onConnect: tell, onHelo: tell, onRcpt: tell };
  const stage = fixedStage(hearing === null ? hooks : { ...hooks, hears: () => hearing }, {
    name: 'watcher',
    runsAt: ['connect', 'helo', 'rcpt'],
    findings: [{ id, category: 'policy', score: 1, meaning: 'Of the test.', check: 'restriction' }],
  });
  return { told, stage };
}

async function talk(house: House): Promise<Dialog> {
  const client = new Dialog(house);
  await client.connect();
  await client.helo('odd.test');
  await client.mail('a@outside.test');
  return client;
}

describe('a stage', () => {
  it('that only notes is told everything with the message, in order, and once', async () => {
    const { told, stage } = watcher('with-message');
    const house = await makeHouse([stage]);
    expect(heardIn(house)).toEqual([]);
    const client = await talk(house);
    expect((await client.rcpt('b@house.test')).kind).toBe('continue');
    expect(told).toEqual([]);
    await client.message();
    expect(told).toEqual(['connect odd.test', 'helo odd.test', 'rcpt odd.test']);
    expect(messagesIn(house)[0]?.findings.map(({ stage: name, id, score }) => [name, id, score])).toEqual([
      ['watcher', 'HELO_ODD', 0],
    ]);
    await client.mail('c@outside.test');
    await client.rcpt('b@house.test');
    await client.message();
    expect(told.slice(3)).toEqual(['rcpt odd.test']);
    expect(messagesIn(house)[1]?.findings.map(({ id }) => id)).toEqual(['HELO_ODD']);
  });

  it('whose refusals wait for RCPT is told there of what came before', async () => {
    const { told, stage } = watcher('by-rcpt');
    const house = await makeHouse([stage]);
    expect(heardIn(house)).toEqual(['rcpt']);
    const client = await talk(house);
    expect(told).toEqual([]);
    expect((await client.rcpt('b@house.test')).kind).toBe('reject');
    expect((await client.rcpt('c@house.test')).kind).toBe('reject');
    expect(told).toEqual(['connect odd.test', 'helo odd.test', 'rcpt odd.test', 'rcpt odd.test']);
    expect(sessionsIn(house).map(({ step, rcptTo }) => [step, rcptTo])).toEqual([
      ['rcpt', 'b@house.test'],
      ['rcpt', 'c@house.test'],
    ]);
  });

  it('that says nothing of it is told at once, and with it those that could wait', async () => {
    const [prompt, patient] = [watcher(null, 'HELO_BAD'), watcher('with-message')];
    const patientStage = { ...patient.stage, spec: { ...patient.stage.spec, name: 'patient' } };
    const house = await makeHouse([prompt.stage, patientStage]);
    expect(heardIn(house)).toEqual([...EARLY_MOMENTS].filter((moment) => moment !== 'mail'));
    await talk(house);
    expect(prompt.told).toEqual(['connect ', 'helo odd.test']);
    expect(patient.told).toEqual(prompt.told);
  });
});
