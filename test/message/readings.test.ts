// The further readings: a payload hidden behind an ambiguity is found by some reading, and ordinary mail has none
// (threat class 6). The payload is a mark of our own.
import { describe, expect, test } from 'vitest';
import { READINGS_MAX } from '../../message/readings.js';
import { message, oddityCodes, rawMessage } from './data.js';

const MARK = 'Weir-payload-mark: this text must come out of some reading, whatever hides it, decoded.';
const BASE64 = Buffer.from(MARK).toString('base64');
const QP = MARK.replace(/[ae]/g, (letter) => `=${letter.charCodeAt(0).toString(16)}`);
const LINES = BASE64.match(/.{1,40}/g) ?? [];
const file = ['Content-Type: application/octet-stream', 'Content-Transfer-Encoding: base64', '', BASE64];
const from = ['From: a@example.com', 'MIME-Version: 1.0'];
const mixed = (boundary = 'b'): string[] => [...from, `Content-Type: multipart/mixed; boundary=${boundary}`, ''];

/** Everything antivirus would be handed: contents of the parts, attachments, further readings. */
function contents(mail: ReturnType<typeof message>): string[] {
  return [
    ...mail.parts.map((part) => part.content()),
    ...mail.attachments.map(({ content }) => content),
    ...mail.readings().map(({ content }) => content),
  ].map((one) => one.toString('latin1'));
}

const uuencode = (text: string): string[] => {
  const bytes = Buffer.from(text);
  const lines: string[] = ['begin 644 x.bin'];
  for (let at = 0; at < bytes.length; at += 45) {
    const piece = bytes.subarray(at, at + 45);
    let line = String.fromCharCode(32 + piece.length);
    for (let group = 0; group < piece.length; group += 3) {
      const bits = ((piece[group] ?? 0) << 16) | ((piece[group + 1] ?? 0) << 8) | (piece[group + 2] ?? 0);
      for (const shift of [18, 12, 6, 0]) line += String.fromCharCode(32 + ((bits >> shift) & 63)).replace(' ', '`');
    }
    lines.push(line);
  }
  return [...lines, '`', 'end'];
};

