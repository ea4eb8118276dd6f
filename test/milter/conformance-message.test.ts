// Conformance cases 14 to 31 of the milter reference: whole messages, their bytes, and the answers, on raw sockets.
import { createHash, createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Edit } from '../../pipeline/answer.js';
import { startServer, until } from './ground.js';
import type { Mta } from './wire.js';
import {
  ABORT,
  CONTENT,
  ENVELOPE,
  EOH,
  EOM,
  OPENING,
  QUIT,
  V6_ACTIONS,
  body,
  header,
  macro,
  mail,
  optneg,
  pack,
  rcpt,
} from './wire.js';

const LEADSPC = 0x100000;
const CONTENT_BYTES = 'From: alice@example.org\r\nSubject: hello\r\n\r\none line\r\n';
const EDITS: Edit[] = [
  { kind: 'add-header', name: 'X-Spam-Flag', value: 'YES' },
  { kind: 'delete-recipient', given: '<bob@test.example>' },
];

/** A session in which every event is answered and header values keep their spaces. */
async function opened(dial: () => Promise<Mta>): Promise<Mta> {
  const mta = await dial();
  await mta.ask(optneg(6, V6_ACTIONS, LEADSPC));
  await mta.askEach(OPENING);
  return mta;
}

/** All replies to a whole session as one string of packets. */
async function replies(mta: Mta, count: number): Promise<string> {
  const got: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const reply = await mta.reply();
    got.push(reply.code + reply.data.toString('hex'));
  }
  return got.join(' ');
}

const SESSION = [optneg(6, V6_ACTIONS, LEADSPC), ...OPENING, ...ENVELOPE, ...CONTENT, ABORT];

describe.each(['tcp', 'unix'] as const)('a whole message over %s', (kind) => {
  const judge = (): { kind: 'accept'; edits: Edit[] } => ({ kind: 'accept', edits: EDITS });
  const REPLIES = /^O\w+ c c c c c c c c c -\w+ h\w+ a$/;

  test('case 14: a clean message gets one reply per event, edits before the one final reply', async () => {
    const { dial, seen } = await startServer({ kind, judge });
    const mta = await dial();
    for (const packet of SESSION.slice(0, -1)) {
      mta.send(packet);
      if ('DE'.includes(packet.toString('latin1', 4, 5))) continue;
      await mta.reply();
    }
    expect((await mta.finalReplies()).map((reply) => reply.code).join('')).toBe('-ha');
    expect(await mta.silent(50)).toBe(true);
    expect(seen.transactions[0]?.content.toString()).toBe(CONTENT_BYTES);
    expect(seen.transactions[0]?.queueId).toBe('QUEUEID1');
    expect(seen.transactions[0]?.sizeBytes).toBe(CONTENT_BYTES.length);
    await until(() => seen.fates.length === 1);
    expect(seen.fates).toEqual(['sent']);
  });

  test('case 15: the same, one byte at a time', async () => {
    const { dial, seen } = await startServer({ kind, judge });
    const mta = await dial();
    mta.socket.setNoDelay(true);
    for (const byte of Buffer.concat(SESSION)) {
      mta.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await replies(mta, 13)).toMatch(REPLIES);
    expect(seen.transactions[0]?.content.toString()).toBe(CONTENT_BYTES);
  });

  test('case 16: the same, all packets in one write', async () => {
    const { dial, seen } = await startServer({ kind, judge });
    const mta = await dial();
    mta.send(...SESSION, ...ENVELOPE, ...CONTENT, QUIT);
    expect(await replies(mta, 13)).toMatch(REPLIES);
    expect(await replies(mta, 10)).toMatch(/^c c c c c c c -\w+ h\w+ a$/);
    await mta.closing();
    expect(mta.unread).toHaveLength(0);
    expect(seen.transactions.map((transaction) => transaction.content.toString())).toEqual([
      CONTENT_BYTES,
      CONTENT_BYTES,
    ]);
    expect(seen.protocolErrors).toEqual([]);
  });
});

test('case 17: the second message has nothing of the first', async () => {
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  await mta.askEach([macro('M', 'i', 'FIRST', '{auth_authen}', 'eve'), ...ENVELOPE.slice(1), ...CONTENT, ABORT]);
  await mta.askEach([mail('<>'), rcpt('<carol@test.example>'), EOH, body('second'), EOM, ABORT, QUIT]);
  await mta.closing();
  const [first, second] = seen.transactions;
  expect(first?.login).toBe('eve');
  expect(second?.content.toString()).toBe('\r\nsecond');
  expect(second?.mailFrom.address).toBe('');
  expect(second?.rcptTo.map((to) => to.address)).toEqual(['carol@test.example']);
  expect([second?.login, second?.queueId, second?.macros.size]).toEqual([null, null, 0]);
  expect(second?.connection).toBe(first?.connection);
});

