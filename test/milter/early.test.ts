// Verdicts before the content on raw sockets: what hooks are told, where silence is agreed and what that leaves unasked,
// recipients that the MTA refused, the end of sessions.
import { describe, expect, test } from 'vitest';
import type { EnvelopeEvent, MilterHandler, RecipientEvent, SenderEvent } from '../../milter/handler.js';
import type { EnvelopeAnswer } from '../../pipeline/answer.js';
import type { EarlyMoment } from '../../pipeline/stage.js';
import { startServer, until } from './ground.js';
import { ABORT, CONTENT, EOH, EOM, QUIT, QUIT_NC, conn, helo, macro, mail, optneg, rcpt } from './wire.js';

const CONNECT = conn('client.example', '4', 40_000, '203.0.113.5');
const CONTINUE: EnvelopeAnswer = { kind: 'continue' };
const NR = { connect: 0x1000, helo: 0x2000, mail: 0x4000, rcpt: 0x8000 } as const;
const MOMENTS = ['connect', 'helo', 'mail', 'rcpt'] as const;

type Told = EnvelopeEvent & Partial<SenderEvent & RecipientEvent> & { readonly hook: EarlyMoment };

/** A handler that goes on everywhere but where told otherwise, and keeps what it was told. */
function recorder(refuseAt: EarlyMoment | null = null, hears: (moment: EarlyMoment) => boolean = () => true) {
  const told: Told[] = [];
  const ends: EnvelopeEvent[] = [];
  const hook = (moment: EarlyMoment) => (event: EnvelopeEvent) => {
    told.push({ hook: moment, ...event });
    if (moment !== refuseAt) return CONTINUE;
    return { kind: 'tempfail', reply: { code: 450, enhanced: '4.7.1', text: `not at ${moment}` } } as const;
  };
  const handler: Partial<MilterHandler> = {
    hears,
    onConnect: hook('connect'),
    onHelo: hook('helo'),
    onMail: hook('mail'),
    onRcpt: hook('rcpt'),
    onEnd: (event) => void ends.push(event),
  };
  return { told, ends, handler };
}

const PACKETS: Readonly<Record<EarlyMoment, readonly Buffer[]>> = {
  connect: [CONNECT],
  helo: [helo('client.example')],
  mail: [macro('M', '{auth_authen}', 'anna'), mail('<a@outside.example>')],
  rcpt: [rcpt('<b@house.example>')],
};

describe('what hooks are told', () => {
  test('one session, one sender, the login from MAIL on, recipients accepted so far', async () => {
    const { told, handler } = recorder();
    const { dial, seen } = await startServer({ handler, settings: { noReply: 'never' } });
    const mta = await dial();
    await mta.ask(optneg());
    await mta.askEach([...MOMENTS.flatMap((moment) => PACKETS[moment]), rcpt('<c@house.example>'), ...CONTENT]);
    expect(told.map(({ hook }) => hook)).toEqual(['connect', 'helo', 'mail', 'rcpt', 'rcpt']);
    expect(new Set(told.map(({ session }) => session)).size).toBe(1);
    expect(told.map(({ login }) => login)).toEqual([undefined, undefined, 'anna', 'anna', 'anna']);
    expect(told.map(({ connection }) => connection.helo)).toEqual([null, ...Array<string>(4).fill('client.example')]);
    await until(() => seen.transactions.length === 1);
    // What is remembered of a transaction hangs on this very object.
    for (const { mailFrom } of told.slice(2)) expect(mailFrom).toBe(seen.transactions[0]?.mailFrom);
    expect(seen.transactions[0]?.login).toBe('anna');
  });

  test.each(MOMENTS)('a refusal at %s is answered there', async (moment) => {
    for (const kind of ['tcp', 'unix'] as const) {
      const { handler } = recorder(moment);
      const { dial } = await startServer({ kind, handler });
      const mta = await dial();
      await mta.ask(optneg());
      const upTo = MOMENTS.slice(0, MOMENTS.indexOf(moment) + 1).flatMap((one) => PACKETS[one]);
      expect(await mta.askEach(upTo.slice(0, -1))).toBe('c'.repeat(MOMENTS.indexOf(moment)));
      const reply = await mta.ask(upTo.at(-1) ?? EOM);
      expect([reply.code, reply.data.toString()]).toEqual(['y', `450 4.7.1 not at ${moment}\0`]);
    }
  });
});

