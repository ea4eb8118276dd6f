// The journey of one message: order of what is made durable, and that every failure on the way is a temporary failure.
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { createGateway, type GatewayDeps } from '../../gateway/gateway.js';
import { buildInForce } from '../../gateway/in-force.js';
import { forwardingSection } from '../../gateway/forward-settings.js';
import { encapsulationSection, marksSection } from '../../gateway/mark-settings.js';
import { noticesSection } from '../../gateway/notice-settings.js';
import { sealingSection } from '../../gateway/sealing-settings.js';
import { directionsSection } from '../../gateway/settings.js';
import type { LogEvent, MessageEvent } from '../../logs/event.js';
import type { NewOutboxItem } from '../../outbox/outbox.js';
import { systemClock } from '../../outside/clock.js';
import type { Finding } from '../../pipeline/finding.js';
import { pipelineSection, verdictSection } from '../../pipeline/settings.js';
import { stageSection } from '../../pipeline/stage-section.js';
import type { StageModule } from '../../pipeline/stage.js';
import { makeTransaction } from '../ground/transaction.js';

const MAIL = 'From: a@outside.test\r\nSubject: hello\r\nMessage-ID: <1@outside.test>\r\n\r\nbody\r\n';

/** A stage that reports what the test wants. */
function stageReporting(report: () => readonly Finding[]): StageModule {
  return {
    spec: {
      name: 'probe',
      summary: 'Reports what the test wants.',
      runsAt: ['message'],
      directions: ['received', 'sent', 'internal'],
      needs: [],
      settings: Type.Object({}),
      findings: [],
      onBreak: 'tempfail',
      timeLimitMs: 1_000,
    },
    create: () => ({ onMessage: () => ({ findings: report() }) }),
  };
}

/** A house of fakes that writes down what is asked of it, in order. */
async function makeHouse(
  report: () => readonly Finding[],
  fail: Partial<Record<'log' | 'quarantine' | 'outbox', boolean>> = {},
  yaml = '',
) {
  const modules = [stageReporting(report)];
  const sections = [
    pipelineSection,
    verdictSection,
    directionsSection,
    marksSection,
    encapsulationSection,
    sealingSection,
    noticesSection,
    forwardingSection,
    ...modules.map(({ spec }) => stageSection(spec)),
  ];
  const loaded = parseConfiguration(sections, yaml, 'test.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const inForce = await buildInForce(loaded.configuration, modules, {
    clock: systemClock,
    resolver: null,
    countries: null,
    state: null,
    alert: () => undefined,
  });
  const done: string[] = [];
  const events: LogEvent[] = [];
  const items: NewOutboxItem[] = [];
  const errors: string[] = [];
  const alerts: string[] = [];
  const note = (step: string, broken: boolean | undefined) => {
    done.push(step);
    if (broken) throw new Error(`${step} is down`);
  };
  const room = { left: true };
  const deps: GatewayDeps = {
    current: () => inForce,
    log: {
      write: async (event) => {
        note('log', fail.log);
        events.push(event);
      },
    },
    quarantine: {
      add: async () => {
        note('quarantine', fail.quarantine);
        return 'E1';
      },
    } as unknown as GatewayDeps['quarantine'],
    outbox: {
      prepare: async (more: readonly NewOutboxItem[]) => {
        note('prepare', fail.outbox);
        items.push(...more);
        return more.map((_, index) => `O${index}`);
      },
      commit: async () => note('commit', false),
      cancel: async () => note('cancel', false),
    } as unknown as GatewayDeps['outbox'],
    clock: systemClock,
    text: { info: () => undefined, error: (_, text) => errors.push(text) },
    alert: (code, raised, detail) => alerts.push(`${raised ? 'raised' : 'cleared'} ${code}: ${detail}`),
    hasRoom: () => room.left,
    version: 'weir/test',
  };
  return { gateway: createGateway(deps), done, events, items, errors, alerts, room };
}