test('case 18: ABORT before MAIL, twice, and after the end gets no reply and does no harm', async () => {
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  mta.send(ABORT, ABORT);
  await mta.askEach([...ENVELOPE, ...CONTENT]);
  mta.send(ABORT, ABORT);
  expect(await mta.silent(50)).toBe(true);
  await mta.askEach([...ENVELOPE, ...CONTENT]);
  expect(seen.transactions).toHaveLength(2);
  // Also where nothing has been said yet.
  const early = await dial0(dial);
  early.send(ABORT, ABORT);
  expect(await early.askEach([...OPENING, ...ENVELOPE, ...CONTENT])).toBe('ccccccccca');
});

async function dial0(dial: () => Promise<Mta>): Promise<Mta> {
  const mta = await dial();
  await mta.ask(optneg(6, V6_ACTIONS, LEADSPC));
  return mta;
}

test('case 19: ABORT amid the body frees what was gathered, and the next message works', async () => {
  const { dial, seen, server } = await startServer();
  const mta = await opened(dial);
  await mta.askEach([...ENVELOPE, header('A', ' b'), EOH, body(Buffer.alloc(60_000)), body(Buffer.alloc(60_000))]);
  expect(server.stats().inFlightBytes).toBeGreaterThan(120_000);
  mta.send(ABORT);
  await until(() => server.stats().inFlightBytes === 0);
  await mta.askEach([...ENVELOPE, ...CONTENT]);
  expect(seen.transactions.map((transaction) => transaction.content.toString())).toEqual([CONTENT_BYTES]);
});

test('case 20: data in BODYEOB is the last of the body', async () => {
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  await mta.askEach([...ENVELOPE, header('A', ' b'), EOH, body('one '), pack('E', 'two')]);
  expect(seen.transactions[0]?.content.toString()).toBe('A: b\r\n\r\none two');
});

test('case 21: the end straight after RCPT is a message of nothing', async () => {
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  expect(await mta.askEach([...ENVELOPE, EOM])).toBe('cca');
  expect(seen.transactions[0]?.content.toString()).toBe('\r\n');
});

test('case 22: 25 MiB in chunks cut anywhere come together byte for byte', async () => {
  const { dial, seen } = await startServer({ kind: 'unix' });
  const line = Buffer.from('Grüße aus Köln, 日本語, line end follows\r\n');
  const whole = Buffer.alloc(25 * 1024 * 1024);
  for (let at = 0; at < whole.length; at += line.length) line.copy(whole, at);
  const mta = await dial();
  await mta.ask(optneg());
  mta.send(...OPENING, ...ENVELOPE, header('A', ' b'), EOH);
  for (let at = 0; at < whole.length; at += 65_535)
    mta.send(macro('B', 'i', 'Q'), body(whole.subarray(at, at + 65_535)));
  mta.send(EOM);
  expect((await mta.finalReplies(20_000)).at(-1)?.code).toBe('a');
  const content = seen.transactions[0]?.content ?? Buffer.alloc(0);
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  expect(digest(content.subarray(8))).toBe(digest(whole));
  expect(seen.transactions[0]?.truncated).toBe(false);
});

test('case 23: over the size limit the rest is skipped where that was agreed, else counted and dropped', async () => {
  const limits = { messageSizeMaxBytes: 100_000 };
  const chunk = Buffer.alloc(60_000, 0x61);
  const tcp = await startServer({ settings: limits });
  const mta = await tcp.dial();
  await mta.ask(optneg());
  await mta.askEach([...OPENING, ...ENVELOPE]);
  mta.send(EOH);
  expect(await mta.askEach([body(chunk), body(chunk), EOM])).toBe('csa');
  const unix = await startServer({ kind: 'unix', settings: limits });
  const silent = await unix.dial();
  const protocol = (await silent.ask(optneg())).data.readUInt32BE(8);
  expect(protocol & 0x400).toBe(0);
  silent.send(...OPENING, ...ENVELOPE, EOH, ...Array.from({ length: 200 }, () => body(chunk)));
  await until(() => unix.server.stats().inFlightBytes > 90_000);
  expect(unix.server.stats().inFlightBytes).toBeLessThan(400_000);
  silent.send(EOM);
  expect((await silent.finalReplies()).at(-1)?.code).toBe('a');
  expect([tcp.seen.transactions[0]?.truncated, tcp.seen.transactions[0]?.content.length]).toEqual([true, 100_000]);
  expect(unix.seen.transactions[0]).toMatchObject({ truncated: true, sizeBytes: 12_000_002 });
  expect(unix.seen.transactions[0]?.content).toHaveLength(100_000);
});

