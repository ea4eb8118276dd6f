// Messages made to exhaust a parser: each is read whole, every getter called, within a second or so and bounded memory
// (threat classes 3, 4 and 5). The limit in the tests is wider than the aim, since they share the machine.
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../message/limits.js';
import { READINGS_MAX } from '../../message/readings.js';
import { message, oddityCodes, rawMessage, readAll } from './data.js';

/** CPU time (the machine may be busy with other things), collection of garbage on other threads included. */
const TIME_MAX_MS = 2_000;
const HEAP_GROWTH_MAX = 400 * 1024 * 1024;

const nestedMessages = (count: number): string =>
  'Content-Type: message/rfc822\r\n\r\n'.repeat(count) + 'Subject: inner\r\n\r\nx';
const multipart = (body: string): string =>
  `From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${body}`;
const html = (body: string): string =>
  `From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n${body}`;
const numbered = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join('');

const CASES: readonly (readonly [name: string, make: () => string, oddity: string | null])[] = [
  ['a million parts', () => multipart('--b\r\n\r\nx\r\n'.repeat(1_000_000)), 'MIME_PARTS_LIMIT'],
  [
    'a million delimiters of a nested boundary',
    () => multipart('--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n' + '--c\r\n\r\n'.repeat(1_000_000)),
    'MIME_PARTS_LIMIT',
  ],
  ['10,000 nested messages', () => nestedMessages(10_000), 'MIME_DEPTH_LIMIT'],
  [
    '10,000 nested multiparts',
    () => numbered(10_000, (index) => `Content-Type: multipart/mixed; boundary=b${index}\r\n\r\n--b${index}\r\n`),
    'MIME_DEPTH_LIMIT',
  ],
  [
    'nested multiparts with one boundary',
    () => 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'.repeat(10_000),
    'BOUNDARY_REPEATED',
  ],
  [
    'a million URLs in text',
    () => `\r\n${numbered(1_000_000, (index) => `http://h${index}.example.com/ `)}`,
    'URLS_LIMIT',
  ],
  ['a million URLs without blanks', () => `\r\n${'http://a.example.com/,'.repeat(400_000)}`, null],
  [
    'a million links in HTML',
    () => html(numbered(200_000, (index) => `<a href="http://h${index}.example.com/">x</a>`)),
    'URLS_LIMIT',
  ],
  [
    '300 KB of nested comments in To',
    () => `From: a@example.com\r\nTo: ${'('.repeat(150_000)}${')'.repeat(150_000)} b@example.com\r\n\r\n`,
    'ADDRESS_COMMENT_DEPTH',
  ],
  [
    '300 KB of unclosed comments in To',
    () => `From: a@example.com\r\nTo: ${'('.repeat(300_000)}\r\n\r\n`,
    'ADDRESS_UNCLOSED',
  ],
  [
    '300 KB of unclosed quotes and brackets in From',
    () => `From: ${'"<('.repeat(100_000)}\r\n\r\n`,
    'ADDRESS_UNCLOSED',
  ],
  ['colons after an address', () => `From: ${'a '.repeat(50_000)}a@b ${': '.repeat(200_000)}\r\n\r\n`, null],
  [
    '1 MB of folded References',
    () => `From: a@example.com\r\nReferences: ${'<a@b>\r\n '.repeat(125_000)}\r\n\r\n`,
    null,
  ],
  [
    '5 MB of folded References',
    () => `From: a@example.com\r\nReferences: ${'<a@b>\r\n '.repeat(625_000)}\r\n\r\n`,
    'HEADER_BYTES_LIMIT',
  ],
  ['1 MB of folded blanks', () => `From: a@example.com\r\nSubject: x${'\r\n \t  '.repeat(160_000)}y\r\n\r\n`, null],
  ['half-open encoded words', () => `From: a@example.com\r\nSubject: ${'=?utf-8?q?'.repeat(90_000)}\r\n\r\n`, null],
  ['many encoded words', () => `From: a@example.com\r\nSubject: ${'=?utf-8?q?a?= '.repeat(70_000)}\r\n\r\n`, null],
  [
    'parameters without end',
    () => `Content-Type: text/plain${numbered(50_000, (index) => `; p*${index}*=a`)}\r\n\r\nx`,
    null,
  ],
  [
    'nested comments in Content-Type',
    () => `Content-Type: ${'('.repeat(400_000)}text/plain; ${'('.repeat(400_000)}\r\n\r\nx`,
    null,
  ],
  ['blanks in a parameter', () => `Content-Type: text/plain; name=${' '.repeat(900_000)}x\r\n\r\nx`, null],
  ['a million header fields', () => `${'X: y\r\n'.repeat(1_000_000)}\r\nbody`, 'HEADER_COUNT_LIMIT'],
  ['a header of junk lines', () => `${'\x01\r\n'.repeat(1_000_000)}\r\nbody`, 'HEADER_LINE_JUNK'],
  ['5 MB of nested div', () => html('<div>'.repeat(1_000_000)), 'HTML_DEPTH_LIMIT'],
  ['5 MB of nested svg', () => html('<svg><foreignObject>'.repeat(250_000)), 'HTML_DEPTH_LIMIT'],
  ['a tag of 300,000 attributes', () => html(`<div ${numbered(300_000, (index) => `a${index} `)}>`), null],
  ['end tags without start', () => html('<b>'.repeat(400) + '</i></p></td>'.repeat(300_000)), null],
  ['style attributes', () => html(`<p style="${'a:b;'.repeat(400)}">x`.repeat(1_000)), null],
  ['10 MB in one line', () => `From: a@example.com\r\n\r\n${'x'.repeat(10_000_000)}`, 'LINE_TOO_LONG'],
  ['10 MB of dots', () => `From: a@example.com\r\n\r\n${'a.'.repeat(5_000_000)}`, null],
  ['10 MB of empty lines', () => `From: a@example.com\r\n\r\n${'\n'.repeat(10_000_000)}`, 'LINES_LIMIT'],
  ['10 MB of NUL', () => `From: a@example.com\r\n\r\n${'\0'.repeat(10_000_000)}`, 'NUL_BYTE'],
  ['10 MB of carriage returns', () => `From: a@example.com\r\n\r\n${'\r'.repeat(10_000_000)}`, 'BARE_CR'],
  ['broken base64', () => `Content-Transfer-Encoding: base64\r\n\r\n${'QUJD!=A'.repeat(700_000)}`, 'BASE64_JUNK'],
  [
    'soft breaks',
    () => `Content-Transfer-Encoding: quoted-printable\r\n\r\n${`=${' '.repeat(250)}`.repeat(20_000)}`,
    null,
  ],
  ['begin lines', () => `\r\n${'begin 644 a\n'.repeat(400_000)}`, null],
  ['uuencoded files', () => `\r\n${'begin 644 a\n#86)C\n`\nend\n'.repeat(100_000)}`, 'UUENCODE_IN_TEXT'],
  ['base64 messages in each other', () => encodedNest(12), null],
  ['ambiguous delimiters', () => multipart('--bx\r\n\r\nx\r\n--b\r\n\r\ny\r\n'.repeat(100_000)), 'BOUNDARY_AMBIGUOUS'],
];

function encodedNest(depth: number): string {
  let text = `Subject: core\r\n\r\n${'x'.repeat(200_000)}`;
  for (let level = 0; level < depth; level++)
    text = `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(text, 'latin1').toString('base64')}`;
  return text;
}

describe('hostile messages', () => {
  test.each(CASES)('%s', (_name, make, oddity) => {
    const text = make();
    const before = process.memoryUsage().heapUsed;
    const start = process.cpuUsage();
    const mail = rawMessage(text);
    readAll(mail);
    const { user, system } = process.cpuUsage(start);
    const spent = (user + system) / 1_000;
    expect(spent).toBeLessThan(TIME_MAX_MS);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(HEAP_GROWTH_MAX);
    expect(mail.parts.length).toBeLessThanOrEqual(DEFAULT_LIMITS.partsMax);
    expect(mail.urls.length).toBeLessThanOrEqual(DEFAULT_LIMITS.urlsMax);
    expect(mail.readings().length).toBeLessThanOrEqual(READINGS_MAX);
    if (oddity !== null) expect(mail.oddities.map(({ code }) => code)).toContain(oddity);
  });

  test('names that live on every object', () => {
    const mail = message(
      'From: a@example.com',
      '__proto__: polluted',
      'constructor: polluted',
      'toString: polluted',
      'Content-Type: text/plain; __proto__=polluted; toString=polluted; constructor*0*=utf-8\'\'polluted; charset="__proto__"',
      'Content-Disposition: attachment; hasOwnProperty=polluted; filename=__proto__',
      'Content-Transfer-Encoding: constructor',
      '',
      'text é http://__proto__.example.com/',
    );
    readAll(mail);
    expect(mail.header('__proto__')).toBe('polluted');
    expect(mail.header('valueOf')).toBeNull();
    expect(mail.headersNamed('constructor')).toHaveLength(1);
    expect(mail.root.typeParams.get('tostring')).toBe('polluted');
    expect(mail.root.typeParams.get('constructor')).toBe('polluted');
    expect(mail.attachments[0]?.name).toBe('__proto__');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.prototype.toString.call({})).toBe('[object Object]');
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const odd = rawMessage(`Content-Type: text/plain; charset=${name}\r\n\r\n\xe4`);
      expect(odd.texts[0]?.source).toBe('ä');
      expect(oddityCodes(odd)).toContain('CHARSET_UNKNOWN');
    }
  });
});
