// The PROXY protocol byte for byte, both versions, both ways: what is written, what is read, torn, hostile and broken.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../outside/crc32c.js';
import {
  readProxyHeader,
  V2_REST_MAX_BYTES,
  writeProxyV1,
  writeProxyV2,
  type ProxyEnds,
} from '../../outside/proxy-header.js';

const IPV4: ProxyEnds = {
  clientAddress: '192.0.2.7',
  clientPort: 4_242,
  serverAddress: '198.51.100.25',
  serverPort: 25,
};
const IPV6: ProxyEnds = {
  clientAddress: '2001:db8::7',
  clientPort: 65_535,
  serverAddress: '2001:db8::25',
  serverPort: 25,
};
const SIGNATURE = '0d0a0d0a000d0a515549540a';

/** A header of version 2 from its parts. */
function v2(command: number, family: number, rest: Buffer, length = rest.length): Buffer {
  return Buffer.concat([
    Buffer.from(SIGNATURE, 'hex'),
    Buffer.from([command, family, length >> 8, length & 0xff]),
    rest,
  ]);
}

const tlv = (type: number, value: Buffer, length = value.length): Buffer =>
  Buffer.concat([Buffer.from([type, length >> 8, length & 0xff]), value]);

const IPV4_REST = Buffer.from('c0000207c63364191092' + '0019', 'hex');

describe('a header that is written', () => {
  it('is as the specification has it, version 1', () => {
    expect(writeProxyV1(IPV4).toString()).toBe('PROXY TCP4 192.0.2.7 198.51.100.25 4242 25\r\n');
    expect(writeProxyV1(IPV6).toString()).toBe('PROXY TCP6 2001:db8::7 2001:db8::25 65535 25\r\n');
  });

  it('is as the specification has it, version 2', () => {
    expect(writeProxyV2(IPV4).toString('hex')).toBe(`${SIGNATURE}2111000cc0000207c633641910920019`);
    const client = '20010db8000000000000000000000007';
    const server = '20010db8000000000000000000000025';
    expect(writeProxyV2(IPV6).toString('hex')).toBe(`${SIGNATURE}21210024${client}${server}ffff0019`);
  });

  it('says IPv4 for IPv4 inside IPv6, and IPv6 for both where they differ', () => {
    const mapped = { ...IPV4, clientAddress: '::ffff:192.0.2.7', serverAddress: '::ffff:198.51.100.25' };
    expect(writeProxyV1(mapped)).toEqual(writeProxyV1(IPV4));
    expect(writeProxyV2(mapped)).toEqual(writeProxyV2(IPV4));
    const mixed = { ...IPV6, serverAddress: '198.51.100.25' };
    expect(writeProxyV1(mixed).toString()).toBe('PROXY TCP6 2001:db8::7 ::ffff:c633:6419 65535 25\r\n');
  });
});