test('case 24: a DKIM simple signature over folded, tabbed and spaced headers still verifies', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const fields = [
    'From:  two spaces',
    'Subject:no space',
    'To:\ttab\r\n\tfolded\r\n  again',
    'X-Empty:',
    'X-End: trailing ',
  ];
  const bodyText = 'body\r\n';
  const bh = createHash('sha256').update(bodyText).digest('base64');
  const unsigned = `DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=test.example; s=s;\r\n\th=from:subject:to:x-empty:x-end; bh=${bh}; b=`;
  const signed = (all: readonly string[]): string => [...all.map((field) => `${field}\r\n`), unsigned].join('');
  const signature = createSign('sha256').update(signed(fields)).sign(privateKey, 'base64');
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  await mta.askEach(ENVELOPE);
  for (const field of [...fields, unsigned + signature]) {
    const colon = field.indexOf(':');
    await mta.ask(header(field.slice(0, colon), field.slice(colon + 1).replaceAll('\r\n', '\n')));
  }
  await mta.askEach([EOH, body(bodyText), EOM]);
  const [head, rest] = seen.transactions[0]?.content.toString('latin1').split('\r\n\r\n') ?? [];
  const received = (head ?? '').split(/\r\n(?![ \t])/);
  expect(received).toHaveLength(6);
  expect(
    createHash('sha256')
      .update(rest ?? '')
      .digest('base64'),
  ).toBe(bh);
  const value = received[5] ?? '';
  expect(value.slice(0, unsigned.length)).toBe(unsigned);
  const verify = createVerify('sha256').update(signed(received.slice(0, 5)));
  expect(verify.verify(publicKey, value.slice(unsigned.length), 'base64')).toBe(true);
});

test('case 25: long and many headers are fine, hostile numbers are capped', async () => {
  const { dial, seen } = await startServer({ kind: 'unix' });
  const mta = await dial();
  await mta.ask(optneg());
  mta.send(...OPENING, ...ENVELOPE, header('X-Long', ` ${'a'.repeat(60_000)}`), EOM);
  await mta.finalReplies();
  mta.send(...ENVELOPE, ...Array.from({ length: 2000 }, (_, i) => header(`X-${i}`, ' v')), EOM);
  await mta.finalReplies();
  const many = Array.from({ length: 1000 }, (_, i) => header(`X-${i}`, ` ${'v'.repeat(50)}`));
  mta.send(...ENVELOPE);
  for (let i = 0; i < 100; i += 1) mta.send(...many);
  mta.send(EOM);
  await mta.finalReplies(20_000);
  const [long, fine, hostile] = seen.transactions;
  expect([long?.truncated, long?.content.length]).toEqual([false, 60_012]);
  expect([fine?.truncated, fine?.content.toString().split('\r\n').length]).toEqual([false, 2002]);
  expect(hostile?.truncated).toBe(true);
  expect(hostile?.content.toString().split('\r\n')).toHaveLength(5_002);
  expect(hostile?.sizeBytes).toBeGreaterThan(5_000_000);
});

test('case 26: odd header names are kept as they are and never echoed', async () => {
  const { dial, seen } = await startServer({
    judge: () => ({
      kind: 'accept',
      edits: [
        { kind: 'delete-header', name: 'Na me', occurrence: 1 },
        { kind: 'change-header', name: 'N\r\nX-Injected', occurrence: 1, value: 'v' },
        { kind: 'add-header', name: '', value: 'v' },
        { kind: 'delete-header', name: 'Gr\xfc', occurrence: 1 },
        { kind: 'add-header', name: 'X-Ok', value: 'v' },
      ],
    }),
  });
  const mta = await opened(dial);
  const names = ['', '__proto__', 'constructor', 'Na me', 'Gr\xfc', 'N'.repeat(10_000)];
  await mta.askEach([
    ...ENVELOPE,
    ...names.map((name) => header(name, ' v')),
    pack('L', 'A\0b\0c\0'),
    pack('L'),
    pack('L', 'bare'),
  ]);
  await mta.askEach([EOH]);
  mta.send(EOM);
  const got = await mta.finalReplies();
  expect(got.map((reply) => reply.code + reply.data.toString('latin1'))).toEqual(['hX-Ok\0 v\0', 'a']);
  expect(seen.transactions[0]?.content.toString('latin1')).toBe(
    names.map((name) => `${name}: v\r\n`).join('') + 'A:b\0c\r\n:\r\nbare:\r\n\r\n',
  );
  for (const { reason } of seen.protocolErrors) expect(reason).toMatch(/^[\x20-\x7e]+$/);
  expect(seen.protocolErrors).toHaveLength(4);
});

test('case 27: NUL, bare CR, bare LF and 0xFF in the body are the bytes that are scanned', async () => {
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  const odd = Buffer.from('a\0b\rc\nd\xffe\r\n.\r\n\n.\n', 'latin1');
  await mta.askEach([...ENVELOPE, EOH, body(odd), EOM]);
  expect(seen.transactions[0]?.content.subarray(2).equals(odd)).toBe(true);
});

