// The stage at MAIL, RCPT and the message: per recipient, under a clock that the test moves and a state in memory.
import { describe, expect, it } from 'vitest';
import { greylistStage } from '../../../filters/greylist/stage.js';
import type { GreylistSettings } from '../../../filters/greylist/settings.js';
import { PASSED, WAITING } from '../../../filters/greylist/tables.js';
import type { Connection } from '../../../message/envelope.js';
import type { Resolver } from '../../../outside/resolver.js';
import type { Exemption } from '../../../pipeline/finding.js';
import type { EarlyReport, Stage, StageReport } from '../../../pipeline/stage.js';
import { PASS_TABLE } from '../../../screen/passes.js';
import { memoryState, movedClock, type MemoryState, type MovedClock } from '../../ground/state.js';
import { makeEarlyJob, runEarly, type EarlyFields } from '../early-job.js';
import { mail, makeJob, makeOutside, makeStage, runStage } from '../message-job.js';

const RAW = mail('From: a@outside.test', 'Subject: x', '', 'x', '');
const MINUTE = 60_000;

interface Ground {
  readonly stage: Stage;
  readonly state: MemoryState;
  readonly clock: MovedClock;
  /** What one SMTP session says to one recipient: MAIL, then RCPT. */
  ask(fields?: EarlyFields): Promise<StageReport>;
}

let port = 20_000;

async function ground(settings: Partial<GreylistSettings> = {}, resolver: Resolver | null = null): Promise<Ground> {
  const clock = movedClock();
  const state = memoryState(clock);
  const stage = await makeStage(greylistStage, settings, { ...makeOutside(), clock, state, resolver });
  return {
    ...{ stage, state, clock },
    ask: async (fields = {}) => {
      port += 1;
      const connection: Partial<Connection> = { clientAddress: '192.0.2.7', clientPort: port, ...fields.connection };
      const mailReport = await runEarly(stage, makeEarlyJob('mail', { ...fields, connection }));
      const results = (name: string): readonly StageReport[] =>
        name === 'greylist' ? [mailReport] : (fields.results?.(name) ?? []);
      return runEarly(stage, makeEarlyJob('rcpt', { ...fields, connection, results }));
    },
  };
}

const ids = ({ findings }: StageReport): readonly string[] => findings.map(({ id }) => id);