const spam = (score: number): Finding => ({ id: 'SPAMMY', category: 'spam', group: 'rules', score, evidence: 'seen' });
const noSignal = new AbortController().signal;

describe('in good order', () => {
  it('accepts with a status header, logs first', async () => {
    const house = await makeHouse(() => [spam(1)]);
    const { answer } = await house.gateway.onMessage(makeTransaction(MAIL), noSignal);
    expect(answer).toMatchObject({
      kind: 'accept',
      edits: [{ kind: 'add-header', name: 'X-Spam-Level' }, { name: 'X-Spam-Status' }],
    });
    expect(house.done).toEqual(['log']);
    expect(house.events[0]).toMatchObject({
      kind: 'message',
      subject: 'hello',
      messageId: '1@outside.test',
      headerFrom: 'a@outside.test',
      recipients: [{ address: 'b@house.test', direction: 'received', action: 'accept', score: 1, category: null }],
      findings: [{ id: 'SPAMMY', stage: 'probe', score: 1, evidence: 'seen' }],
      security: null,
    });
  });

  it('holds before it logs, prepares before it logs, commits after the answer', async () => {
    const yaml =
      'verdict:\n  recipients:\n    - { recipient: strict@house.test, quarantineAt: 6 }\n    - { recipient: mild@house.test, tagAt: 20 }\n';
    const house = await makeHouse(() => [spam(7)], {}, yaml);
    const rcptTo = ['strict@house.test', 'mild@house.test', 'b@house.test', 'c@house.test'];
    const { answer, settled } = await house.gateway.onMessage(makeTransaction(MAIL, { rcptTo }), noSignal);
    expect(house.done).toEqual(['quarantine', 'prepare', 'log']);
    if (answer.kind !== 'accept') throw new Error(answer.kind);
    const gone = answer.edits.filter((edit) => edit.kind === 'delete-recipient').map(({ given }) => given);
    expect(gone).toEqual(['<strict@house.test>', '<mild@house.test>']);
    expect(house.items).toMatchObject([{ kind: 'copy', rcptTo: ['mild@house.test'], mailFrom: 'a@outside.test' }]);
    expect(house.items[0]?.content.toString()).toMatch(/X-Spam-Status: No, score=7\.0 required=20\.0\r\n/);
    const event = house.events[0] as MessageEvent;
    expect(event.recipients.map(({ action, quarantineId }) => [action, quarantineId])).toEqual([
      ['quarantine', 'E1'],
      ['accept', null],
      ['tag', null],
      ['tag', null],
    ]);
    settled?.('sent');
    await new Promise(setImmediate);
    expect(house.done.at(-1)).toBe('commit');
  });

  it('takes copies back when the MTA never got the answer, and says so in the log', async () => {
    const house = await makeHouse(
      () => [spam(7)],
      {},
      'verdict:\n  recipients:\n    - { recipient: mild@house.test, tagAt: 20 }\n',
    );
    const { settled } = await house.gateway.onMessage(
      makeTransaction(MAIL, { rcptTo: ['mild@house.test', 'b@house.test'] }),
      noSignal,
    );
    settled?.('lost');
    await new Promise(setImmediate);
    expect(house.done.slice(-2)).toEqual(['cancel', 'log']);
    expect(house.events.at(-1)).toMatchObject({ kind: 'session', event: expect.stringContaining('answer lost') });
  });

  it('files a refusal under reject, and a held virus under virus', async () => {
    const refused = await makeHouse(() => [spam(30)]);
    expect((await refused.gateway.onMessage(makeTransaction(MAIL), noSignal)).answer).toMatchObject({
      kind: 'reject',
      reply: { code: 554 },
    });
    expect(refused.events[0]).toMatchObject({ security: { category: 'reject' } });
    const held = await makeHouse(() => [
      { id: 'VIRUS_FOUND', category: 'virus', score: 1, evidence: 'Eicar' },
      spam(6),
    ]);
    expect((await held.gateway.onMessage(makeTransaction(MAIL), noSignal)).answer).toEqual({ kind: 'discard' });
    expect(held.events[0]).toMatchObject({ security: { category: 'virus', event: 'quarantine: VIRUS_FOUND: Eicar' } });
  });
});

