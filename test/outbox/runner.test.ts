// The runner over real SMTP: exact content, exactly one message whatever the content, a result per recipient, retries.
import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { toSmtpLines } from '../../outbox/delivery.js';
import { LEASE_MS, retryDelayMs } from '../../outbox/runner.js';
import { startSink, type Sink, type SinkOptions } from '../ground/sink.js';
import { makeDir } from '../logs/fixtures.js';
import { newItem, openOutbox } from './fixtures.js';

async function sink(options: SinkOptions = {}): Promise<Sink> {
  const started = await startSink(options);
  onTestFinished(() => started.stop());
  return started;
}

test('delivers envelope and exact bytes, and the item is gone', async () => {
  const { store, runner } = await openOutbox();
  const server = await sink();
  const content = Buffer.from('Subject: caf\xe9\r\n\r\n.leading dot\r\n..two\r\n\u0000bin\xff\r\nlast', 'latin1');
  await store.send([newItem({ mailFrom: '', rcptTo: ['bob@here.example', 'carol@here.example'], content })]);
  expect(await runner(server.port).runOnce()).toBe(1);
  expect(server.mails.length).toBe(1);
  expect(server.mails[0]).toMatchObject({ mailFrom: '', rcptTo: ['bob@here.example', 'carol@here.example'] });
  expect(server.mails[0]?.content.toString('latin1')).toBe(content.toString('latin1') + '\r\n');
  expect(await store.list(10)).toEqual([]);
});

test('smuggling: exactly one message arrives, whatever stands for an end of data', async () => {
  const { store, runner } = await openOutbox();
  const server = await sink();
  const ends = [
    '\n.\n',
    '\r.\r',
    '\r.\r\n',
    '\n.\r\n',
    '\r\n.\r',
    '\r\n.\n',
    '\r\n.\r\n',
    '\r\r\n.\r\r\n',
    '\n\r.\r\n',
    '\u0000\r\n.\r\n',
  ];
  const second =
    'MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@x.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n';
  for (const end of ends)
    await store.send([newItem({ content: Buffer.from(`Subject: one\r\n\r\nbody${end}${second}`, 'latin1') })]);
  const run = runner(server.port, { connections: 16 });
  await run.runOnce();
  expect(server.mails.length).toBe(ends.length);
  for (const mail of server.mails) {
    expect(mail.rcptTo).toEqual(['bob@here.example']);
    expect(mail.content.toString('latin1')).toContain('Subject: smuggled');
    expect(mail.content.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  }
});

test('lines for SMTP: only CRLF is left, nothing else changes', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('\r', '\n', '.', 'a', '\r\n', '\xff')), (pieces) => {
      const text = pieces.join('');
      const lines = toSmtpLines(Buffer.from(text, 'latin1')).toString('latin1');
      expect(lines.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      const plain = text.replaceAll('\r\n', '\n').replaceAll('\r', ' ');
      const ended = plain === '' || plain.endsWith('\n') ? plain : plain + '\n';
      expect(lines.replaceAll('\r\n', '\n')).toBe(ended);
    }),
  );
});

test('SMTPUTF8 addresses and 8-bit content are announced', async () => {
  const { store, runner } = await openOutbox();
  const server = await sink();
  await store.send([newItem({ rcptTo: ['用户@例子.example'], content: Buffer.from('Subject: ü\r\n\r\nbody\r\n') })]);
  await runner(server.port).runOnce();
  expect(server.mails[0]?.rcptTo).toEqual(['用户@例子.example']);
  expect(server.mails[0]?.mailParams).toMatch(/SMTPUTF8/);
  expect(server.mails[0]?.mailParams).toMatch(/8BITMIME/);
});

test('recipients end each in their own way: sent, tried again, failed with an alert', async () => {
  const { store, clock, alerts, runner } = await openOutbox();
  let isOpen = false;
  const server = await sink({
    answerRcpt: (address) =>
      address.startsWith('no')
        ? '550 5.1.1 no such user'
        : address.startsWith('later') && !isOpen
          ? '450 4.2.1 try later'
          : null,
  });
  await store.send([
    newItem({ rcptTo: ['ok@x.example', 'later@x.example', 'no@x.example', 'a<b@x.example', 'x@y\r\nRCPT TO:<z@z>'] }),
  ]);
  const run = runner(server.port);
  await run.runOnce();
  expect(server.mails.map(({ rcptTo }) => rcptTo)).toEqual([['ok@x.example']]);
  expect((await store.list(1))[0]).toMatchObject({
    state: 'queued',
    attempts: 1,
    rcptTo: ['later@x.example', 'no@x.example', 'a<b@x.example', 'x@y\r\nRCPT TO:<z@z>'],
  });
  expect(await run.runOnce()).toBe(0);
  isOpen = true;
  clock.aheadMs = 1_500;
  await run.runOnce();
  expect(server.mails.map(({ rcptTo }) => rcptTo)).toEqual([['ok@x.example'], ['later@x.example']]);
  const [item] = await store.list(1);
  expect(item).toMatchObject({ state: 'failed', attempts: 2 });
  expect(await store.recipients(item?.id ?? '')).toMatchObject([
    { reply: expect.stringContaining('no such user') as string },
    {},
    {},
  ]);
  expect(alerts.get('outbox-failed')).toBe(true);
  expect(alerts.get('outbox-unreachable')).toBe(false);
});

