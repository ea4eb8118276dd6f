// Bytes that claim to be an answer: whatever they hold, reading them neither throws nor takes long, and nothing is found
// in what was cut, bent or made up.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { encode, type Answer } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readReply, REPLY_MAX_BYTES, SECTION_RECORDS_MAX, type Question } from '../../outside/dns-message.js';
import { ground, resolverOn } from './dns-ground.js';
import { cpuMsSince } from '../ground/cpu.js';

const ID = 4_711;
const QUESTION: Question = { type: 'A', name: 'a.test' };
const KINDS = new Set([
  'found',
  'nxdomain',
  'nodata',
  'alias',
  'servfail',
  'refused',
  'malformed',
  'other',
  'truncated',
  'plain',
]);

function reply(answers: readonly Answer[], flags = 0x0180, question: Question = QUESTION): Buffer {
  return encode({ type: 'response', id: ID, flags, questions: [question], answers: [...answers] });
}

const good = reply([
  { type: 'CNAME', name: 'a.test', ttl: 60, data: 'b.test' },
  { type: 'A', name: 'b.test', ttl: 60, data: '192.0.2.1' },
]);

const kindOf = (bytes: Buffer, question = QUESTION): string => readReply(bytes, ID, question, false).kind;

test('the answer that the following bend is a good one', () => {
  expect(readReply(good, ID, QUESTION, false)).toEqual({ kind: 'found', records: ['192.0.2.1'], ttlS: 60 });
});

describe('what is no answer to the question', () => {
  test('another id, a question, another opcode', () => {
    expect(readReply(good, ID + 1, QUESTION, false).kind).toBe('other');
    const query = Buffer.from(good);
    query[2] = 1;
    expect(kindOf(query)).toBe('other');
    const notify = Buffer.from(good);
    notify[2] = 0xa1;
    expect(kindOf(notify)).toBe('other');
  });

  test('another name, type or class; none; two', () => {
    expect(kindOf(good, { type: 'A', name: 'b.test' })).toBe('other');
    expect(kindOf(good, { type: 'AAAA', name: 'a.test' })).toBe('other');
    const chaos = Buffer.from(good);
    chaos.writeUInt16BE(3, 12 + 8 + 2);
    expect(kindOf(chaos)).toBe('other');
    const none = Buffer.from(good);
    none.writeUInt16BE(0, 4);
    expect(kindOf(none)).toBe('malformed');
    const two = Buffer.from(good);
    two.writeUInt16BE(2, 4);
    expect(kindOf(two)).toBe('malformed');
  });
});