describe('before the content', () => {
  it('asks a stranger to come again, says for how long, and lets the retry through', async () => {
    const { ask, clock } = await ground();
    const [first] = (await ask()).findings;
    expect(first).toMatchObject({
      id: 'GREYLISTED',
      category: 'greylist',
      score: 1,
      recipient: 0,
      reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again in 300 seconds' },
    });
    expect(first?.evidence).toMatch(/^attempt 1, passes from \d{4}-.*Z, id [0-9a-z]{16}$/);
    clock.pass(4 * MINUTE);
    expect((await ask()).findings[0]).toMatchObject({
      id: 'GREYLISTED',
      reply: { text: expect.stringContaining('in 60 seconds') },
    });
    clock.pass(MINUTE);
    expect((await ask()).findings[0]).toMatchObject({
      id: 'GREYLIST_PASSED',
      score: 0,
      evidence: 'came again after 300 s',
    });
    expect(ids(await ask())).toEqual(['GREYLIST_PASSED']);
  });

  it('keeps triplets apart by network, sender and recipient', async () => {
    const { ask, clock } = await ground();
    await ask();
    clock.pass(6 * MINUTE);
    expect(ids(await ask({ rcptTo: 'c@house.test' }))).toEqual(['GREYLISTED']);
    expect(ids(await ask({ mailFrom: 'c@outside.test' }))).toEqual(['GREYLISTED']);
    expect(ids(await ask({ connection: { clientAddress: '192.0.3.7' } }))).toEqual(['GREYLISTED']);
    expect(ids(await ask({ connection: { clientAddress: '192.0.2.200' } }))).toEqual(['GREYLIST_PASSED']);
  });

  it('takes a pool of IPv6 servers for one, and a sender whose tag changes', async () => {
    const { ask, clock } = await ground();
    await ask({ connection: { clientAddress: '2001:db8::1' }, mailFrom: 'prvs=0000000001=a@outside.test' });
    clock.pass(6 * MINUTE);
    const again = { connection: { clientAddress: '2001:db8::ffff' }, mailFrom: 'prvs=0000000002=A@outside.test' };
    expect(ids(await ask(again))).toEqual(['GREYLIST_PASSED']);
  });

  it('keeps the key widths that are set', async () => {
    const { ask, clock } = await ground({ ipv4PrefixBits: 32 });
    await ask();
    clock.pass(6 * MINUTE);
    expect(ids(await ask({ connection: { clientAddress: '192.0.2.8' } }))).toEqual(['GREYLISTED']);
  });

  it('answers each recipient of a message by itself', async () => {
    const { ask, clock } = await ground();
    await ask({ rcptTo: 'b@house.test' });
    clock.pass(6 * MINUTE);
    const [b, c] = [
      await ask({ rcptTo: 'b@house.test' }),
      await ask({ rcptTo: 'c@house.test', accepted: ['b@house.test'] }),
    ];
    expect([ids(b), ids(c)]).toEqual([['GREYLIST_PASSED'], ['GREYLISTED']]);
    expect(c.findings[0]?.recipient).toBe(1);
  });

  it('counts one session once: milter and policy server asking of the same moment', async () => {
    const { ask } = await ground();
    const session = { connection: { clientPort: 5_555 } };
    for (const id of ['[192.0.2.7]:5555@1', '[192.0.2.7]:5555@2']) {
      const report = await ask({ connection: { ...session.connection, id } });
      expect(report.findings[0]?.evidence).toMatch(/^attempt 1,/);
    }
  });

  it('spares a client after five sessions whose mail came again', async () => {
    const { ask, clock } = await ground();
    const senders = ['one', 'two', 'three', 'four', 'five'].map((name) => `${name}@outside.test`);
    for (const mailFrom of senders) await ask({ mailFrom });
    clock.pass(6 * MINUTE);
    for (const mailFrom of senders) expect(ids(await ask({ mailFrom }))).toEqual(['GREYLIST_PASSED']);
    const stranger = { mailFrom: 'new@outside.test' };
    expect((await ask(stranger)).findings[0]).toMatchObject({
      id: 'GREYLIST_SPARED',
      evidence: 'client proved itself in 5 sessions',
    });
    expect(ids(await ask({ ...stranger, connection: { clientAddress: '192.0.2.8' } }))).toEqual(['GREYLISTED']);
  });

  it('takes one message to many recipients for one proof', async () => {
    const { ask, clock } = await ground();
    const recipients = [...'abcdefgh'].map((name) => `${name}@house.test`);
    for (const rcptTo of recipients) await ask({ rcptTo });
    clock.pass(6 * MINUTE);
    for (const rcptTo of recipients) await ask({ rcptTo, connection: { clientPort: 7_000 } });
    expect(ids(await ask({ rcptTo: 'new@house.test' }))).toEqual(['GREYLISTED']);
  });

  it('says nothing at RCPT of the null sender', async () => {
    const { ask } = await ground();
    expect(ids(await ask({ mailFrom: '' }))).toEqual([]);
  });

  it('forgets a waiting triplet after the window', async () => {
    const { ask, clock } = await ground({ windowHours: 1 });
    await ask();
    clock.pass(61 * MINUTE);
    expect(ids(await ask())).toEqual(['GREYLISTED']);
  });
});