describe('in trouble', () => {
  const tempfail = { kind: 'tempfail', reply: { code: 451 } };

  it.each(['log', 'quarantine'] as const)('a %s that is down is a temporary failure', async (part) => {
    const house = await makeHouse(() => [spam(11)], { [part]: true });
    expect((await house.gateway.onMessage(makeTransaction(MAIL), noSignal)).answer).toMatchObject(tempfail);
    expect(house.errors).toEqual(['message failed']);
  });

  it('takes prepared copies back when the log cannot be written', async () => {
    const yaml = 'verdict:\n  recipients:\n    - { recipient: mild@house.test, tagAt: 20 }\n';
    const house = await makeHouse(() => [spam(7)], { log: true }, yaml);
    const { answer } = await house.gateway.onMessage(
      makeTransaction(MAIL, { rcptTo: ['mild@house.test', 'b@house.test'] }),
      noSignal,
    );
    expect(answer).toMatchObject(tempfail);
    expect(house.done).toEqual(['prepare', 'log', 'cancel']);
  });

  it('an outbox that is down is a temporary failure, and nothing is logged as delivered', async () => {
    const yaml = 'verdict:\n  recipients:\n    - { recipient: mild@house.test, tagAt: 20 }\n';
    const house = await makeHouse(() => [spam(7)], { outbox: true }, yaml);
    const { answer } = await house.gateway.onMessage(
      makeTransaction(MAIL, { rcptTo: ['mild@house.test', 'b@house.test'] }),
      noSignal,
    );
    expect(answer).toMatchObject(tempfail);
    expect(house.events).toEqual([]);
  });

  it('a full disk is a temporary failure before anything is scanned', async () => {
    const house = await makeHouse(() => [spam(1)]);
    house.room.left = false;
    expect((await house.gateway.onMessage(makeTransaction(MAIL), noSignal)).answer).toMatchObject({
      kind: 'tempfail',
      reply: { code: 452 },
    });
    expect(house.done).toEqual([]);
  });

  it('a stage that throws follows its policy and stands in the log', async () => {
    const house = await makeHouse(() => {
      throw new Error('kaputt');
    });
    expect((await house.gateway.onMessage(makeTransaction(MAIL), noSignal)).answer).toMatchObject(tempfail);
    expect(house.events[0]).toMatchObject({ broken: [{ stage: 'probe', reason: 'kaputt', policy: 'tempfail' }] });
  });

  it('raises an alert while a stage is broken, and clears it when it works again', async () => {
    let broken = true;
    const house = await makeHouse(() => {
      if (broken) throw new Error('kaputt');
      return [];
    });
    await house.gateway.onMessage(makeTransaction(MAIL), noSignal);
    broken = false;
    await house.gateway.onMessage(makeTransaction(MAIL), noSignal);
    await house.gateway.onMessage(makeTransaction(MAIL), noSignal);
    expect(house.alerts).toEqual([
      'raised stage-broken: probe: kaputt',
      'cleared stage-broken: every stage works again',
    ]);
  });

  it('a client that is gone gets nothing held, only a line in the log', async () => {
    const house = await makeHouse(() => [spam(11)]);
    const gone = new AbortController();
    gone.abort();
    expect((await house.gateway.onMessage(makeTransaction(MAIL), gone.signal)).answer.kind).toBe('tempfail');
    expect(house.done).toEqual(['log']);
    expect(house.events[0]?.kind).toBe('session');
  });

  it.each(['', '\r\n', '\0\0\0', 'no header at all', 'A'.repeat(100_000), '__proto__: x\r\nconstructor: y\r\n\r\n'])(
    'content %j is judged, not thrown at',
    async (content) => {
      const house = await makeHouse(() => []);
      expect((await house.gateway.onMessage(makeTransaction(content), noSignal)).answer.kind).toBe('accept');
    },
  );
});