describe('hostile bytes', () => {
  test('cut anywhere: never found', () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(KINDS).toContain(kindOf(good.subarray(0, length)));
      expect([length, kindOf(good.subarray(0, length))]).not.toEqual([length, 'found']);
    }
  });

  test('any bytes after a good head, any byte of a good answer changed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (tail) => {
        expect(KINDS).toContain(kindOf(Buffer.concat([good.subarray(0, 24), tail])));
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bent = Buffer.from(good);
        bent[at] = value;
        expect(KINDS).toContain(kindOf(bent));
      }),
      { numRuns: 3_000 },
    );
  });

  test('any records of any type', () => {
    const types = fc.constantFrom(1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 46, 47, 50, 52, 99, 255, 65_535);
    const record = fc.tuple(types, fc.nat(65_535), fc.uint8Array({ maxLength: 40 }));
    const question = fc.constantFrom<Question>(
      ...(['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME', 'NS'] as const).map((type) => ({ type, name: 'a.test' })),
    );
    fc.assert(
      fc.property(question, fc.array(record, { maxLength: 8 }), (asked, records) => {
        const head = reply([], 0x0180, asked);
        head.writeUInt16BE(records.length, 6);
        const body = records.map(([type, length, data]) => {
          const fixed = Buffer.from([0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0]);
          fixed.writeUInt16BE(type, 2);
          fixed.writeUInt16BE(length % 3 === 0 ? length : data.length, 10);
          return Buffer.concat([fixed, data]);
        });
        expect(KINDS).toContain(kindOf(Buffer.concat([head, ...body]), asked));
      }),
      { numRuns: 3_000 },
    );
  });

  test('names that point at themselves, forward, in a circle or down a long ladder end soon', () => {
    const head = reply([]);
    head.writeUInt16BE(1, 6);
    const at = head.length;
    const tail = Buffer.from([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    for (const target of [at, at + 1, at + 4, 0x3fff])
      expect(kindOf(Buffer.concat([head, Buffer.from([0xc0 | (target >> 8), target & 255]), tail]))).toBe('malformed');
    const circle = Buffer.from([0xc0, at + 2, 0xc0, at]);
    expect(kindOf(Buffer.concat([head, circle, tail]))).toBe('malformed');
    // A ladder of pointers, each to the one before, walked by as many records as are read.
    const rungs = 7_000;
    const ladder = Buffer.alloc(rungs * 2);
    for (let rung = 1; rung < rungs; rung += 1)
      ladder.writeUInt16BE(0xc000 | Math.min(0x3fff, at + 12 + (rung - 1) * 2), rung * 2);
    const text = Buffer.from([0, 0, 16, 0, 1, 0, 0, 0, 60, 0, 0]);
    text.writeUInt16BE(ladder.length, 9);
    const walk = Buffer.alloc(12);
    walk.writeUInt16BE(0xc000 | (at + 11 + (rungs - 2) * 2));
    walk.writeUInt16BE(16, 2);
    walk.writeUInt16BE(1, 4);
    const walks = Array.from({ length: SECTION_RECORDS_MAX - 1 }, () => walk);
    const tower = Buffer.concat([head, text, ladder, ...walks]);
    tower.writeUInt16BE(SECTION_RECORDS_MAX, 6);
    expect(tower.length).toBeLessThan(REPLY_MAX_BYTES);
    const started = process.cpuUsage();
    expect(KINDS).toContain(kindOf(tower));
    expect(cpuMsSince(started)).toBeLessThan(1_000);
  });

  test('counts that promise more than there is, and more than is read', () => {
    const bent = Buffer.from(good);
    bent.writeUInt16BE(65_535, 6);
    expect(kindOf(bent)).toBe('malformed');
    bent.writeUInt16BE(500, 6);
    expect(kindOf(bent)).toBe('malformed');
    // The additional section is not read at all.
    const more = Buffer.from(good);
    more.writeUInt16BE(65_535, 10);
    expect(kindOf(more)).toBe('found');
    expect(kindOf(Buffer.concat([good, Buffer.alloc(REPLY_MAX_BYTES)]))).toBe('malformed');
  });

  test('names in records that would steer a terminal or a log count for nothing', () => {
    const names = ['a\u001b[31m.test', 'a\r\nb.test', '\u202egpj.test'];
    for (const data of names)
      expect(
        kindOf(reply([{ type: 'PTR', name: 'a.test', ttl: 60, data }], 0x0180, { type: 'PTR', name: 'a.test' }), {
          type: 'PTR',
          name: 'a.test',
        }),
      ).toBe('malformed');
  });
});

test('a flood of datagrams that are no answer ends the question; the resolver lives', async () => {
  const socket = createSocket('udp4');
  socket.on('message', (_bytes, from) => {
    for (let count = 0; count < 300; count += 1) socket.send(Buffer.alloc(40, count), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = resolverOn([`127.0.0.1:${String(socket.address().port)}`], { timeoutMs: 5_000 });
  const started = performance.now();
  expect(await resolver.statusOf('A', 'a.test')).toBe('malformed');
  expect(performance.now() - started).toBeLessThan(4_500);
  socket.close();
});

test('a server that sends any bytes never breaks the resolver', async () => {
  const { server, resolver } = await ground({ 'good.test': { A: ['192.0.2.1'] } }, { tries: 1 });
  const samples = fc.sample(fc.uint8Array({ minLength: 2, maxLength: 300 }), 300);
  samples.forEach((raw, at) => {
    const head = Buffer.from(raw);
    if (at % 2 === 0 && head.length >= 12) head.set([0x81, 0x80, 0, 1, 0, at % 7], 2);
    server.set(`n${String(at)}.test`, { raw: head });
  });
  const answers = await Promise.all(samples.map((_, at) => resolver.statusOf('TXT', `n${String(at)}.test`)));
  expect(answers.filter((status) => status === 'found')).toEqual([]);
  expect(await resolver.statusOf('A', 'good.test')).toBe('found');
});