describe('who is spared', () => {
  it('spares own networks, and never records them', async () => {
    const { ask, state } = await ground({ exemptNetworks: ['192.0.2.0/24'], defaultAction: 'deny' });
    expect(ids(await ask())).toEqual([]);
    expect([await state.count(WAITING), await state.count(PASSED)]).toEqual([0, 0]);
  });

  it('takes trusted relays from the settings of directions', () => {
    const { complete } = greylistStage.spec;
    const settings = complete?.({ exemptNetworks: ['10.0.0.0/8'] } as GreylistSettings, {
      directions: { trustedRelays: ['192.0.2.1'] },
    });
    expect(settings?.exemptNetworks).toEqual(['10.0.0.0/8', '192.0.2.1']);
  });

  it('does as the source entries say, the most particular first', async () => {
    const { ask } = await ground({
      defaultAction: 'allow',
      sources: [
        { source: '192.0.2.0/24', action: 'deny', note: '' },
        { source: '192.0.2.7', action: 'greylist', note: '' },
        { source: 'good.test', action: 'allow', note: '' },
      ],
    });
    const at = (clientAddress: string, fields: Partial<Connection> = {}): Promise<StageReport> =>
      ask({ connection: { clientAddress, ...fields } });
    expect((await at('192.0.2.8')).findings[0]).toMatchObject({
      id: 'GREYLIST_DENIED',
      evidence: 'source 192.0.2.0/24',
    });
    expect(ids(await at('192.0.2.7'))).toEqual(['GREYLISTED']);
    expect((await at('203.0.113.1')).findings[0]).toMatchObject({ id: 'GREYLIST_SPARED', evidence: 'by default' });
    const named = { clientName: 'mx.good.test', clientResolve: 'ok' } as const;
    expect((await at('203.0.113.1', named)).findings[0]).toMatchObject({ evidence: 'source good.test' });
  });

  it('believes no name that is not confirmed', async () => {
    const { ask } = await ground({ sources: [{ source: 'good.test', action: 'allow', note: '' }] });
    const forged = { clientName: 'mx.good.test', clientPtr: 'mx.good.test', clientResolve: 'forged' } as const;
    expect(ids(await ask({ connection: forged }))).toEqual(['GREYLISTED']);
    expect(ids(await ask({ connection: { ...forged, clientResolve: 'ok' } }))).toEqual(['GREYLIST_SPARED']);
  });

  it('refuses all but the entries where the default is deny', async () => {
    const { ask } = await ground({ defaultAction: 'deny' });
    expect((await ask()).findings[0]).toMatchObject({ id: 'GREYLIST_DENIED', evidence: 'by default' });
  });

  it('spares servers of large senders by their confirmed name', async () => {
    const { ask } = await ground();
    const name = 'mail-eur05.outbound.protection.outlook.com';
    const report = await ask({ connection: { clientName: name, clientResolve: 'ok' } });
    expect(report.findings[0]?.evidence).toBe('server of outbound.protection.outlook.com');
  });

  it('spares large senders where SPF passes, and asks for nobody else', async () => {
    const asked: string[] = [];
    const lookup = (type: string, name: string) => {
      asked.push(`${type} ${name}`);
      const records = type === 'TXT' && name === 'big.test' ? [['v=spf1 ip4:192.0.2.0/24 -all']] : [];
      return Promise.resolve(
        records.length > 0 ? { status: 'found', records, ttlS: 60, stale: false } : { status: 'nodata', ttlS: 60 },
      );
    };
    const { ask } = await ground({ largeSenders: ['big.test'] }, { lookup } as unknown as Resolver);
    expect((await ask({ mailFrom: 'a@big.test' })).findings[0]).toMatchObject({ evidence: 'SPF passes for big.test' });
    expect(ids(await ask({ mailFrom: 'a@big.test', connection: { clientAddress: '203.0.113.9' } }))).toEqual([
      'GREYLISTED',
    ]);
    const before = asked.length;
    await ask({ mailFrom: 'a@small.test' });
    expect(asked).toHaveLength(before);
  });

  it('spares clients that passed the deep tests at the door, while that holds', async () => {
    const { ask, state, clock } = await ground();
    const record = { pregreet: 0, dnsbl: 0, pipelining: clock.now() + 10 * MINUTE, nonSmtp: 0, bareNewline: 0 };
    await state.update(PASS_TABLE, '192.0.2.7', () => ({
      kind: 'write',
      value: record,
      ttlMs: 3_600_000,
      result: null,
    }));
    expect((await ask()).findings[0]?.evidence).toBe('passed the deep tests at the door');
    expect(ids(await ask({ connection: { clientAddress: '192.0.2.8' } }))).toEqual(['GREYLISTED']);
    clock.pass(11 * MINUTE);
    expect(ids(await ask({ mailFrom: 'other@outside.test' }))).toEqual(['GREYLISTED']);
  });

  it('does not spare them where the settings say so, nor for the early tests alone', async () => {
    const { ask, state, clock } = await ground({ sparesScreened: false });
    const until = clock.now() + 10 * MINUTE;
    const all = { pregreet: until, dnsbl: until, pipelining: until, nonSmtp: until, bareNewline: until };
    await state.update(PASS_TABLE, '192.0.2.7', () => ({ kind: 'write', value: all, ttlMs: 3_600_000, result: null }));
    expect(ids(await ask())).toEqual(['GREYLISTED']);
    const early = await ground();
    const record = { ...all, pipelining: 0, nonSmtp: 0, bareNewline: 0 };
    await early.state.update(PASS_TABLE, '192.0.2.7', () => ({
      kind: 'write',
      value: record,
      ttlMs: 3_600_000,
      result: null,
    }));
    expect(ids(await early.ask())).toEqual(['GREYLISTED']);
  });

  it('leaves no record of what an allow rule spares', async () => {
    const { ask } = await ground();
    for (const check of ['greylist', 'restriction'] as const) {
      const exempts: readonly Exemption[] = [{ check, rule: 'r' }];
      const results = (name: string): readonly StageReport[] => (name === 'access' ? [{ findings: [], exempts }] : []);
      expect(ids(await ask({ results }))).toEqual([]);
    }
    const other: readonly Exemption[] = [{ check: 'greylist', rule: 'r', recipient: 4 }];
    const results = (name: string): readonly StageReport[] =>
      name === 'access' ? [{ findings: [], exempts: other }] : [];
    expect((await ask({ results })).findings[0]?.evidence).toMatch(/^attempt 1/);
  });
});

