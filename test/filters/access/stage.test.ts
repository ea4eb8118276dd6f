// The stage over whole sessions: who is refused where, who is not, what waits for SPF or DKIM, whose word is final, what
// is counted, and what forged mail gets from it.
import { describe, expect, it } from 'vitest';
import { HITS_KEEP_MS, HITS_TABLE, HitCounter, readHits } from '../../../filters/access/hits.js';
import { accessStage } from '../../../filters/access/stage.js';
import type { AuthenticationFacts, DkimFacts } from '../../../filters/authentication/facts.js';
import type { Resolver } from '../../../outside/resolver.js';
import type { Outside, Stage, StageReport } from '../../../pipeline/stage.js';
import { waitUntil } from '../../ground/place.js';
import { memoryState, movedClock } from '../../ground/state.js';
import { makeJob, makeStage } from '../message-job.js';
import { runEarly, world, type Session } from './ground.js';

type PinnedRule = Parameters<typeof accessStage.create>[0]['rules'][number];

const pin = (effect: string, kind: string, value: string, more: Partial<PinnedRule> = {}): PinnedRule => ({
  name: `${effect} ${value}`,
  kind,
  value,
  effect,
  enabled: true,
  note: '',
  scope: 'global',
  final: false,
  ...more,
});

const stageWith = (rules: readonly PinnedRule[], outside: Outside = world()): Promise<Stage> =>
  makeStage(accessStage, { rules: [...rules] }, outside);

const FACTS: AuthenticationFacts = { authservId: 'mx', spf: null, spfHelo: null, dkim: [], dmarc: null, arc: null };
const spfPass = (domain: string): AuthenticationFacts => ({
  ...FACTS,
  spf: { result: 'pass', scope: 'mfrom', domain, mechanism: 'all', explanation: null, problem: null },
});
const signature = (domain: string, more: Partial<DkimFacts> = {}): AuthenticationFacts => ({
  ...FACTS,
  dkim: [
    {
      ...{ result: 'pass', domain, selector: 's', identity: `@${domain}`, algorithm: 'rsa-sha256', keyBits: 2048 },
      ...{ signatureStart: 'x', alignment: 'strict', testing: false, signedHeaders: ['from'], problem: null },
      ...more,
    },
  ],
});

/** A whole message through the stage: reports of the commands, then that of the message. */
async function run(stage: Stage, session: Session, facts: AuthenticationFacts | null = null, client = session.client) {
  const early = await runEarly(stage, session);
  const transaction = {
    mailFrom: session.from ?? 'ann@sender.example',
    rcptTo: session.to ?? ['bob@here.example'],
    login: session.login ?? null,
    connection: { clientAddress: client === undefined ? '198.51.100.7' : client },
  };
  const results = (name: string): StageReport | undefined =>
    name === 'authentication' && facts !== null ? { findings: [], facts } : undefined;
  const job = makeJob('From: x@y.example\r\n\r\nhello\r\n', { transaction, results, early: () => early as never });
  const message = (await stage.onMessage?.(job)) ?? { findings: [] };
  return { early, message, all: [...early, message] };
}

const ids = (report: StageReport | undefined): readonly string[] => report?.findings.map(({ id }) => id) ?? [];
const idsAt = (reports: readonly StageReport[]): readonly (readonly string[])[] => reports.map(ids);
const spared = (reports: readonly StageReport[]): readonly string[] =>
  [...new Set(reports.flatMap(({ exempts = [] }) => exempts.map(({ check }) => check)))].sort();

