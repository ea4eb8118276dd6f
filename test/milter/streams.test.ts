// Properties of the byte stream: however a session is torn into segments the replies are the same, and random or
// mutated bytes neither crash the server nor leave anything behind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Content } from '../../milter/content.js';
import { PacketReader } from '../../milter/packet.js';
import { startServer, until } from './ground.js';
import { ABORT, CONTENT, ENVELOPE, OPENING, QUIT, body, dial, header, optneg, rcpt } from './wire.js';

const SESSION = Buffer.concat([
  optneg(6, 0x1ff, 0x100000),
  ...OPENING,
  ...ENVELOPE,
  rcpt('<carol@test.example>'),
  ...CONTENT,
  ABORT,
  ...ENVELOPE,
  header('A', ` ${'long '.repeat(50)}`),
  body('x'.repeat(300)),
  ...CONTENT.slice(-1),
  QUIT,
]);

/** Cuts a buffer at the given places. */
function torn(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    if (place > from) pieces.push(bytes.subarray(from, place));
    from = place;
  }
  return pieces;
}

/** Sends the pieces one by one, gives all that came back until the close. */
function converse(address: string, pieces: readonly Buffer[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const got: Buffer[] = [];
    const socket = dial(address);
    socket.on('data', (chunk) => got.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(got)));
    void (async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((next) => setImmediate(next));
      }
    })();
  });
}

describe.each(['tcp', 'unix'] as const)('over %s', (kind) => {
  test('property: any split of a session gives identical replies', async () => {
    const server = await startServer({ kind });
    const whole = (await converse(server.address, [SESSION])).toString('hex');
    expect(server.seen.transactions).toHaveLength(2);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(SESSION.length - 1), { maxLength: 60 }), async (cuts) => {
        expect((await converse(server.address, torn(SESSION, cuts))).toString('hex')).toBe(whole);
      }),
      { numRuns: 60, seed: 11 },
    );
    const contents = new Set(server.seen.transactions.map((one) => one.content.toString('latin1')));
    expect(contents.size).toBe(2);
    expect(server.seen.protocolErrors).toEqual([]);
  });

  test('property: random and mutated bytes never crash the server and leave nothing', async () => {
    const server = await startServer({
      kind,
      settings: { packetTimeoutMs: 100, idleTimeoutMs: 200, negotiationTimeoutMs: 200 },
    });
    const mutated = fc
      .tuple(fc.nat(SESSION.length - 1), fc.uint8Array({ minLength: 1, maxLength: 20 }))
      .map(([at, junk]) => {
        return Buffer.concat([SESSION.subarray(0, at), Buffer.from(junk), SESSION.subarray(at + junk.length)]);
      });
    const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.concat([optneg(), Buffer.from(bytes)]));
    const sessions = fc.sample(fc.oneof(mutated, random), { numRuns: 300, seed: 13 });
    for (let i = 0; i < sessions.length; i += 50) {
      await Promise.all(sessions.slice(i, i + 50).map((bytes) => converse(server.address, [bytes])));
    }
    await until(() => server.server.stats().connections === 0);
    expect(server.server.stats().inFlightBytes).toBe(0);
    expect(server.seen.handlerErrors).toEqual([]);
    expect((await converse(server.address, [SESSION])).length).toBeGreaterThan(100);
  });
});

test('property: the reader gives the packets that were put in, whatever the chunks', () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(payloads, fc.array(fc.nat(5_000), { maxLength: 100 }), (given, cuts) => {
      const stream = Buffer.concat(
        given.map((payload) => {
          const head = Buffer.alloc(4);
          head.writeUInt32BE(payload.length);
          return Buffer.concat([head, payload]);
        }),
      );
      const reader = new PacketReader();
      reader.limitTo(200);
      const got: string[] = [];
      for (const chunk of torn(stream, cuts)) {
        reader.push(chunk);
        while (reader.next()) got.push(Buffer.concat([Buffer.from([reader.command]), reader.data]).toString('hex'));
      }
      expect(got).toEqual(given.map((payload) => Buffer.from(payload).toString('hex')));
      expect([reader.bufferedBytes, reader.midPacket, reader.fault]).toEqual([0, false, null]);
    }),
    { numRuns: 300, seed: 17 },
  );
});

test('property: header and body come together as a plain reading would have them', () => {
  const limits = { headerCountMax: 1_000, headerSizeMaxBytes: 1e6, messageSizeMaxBytes: 1e6 };
  const value = fc.array(fc.constantFrom('\n', '\r\n', 'x', ' ', '\t', '\xff', 'v'.repeat(150)), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.stringMatching(/^[A-Za-z-]{0,200}$/), value)),
      fc.array(fc.string()),
      (fields, chunks) => {
        const content = new Content(limits, true);
        for (const [name, parts] of fields) content.header(Buffer.from(`${name}\0${parts.join('')}\0`, 'latin1'));
        for (const chunk of chunks) content.body(Buffer.from(chunk));
        const expected =
          fields.map(([name, parts]) => `${name}:${parts.join('').replace(/\r?\n/g, '\r\n')}\r\n`).join('') + '\r\n';
        const bytes = Buffer.concat([Buffer.from(expected, 'latin1'), ...chunks.map((chunk) => Buffer.from(chunk))]);
        expect(content.take().equals(bytes)).toBe(true);
        expect(content.sizeBytes).toBe(bytes.length);
        expect(content.truncated).toBe(false);
      },
    ),
    { numRuns: 400, seed: 19 },
  );
});