describe('at the message', () => {
  const job = (fields: Parameters<typeof makeJob>[1] = {}) =>
    makeJob(RAW, {
      ...fields,
      transaction: { connection: { clientAddress: '192.0.2.7', clientPort: 4_000 }, ...fields.transaction },
    });
  const spoke = (report: StageReport): readonly EarlyReport[] => [
    { ...report, stage: 'greylist', moment: 'mail', recipient: null, directions: ['received'] },
  ];

  it('greylists the null sender, whatever the score', async () => {
    const { stage, clock } = await ground();
    const reports = spoke(await runEarly(stage, makeEarlyJob('mail', { mailFrom: '' })));
    const early = (name: string): readonly EarlyReport[] => (name === 'greylist' ? reports : []);
    const bounce = (): Promise<StageReport> => runStage(stage, makeJob(RAW, { transaction: { mailFrom: '' }, early }));
    expect(ids(await bounce())).toEqual(['GREYLISTED']);
    clock.pass(6 * MINUTE);
    expect(ids(await bounce())).toEqual(['GREYLIST_PASSED']);
  });

  it('says nothing of what RCPT answered', async () => {
    const { stage } = await ground();
    const reports = spoke(await runEarly(stage, makeEarlyJob('mail')));
    expect(ids(await runStage(stage, job({ early: (name) => (name === 'greylist' ? reports : []) })))).toEqual([]);
  });

  it('answers for all recipients where no stage was asked before', async () => {
    const { stage } = await ground();
    expect(ids(await runStage(stage, job()))).toEqual(['GREYLISTED']);
  });

  it.each([
    [2.9, []],
    [3, ['GREYLISTED']],
    [9.9, ['GREYLISTED']],
    [10, []],
  ])('greylists a score of %d as set', async (score, expected) => {
    const { stage, ask } = await ground({ when: 'suspicious' });
    expect(ids(await ask())).toEqual([]);
    expect(ids(await runStage(stage, { ...job(), scoreSoFar: () => score }))).toEqual(expected);
  });

  it('leaves recipients alone that mail goes out to', async () => {
    const { stage } = await ground();
    expect(ids(await runStage(stage, job({ directions: ['sent'] })))).toEqual([]);
  });
});

describe('trouble', () => {
  it('fails loudly when the store does, so that its break policy holds', async () => {
    const { ask, state } = await ground();
    state.fail(true);
    await expect(ask()).rejects.toThrow();
    expect(greylistStage.spec.onBreak).toBe('continue');
  });

  it('says nothing where nothing may be kept', async () => {
    const stage = await makeStage(greylistStage, {});
    expect(ids(await runEarly(stage, makeEarlyJob('rcpt')))).toEqual([]);
  });

  it('takes what another version wrote for nothing', async () => {
    const { ask, state, clock } = await ground();
    const id = /id (\w+)/.exec((await ask()).findings[0]?.evidence ?? '')?.[1] ?? '';
    const raw = { ...WAITING, read: (kept: unknown) => kept };
    await state.update(raw, id, () => ({ kind: 'write', value: { version: 99 }, ttlMs: 1e9, result: null }));
    clock.pass(6 * MINUTE);
    expect((await ask()).findings[0]).toMatchObject({
      id: 'GREYLISTED',
      evidence: expect.stringContaining('attempt 1'),
    });
  });
});

describe('settings', () => {
  const check = (settings: Partial<GreylistSettings>) =>
    greylistStage.spec.check?.(
      {
        delaySeconds: 300,
        windowHours: 48,
        suspiciousFrom: 3,
        suspiciousBelow: 10,
        sources: [],
        exemptNetworks: [],
        ...settings,
      } as GreylistSettings,
      null as never,
    ) ?? [];
  it.each<[string, Partial<GreylistSettings>]>([
    ['a delay as long as the window', { delaySeconds: 3_600, windowHours: 1 }],
    ['a range that is none', { suspiciousFrom: 10 }],
    ['a network that is none', { exemptNetworks: ['10.0.0.0/33'] }],
    ['a source that is none', { sources: [{ source: '1.2.3.4.5', action: 'deny', note: '' }] }],
    ['a source with an at sign', { sources: [{ source: 'a@b.test', action: 'deny', note: '' }] }],
    [
      'a source twice',
      {
        sources: [
          { source: 'b.test', action: 'deny', note: '' },
          { source: '.B.test', action: 'allow', note: '' },
        ],
      },
    ],
  ])('refuses %s', (_, settings) => {
    expect(check(settings)).toHaveLength(1);
  });
  it('takes the defaults', () => {
    expect(check({})).toEqual([]);
  });
});