describe('a block rule', () => {
  it('on a client refuses at connect, and says so once', async () => {
    const { early, message } = await run(await stageWith([pin('reject', 'network', '198.51.100.0/24')]), {});
    expect(idsAt(early)).toEqual([['BLOCKED_CLIENT'], [], []]);
    expect(ids(message)).toEqual([]);
    expect(early[0]?.findings[0]?.evidence).toBe('reject network 198.51.100.0/24');
  });

  it('on a sender refuses at MAIL, on a recipient at RCPT and for that recipient alone', async () => {
    const sender = await run(await stageWith([pin('reject', 'sender', '*@sender.example')]), {});
    expect(idsAt(sender.early)).toEqual([[], ['BLOCKED_SENDER'], []]);
    const session = { to: ['eve@here.example', 'bob@here.example'] };
    const recipient = await run(await stageWith([pin('reject', 'recipient', 'bob@here.example')]), session);
    expect(idsAt(recipient.early)).toEqual([[], [], [], ['BLOCKED_RECIPIENT']]);
    expect(recipient.early[3]?.findings[0]?.recipient).toBe(1);
    expect(ids(recipient.message)).toEqual([]);
  });

  it('that discards says so of the message, not of a command', async () => {
    const { early, message } = await run(await stageWith([pin('discard', 'ip', '198.51.100.7')]), {});
    expect(idsAt(early)).toEqual([[], [], []]);
    expect(ids(message)).toEqual(['BLOCKED_CLIENT_DISCARD']);
    expect(message.findings[0]?.recipient).toBeUndefined();
  });

  it.each([
    ['"ann"@sender.example', 'quotes that change nothing'],
    ['ANN@Sender.Example', 'other capitals'],
    ['ann@sender.example.', 'a dot at the end'],
  ])('is not passed by %s: %s', async (from) => {
    const { early } = await run(await stageWith([pin('reject', 'sender', 'ann@sender.example')]), { from });
    expect(ids(early[1])).toEqual(['BLOCKED_SENDER']);
  });

  it('names the null sender, and nobody else does but the star', async () => {
    const stage = await stageWith([pin('reject', 'sender', '<>')]);
    expect(ids((await run(stage, { from: '' })).early[1])).toEqual(['BLOCKED_SENDER']);
    const others = await stageWith([
      pin('reject', 'sender', '*@*'),
      pin('allow', 'domain', '*', { authenticated: false }),
    ]);
    const bounce = await run(others, { from: '' });
    expect(bounce.all.flatMap(ids)).toEqual([]);
    expect(spared(bounce.all)).toEqual([]);
  });

  it('on an international domain is the same in both spellings', async () => {
    const stage = await stageWith([pin('reject', 'sender', '*@bücher.example')]);
    for (const from of ['a@xn--bcher-kva.example', 'a@BÜCHER.example'])
      expect(ids((await run(stage, { from })).early[1]), from).toEqual(['BLOCKED_SENDER']);
  });

  it('on the client behind a trusted relay counts once the client is known', async () => {
    const stage = await stageWith([
      pin('reject', 'ip', '203.0.113.9'),
      pin('allow', 'ip', '203.0.113.10', { skips: 'dnsbl' }),
    ]);
    const blocked = await run(stage, { client: '192.0.2.250' }, null, '203.0.113.9');
    expect(blocked.early.flatMap(ids)).toEqual([]);
    expect(ids(blocked.message)).toEqual(['BLOCKED_CLIENT']);
    expect(spared([(await run(stage, { client: '192.0.2.250' }, null, '203.0.113.10')).message])).toEqual(['dnsbl']);
  });

  it('speaks of the message where no command was heard', async () => {
    const stage = await stageWith([pin('reject', 'sender', '*@outside.test')]);
    const report = await stage.onMessage?.(makeJob('x'));
    expect(ids(report)).toEqual(['BLOCKED_SENDER']);
  });
});

describe('allow beats block', () => {
  const block = pin('reject', 'network', '198.51.100.0/24');

  it.each([
    ['ip', '198.51.100.7', {}],
    ['sender', 'ann@sender.example', { authenticated: false }],
    ['domain', '*.example', { authenticated: false }],
    ['recipient', 'bob@here.example', {}],
  ])('of a %s rule, whenever it comes to be known', async (kind, value, more) => {
    const { all } = await run(await stageWith([block, pin('allow', kind, value, more)]), {});
    expect(all.flatMap(ids)).toEqual([]);
  });

  it('and waits for RCPT where an allow rule may come, refusing the recipients it is not for', async () => {
    const stage = await stageWith([block, pin('allow', 'recipient', 'postmaster@here.example')]);
    const { early } = await run(stage, { to: ['postmaster@here.example', 'bob@here.example'] });
    expect(idsAt(early)).toEqual([[], [], [], ['BLOCKED_CLIENT']]);
  });

  it('but not where the allow rule is off, over, or of one user', async () => {
    const clock = movedClock();
    const expires = new Date(clock.now() + 1_000).toISOString().slice(0, 19) + 'Z';
    const rules = [
      block,
      pin('allow', 'ip', '198.51.100.7', { name: 'off', enabled: false }),
      pin('allow', 'ip', '198.51.100.7', { name: 'over', expires }),
      pin('allow', 'ip', '198.51.100.7', { name: 'of bob', scope: 'user:bob@here.example' }),
    ];
    clock.pass(1_000);
    const { all } = await run(await stageWith(rules, world({}, clock)), {});
    expect(all.flatMap(ids)).toEqual(['BLOCKED_CLIENT']);
    expect(spared(all)).toEqual(['greylist', 'spam']);
  });
});