test('a refusal of the content is for good, a 4xx is not', async () => {
  const { store, runner } = await openOutbox();
  let reply = '451 4.3.0 not now';
  const server = await sink({ answerData: () => reply });
  await store.send([newItem()]);
  const run = runner(server.port, { retryMinMs: 0 });
  await run.runOnce();
  expect((await store.list(1))[0]).toMatchObject({
    state: 'queued',
    lastError: expect.stringContaining('not now') as string,
  });
  reply = '554 5.6.0 never';
  await run.runOnce();
  expect((await store.list(1))[0]).toMatchObject({
    state: 'failed',
    lastError: expect.stringContaining('never') as string,
  });
});

test('a server that is away, silent, or greets with a refusal: tried again, with an alert that clears', async () => {
  const { store, alerts, runner } = await openOutbox();
  const server = await sink();
  const port = server.port;
  await store.send([newItem()]);
  await server.stop();
  const run = runner(port, { retryMinMs: 0, connectTimeoutMs: 300, replyTimeoutMs: 300 });
  await run.runOnce();
  expect(alerts.get('outbox-unreachable')).toBe(true);
  for (const greeting of ['', '554 5.7.1 go away\r\n', 'garbage\r\n', '220 hi\r\n']) {
    const sockets: Socket[] = [];
    const odd = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => socket.destroy());
      socket.write(greeting);
    });
    await new Promise<void>((resolve) => odd.listen(port, '127.0.0.1', () => resolve()));
    await run.runOnce();
    expect((await store.list(1))[0]?.state, greeting).toBe('queued');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => odd.close(resolve));
  }
  const back = await sink({ port });
  await run.runOnce();
  expect(back.mails.length).toBe(1);
  expect(alerts.get('outbox-unreachable')).toBe(false);
});

test('of two runners one sends; when it dies the other takes over what it was sending', async () => {
  const dir = await makeDir();
  const [first, second] = [await openOutbox(dir), await openOutbox(dir)];
  const server = await sink();
  await first.store.send(['n 0', 'n 1'].map((text) => newItem({ content: Buffer.from(text) })));
  const one = first.runner(server.port, {}, 'one');
  const two = second.runner(server.port, {}, 'two');
  expect(await one.runOnce()).toBe(2);
  expect(await two.runOnce()).toBe(0);
  await first.store.send([newItem({ content: Buffer.from('n 2') })]);
  // As if it died in the middle: an item stays `sending`, the lease runs out.
  expect((await first.store.take(1)).length).toBe(1);
  second.clock.aheadMs = LEASE_MS + 1_000;
  expect(await two.runOnce()).toBe(1);
  expect(server.mails.map(({ content }) => content.toString().trim()).sort()).toEqual(['n 0', 'n 1', 'n 2']);
  await one.stop();
});

test('a missing content fails its item alone, with an alert', async () => {
  const dir = await makeDir();
  const { store, alerts, runner } = await openOutbox(dir);
  const server = await sink();
  await store.send([newItem(), newItem({ content: Buffer.from('whole') })]);
  const [item] = await store.list(1);
  const { rm } = await import('node:fs/promises');
  const sha256 = item?.contentSha256 ?? '';
  await rm(`${dir}/content/${sha256.slice(0, 2)}/${sha256}`);
  await runner(server.port).runOnce();
  expect(server.mails.length).toBe(1);
  expect((await store.list(5)).map(({ state }) => state)).toEqual(['failed']);
  expect(alerts.get('content-damaged')).toBe(true);
});

test('more recipients than one session takes', async () => {
  const { store, runner } = await openOutbox();
  const server = await sink();
  await store.send([newItem({ rcptTo: Array.from({ length: 250 }, (_, n) => `u${String(n)}@x.example`) })]);
  await runner(server.port).runOnce();
  expect(server.mails.map(({ rcptTo }) => rcptTo.length)).toEqual([100, 100, 50]);
});

test('waits double between their bounds', () => {
  const settings = { retryMinMs: 1_000, retryMaxMs: 10_000 };
  expect([1, 2, 3, 4, 5, 6, 1_000].map((attempts) => retryDelayMs(attempts, settings))).toEqual([
    1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000,
  ]);
});