describe('a header that is read', () => {
  it('comes back as it was written, whatever follows it, torn anywhere', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !text.includes('.') && !/^(0*:)*:?0*ffff:/i.test(text)),
    );
    const port = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(address, port, port, fc.uint8Array({ maxLength: 40 }), fc.boolean(), (one, from, to, after, isV2) => {
        const ends = { clientAddress: one, clientPort: from, serverAddress: one, serverPort: to };
        const header = isV2 ? writeProxyV2(ends) : writeProxyV1(ends);
        const bytes = Buffer.concat([header, after]);
        for (let length = 0; length < header.length; length += 1)
          expect(readProxyHeader(bytes.subarray(0, length)).kind).toBe('more');
        const read = readProxyHeader(bytes);
        expect(read).toMatchObject({ kind: 'whole', sizeBytes: header.length });
        if (read.kind === 'whole' && read.ends !== null) {
          expect(isV2 ? writeProxyV2(read.ends) : writeProxyV1(read.ends)).toEqual(header);
          expect([read.ends.clientPort, read.ends.serverPort]).toEqual([from, to]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('tells nothing of the ends for LOCAL, UNKNOWN, UDP, UNIX and families nobody knows', () => {
    const texts = [
      Buffer.from('PROXY UNKNOWN\r\n'),
      Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'),
      v2(0x20, 0x00, Buffer.alloc(0)),
      v2(0x20, 0x11, IPV4_REST),
      v2(0x21, 0x00, Buffer.from('anything')),
      v2(0x21, 0x12, IPV4_REST),
      v2(0x21, 0x31, Buffer.alloc(216)),
      v2(0x21, 0x77, Buffer.alloc(3)),
    ];
    for (const bytes of texts) {
      const read = readProxyHeader(Buffer.concat([bytes, Buffer.from('EHLO x\r\n')]));
      expect(read).toEqual({ kind: 'whole', sizeBytes: bytes.length, ends: null });
    }
  });

  it('passes over what is said beside the addresses', () => {
    const rest = Buffer.concat([
      IPV4_REST,
      tlv(0x01, Buffer.from('smtp')),
      tlv(0x04, Buffer.alloc(0)),
      tlv(0xee, Buffer.alloc(300)),
    ]);
    expect(readProxyHeader(v2(0x21, 0x11, rest))).toEqual({ kind: 'whole', sizeBytes: 16 + rest.length, ends: IPV4 });
  });

  it('believes a checksum that holds, and no other', () => {
    const zeros = v2(0x21, 0x11, Buffer.concat([IPV4_REST, tlv(0x03, Buffer.alloc(4))]));
    const good = Buffer.from(zeros);
    good.writeUInt32BE(crc32c(zeros), good.length - 4);
    expect(readProxyHeader(good)).toMatchObject({ kind: 'whole', ends: IPV4 });
    expect(readProxyHeader(zeros)).toMatchObject({ kind: 'bad' });
    expect(readProxyHeader(v2(0x21, 0x11, Buffer.concat([IPV4_REST, tlv(0x03, Buffer.alloc(2))])))).toMatchObject({
      kind: 'bad',
    });
    // The check value of the algorithm (RFC 3720 §B.4 is of the same polynomial).
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it.each([
    ['nothing of the kind', 'EHLO mail.test\r\n'],
    ['another word', 'PROXZ TCP4 192.0.2.7 198.51.100.25 1 2\r\n'],
    ['lower case', 'proxy TCP4 192.0.2.7 198.51.100.25 1 2\r\n'],
    ['two blanks', 'PROXY TCP4  192.0.2.7 198.51.100.25 1 2\r\n'],
    ['a blank at the end', 'PROXY TCP4 192.0.2.7 198.51.100.25 1 2 \r\n'],
    ['the wrong family', 'PROXY TCP4 2001:db8::7 2001:db8::25 1 2\r\n'],
    ['the other wrong family', 'PROXY TCP6 192.0.2.7 198.51.100.25 1 2\r\n'],
    ['an octet too large', 'PROXY TCP4 192.0.2.256 198.51.100.25 1 2\r\n'],
    ['leading zeros', 'PROXY TCP4 192.0.2.07 198.51.100.25 1 2\r\n'],
    ['a zone', 'PROXY TCP6 fe80::1%eth0 2001:db8::25 1 2\r\n'],
    ['a port with zeros', 'PROXY TCP4 192.0.2.7 198.51.100.25 01 2\r\n'],
    ['a port too large', 'PROXY TCP4 192.0.2.7 198.51.100.25 65536 2\r\n'],
    ['a port with a sign', 'PROXY TCP4 192.0.2.7 198.51.100.25 +1 2\r\n'],
    ['no ports', 'PROXY TCP4 192.0.2.7 198.51.100.25\r\n'],
    ['LF alone', `PROXY TCP4 192.0.2.7 198.51.100.25 1 2\n${'x'.repeat(80)}`],
    ['108 bytes', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
    ['no end', `PROXY UNKNOWN ${'x'.repeat(200)}`],
  ])('is refused with %s', (_, text) => {
    expect(readProxyHeader(Buffer.from(text))).toMatchObject({ kind: 'bad' });
  });

  it('takes the longest line there may be', () => {
    const line = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`;
    expect(line).toHaveLength(107);
    expect(readProxyHeader(Buffer.from(line))).toMatchObject({ kind: 'whole', sizeBytes: 107 });
  });

  it.each([
    ['another version', v2(0x31, 0x11, IPV4_REST)],
    ['another command', v2(0x22, 0x11, IPV4_REST)],
    ['addresses cut short', v2(0x21, 0x11, IPV4_REST.subarray(0, 11))],
    ['IPv6 addresses cut short', v2(0x21, 0x21, Buffer.alloc(35))],
    ['a TLV cut short', v2(0x21, 0x11, Buffer.concat([IPV4_REST, Buffer.from([1, 0])]))],
    ['a TLV longer than the header', v2(0x21, 0x11, Buffer.concat([IPV4_REST, tlv(1, Buffer.alloc(2), 3)]))],
    ['more than is taken', v2(0x21, 0x11, IPV4_REST, V2_REST_MAX_BYTES + 1)],
  ])('of version 2 is refused with %s', (_, bytes) => {
    expect(readProxyHeader(bytes)).toMatchObject({ kind: 'bad' });
  });

  it('never throws, and asks for more only within its bound', () => {
    const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ::1 ');
    const v2Start = fc.constantFrom(Buffer.alloc(0), Buffer.from(SIGNATURE, 'hex'), v2(0x21, 0x11, IPV4_REST));
    fc.assert(
      fc.property(start, v2Start, fc.uint8Array({ maxLength: 5_000 }), (text, binary, bytes) => {
        const all = Buffer.concat([Buffer.from(text), binary, bytes]);
        const read = readProxyHeader(all);
        if (read.kind === 'more') expect(all.length).toBeLessThan(16 + V2_REST_MAX_BYTES);
        if (read.kind === 'whole') expect(read.sizeBytes).toBeLessThanOrEqual(all.length);
      }),
      { numRuns: 500 },
    );
  });
});