describe('a rule that waits for SPF or DKIM', () => {
  const rules = [pin('allow', 'domain', 'sender.example'), pin('reject', 'ip', '198.51.100.7')];

  it.each([
    ['SPF for the very domain', spfPass('sender.example'), true],
    ['SPF for another domain', spfPass('other.example'), false],
    ['SPF for HELO alone', { ...FACTS, spf: { ...spfPass('sender.example').spf!, scope: 'helo' as const } }, false],
    ['a signature of the domain', signature('sender.example'), true],
    ['a signature of its organisation', signature('mail.sender.example'), true],
    ['a signature of somebody else', signature('other.example'), false],
    ['a signature that fails', signature('sender.example', { result: 'fail' }), false],
    [
      'a signature that leaves part of the body open',
      signature('sender.example', { problem: 'l= covers a part' }),
      false,
    ],
    ['a signature by a key in testing', signature('sender.example', { testing: true }), false],
    ['nothing at all', FACTS, false],
    ['authentication being off', null, false],
  ])('%s: holds %s', async (_, facts, holds) => {
    const { early, message } = await run(await stageWith(rules), {}, facts);
    // Nobody knows before the message: neither refusal nor exemption.
    expect(early.flatMap(ids)).toEqual([]);
    expect(spared(early)).toEqual([]);
    expect(ids(message)).toEqual(holds ? [] : ['BLOCKED_CLIENT']);
    expect(spared([message])).toEqual(holds ? ['dkim', 'dmarc', 'greylist', 'restriction', 'spf'] : []);
  });

  it('holds from MAIL on where SPF passes, and is asked once', async () => {
    let asked = 0;
    const resolver = {
      lookup: (type: string) => {
        asked += 1;
        const records = type === 'TXT' ? [['v=spf1 ip4:198.51.100.7 -all']] : [];
        return Promise.resolve({ status: 'found', records, ttlS: 60, stale: false });
      },
    } as unknown as Resolver;
    const stage = await stageWith(rules, world({ resolver }));
    const outcome = await run(stage, { to: ['a@here.example', 'b@here.example'] });
    expect(spared(outcome.early.slice(1, 2))).toEqual(['dkim', 'dmarc', 'greylist', 'restriction', 'spf']);
    expect(outcome.all.flatMap(ids)).toEqual([]);
    expect(asked).toBe(1);
  });

  it('holds for a login that is the address itself, and for no other', async () => {
    const stage = await stageWith([pin('allow', 'sender', 'ann@sender.example')]);
    expect(spared((await run(stage, { login: 'Ann@sender.example' })).all)).toContain('spf');
    expect(spared((await run(stage, { login: 'eve@sender.example' })).all)).toEqual([]);
  });

  it('says nothing of a From field: only MAIL FROM counts', async () => {
    const stage = await stageWith([pin('allow', 'domain', 'y.example', { authenticated: false })]);
    expect(spared((await run(stage, { from: 'eve@evil.example' })).all)).toEqual([]);
  });
});

