// The catalogue of oddities: every code has an example here that raises it, and ordinary mail raises none.
import { describe, expect, test } from 'vitest';
import { DASH_LINES_MAX } from '../../message/tokens.js';
import { ODDITIES, ODDITIES_PER_CODE_MAX, OdditySink, type OddityCode } from '../../message/oddity.js';
import { oddityCodes, rawMessage } from './data.js';

const mixed = (body: string, params = 'boundary=b'): string =>
  `From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; ${params}\r\n\r\n${body}`;
const fields = (...lines: string[]): string =>
  `From: a@b.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\nbody\r\n`;
const base64 = (content: string): string => `From: a@b.example\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}`;

/** Code → a message that raises it, with limits where it takes some. */
const EXAMPLES: Record<OddityCode, string | readonly [string, Parameters<typeof rawMessage>[1]]> = {
  BARE_CR: 'From: a@b.example\r\n\r\na\rb',
  BARE_LF: 'From: a@b.example\r\n\r\na\nb',
  LINE_TOO_LONG: `\r\n${'x'.repeat(1_200)}`,
  NUL_BYTE: '\r\na\0b',
  LINES_LIMIT: `\r\n${'--\n'.repeat(DASH_LINES_MAX + 1)}`,
  HEADER_NUL: fields('A: \0'),
  HEADER_8BIT: fields('A: \xc3\xa4'),
  HEADER_8BIT_NOT_UTF8: fields('A: \xe4'),
  HEADER_LINE_TOO_LONG: fields(`A: ${'x'.repeat(1_000)}`),
  HEADER_COUNT_LIMIT: [fields('A: 1', 'B: 2'), { headerCountMax: 2 }],
  HEADER_BYTES_LIMIT: [fields('A: 1', 'B: 2'), { headerBytesMax: 30 }],
  HEADER_SEPARATOR_MISSING: 'A: 1\r\njunk\r\n',
  HEADER_LINE_JUNK: 'A: 1\r\njunk\r\n',
  HEADER_FOLD_FIRST: ' x\r\nA: 1\r\n\r\n',
  HEADER_FOLD_BLANK: fields('A: 1', ' \t', ' 2'),
  HEADER_NAME_BLANK: fields('A : 1'),
  HEADER_REPEATED: fields('Subject: 1', 'Subject: 2'),
  HEADER_EMPTY: '\r\nbody',
  MBOX_FROM_LINE: `From a@b.example Mon Jan 1\r\n${fields('A: 1')}`,
  FROM_MISSING: 'A: 1\r\n\r\n',
  FROM_REPEATED: fields('From: c@d.example'),
  FROM_SEVERAL: 'From: a@b.example, c@d.example\r\n\r\n',
  FROM_NO_ADDRESS: 'From: nobody\r\n\r\n',
  ADDRESS_COMMENT_DEPTH: fields(`To: ${'('.repeat(50)}${')'.repeat(50)} a@b.example`),
  ADDRESS_UNCLOSED: fields('To: "a <a@b.example>'),
  ADDRESS_LIMIT: fields(`To: ${'a@b,'.repeat(10_001)}`),
  CONTENT_TYPE_REPEATED: fields('Content-Type: text/plain', 'Content-Type: text/html'),
  CONTENT_TYPE_INVALID: fields('Content-Type: text'),
  CONTENT_TYPE_PARAM_REPEATED: mixed('', 'boundary=a; boundary=b'),
  CONTENT_TYPE_PARAM_BROKEN: mixed('', 'boundary="a"b'),
  MIME_VERSION_MISSING: fields('Content-Type: text/plain'),
  TRANSFER_ENCODING_REPEATED: fields('Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: 8bit'),
  TRANSFER_ENCODING_UNKNOWN: fields('Content-Transfer-Encoding: rot13'),
  TRANSFER_ENCODING_ON_MULTIPART: fields(
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Transfer-Encoding: base64',
  ),
  TRANSFER_ENCODING_CONTRADICTS: `\r\n${Buffer.from('some content that is long enough to be taken for base64').toString('base64')}`,
  BASE64_JUNK: base64('QUJD!'),
  BASE64_PADDING: base64('QQ==QQ=='),
  BASE64_TRUNCATED: base64('QUI'),
  QUOTED_PRINTABLE_BROKEN: fields('Content-Transfer-Encoding: quoted-printable').replace('body', '=xx'),
  BOUNDARY_MISSING: mixed('', 'a=b'),
  BOUNDARY_ABSENT: mixed('x'),
  BOUNDARY_UNCLOSED: mixed('--b\r\n\r\nx'),
  BOUNDARY_TOO_LONG: mixed('', `boundary=${'b'.repeat(71)}`),
  BOUNDARY_REPEATED: mixed('--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nx'),
  BOUNDARY_AMBIGUOUS: mixed('--b\r\n\r\n--bx\r\n--b--'),
  PREAMBLE_CONTENT: mixed('something else\r\n--b\r\n\r\nx\r\n--b--'),
  EPILOGUE_CONTENT: mixed('--b\r\n\r\nx\r\n--b--\r\nsomething else'),
  MIME_DEPTH_LIMIT: [mixed('--b\r\n\r\nx'), { depthMax: 0 }],
  MIME_PARTS_LIMIT: [mixed('--b\r\n\r\nx\r\n--b\r\n\r\ny'), { partsMax: 2 }],
  MESSAGE_PARTIAL: fields('Content-Type: message/partial; id=x'),
  MESSAGE_EXTERNAL: fields('Content-Type: message/external-body; access-type=x'),
  UUENCODE_IN_TEXT: '\r\nbegin 644 x\r\n#86)C\r\n`\r\nend\r\n',
  NAME_DIFFERS: fields('Content-Type: image/png; name=a', 'Content-Disposition: inline; filename=b'),
  NAME_BIDI: fields("Content-Type: image/png; name*=utf-8''a%E2%80%AEb"),
  NAME_PATH: fields('Content-Type: image/png; name="../a"'),
  NAME_CONTROL: fields("Content-Type: image/png; name*=utf-8''a%07b"),
  CHARSET_UNKNOWN: fields('Content-Type: text/plain; charset=x-nonsense').replace('body', '\xe4'),
  CHARSET_INVALID: fields('Content-Type: text/plain; charset=utf-8').replace('body', '\xe4'),
  TEXT_LIMIT: [fields('A: 1'), { textPartBytesMax: 2 }],
  HTML_DEPTH_LIMIT: fields('Content-Type: text/html').replace('body', '<i>'.repeat(600)),
  URLS_LIMIT: [fields('A: 1').replace('body', 'http://a.example http://b.example'), { urlsMax: 1 }],
  ATTACHMENTS_LIMIT: [mixed('--b\r\nContent-Type: image/png\r\n\r\n\r\n'.repeat(2_010)), { partsMax: 3_000 }],
  READINGS_LIMIT: mixed(
    Array.from({ length: 70 }, (_, index) => `--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD${index}!!\r\n`).join(
      '',
    ),
  ),
};