const HIDDEN: readonly (readonly [name: string, lines: string[]])[] = [
  [
    'two Content-Transfer-Encoding fields, base64 second',
    [...from, 'Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: base64', '', BASE64],
  ],
  [
    'two Content-Transfer-Encoding fields, base64 first and text',
    [...from, 'Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: quoted-printable', '', QP],
  ],
  ['an unknown encoding', [...from, 'Content-Transfer-Encoding: base-64', '', BASE64]],
  ['an encoding with text behind it', [...from, 'Content-Transfer-Encoding: base64 really', '', BASE64]],
  ['an encoding in a list', [...from, 'Content-Transfer-Encoding: 7bit, base64', '', BASE64]],
  ['base64 that is not declared', [...from, 'Content-Type: application/octet-stream', '', BASE64]],
  ['base64 declared as quoted-printable', [...from, 'Content-Transfer-Encoding: quoted-printable', '', BASE64]],
  ['quoted-printable declared as base64', [...from, 'Content-Transfer-Encoding: base64', '', QP]],
  [
    'base64 with foreign characters',
    [...from, 'Content-Transfer-Encoding: base64', '', BASE64.replace(/(.{9})/g, '$1!')],
  ],
  ['base64 behind padding', [...from, 'Content-Transfer-Encoding: base64', '', 'QQ==', ...LINES]],
  ['base64 with a line of text before', [...from, 'Content-Transfer-Encoding: base64', '', 'not base64!', ...LINES]],
  [
    'base64 with a line of text after',
    [...from, 'Content-Transfer-Encoding: base64', '', ...LINES, 'and more text, with characters: !'],
  ],
  [
    'base64 with a line of text amid',
    [...from, 'Content-Transfer-Encoding: base64', '', LINES[0] ?? '', '-- text --', ...LINES.slice(1)],
  ],
  [
    'two Content-Type fields, the second a multipart',
    [...from, 'Content-Type: text/plain', 'Content-Type: multipart/mixed; boundary=b', '', '--b', ...file, '--b--'],
  ],
  [
    'two Content-Type fields with two boundaries',
    [
      ...from,
      'Content-Type: multipart/mixed; boundary=a',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--a',
      '',
      'x',
      '--a--',
      '--b',
      ...file,
      '--b--',
    ],
  ],
  [
    'two boundary parameters',
    [...from, 'Content-Type: multipart/mixed; boundary=a; boundary=b', '', '--b', ...file, '--b--'],
  ],
  [
    'a boundary in RFC 2231 and a plain one',
    [...from, "Content-Type: multipart/mixed; boundary=b; boundary*=utf-8''a", '', '--b', ...file, '--b--'],
  ],
  [
    'a boundary in pieces of which a reader takes the first',
    [...from, 'Content-Type: multipart/mixed; boundary*0=b; boundary*1=c', '', '--b', ...file, '--b--'],
  ],
  [
    'a quoted boundary with text behind it',
    [...from, 'Content-Type: multipart/mixed; boundary="b"c', '', '--bc', ...file, '--bc--'],
  ],
  [
    'an unquoted boundary with a blank',
    [...from, 'Content-Type: multipart/mixed; boundary=b c', '', '--b', ...file, '--b--'],
  ],
  ['a delimiter with text behind it', [...mixed(), '--b', '', 'x', '--bXYZ', ...file, '--b--']],
  ['a part behind the closing delimiter', [...mixed(), '--b', '', 'x', '--b--', '--b', ...file, '--b--']],
  ['an entity in the epilogue', [...mixed(), '--b', '', 'x', '--b--', '', ...file]],
  ['an entity in the preamble', [...mixed(), ...file, '--b', '', 'x', '--b--']],
  ['base64 in the epilogue', [...mixed(), '--b', '', 'x', '--b--', ...LINES]],
  ['base64 in the preamble', [...mixed(), ...LINES, '', '--b', '', 'x', '--b--']],
  ['a multipart without boundary', [...from, 'Content-Type: multipart/mixed', '', '--b', ...file, '--b--']],
  ['a multipart whose boundary does not occur', [...mixed('zzz'), '--b', ...file, '--b--']],
  [
    'a nested multipart with the boundary around it',
    [
      ...mixed(),
      '--b',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      '',
      'x',
      '--b--',
      '--b--',
      '--b',
      ...file,
    ],
  ],
  [
    'a multipart declared base64',
    [
      ...from,
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(['--b', ...file, '--b--', ''].join('\r\n')).toString('base64'),
    ],
  ],
  [
    'a line of junk in the header',
    [...from, 'junk without colon', 'Content-Type: multipart/mixed; boundary=b', '', '--b', ...file, '--b--'],
  ],
  ['a line of junk in a part’s header', [...mixed(), '--b', 'junk without colon', ...file, '--b--']],
  ['a line of blanks that ends the header', [...mixed(), '--b', 'Content-Type: text/plain', ' ', ...file, '--b--']],
  [
    'bare carriage returns as line ends',
    [...from, `Content-Type: multipart/mixed; boundary=b\r\r--b\r${file.join('\r')}\r--b--`],
  ],
  ['NUL bytes in the fields', [...from, 'Content-Type: multipart/mixed; boun\0dary=b', '', '--b', ...file, '--b--']],
  ['NUL bytes in base64', [...from, 'Content-Transfer-Encoding: base64', '', BASE64.replace(/(.{5})/g, '$1\0')]],
  ['a uuencoded file in a text', [...from, '', 'text', ...uuencode(MARK)]],
  ['a uuencoded file in the epilogue', [...mixed(), '--b', '', 'x', '--b--', ...uuencode(MARK)]],
  ['content declared x-uuencode', [...from, 'Content-Transfer-Encoding: x-uuencode', '', ...uuencode(MARK)]],
  [
    'a bounce that quotes a mail',
    [...from, '', 'Your mail could not be delivered:', '', 'From: b@example.com', ...file],
  ],
  [
    'a bounce that quotes a multipart',
    [...from, '', 'Returned:', '', 'Content-Type: multipart/mixed; boundary=c', '', '--c', ...file, '--c--'],
  ],
  ['message/partial', [...from, 'Content-Type: message/partial; id=x; number=1; total=2', '', ...file]],
  [
    'a message in a message in base64',
    [
      ...from,
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(file.join('\r\n')).toString('base64'),
    ],
  ],
  [
    'a Content-Type without semicolon',
    [...from, 'Content-Type: multipart/mixed boundary=b', '', '--b', ...file, '--b--'],
  ],
  ['a blank before the colon', [...from, 'Content-Type : multipart/mixed; boundary=b', '', '--b', ...file, '--b--']],
  ['a header ended by a delimiter', [...mixed(), '--b', 'Content-Type: text/plain', '--b', ...file, '--b--']],
  ['an unclosed multipart', [...mixed(), '--b', ...file]],
  [
    'both a repeated type and a junk line',
    [
      ...from,
      'Content-Type: text/plain',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'junk',
      ...file,
      '--b--',
    ],
  ],
];

describe('further readings', () => {
  test.each(HIDDEN)('a payload behind %s is handed out', (_name, lines) => {
    const mail = message(...lines);
    expect(contents(mail).some((content) => content.includes(MARK))).toBe(true);
  });

  test.each(HIDDEN)('and with LF line ends: %s', (_name, lines) => {
    const mail = rawMessage(lines.join('\n'));
    expect(contents(mail).some((content) => content.includes(MARK))).toBe(true);
  });

  test('ordinary mail has none', () => {
    const ordinary = [
      message(...from, 'Subject: x', '', 'hello', ''),
      message(
        ...from,
        'Content-Type: text/html',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '<p>a=3Db</p>',
        '',
      ),
      message(...mixed(), 'This is a multi-part message in MIME format.', '--b', '', 'x', '--b', ...file, '--b--', ''),
      message(...mixed(), '--b', 'Content-Type: message/rfc822', '', 'Subject: y', '', 'z', '--b--', ''),
    ];
    for (const mail of ordinary) expect(mail.readings().map(({ reason }) => reason)).toEqual([]);
  });

  test('none twice, none of what the parts already are, with a reason each', () => {
    for (const [, lines] of HIDDEN) {
      const readings = message(...lines).readings();
      const all = readings.map(({ content }) => content.toString('latin1'));
      expect(new Set(all).size).toBe(all.length);
      expect(all).not.toContain('');
      expect(readings.every(({ reason }) => reason.length > 5)).toBe(true);
    }
  });

  test('bounded, and told when cut', () => {
    const part = ['--b', 'Content-Transfer-Encoding: base64', '', 'QUJD!', '--b', '', ''];
    const many = Array.from({ length: 300 }, (_, index) =>
      [...part.slice(0, 3), Buffer.from(`x${index}`).toString('base64') + '!QQ', '--b', '', ''].join('\r\n'),
    );
    const mail = message(...mixed(), ...many, '--b--');
    expect(mail.readings().length).toBe(READINGS_MAX);
    expect(oddityCodes(mail)).toContain('READINGS_LIMIT');
  });
});