describe('rules of domains and users', () => {
  const ofBob = { scope: 'user:bob@here.example' };
  const ofHere = { scope: 'domain:here.example' };
  const to = { to: ['bob@here.example', 'eve@here.example', 'dan@there.example'] };

  it('add to the spam score of their recipients alone, and refuse nothing', async () => {
    const { early, message } = await run(await stageWith([pin('reject', 'sender', '*@sender.example', ofHere)]), to);
    expect(early.flatMap(ids)).toEqual([]);
    expect(message.findings.map(({ id, recipient, score, mark }) => ({ id, recipient, score, mark }))).toEqual([
      { id: 'BLOCKED_FOR_DOMAIN', recipient: 0, score: 10, mark: 'spam' },
      { id: 'BLOCKED_FOR_DOMAIN', recipient: 1, score: 10, mark: 'spam' },
    ]);
  });

  it('narrower ones have the last word, unless a wider one is final', async () => {
    const allow = pin('allow', 'ip', '198.51.100.7', ofBob);
    const block = (more: Partial<PinnedRule>) => pin('reject', 'sender', '*@sender.example', { ...ofHere, ...more });
    const open = await run(await stageWith([allow, block({})]), to);
    expect(open.message.findings.map(({ recipient }) => recipient)).toEqual([1]);
    expect(spared(open.all)).toEqual(['greylist', 'spam']);
    const final = await run(await stageWith([allow, block({ final: true })]), to);
    expect(final.message.findings.map(({ recipient }) => recipient)).toEqual([0, 1]);
    expect(spared(final.all)).toEqual([]);
    const own = pin('reject', 'sender', '*@sender.example', ofBob);
    const overAll = await run(
      await stageWith([own, pin('allow', 'ip', '198.51.100.7', { final: true, skips: 'dnsbl' })]),
      to,
    );
    expect(overAll.message.findings).toEqual([]);
    const notFinal = await run(await stageWith([own, pin('allow', 'ip', '198.51.100.7', { skips: 'dnsbl' })]), to);
    expect(notFinal.message.findings.map(({ id }) => id)).toEqual(['BLOCKED_FOR_USER']);
  });

  it('spare greylisting at RCPT, for that recipient', async () => {
    const { early } = await run(await stageWith([pin('allow', 'ip', '198.51.100.7', ofBob)]), to);
    expect(early.map(({ exempts }) => exempts?.map(({ check, recipient }) => `${check} ${String(recipient)}`))).toEqual(
      [undefined, undefined, ['spam 0', 'greylist 0'], undefined, undefined],
    );
  });
});

describe('counters', () => {
  const clock = movedClock();

  it('count a rule once a message, however often it speaks', async () => {
    const state = memoryState(clock);
    const stage = await stageWith([pin('allow', 'ip', '198.51.100.7', { name: 'known' })], world({ state }, clock));
    for (let message = 0; message < 3; message += 1) await run(stage, { to: ['a@here.example', 'b@here.example'] });
    await stage.close?.();
    expect((await readHits(state, ['pinned:known'])).get('pinned:known')).toEqual({ count: 3, lastAt: clock.now() });
  });

  it('are exact when many processes count at once', async () => {
    const state = memoryState(clock);
    const counters = Array.from({ length: 8 }, () => new HitCounter(state, clock));
    for (let round = 0; round < 25; round += 1) {
      for (const counter of counters) counter.count(['a', 'b']);
      await Promise.all(counters.filter((_, index) => index % 3 === round % 3).map((counter) => counter.flush()));
    }
    await Promise.all(counters.map((counter) => counter.close()));
    const hits = await readHits(state, ['a', 'b', 'c']);
    expect([...hits].map(([id, { count }]) => [id, count])).toEqual([
      ['a', 200],
      ['b', 200],
    ]);
  });

  it('wait while the state is away, and lose nothing', async () => {
    const state = memoryState(clock);
    const counter = new HitCounter(state, clock);
    state.fail(true);
    counter.count(['a']);
    await counter.flush();
    counter.count(['a', 'b']);
    state.fail(false);
    await waitUntil('the state to be found again', 20_000, () => state.check());
    await counter.flush();
    const hits = await readHits(state, ['a', 'b']);
    expect([hits.get('a')?.count, hits.get('b')?.count]).toEqual([2, 1]);
  });

  it('end with their rule: nothing is kept for ever', async () => {
    const state = memoryState(clock);
    const counter = new HitCounter(state, clock);
    counter.count(['a']);
    await counter.close();
    clock.pass(HITS_KEEP_MS + 1);
    expect(await state.read(HITS_TABLE, 'a')).toBeNull();
  });
});