describe('silence', () => {
  const protocolOf = (data: Buffer): number => data.readUInt32BE(8);

  test.each(MOMENTS)('is not agreed at %s alone while a verdict may be given there', async (moment) => {
    const { handler } = recorder(null, (one) => one === moment);
    const { dial } = await startServer({ kind: 'unix', handler });
    const protocol = protocolOf((await (await dial()).ask(optneg())).data);
    expect(MOMENTS.filter((one) => (protocol & NR[one]) === 0)).toEqual([moment]);
  });

  test('stays as agreed for a connection when the stages in force change; the next hears them', async () => {
    let heard = false;
    const { told, handler } = recorder('rcpt', () => heard);
    const { dial, seen } = await startServer({ kind: 'unix', handler });
    const old = await dial();
    expect(protocolOf((await old.ask(optneg())).data) & 0xf000).toBe(0xf000);
    heard = true;
    old.send(...MOMENTS.flatMap((moment) => PACKETS[moment]), ...CONTENT.slice(0, -1));
    // Nobody was asked and not one byte came before the verdict on the message.
    expect((await old.ask(CONTENT.at(-1) ?? EOM)).code).toBe('a');
    expect(told).toEqual([]);
    expect(seen.transactions[0]?.rcptTo.map(({ address }) => address)).toEqual(['b@house.example']);
    const young = await dial();
    expect(protocolOf((await young.ask(optneg())).data) & 0xf000).toBe(0);
    expect(await young.askEach(MOMENTS.flatMap((moment) => PACKETS[moment]))).toBe('cccy');
  });
});

describe('a recipient that the MTA refused', () => {
  const refusedBy = (...macros: string[]) => [
    macro('R', '{rcpt_mailer}', 'error', ...macros),
    rcpt('<no@house.example>'),
  ];

  test('is told with its status, before the MTA goes on; the message never sees it', async () => {
    const statuses: string[] = [];
    let release: () => void = () => undefined;
    const { handler } = recorder();
    const { dial, seen } = await startServer({
      settings: { noReply: 'never' },
      handler: {
        ...handler,
        onRefusedRcpt: ({ status, rcptTo, accepted, login }) => {
          statuses.push(`${rcptTo.address} ${status} ${accepted.length} ${String(login)}`);
          return new Promise((done) => (release = done));
        },
      },
    });
    const mta = await dial();
    await mta.ask(optneg());
    await mta.askEach(MOMENTS.flatMap((moment) => PACKETS[moment]));
    mta.send(...refusedBy('{rcpt_host}', '5.1.1', '{rcpt_addr}', 'unknown'));
    await until(() => statuses.length === 1);
    release();
    expect((await mta.reply()).code).toBe('c');
    mta.send(...refusedBy('{rcpt_host}', 'mail.example'));
    await until(() => statuses.length === 2);
    release();
    expect((await mta.reply()).code).toBe('c');
    expect(statuses).toEqual(['no@house.example 5.1.1 1 anna', 'no@house.example  1 anna']);
    await mta.askEach(CONTENT);
    expect(seen.transactions[0]?.rcptTo.map(({ address }) => address)).toEqual(['b@house.example']);
  });

  test('does no harm where counting it fails', async () => {
    const { handler } = recorder();
    const { dial, seen } = await startServer({
      handler: { ...handler, onRefusedRcpt: () => Promise.reject(new Error('store is down')) },
    });
    const mta = await dial();
    await mta.ask(optneg());
    await mta.askEach(MOMENTS.flatMap((moment) => PACKETS[moment]));
    mta.send(...refusedBy());
    expect((await mta.reply()).code).toBe('c');
    expect(seen.handlerErrors).toHaveLength(1);
    expect((await mta.ask(rcpt('<c@house.example>'))).code).toBe('c');
  });
});

describe('the end of a session', () => {
  const opened = async (recorded: ReturnType<typeof recorder>) => {
    const { dial } = await startServer({ handler: recorded.handler });
    const mta = await dial();
    await mta.ask(optneg());
    await mta.askEach([CONNECT, helo('client.example')]);
    return mta;
  };

  test('is told once: by QUIT, by a lost connection, by a breach', async () => {
    for (const end of ['quit', 'lost', 'breach'] as const) {
      const recorded = recorder();
      const mta = await opened(recorded);
      if (end === 'quit') mta.send(ABORT, ABORT, QUIT);
      else if (end === 'lost') mta.destroy();
      else mta.send(EOH);
      await until(() => recorded.ends.length === 1);
      if (end !== 'lost') await mta.closing();
      expect(recorded.ends.map(({ session }) => session)).toEqual([recorded.told[0]?.session]);
    }
  });

  test('comes before the next session on the same socket, which is another', async () => {
    const recorded = recorder();
    const mta = await opened(recorded);
    mta.send(QUIT_NC);
    expect((await mta.ask(CONNECT)).code).toBe('c');
    expect(recorded.ends).toHaveLength(1);
    expect(recorded.told.at(-1)?.session).not.toBe(recorded.told[0]?.session);
    mta.send(QUIT);
    await until(() => recorded.ends.length === 2);
  });

  test('is not told of a connection that named no client', async () => {
    const recorded = recorder();
    const { dial, server } = await startServer({ handler: recorded.handler });
    const mta = await dial();
    await mta.ask(optneg());
    mta.send(QUIT);
    await until(() => server.stats().connections === 0);
    expect(recorded.ends).toEqual([]);
  });
});
