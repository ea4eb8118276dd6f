// Conformance cases 32 to 40 of the milter reference: hostile packets, silence, dead peers, caps, deadlines, shutdown.
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../pipeline/answer.js';
import { ACCEPT, startServer, until, type TestServer } from './ground.js';
import type { Mta } from './wire.js';
import {
  ABORT,
  CONTENT,
  DATA,
  ENVELOPE,
  EOH,
  EOM,
  OPENING,
  QUIT,
  QUIT_NC,
  V6_ACTIONS,
  body,
  conn,
  dial,
  header,
  helo,
  macro,
  optneg,
  pack,
  words,
} from './wire.js';

const LEADSPC = 0x100000;

async function opened(server: TestServer): Promise<Mta> {
  const mta = await server.dial();
  await mta.ask(optneg(6, V6_ACTIONS, LEADSPC));
  await mta.askEach(OPENING);
  return mta;
}

test('case 32: odd macro packets are ignored', async () => {
  const server = await startServer();
  const mta = await opened(server);
  mta.send(
    pack('D'),
    pack('D', 'Z', 'a\0b\0'),
    pack('D', '\0'),
    pack('D', 'M', 'i\0'),
    pack('D', 'M', 'x'.repeat(60_000)),
  );
  mta.send(pack('D', 'M', '__proto__\0polluted\0{auth_authen}\0me\0odd\0'), pack('D', 'M', 'y'.repeat(60_000)));
  expect(await mta.askEach([ENVELOPE[1] ?? EOM, ...ENVELOPE.slice(2), ...CONTENT])).toBe('ccccccca');
  expect(server.seen.transactions[0]?.login).toBe('me');
  expect(server.seen.transactions[0]?.macros.get('__proto__')).toBe('polluted');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('case 33: an unknown command and a length of 0 close the connection', async () => {
  const server = await startServer();
  for (const bad of [pack('\x7a'), words(0), pack('O'), DATA, EOH, EOM, body('x'), header('A', ' b')]) {
    const mta = await opened(server);
    mta.send(bad);
    await mta.closing();
    expect(mta.unread).toHaveLength(0);
  }
  expect(server.seen.protocolErrors.map((error) => error.reason)).toEqual([
    '0x7a in state HELO',
    'packet of length 0',
    'SMFIC_OPTNEG in state HELO',
    'SMFIC_DATA in state HELO',
    'SMFIC_EOH in state HELO',
    'SMFIC_BODYEOB in state HELO',
    'SMFIC_BODY in state HELO',
    'SMFIC_HEADER in state HELO',
  ]);
});

test('case 34: absurd lengths close at once, before and after negotiation', async () => {
  const server = await startServer();
  for (const length of [0x7fffffff, 0xffffffff, 0x100002, 0x80000000]) {
    const fresh = await server.dial();
    fresh.send(words(length));
    await fresh.closing(1_000);
    const mta = await opened(server);
    mta.send(words(length));
    await mta.closing(1_000);
  }
  const first = await server.dial();
  first.send(words(129));
  await first.closing(1_000);
  // The largest allowed is taken: here it comes as a header of 1 MiB.
  const mta = await opened(server);
  await mta.askEach(ENVELOPE);
  expect((await mta.ask(header('A', ` ${'b'.repeat(1_048_576 - 4)}`))).code).toBe('c');
});

test('case 35: a packet that stops, or drips, is cut off by its deadline', async () => {
  const server = await startServer({
    settings: { packetTimeoutMs: 200, contentTimeoutMs: 600, idleTimeoutMs: 1_500, negotiationTimeoutMs: 300 },
  });
  const stopped = await opened(server);
  await stopped.askEach(ENVELOPE);
  stopped.send(words(5), Buffer.from('LA'));
  const dripping = await opened(server);
  await dripping.askEach(ENVELOPE);
  dripping.send(words(60));
  const drip = setInterval(() => dripping.socket.write('L'), 20);
  const slow = await opened(server);
  await slow.askEach(ENVELOPE);
  const trickle = setInterval(() => slow.socket.write(header('A', ' b')), 50);
  const mute = await server.dial();
  const idle = await opened(server);
  const started = Date.now();
  await Promise.all([stopped.closing(), dripping.closing(), mute.closing()]);
  expect(Date.now() - started).toBeLessThan(10_000);
  await slow.closing();
  expect(Date.now() - started).toBeGreaterThan(500);
  expect(idle.closed).toBe(false);
  await idle.closing();
  clearInterval(drip);
  clearInterval(trickle);
  expect(server.seen.protocolErrors.map((error) => error.reason).sort()).toEqual([
    'content not complete in time in state HDRS',
    'idle for too long in state HELO',
    'no negotiation in time in state INIT',
    'packet not complete in time in state RCPT',
    'packet not complete in time in state RCPT',
  ]);
});

describe.each(['tcp', 'unix'] as const)('over %s', (kind) => {
  test('case 36: the end of the stream, or a reset, anywhere frees everything', async () => {
    const aborted: boolean[] = [];
    const server = await startServer({
      kind,
      judge: (_transaction, signal) =>
        new Promise<Answer>((resolve) => signal.addEventListener('abort', () => (aborted.push(true), resolve(ACCEPT)))),
    });
    const cuts: readonly (readonly Buffer[])[] = [
      [],
      [words(5)],
      [...ENVELOPE],
      [...ENVELOPE, header('A', ' b'), words(1000), Buffer.from('Lhalf')],
      [...ENVELOPE, EOH, body(Buffer.alloc(50_000))],
      [...ENVELOPE, EOH, EOM],
    ];
    for (const cut of cuts) {
      for (const how of ['end', 'reset'] as const) {
        const mta = await server.dial();
        await mta.ask(optneg(6, V6_ACTIONS, LEADSPC));
        mta.send(...OPENING, ...cut);
        await new Promise((resolve) => setTimeout(resolve, 15));
        if (how === 'end') mta.socket.end();
        else if (kind === 'tcp') mta.socket.resetAndDestroy();
        else mta.destroy();
      }
    }
    await until(() => server.server.stats().connections === 0);
    await until(() => server.seen.fates.length === 2);
    expect(server.seen.fates).toEqual(['lost', 'lost']);
    expect(aborted).toHaveLength(2);
    expect(server.server.stats().inFlightBytes).toBe(0);
    expect(server.seen.handlerErrors).toEqual([]);
    // Cuts between messages are nobody's fault.
    expect(server.seen.protocolErrors.every(({ reason }) => reason.startsWith('connection lost'))).toBe(true);
    expect((await (await opened(server)).askEach(ENVELOPE)).length).toBe(2);
  });

  test('case 37: a peer that never reads is cut off by the write deadline', async () => {
    const server = await startServer({
      kind,
      settings: { writeTimeoutMs: 300 },
      judge: () => ({
        kind: 'accept',
        edits: [
          ...Array.from(
            { length: 20 },
            () => ({ kind: 'add-header', name: 'X-A', value: 'v'.repeat(50_000) }) as const,
          ),
          { kind: 'replace-body', body: Buffer.alloc(kind === 'tcp' ? 32_000_000 : 1_048_576) },
        ],
      }),
    });
    const socket = dial(server.address);
    socket.pause();
    socket.on('error', () => undefined);
    socket.write(Buffer.concat([optneg(6, V6_ACTIONS, LEADSPC), ...OPENING, ...ENVELOPE, EOH, EOM]));
    await until(() => server.seen.fates.length === 1);
    expect(server.seen.fates).toEqual(['lost']);
    expect(server.seen.protocolErrors.map((error) => error.reason)).toEqual([
      'answer not taken within the write deadline',
    ]);
    socket.destroy();
    // One that reads slowly but reads gets the whole.
    const patient = await startServer({
      kind,
      judge: () => ({ kind: 'accept', edits: [{ kind: 'replace-body', body: Buffer.alloc(2_000_000, 0x61) }] }),
    });
    const mta = await opened(patient);
    await mta.askEach([...ENVELOPE, EOH]);
    mta.socket.pause();
    mta.send(EOM);
    await until(() => patient.seen.transactions.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    mta.socket.resume();
    const got = await mta.finalReplies(10_000);
    expect(Buffer.concat(got.filter(({ code }) => code === 'b').map(({ data }) => data))).toHaveLength(2_000_000);
    expect(got.at(-1)?.code).toBe('a');
    expect(patient.seen.fates).toEqual(['sent']);
  });

  test('case 39: QUIT_NC and a new CONNECT on the same socket, a hundred times', async () => {
    const server = await startServer({ kind });
    const mta = await server.dial();
    await mta.ask(optneg(6, V6_ACTIONS, LEADSPC));
    for (let i = 0; i < 100; i += 1) {
      mta.send(macro('C', 'j', `mx${i}.example`), conn(`c${i}.example`, '4', 1000 + i, '192.0.2.1'));
      expect((await mta.reply()).code).toBe('c');
      if (i % 2 === 0) await mta.askEach([macro('H', '{tls_version}', 'TLSv1.3'), helo('h'), ...ENVELOPE, ...CONTENT]);
      else await mta.askEach([...ENVELOPE, EOM]);
      mta.send(QUIT_NC);
    }
    expect(server.seen.transactions).toHaveLength(100);
    server.seen.transactions.forEach((transaction, i) => {
      expect(transaction.connection.clientName).toBe(`c${i}.example`);
      expect(transaction.connection.mtaName).toBe(`mx${i}.example`);
      expect(transaction.connection.tls === null).toBe(i % 2 === 1);
      expect(transaction.connection.helo).toBe(i % 2 === 0 ? 'h' : null);
    });
    // Without a new CONNECT there is no session to send mail in.
    mta.send(ENVELOPE[1] ?? EOM);
    await mta.closing();
    const quick = await opened(server);
    quick.send(QUIT);
    await quick.closing();
    expect(server.seen.protocolErrors.map((error) => error.reason)).toEqual(['SMFIC_MAIL in state OPTS']);
  });
});

test('case 38: connections over the cap are closed, those within it are served (small; the large one is a long test)', async () => {
  const server = await startServer({ settings: { connectionsMax: 60, connectionsPerSourceMax: 50 } });
  const idle = await Promise.all(Array.from({ length: 49 }, () => opened(server)));
  const active = await opened(server);
  for (let i = 0; i < 5; i += 1) {
    const over = await server.dial();
    await over.closing();
  }
  expect(await active.askEach([...ENVELOPE, EOM])).toBe('cca');
  expect(server.server.stats()).toMatchObject({ connections: 50, refused: 5 });
  idle[0]?.send(QUIT);
  await until(() => server.server.stats().connections === 49);
  expect(await (await opened(server)).askEach([...ENVELOPE, EOM])).toBe('cca');
  const unix = await startServer({ kind: 'unix', settings: { connectionsMax: 3, connectionsPerSourceMax: 1 } });
  for (let i = 0; i < 3; i += 1) await opened(unix);
  await (await unix.dial()).closing();
});

describe('case 40', () => {
  const slow = (ms: number) => (): Promise<Answer> => new Promise((resolve) => setTimeout(() => resolve(ACCEPT), ms));

  test('a slow scan sends progress at the end of message only', async () => {
    const server = await startServer({
      settings: { progressIntervalMs: 100 },
      judge: slow(700),
      handler: { onRcpt: () => new Promise((resolve) => setTimeout(() => resolve({ kind: 'continue' }), 400)) },
    });
    const mta = await opened(server);
    expect(await mta.askEach(ENVELOPE)).toBe('cc');
    mta.send(EOM);
    let codes = '';
    while (!codes.endsWith('a')) codes += (await mta.reply()).code;
    expect(codes).toMatch(/^p{3,8}a$/);
  });

  test('a verdict that does not come, and a handler that fails, are temporary failures', async () => {
    let signalled = 0;
    let calls = 0;
    const server = await startServer({
      settings: { verdictTimeoutMs: 150, envelopeTimeoutMs: 150 },
      judge: (_transaction, signal) => {
        calls += 1;
        if (calls > 1) throw new Error('store is down');
        return new Promise<Answer>((resolve) => {
          signal.addEventListener('abort', () => {
            signalled += 1;
            resolve(ACCEPT);
          });
        });
      },
      handler: {
        onMail: ({ mailFrom }) => {
          if (mailFrom.params.has('HANG')) return new Promise(() => undefined);
          if (mailFrom.params.has('THROW')) throw new Error('bug');
          return mailFrom.params.has('REJECT') ? Promise.reject(new Error('bug')) : { kind: 'continue' };
        },
      },
    });
    const unavailable = '451 4.7.1 Service unavailable - try again later\0';
    const mta = await opened(server);
    for (const param of ['HANG', 'THROW', 'REJECT']) {
      expect((await mta.ask(pack('M', `<a@b.example>\0${param}\0`))).data.toString()).toBe(unavailable);
      mta.send(ABORT);
    }
    for (let i = 0; i < 2; i += 1) {
      await mta.askEach([...ENVELOPE, EOH]);
      expect((await mta.ask(EOM)).data.toString()).toBe(unavailable);
    }
    expect(signalled).toBe(1);
    await until(() => server.seen.fates.length === 1);
    expect(server.seen.fates).toEqual(['lost']);
    expect(server.seen.handlerErrors).toHaveLength(5);
    expect(await mta.silent(30)).toBe(true);
  });

  test('shutdown amid a scan finishes the answer, closes the idle and refuses the new', async () => {
    const server = await startServer({ judge: slow(300) });
    const busy = await opened(server);
    await busy.askEach(ENVELOPE);
    const inBody = await opened(server);
    await inBody.askEach([...ENVELOPE, EOH]);
    const idle = await opened(server);
    busy.send(EOM);
    await until(() => server.seen.transactions.length === 1);
    const closing = server.server.close(5_000);
    await idle.closing(1_000);
    await expect(dialled(server.address)).rejects.toThrow('ECONNREFUSED');
    expect((await busy.reply()).code).toBe('a');
    await busy.closing();
    expect((await inBody.ask(EOM)).code).toBe('a');
    await inBody.closing();
    await closing;
    expect(server.seen.fates).toEqual(['sent', 'sent']);
  });

  test('a drained server lets open sessions come to their own end', async () => {
    const server = await startServer();
    const mta = await opened(server);
    const draining = server.server.drain(5_000);
    await expect(dialled(server.address)).rejects.toThrow('ECONNREFUSED');
    for (let i = 0; i < 3; i += 1) expect(await mta.askEach([...ENVELOPE, EOM, ABORT])).toBe('cca');
    mta.send(QUIT);
    await draining;
    const late = await startServer();
    const stays = await opened(late);
    const started = Date.now();
    await late.server.drain(150);
    expect(Date.now() - started).toBeLessThan(10_000);
    await stays.closing();
  });

  test('what does not finish within the grace is cut off', async () => {
    const server = await startServer({ judge: slow(60_000) });
    const busy = await opened(server);
    await busy.askEach(ENVELOPE);
    busy.send(EOM);
    await until(() => server.seen.transactions.length === 1);
    const started = Date.now();
    await server.server.close(200);
    expect(Date.now() - started).toBeLessThan(10_000);
    await busy.closing();
  });
});

function dialled(address: string): Promise<void> {
  const [, port] = /:(\d+)$/.exec(address) ?? [];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => resolve(socket.destroy() && undefined));
    socket.once('error', reject);
  });
}