describe('oddities', () => {
  test.each(Object.entries(EXAMPLES))('%s', (code, example) => {
    const mail = typeof example === 'string' ? rawMessage(example) : rawMessage(...example);
    expect(oddityCodes(mail)).toContain(code);
  });

  test('every code has an example and a meaning', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(Object.keys(ODDITIES).sort());
    expect(Object.values(ODDITIES).every((meaning) => meaning.length > 10)).toBe(true);
  });

  test('ordinary mail has none', () => {
    const mail = rawMessage(
      'From: A <a@b.example>\r\nTo: c@d.example\r\nSubject: x\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <x@b.example>\r\nMIME-Version: 1.0\r\n' +
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\nThis is a multi-part message in MIME format.\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n' +
        'Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: image/png; name="a.png"\r\nContent-Transfer-Encoding: base64\r\n' +
        'Content-Disposition: attachment; filename="a.png"\r\n\r\nQUJD\r\n--b--\r\n',
    );
    expect(oddityCodes(mail)).toEqual([]);
  });

  test('few of a kind are kept, all are counted', () => {
    const sink = new OdditySink();
    for (let index = 0; index < 10; index++) sink.add('BARE_CR', index, 'x');
    expect(sink.list).toHaveLength(ODDITIES_PER_CODE_MAX);
    expect(sink.count('BARE_CR')).toBe(10);
    expect(sink.has('BARE_LF')).toBe(false);
    expect(sink.list[0]).toEqual({ code: 'BARE_CR', offset: 0, detail: 'x' });
  });
});
