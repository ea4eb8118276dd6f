// Header blocks and header text: offsets, folds, line ends, encoded words, raw bytes, and what stands where no field should.
import { describe, expect, test } from 'vitest';
import { decodeHeaderText, unfold } from '../../message/encoded-word.js';
import { message, oddityCodes, rawMessage } from './data.js';

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('header blocks', () => {
  test('fields in order, with offsets, raw and decoded', () => {
    const mail = rawMessage('Subject: one\r\n two\r\nX-A:b\r\nsubject : three\r\n\r\nbody');
    expect(mail.headers.map(({ name, key, rawValue, value }) => [name, key, rawValue, value])).toEqual([
      ['Subject', 'subject', ' one\r\n two', 'one two'],
      ['X-A', 'x-a', 'b', 'b'],
      ['subject', 'subject', ' three', 'three'],
    ]);
    expect(mail.headers.map(({ start, valueStart, end }) => [start, valueStart, end])).toEqual([
      [0, 8, 20],
      [20, 24, 27],
      [27, 36, 44],
    ]);
    expect(mail.bodyOffset).toBe(46);
    expect(mail.headersNamed('SUBJECT')).toHaveLength(2);
    expect(mail.subject).toBe('one two');
    expect(mail.header('nothing')).toBeNull();
  });

  test('a very long field name hides nothing below it', () => {
    for (const length of [257, 5_000, 100_000]) {
      const mail = rawMessage(`${'X'.repeat(length)}: y\r\nSubject: still here\r\nFrom: a@away.test\r\n\r\nbody`);
      expect(mail.subject).toBe('still here');
      expect(mail.headers).toHaveLength(3);
    }
  });

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('line ends of %s', (_name, eol) => {
    const mail = rawMessage(['A: 1', ' 2', 'B: 3', '', 'body', ''].join(eol));
    expect(mail.headers.map(({ value }) => value)).toEqual(['1 2', '3']);
    expect(mail.raw.toString('latin1', mail.bodyOffset)).toBe(`body${eol}`);
    expect(oddityCodes(mail)).not.toContain('BARE_LF');
  });

  test('mixed line ends are read and told', () => {
    const mail = rawMessage('A: 1\r\nB: 2\n\nbody');
    expect(mail.headers).toHaveLength(2);
    expect(mail.raw.toString('latin1', mail.bodyOffset)).toBe('body');
    expect(oddityCodes(mail)).toContain('BARE_LF');
  });

  test('a bare CR ends no line', () => {
    const mail = rawMessage('A: 1\rB: 2\r\n\r\nbody');
    expect(mail.headers).toHaveLength(1);
    expect(mail.header('a')).toBe('1B: 2');
    expect(oddityCodes(mail)).toContain('BARE_CR');
  });

  test.each([
    ['no body', 'A: 1\r\n', 6],
    ['no line end', 'A: 1', 4],
    ['nothing', '', 0],
    ['no header', '\r\nbody', 2],
  ])('%s', (_name, text, bodyOffset) => {
    expect(rawMessage(text).bodyOffset).toBe(bodyOffset);
  });

  test('a line that is no field ends the header and is body', () => {
    const mail = rawMessage('A: 1\r\nhello you\r\nB: 2\r\n\r\nx');
    expect(mail.headers).toHaveLength(1);
    expect(mail.texts[0]?.source).toBe('hello you\r\nB: 2\r\n\r\nx');
    expect(oddityCodes(mail)).toEqual(expect.arrayContaining(['HEADER_LINE_JUNK', 'HEADER_SEPARATOR_MISSING']));
  });

  test('a mail folder’s From line is passed over', () => {
    const mail = rawMessage('From a@example.com Mon Jan  1 00:00:00 2024\nSubject: x\n\nbody');
    expect(mail.subject).toBe('x');
    expect(oddityCodes(mail)).toContain('MBOX_FROM_LINE');
  });

  test('limits leave the rest unread and still find the body', () => {
    const many = rawMessage('A: 1\r\nB: 2\r\nC: 3\r\n\r\nbody', { headerCountMax: 2 });
    expect(many.headers.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(many.raw.toString('latin1', many.bodyOffset)).toBe('body');
    const large = rawMessage(`A: 1\r\nB: ${'x'.repeat(50)}\r\n y\r\nC: 3\r\n\r\nbody`, { headerBytesMax: 20 });
    expect(large.headers.map(({ key }) => key)).toEqual(['a']);
    expect(large.raw.toString('latin1', large.bodyOffset)).toBe('body');
  });
});

describe('header text', () => {
  test.each([
    ['plain', 'plain'],
    [' outer blanks \t', 'outer blanks'],
    ['=?utf-8?Q?a=C3=A4_b?=', 'aä b'],
    ['=?UTF-8?b?w6Q=?=', 'ä'],
    ['=?utf-8*de?q?=C3=A4?=', 'ä'],
    ['=?iso-8859-1?q?=E4?= =?iso-8859-1?q?=F6?=', 'äö'],
    ['=?utf-8?q?a?= b =?utf-8?q?c?=', 'a b c'],
    ['x=?utf-8?q?a?=y', 'xay'],
    ['=?utf-8?q??=', ''],
    ['=?utf-8?q?a b?=', 'a b'],
    ['=?utf-8?x?a?=', '=?x?a?='.replace('=?x', '=?utf-8?x')],
    ['=?utf-8?q?open', '=?utf-8?q?open'],
    ['=?nonsense?q?a?=', 'a'],
    ['=?utf-8?b?!!?=', ''],
    ['=?windows-1252?q?=80?=', '€'],
    ['=?koi8-r?b?8NLJ18XU?=', 'Привет'],
    ['=?iso-2022-jp?b?GyRCJCIbKEI=?=', 'あ'],
    ['=?gb2312?b?xOO6ww==?=', '你好'],
  ])('%s', (raw, text) => {
    expect(decodeHeaderText(raw)).toBe(text);
  });

  test('words of one charset in a row are joined as bytes', () => {
    expect(decodeHeaderText('=?utf-8?b?4g==?=\r\n =?utf-8?q?=82=AC?=')).toBe('€');
    expect(decodeHeaderText('=?gb2312?b?xA==?= =?gb2312?b?4w==?=')).toBe('你');
  });

  test('a word folded by a broken sender is one word', () => {
    expect(decodeHeaderText('=?utf-8?b?aGVs\r\n bG8=?=')).toBe('hello');
  });

  test('raw bytes are UTF-8 where valid, else western', () => {
    expect(decodeHeaderText(latin1('Grüße'))).toBe('Grüße');
    expect(decodeHeaderText('Gr\xfc\xdfe')).toBe('Grüße');
    expect(decodeHeaderText('\x80 uro')).toBe('€ uro');
  });

  test('folds become one blank', () => {
    expect(unfold('a\r\n b\n\t c')).toBe('a b c');
    expect(unfold('a \t\r\n \t b')).toBe('a b');
    expect(unfold('a\rb')).toBe('ab');
  });

  test('Message-ID and Subject', () => {
    const mail = message('Message-ID: <a@b>', 'Subject:', '', '');
    expect(mail.messageId).toBe('a@b');
    expect(mail.subject).toBe('');
    expect(message('A: b', '', '').messageId).toBeNull();
  });
});