test('case 28: the verdict for GTUBE and the like is what the MTA is told', async () => {
  const GTUBE = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('');
  const { dial, seen } = await startServer({
    judge: ({ content }) => {
      if (content.includes(GTUBE))
        return { kind: 'reject', reply: { code: 554, enhanced: '5.7.1', text: 'Refused as spam' } };
      return content.includes('discard me') ? { kind: 'discard' } : { kind: 'accept', edits: [] };
    },
  });
  const mta = await opened(dial);
  await mta.askEach([...ENVELOPE, EOH, body(`${GTUBE}\r\n`)]);
  const reply = await mta.ask(EOM);
  expect([reply.code, reply.data.toString()]).toEqual(['y', '554 5.7.1 Refused as spam\0']);
  expect(await mta.askEach([ABORT, ...ENVELOPE, EOH, body('discard me'), EOM, ABORT])).toBe('ccccd');
  await until(() => seen.fates.length === 2);
});

test('case 29: a verdict text is made harmless', async () => {
  const text = `100% sure\r\n250 ok\nGr\u00fc\u00dfe\t\0 ${'word '.repeat(600)}${'%'.repeat(400)}`;
  const { dial } = await startServer({
    judge: () => ({ kind: 'reject', reply: { code: 550, enhanced: '5.7.1', text } }),
  });
  const mta = await opened(dial);
  await mta.askEach([...ENVELOPE, EOH]);
  const data = (await mta.ask(EOM)).data;
  expect(data.indexOf(0)).toBe(data.length - 1);
  const lines = data.toString('latin1', 0, data.length - 1).split('\r\n');
  expect(lines.length).toBeGreaterThan(8);
  expect(lines.length).toBeLessThanOrEqual(32);
  lines.forEach((line, i) => {
    expect(line.length).toBeLessThanOrEqual(500);
    expect(line).toMatch(i === lines.length - 1 ? /^550 5\.7\.1 [\x20-\x7e]+$/ : /^550-5\.7\.1 [\x20-\x7e]+$/);
    expect(line.replaceAll('%%', '')).not.toContain('%');
  });
  expect(lines.slice(0, 3)).toEqual([
    '550-5.7.1 100%% sure',
    '550-5.7.1 250 ok',
    expect.stringMatching(/^550-5\.7\.1 Gr\?\?e \? word/),
  ]);
});

test('case 30: forged markers go from the last up, the change is one', async () => {
  const { dial } = await startServer({
    judge: () => ({
      kind: 'accept',
      edits: [
        { kind: 'delete-header', name: 'X-Spam-Flag', occurrence: 1 },
        { kind: 'delete-header', name: 'X-Spam-Flag', occurrence: 2 },
        { kind: 'delete-header', name: 'x-spam-flag', occurrence: 2 },
        { kind: 'change-header', name: 'Subject', occurrence: 1, value: '[SPAM] a' },
        { kind: 'add-header', name: 'X-Spam-Flag', value: 'YES' },
        { kind: 'delete-header', name: 'Subject', occurrence: 2 },
      ],
    }),
  });
  const mta = await opened(dial);
  const forged = [
    header('X-Spam-Flag', ' NO'),
    header('Subject', ' a'),
    header('X-Spam-Flag', ' NO'),
    header('Subject', ' b'),
  ];
  await mta.askEach([...ENVELOPE, ...forged, EOH]);
  mta.send(EOM);
  const got = (await mta.finalReplies()).map((reply) => reply.code + reply.data.toString('latin1'));
  expect(got).toEqual([
    'm\0\0\0\x01Subject\0 [SPAM] a\0',
    'm\0\0\0\x02x-spam-flag\0\0',
    'm\0\0\0\x02Subject\0\0',
    'm\0\0\0\x01X-Spam-Flag\0\0',
    'hX-Spam-Flag\0 YES\0',
    'a',
  ]);
});

test('case 31: where silence was agreed not one byte is written', async () => {
  const { dial, seen } = await startServer({ kind: 'unix' });
  const mta = await dial();
  const protocol = (await mta.ask(optneg())).data.readUInt32BE(8);
  expect(protocol & 0x80).toBe(0x80);
  for (const packet of [...OPENING, ...ENVELOPE, ...CONTENT.slice(0, -1), pack('T')].slice(0, -1)) {
    mta.send(packet);
    expect(await mta.silent(15)).toBe(true);
  }
  expect((await mta.ask(EOM)).code).toBe('a');
  expect(await mta.silent(50)).toBe(true);
  expect(seen.transactions[0]?.content.toString()).toBe(CONTENT_BYTES);
});
