// Conformance cases 1 to 13 of the milter reference: negotiation, connect, helo and envelope, on raw sockets.
import { describe, expect, test } from 'vitest';
import type { RecipientEvent } from '../../milter/handler.js';
import type { EnvelopeAnswer } from '../../pipeline/answer.js';
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
  V6_PROTOCOL,
  body,
  conn,
  header,
  helo,
  macro,
  mail,
  optneg,
  pack,
  rcpt,
  words,
} from './wire.js';

const NO_MORE_THAN_V2 = 0x7f;
const NR_HDR_AND_EOH = 0x80 | 0x40000;
const NR_BODY = 0x80000;
const NR_BITS = 0x80 | 0xff000;

function agreed(data: Buffer): { version: number; actions: number; protocol: number; lists: Map<number, string> } {
  const lists = new Map<number, string>();
  let at = 12;
  while (at < data.length) {
    const stage = data.readUInt32BE(at);
    const nul = data.indexOf(0, at + 4);
    expect(nul).toBeGreaterThan(at + 4);
    lists.set(stage, data.toString('latin1', at + 4, nul));
    at = nul + 1;
  }
  return { version: data.readUInt32BE(0), actions: data.readUInt32BE(4), protocol: data.readUInt32BE(8), lists };
}

describe.each(['tcp', 'unix'] as const)('negotiation over %s', (kind) => {
  test('case 1: version 6 with everything offered', async () => {
    const { dial } = await startServer({ kind });
    const mta = await dial();
    const reply = await mta.ask(optneg());
    expect(reply.code).toBe('O');
    const answer = agreed(reply.data);
    expect(answer.version).toBe(6);
    expect(answer.actions & ~V6_ACTIONS).toBe(0);
    expect(answer.protocol & ~V6_PROTOCOL).toBe(0);
    expect(answer.protocol & 0x100000).toBe(0x100000);
    expect([...answer.lists.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const names of answer.lists.values()) {
      expect(names).toMatch(/^(\S+)( \S+)*$/);
      expect(names.split(' ').length).toBeLessThanOrEqual(50);
    }
    // Silence for "go on" pays on a UNIX socket; over TCP it costs 44 ms a message but for header fields and their end.
    if (kind === 'tcp') expect(answer.protocol & NR_BITS).toBe(NR_HDR_AND_EOH);
    else expect(answer.protocol & NR_BODY).toBe(NR_BODY);
    // No event is ever left out.
    expect(answer.protocol & 0x37f & ~0x80).toBe(0);
  });

  test('case 2: version 2 gets nothing newer, and every event is answered', async () => {
    const { dial, seen } = await startServer({ kind });
    const mta = await dial();
    const answer = agreed((await mta.ask(optneg(2, 0x3f, 0x7f))).data);
    expect(answer.version).toBe(2);
    expect(answer.actions & ~0x3f).toBe(0);
    expect(answer.protocol & ~NO_MORE_THAN_V2).toBe(0);
    expect(answer.lists.size).toBe(0);
    const codes = await mta.askEach([...OPENING, ...ENVELOPE, header('A', 'b'), EOH, body('x'), EOM]);
    expect(codes).toBe('ccccccca');
    expect(seen.transactions).toHaveLength(1);
  });

  test('case 3: version 1, and 11 bytes, close the connection', async () => {
    const { dial, seen } = await startServer({ kind });
    for (const first of [optneg(1), pack('O', words(6, 0x1ff), Buffer.alloc(3)), pack('O')]) {
      const mta = await dial();
      mta.send(first);
      await mta.closing();
      expect(mta.unread).toHaveLength(0);
    }
    expect(seen.protocolErrors).toHaveLength(3);
  });

  test('case 4: version 7 with unknown bits is answered with version 6 and known bits', async () => {
    const { dial } = await startServer({ kind });
    const mta = await dial();
    const answer = agreed((await mta.ask(optneg(7, 0xffffffff, 0xffffffff))).data);
    expect(answer.version).toBe(6);
    expect(answer.actions & ~V6_ACTIONS).toBe(0);
    expect((answer.protocol & ~V6_PROTOCOL) >>> 0).toBe(0);
    // Extra bytes after the twelve are ignored.
    const other = await dial();
    expect((await other.ask(pack('O', words(6, V6_ACTIONS, V6_PROTOCOL, 0, 0)))).code).toBe('O');
  });

  test('case 5: without ADDHDRS and CHGHDRS no header edit is sent', async () => {
    const { dial, seen } = await startServer({
      kind,
      judge: () => ({
        kind: 'accept',
        edits: [
          { kind: 'add-header', name: 'X-A', value: '1' },
          { kind: 'prepend-header', name: 'X-B', value: '1' },
          { kind: 'delete-header', name: 'Subject', occurrence: 1 },
        ],
      }),
    });
    const mta = await dial();
    await mta.ask(optneg(6, V6_ACTIONS & ~0x11, 0));
    await mta.askEach([...OPENING, ...ENVELOPE, ...CONTENT.slice(0, -1)]);
    mta.send(EOM);
    expect((await mta.finalReplies()).map((reply) => reply.code).join('')).toBe('a');
    expect(seen.protocolErrors.map((error) => error.reason)).toEqual([
      'edit left out: add-header: not offered by the MTA',
      'edit left out: prepend-header: not offered by the MTA',
      'edit left out: delete-header: not offered by the MTA',
    ]);
    expect(seen.fates).toEqual(['sent']);
  });

  test('case 6: without NR, SKIP and LEADSPC every event is answered, never by SKIP, and one space is given back', async () => {
    const { dial, seen } = await startServer({ kind, settings: { messageSizeMaxBytes: 65_536 } });
    const mta = await dial();
    const answer = agreed((await mta.ask(optneg(6, V6_ACTIONS, 0x37f & ~0x80))).data);
    expect(answer.protocol).toBe(0);
    const content = [
      header('A', 'b'),
      header('T', '\tc'),
      header('F', 'one\n\ttwo'),
      header('S', ' d'),
      header('E', ''),
      EOH,
    ];
    expect(await mta.askEach([...OPENING, ...ENVELOPE, pack('T'), ...content])).toBe('ccccccccccc');
    const chunk = Buffer.alloc(60_000, 0x61);
    expect(await mta.askEach([body(chunk), body(chunk), body(chunk)])).toBe('ccc');
    expect((await mta.ask(EOM)).code).toBe('a');
    const [transaction] = seen.transactions;
    expect(transaction?.content.toString('latin1', 0, 50)).toMatch(
      /^A: b\r\nT:\tc\r\nF: one\r\n\ttwo\r\nS: {2}d\r\nE: \r\n\r\naaa/,
    );
    expect(transaction?.truncated).toBe(true);
    expect(transaction?.content).toHaveLength(65_536);
    expect(transaction?.sizeBytes).toBe(180_000 + 40);
  });

  test('case 7: commands before OPTNEG and a second OPTNEG close the connection', async () => {
    const { dial, seen } = await startServer({ kind });
    for (const first of [conn('a', '4', 1, '192.0.2.1'), macro('C'), ABORT, QUIT]) {
      const mta = await dial();
      mta.send(first);
      await mta.closing();
    }
    const mta = await dial();
    await mta.ask(optneg());
    mta.send(optneg());
    await mta.closing();
    expect(seen.protocolErrors.at(-1)?.reason).toBe('SMFIC_OPTNEG in state OPTS');
    expect(seen.protocolErrors).toHaveLength(5);
  });
});

/** Opens a session with no bits offered, so that every event is answered. */
async function opened(dial: () => Promise<Mta>): Promise<Mta> {
  const mta = await dial();
  await mta.ask(optneg(6, V6_ACTIONS, 0x100800));
  return mta;
}

const MESSAGE = [header('A', ' b'), EOH, body('x'), EOM];

test('case 8: every address family is understood or refused', async () => {
  const { dial, seen } = await startServer();
  const expected: [Buffer, string | null, number, string | null][] = [
    [conn('a.example', '4', 25, '192.0.2.7'), '192.0.2.7', 25, 'a.example'],
    [conn('[2001:db8::5]', '6', 26, '2001:db8::5'), '2001:db8::5', 26, null],
    [conn('b.example', '6', 27, 'IPv6:2001:DB8::6'), '2001:db8::6', 27, 'b.example'],
    [conn('c.example', '6', 28, '::ffff:192.0.2.9'), '192.0.2.9', 28, 'c.example'],
    [conn('localhost', 'L', 0, '/var/run/x'), null, 0, 'localhost'],
    [pack('C', 'd.example\0U'), null, 0, 'd.example'],
    [pack('C', 'e.example\0U', words(1, 2), 'junk\0'), null, 0, 'e.example'],
  ];
  for (const [packet, address, port, name] of expected) {
    const mta = await opened(dial);
    expect(await mta.askEach([packet, helo('h'), ...ENVELOPE, ...MESSAGE])).toBe('ccccccca');
    const connection = seen.transactions.at(-1)?.connection;
    expect([connection?.clientAddress, connection?.clientPort, connection?.clientName]).toEqual([address, port, name]);
    expect(connection?.id).toBe(`[${address ?? 'unknown'}]:${port}@${connection?.startedAt}`);
  }
  for (const address of ['not an address', '', '192.0.2.1.5', '::ffff:999.1.1.1']) {
    const mta = await opened(dial);
    mta.send(conn('x', '4', 1, address));
    await mta.closing();
  }
  expect(seen.protocolErrors).toHaveLength(4);
  expect(seen.protocolErrors.every((error) => error.reason === 'malformed SMFIC_CONNECT')).toBe(true);
});

test('case 9: a truncated CONNECT is tolerated or closes, and never more', async () => {
  const { dial, seen } = await startServer();
  const tolerated = await opened(dial);
  expect((await tolerated.ask(pack('C', 'a\0', '4', Buffer.from([0, 25]), '192.0.2.1'))).code).toBe('c');
  for (const data of ['', 'a', 'a\0', 'a\x004', 'a\x004\x01', 'a\x00X', 'a\x006\x00\x19']) {
    const mta = await opened(dial);
    mta.send(pack('C', data));
    await mta.closing();
    expect(mta.unread).toHaveLength(0);
  }
  expect(seen.protocolErrors).toHaveLength(7);
});

test('case 10: a second HELO after STARTTLS brings TLS, which a third does not take away', async () => {
  const { dial, seen } = await startServer();
  const mta = await opened(dial);
  const tls = macro('H', '{tls_version}', 'TLSv1.3', '{cipher}', 'TLS_AES_256_GCM_SHA384', '{cipher_bits}', '256');
  await mta.askEach([...OPENING, tls, helo('second.example'), ...ENVELOPE, ...MESSAGE, ABORT]);
  await mta.askEach([macro('H'), helo('third.example'), ...ENVELOPE, ...MESSAGE]);
  expect(seen.transactions.map((transaction) => transaction.connection.helo)).toEqual([
    'second.example',
    'third.example',
  ]);
  for (const transaction of seen.transactions) {
    expect(transaction.connection.tls).toEqual({
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      certSubject: null,
      certIssuer: null,
    });
  }
});

test('case 11: senders in every form', async () => {
  const { dial, seen } = await startServer();
  const forms: [string[], string, [string, string][]][] = [
    [['<>'], '', []],
    [['me@test.example'], 'me@test.example', []],
    [
      ['<A.B@X.example>', 'SIZE=100', 'body=8BITMIME', 'SMTPUTF8'],
      'A.B@X.example',
      [
        ['SIZE', '100'],
        ['BODY', '8BITMIME'],
        ['SMTPUTF8', ''],
      ],
    ],
    [['<@relay.example,@b.example:u@c.example>'], 'u@c.example', []],
    [['<"two words"@d.example>'], '"two words"@d.example', []],
    [['<postmaster>'], 'postmaster', []],
    [['<grüße@bücher.example>'], 'grüße@bücher.example', []],
    [
      ['<a@b.example>', '__proto__=1', 'constructor=2'],
      'a@b.example',
      [
        ['__PROTO__', '1'],
        ['CONSTRUCTOR', '2'],
      ],
    ],
  ];
  const mta = await opened(dial);
  await mta.askEach(OPENING);
  for (const [argv, address, params] of forms) {
    await mta.askEach([mail(...argv), ...ENVELOPE.slice(2), ...MESSAGE, ABORT]);
    const mailFrom = seen.transactions.at(-1)?.mailFrom;
    expect(mailFrom?.address).toBe(address);
    expect(mailFrom?.given).toBe(argv[0]);
    expect([...(mailFrom?.params ?? [])]).toEqual(params);
  }
  expect((await mta.ask(pack('M', '\0'))).code).toBe('c');
  mta.send(ABORT, pack('M'));
  await mta.closing();
  expect(({} as Record<string, unknown>)['1']).toBeUndefined();
});

test('case 12: the second of three recipients is refused, the message goes to the others', async () => {
  const onRcpt = ({ rcptTo }: RecipientEvent): EnvelopeAnswer =>
    rcptTo.address === 'two@test.example'
      ? { kind: 'reject', reply: { code: 550, enhanced: '5.1.1', text: 'no such user' } }
      : { kind: 'continue' };
  for (const answer of [onRcpt, async (event: RecipientEvent) => onRcpt(event)]) {
    const { dial, seen } = await startServer({ handler: { onRcpt: answer } });
    const mta = await opened(dial);
    await mta.askEach([...OPENING, ENVELOPE[1] ?? EOM]);
    expect((await mta.ask(rcpt('<one@test.example>'))).code).toBe('c');
    const refused = await mta.ask(rcpt('<two@test.example>'));
    expect([refused.code, refused.data.toString()]).toEqual(['y', '550 5.1.1 no such user\0']);
    expect((await mta.ask(rcpt('<three@test.example>'))).code).toBe('c');
    await mta.askEach(MESSAGE);
    expect(seen.transactions[0]?.rcptTo.map((to) => to.address)).toEqual(['one@test.example', 'three@test.example']);
  }
});

test('case 13: a recipient that the MTA refused itself has no effect', async () => {
  const asked: string[] = [];
  const { dial, seen } = await startServer({
    handler: {
      onRcpt: ({ rcptTo }) => {
        asked.push(rcptTo.address);
        return { kind: 'continue' };
      },
    },
  });
  const mta = await opened(dial);
  await mta.askEach([...OPENING, ...ENVELOPE]);
  mta.send(macro('R', '{rcpt_mailer}', 'error', '{rcpt_host}', '5.1.1', '{rcpt_addr}', 'unknown'));
  expect((await mta.ask(rcpt('<nobody@test.example>'))).code).toBe('c');
  await mta.askEach(MESSAGE);
  expect(asked).toEqual(['bob@test.example']);
  expect(seen.transactions[0]?.rcptTo.map((to) => to.given)).toEqual(['<bob@test.example>']);
  // With nobody but such recipients there is nothing to deliver, and nobody is asked.
  const other = await opened(dial);
  await other.askEach([
    ...OPENING,
    ENVELOPE[1] ?? EOM,
    macro('R', '{rcpt_mailer}', 'error'),
    rcpt('<nobody@test.example>'),
  ]);
  await other.askEach(MESSAGE.slice(0, -1));
  expect((await other.ask(EOM)).data.toString()).toBe('554 5.5.1 No valid recipients\0');
  await until(() => seen.transactions.length === 1);
});
