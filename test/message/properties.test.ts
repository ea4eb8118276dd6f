// Properties that hold for any bytes: nothing throws, offsets lead back to the raw bytes, decoders undo encoders.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddresses } from '../../message/address.js';
import { decodeHeaderText } from '../../message/encoded-word.js';
import { parseParamValue } from '../../message/parameter.js';
import { parseMessage } from '../../message/parse.js';
import { decodeBase64, decodeQuotedPrintable } from '../../message/transfer-encoding.js';
import { tokenise } from '../../message/tokens.js';
import { readAll } from './data.js';

const RUNS = 300;
const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
/** Text made of the pieces parsers stumble over. */
const pieces = fc
  .array(
    fc.constantFrom(
      'Content-Type: ',
      'multipart/mixed',
      'message/rfc822',
      'text/html',
      '; boundary=',
      'b',
      '"',
      '--b',
      '--b--',
      '\r\n',
      '\n',
      '\r',
      ' ',
      '\t',
      'Content-Transfer-Encoding: base64',
      'quoted-printable',
      'From: ',
      'a@example.com',
      '(',
      ')',
      '<',
      '>',
      ',',
      ';',
      ':',
      '\\',
      '\0',
      '\xff',
      '=?utf-8?q?',
      '?=',
      '=3D',
      '=',
      'QUJD',
      "name*0*=utf-8''%41",
      '; filename=',
      '<a href="http://example.com/">',
      '<style>',
      '<!--',
      'begin 644 x\n#86)C\n',
      'http://www.example.com/',
      'www.',
      '\u00a0',
      '<svg>',
      '</p>',
      '\r\n\r\n',
    ),
    { maxLength: 60 },
  )
  .map((list) => list.join(''));
const hostile = fc.oneof(
  bytes,
  pieces.map((text) => Buffer.from(text, 'latin1')),
);

const SAMPLE = [
  'From: "A B" <a@example.com>',
  'To: c@example.org (C), D: e@example.net;',
  'Subject: =?utf-8?B?w6TDtsO8?= x',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b"',
  '',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<p style=3D"display:none">x</p><a href=3D"http://example.com/">y</a>',
  '--b',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  '',
  'text',
  '--b',
  'Content-Type: application/octet-stream; name*0*=utf-8\'\'%41; name*1=".bin"',
  'Content-Transfer-Encoding: base64',
  '',
  'QUJDREVGRw==',
  '--b--',
  '',
].join('\r\n');

