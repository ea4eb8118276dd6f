// The bytes of every answer: golden lines (packet by packet, in hex and readable) and the rules for values and order.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SMFIF_ALL, bitNames, commandName, replyName, SMFIF, SMFIP } from '../../milter/codes.js';
import { encodeEdits, headerValue } from '../../milter/edits.js';
import { negotiate, type Silence } from '../../milter/negotiate.js';
import { encodeSmtpReply } from '../../milter/reply.js';
import type { Edit } from '../../pipeline/answer.js';
import { words } from './wire.js';
import { cpuMsSince } from '../ground/cpu.js';

const context = { actions: SMFIF_ALL, leadingSpace: true, recipientBytes: () => undefined };

/** Packets of a byte stream, one line each: name, length, data with everything but plain ASCII escaped. */
function lines(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    found.push(`${replyName(bytes[at + 4] ?? 0)} ${length} ${escaped(bytes.subarray(at + 5, at + 4 + length))}`);
    at += 4 + length;
  }
  return found;
}

function escaped(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function encode(edits: readonly Edit[], overrides: Partial<typeof context> = {}): string[] {
  return lines(Buffer.concat(encodeEdits(edits, { ...context, ...overrides }).packets));
}

const ALL_EDITS: Edit[] = [
  { kind: 'replace-body', body: Buffer.from('new body\r\n') },
  { kind: 'add-header', name: 'X-Spam-Flag', value: 'YES' },
  { kind: 'add-header', name: 'X-Spam-Status', value: 'Yes, score=7.1\n tests=A,B' },
  { kind: 'prepend-header', name: 'X-Top', value: 'first' },
  { kind: 'prepend-header', name: 'X-Next', value: 'second' },
  { kind: 'change-header', name: 'Subject', occurrence: 1, value: '[SPAM] hi' },
  { kind: 'delete-header', name: 'X-Old', occurrence: 1 },
  { kind: 'delete-header', name: 'X-Old', occurrence: 3 },
  { kind: 'change-header', name: 'X-Old', occurrence: 2, value: 'kept' },
  { kind: 'change-sender', address: 'new@example.org' },
  { kind: 'add-recipient', address: 'more@example.org' },
  { kind: 'delete-recipient', given: '<Less@Example.org>' },
];

test('golden: negotiation, edits and replies are byte for byte what they were', async () => {
  const wishes = { verdictAt: ['mail', 'rcpt'] } as const;
  const offers: [string, Buffer, Silence][] = [
    ['v6 unix', words(6, 0x1ff, 0x1fffff), 'all'],
    ['v6 tcp', words(6, 0x1ff, 0x1fffff), 'header'],
    ['v6 with replies', words(6, 0x1ff, 0x1fffff), 'none'],
    ['v4', words(4, 0x7f, 0x3ff), 'all'],
    ['v2', words(2, 0x3f, 0x7f), 'all'],
  ];
  const golden = [
    ...offers.flatMap(([name, data, silence]) => [
      `# ${name}`,
      ...lines(negotiate(data, { ...wishes, silence })?.reply ?? Buffer.alloc(0)),
    ]),
    ...encode(ALL_EDITS),
    ...encode(ALL_EDITS, { leadingSpace: false }),
    ...lines(encodeSmtpReply({ code: 554, enhanced: '5.7.1', text: 'Refused: 100% spam' }, 'reject')),
    ...lines(encodeSmtpReply({ code: 451, enhanced: '4.7.1', text: `two\nlines ${'x'.repeat(500)}` }, 'tempfail')),
  ];
  await expect(`${golden.join('\n')}\n`).toMatchFileSnapshot('golden.txt');
});

describe('edits', () => {
  test('stand in the order that holds in Postfix and Sendmail', () => {
    const codes = encode(ALL_EDITS).map((line) => line.slice('SMFIR_'.length).split(' ')[0]);
    expect(codes).toEqual([
      'DELRCPT', 'ADDRCPT', 'CHGFROM', 'CHGHEADER', 'CHGHEADER', 'CHGHEADER', 'CHGHEADER',
      'INSHEADER', 'INSHEADER', 'ADDHEADER', 'ADDHEADER', 'REPLBODY',
    ]); // prettier-ignore
  });

  test('a recipient is deleted by the very bytes it came as', () => {
    const bytes = Buffer.from('<gr\xfc@example.org>', 'latin1');
    const edits: Edit[] = [{ kind: 'delete-recipient', given: bytes.toString('latin1') }];
    expect(encode(edits, { recipientBytes: () => bytes } as never)).toEqual([
      'SMFIR_DELRCPT 19 <gr\\xfc@example.org>\\x00',
    ]);
  });

  test.each([
    ['add-recipient', SMFIF.ADDRCPT, { kind: 'add-recipient', address: 'a@b.example' }],
    ['delete-recipient', SMFIF.DELRCPT, { kind: 'delete-recipient', given: '<a@b.example>' }],
    ['change-sender', SMFIF.CHGFROM, { kind: 'change-sender', address: 'a@b.example' }],
    ['replace-body', SMFIF.CHGBODY, { kind: 'replace-body', body: Buffer.from('x') }],
  ] as [string, number, Edit][])('%s that the MTA does not allow makes the batch impossible', (kind, bit, edit) => {
    const result = encodeEdits([{ kind: 'add-header', name: 'A', value: 'b' }, edit], {
      ...context,
      actions: SMFIF_ALL & ~bit,
    });
    expect(result).toEqual({ packets: [], leftOut: [], impossible: `${kind}: not offered by the MTA` });
  });

  test.each(['a@b.example>\0', 'a\r\nb@c.example', 'a<b>@c.example', `${'a'.repeat(1025)}`])(
    'address %j is refused',
    (address) => {
      expect(encodeEdits([{ kind: 'add-recipient', address }], context).impossible).toBe(
        'add-recipient: unusable address',
      );
    },
  );

  test('long bodies go in contiguous chunks and an empty one as one empty chunk', () => {
    const body = Buffer.alloc(200_000, 0x62);
    const chunks = encode([{ kind: 'replace-body', body }]);
    expect(chunks.map((chunk) => Number(chunk.split(' ')[1]) - 1)).toEqual([65_535, 65_535, 65_535, 3_395]);
    expect(encode([{ kind: 'replace-body', body: Buffer.alloc(0) }])).toEqual(['SMFIR_REPLBODY 1 ']);
  });

  test('a changed header never becomes a deleted one', () => {
    for (const leadingSpace of [true, false]) {
      expect(encode([{ kind: 'change-header', name: 'A', occurrence: 1, value: '' }], { leadingSpace })[0]).toMatch(
        /A\\x00 \\x00$/,
      );
    }
  });
});

describe('header values', () => {
  test('property: any value stays one header of short lines', () => {
    const hostile = fc.array(
      fc.constantFrom('\r', '\n', '\0', ' ', '\t', 'x', ':', '\u0100', 'word', 'A'.repeat(300)),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(hostile, (parts) => {
        const value = headerValue(parts.join(''));
        expect(value).not.toMatch(/[\r\0]/);
        expect(value).not.toMatch(/[^\x00-\xff]/);
        value.split('\n').forEach((line, i) => {
          expect(line.length).toBeLessThanOrEqual(998);
          if (i > 0) expect(line).toMatch(/^[ \t].*[^ \t]/s);
        });
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  test('a value of 1 MB is cut in linear time', () => {
    const started = process.cpuUsage();
    for (const piece of ['\n', 'x', ' ', '\nx', 'word ', '\r\n', '\0']) {
      const value = headerValue(piece.repeat(1_000_000 / piece.length));
      expect(Buffer.byteLength(value, 'latin1')).toBeLessThanOrEqual(60_000);
    }
    expect(cpuMsSince(started)).toBeLessThan(2_000);
  });
});

test('property: any reply text is short ASCII lines of one code with every percent sign doubled', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.integer({ min: 0, max: 999 }), (text, code) => {
      const data = encodeSmtpReply({ code, enhanced: '9.x', text }, 'tempfail').subarray(5);
      expect(data.at(-1)).toBe(0);
      const sent = data.toString('latin1', 0, data.length - 1).split('\r\n');
      expect(sent.length).toBeLessThanOrEqual(32);
      for (const line of sent) {
        expect(line.length).toBeLessThanOrEqual(500);
        expect(line).toMatch(/^[45]\d\d[ -][45]\.7\.1 [\x20-\x7e]+$/);
        expect(line[4]).toBe(line[0]);
        expect(line.replaceAll('%%', '')).not.toContain('%');
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('codes have names for the log', () => {
  expect([commandName(0x52), commandName(0x7a), replyName(0x63), replyName(0)]).toEqual([
    'SMFIC_RCPT',
    '0x7a',
    'SMFIR_CONTINUE',
    '0x00',
  ]);
  expect(bitNames(SMFIP, 0x100480)).toBe('NR_HDR SKIP HDR_LEADSPC');
});