describe('any bytes', () => {
  test('nothing throws, whatever they are', () => {
    fc.assert(
      fc.property(hostile, (raw) => void readAll(parseMessage(raw))),
      { numRuns: RUNS },
    );
  });

  test('nothing throws on a mail with bytes changed, dropped or doubled', () => {
    const change = fc.record({ at: fc.nat(SAMPLE.length), length: fc.nat(40), by: fc.oneof(fc.constant(''), pieces) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        let text = SAMPLE;
        for (const { at, length, by } of changes) text = text.slice(0, at) + by + text.slice(at + length);
        readAll(parseMessage(Buffer.from(text, 'latin1')));
      }),
      { numRuns: RUNS },
    );
  });

  test('nothing throws under the tightest limits', () => {
    const none = {
      headerCountMax: 0,
      headerBytesMax: 0,
      depthMax: 0,
      partsMax: 0,
      urlsMax: 0,
      textPartBytesMax: 0,
      textBytesMax: 0,
    };
    fc.assert(
      fc.property(hostile, (raw) => void readAll(parseMessage(raw, none))),
      { numRuns: RUNS },
    );
    expect(readAll(parseMessage(Buffer.from(SAMPLE, 'latin1'), none))).toBeGreaterThan(0);
  });

  test('the raw bytes are kept and no reading changes them', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const before = Buffer.from(raw);
        const mail = parseMessage(raw);
        readAll(mail);
        expect(mail.raw).toBe(raw);
        expect(raw.equals(before)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  test('fields cut by their offsets give the raw bytes back', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const mail = parseMessage(raw);
        let last = 0;
        for (const field of mail.headers) {
          expect(field.start).toBeGreaterThanOrEqual(last);
          expect(raw.toString('latin1', field.start, field.start + field.name.length)).toBe(field.name);
          const value = raw.toString('latin1', field.valueStart, field.end);
          expect([field.rawValue, `${field.rawValue}\n`, `${field.rawValue}\r\n`]).toContain(value);
          last = field.end;
        }
        expect(mail.bodyOffset).toBeGreaterThanOrEqual(last);
        expect(mail.bodyOffset).toBeLessThanOrEqual(raw.length);
      }),
      { numRuns: RUNS },
    );
  });

  test('the line table covers every byte once, and delimiter-like lines are lines', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const { lines, dashLines } = tokenise(raw);
        const cut = [...lines].map((start, index) => raw.subarray(start, lines[index + 1] ?? raw.length));
        expect(Buffer.concat(cut).equals(raw)).toBe(true);
        expect(cut.slice(0, -1).every((line) => line.at(-1) === 0x0a)).toBe(true);
        const wanted = [...lines].filter((start) => raw.toString('latin1', start, start + 2) === '--');
        expect([...dashLines]).toEqual(wanted);
      }),
      { numRuns: RUNS },
    );
  });

  test('parts lie within their parents and in order', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        for (const part of parseMessage(raw).parts) {
          expect(part.bodyStart).toBeGreaterThanOrEqual(part.start);
          expect(part.bodyEnd).toBeGreaterThanOrEqual(part.bodyStart);
          expect(part.bodyEnd).toBeLessThanOrEqual(part.container.length);
          if (part.parent === null || part.parent.container !== part.container) continue;
          expect(part.start).toBeGreaterThanOrEqual(part.parent.bodyStart);
          expect(part.bodyEnd).toBeLessThanOrEqual(part.parent.bodyEnd);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('paths are given once', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const paths = parseMessage(raw).parts.map(({ path }) => path);
        expect(new Set(paths).size).toBe(paths.length);
      }),
      { numRuns: RUNS },
    );
  });

  test('field readers take any text', () => {
    fc.assert(
      fc.property(fc.oneof(pieces, fc.string()), (text) => {
        decodeHeaderText(text);
        parseAddresses(text);
        parseParamValue(text);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('decoders', () => {
  test('base64 of any bytes comes back, with any line length', () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 80 }), (content, width) => {
        const lines = content.toString('base64').replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n');
        const { content: decoded, facts } = decodeBase64(Buffer.from(lines, 'latin1'));
        expect(decoded.equals(content)).toBe(true);
        expect(facts).toEqual({ junk: 0, firstJunk: -1, afterPadding: 0, loose: 0 });
      }),
    );
    const large = randomBytes(300_000);
    expect(decodeBase64(Buffer.from(large.toString('base64'), 'latin1')).content.equals(large)).toBe(true);
  });

  test('quoted-printable of any bytes comes back', () => {
    fc.assert(
      fc.property(bytes, (content) => {
        const encoded = [...content]
          .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
          .join('=\r\n');
        const { content: decoded, broken } = decodeQuotedPrintable(Buffer.from(encoded, 'latin1'));
        expect(decoded.equals(content)).toBe(true);
        expect(broken).toBe(0);
      }),
    );
  });

  test('an encoded word of any text comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const clean = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
        const base64 = `=?utf-8?B?${Buffer.from(clean, 'utf8').toString('base64')}?=`;
        expect(decodeHeaderText(base64)).toBe(clean);
        const q = [...Buffer.from(clean, 'utf8')].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join('');
        expect(decodeHeaderText(`=?UTF-8?q?${q}?=`)).toBe(clean);
      }),
    );
  });
});
