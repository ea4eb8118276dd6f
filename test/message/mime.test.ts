// The MIME tree as the RFC reads it: nesting, delimiters, defaults, embedded messages, limits.
import { describe, expect, test } from 'vitest';
import type { Part } from '../../message/mime.js';
import { message, oddityCodes, rawMessage } from './data.js';

const head = (type: string): string[] => ['From: a@example.com', 'MIME-Version: 1.0', `Content-Type: ${type}`, ''];
const shape = (part: Part): string =>
  `${part.type}${part.children.length === 0 ? '' : `(${part.children.map(shape).join(' ')})`}`;
const bodies = (part: Part): string[] =>
  part.children.length === 0 ? [part.content().toString('latin1')] : part.children.flatMap(bodies);

describe('the MIME tree', () => {
  test('a message without MIME is text/plain', () => {
    const mail = message('Subject: x', '', 'hello', '');
    expect(mail.root).toMatchObject({
      path: '',
      depth: 0,
      type: 'text/plain',
      transferEncoding: '7bit',
      disposition: null,
      parent: null,
    });
    expect(mail.texts[0]?.source).toBe('hello\r\n');
  });

  test('parts with paths, preamble and epilogue', () => {
    const mail = message(
      ...head('multipart/mixed; boundary="b"'),
      'preamble',
      '--b',
      '',
      'one',
      '--b ',
      'Content-Type: multipart/alternative; boundary=c',
      '',
      '--c',
      '',
      'two',
      '--c',
      'Content-Type: text/html',
      '',
      'three',
      '--c--',
      'inner epilogue',
      '--b--',
      'epilogue',
    );
    expect(shape(mail.root)).toBe('multipart/mixed(text/plain multipart/alternative(text/plain text/html))');
    expect(mail.parts.map(({ path, depth }) => `${path}:${depth}`)).toEqual([':0', '1:1', '2:1', '2.1:2', '2.2:2']);
    expect(bodies(mail.root)).toEqual(['one', 'two', 'three']);
    const { root } = mail;
    expect(mail.raw.toString('latin1', root.bodyStart, root.preambleEnd ?? 0)).toBe('preamble\r\n');
    expect(mail.raw.toString('latin1', root.epilogueStart ?? 0, root.bodyEnd)).toBe('epilogue');
    expect(mail.oddities.map(({ code }) => code)).toEqual([]);
  });

  test('the line end before a delimiter belongs to it', () => {
    expect(
      bodies(
        message(...head('multipart/mixed; boundary=b'), '--b', '', 'one', '', '--b', '', '--b', '', '', '--b--').root,
      ),
    ).toEqual(['one\r\n', '', '']);
    expect(bodies(rawMessage('Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n\n--b--\n').root)).toEqual([
      'one\n',
    ]);
  });

  test('the delimiter of a multipart around closes what is open within', () => {
    const mail = message(
      ...head('multipart/mixed; boundary=b'),
      '--b',
      'Content-Type: multipart/mixed; boundary=c',
      '',
      '--c',
      '',
      'one',
      '--b',
      '',
      'two',
      '--b--',
    );
    expect(shape(mail.root)).toBe('multipart/mixed(multipart/mixed(text/plain) text/plain)');
    expect(oddityCodes(mail)).toContain('BOUNDARY_UNCLOSED');
  });

  test('a nested multipart may repeat the boundary around it', () => {
    const mail = message(
      ...head('multipart/mixed; boundary=b'),
      '--b',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      '',
      'one',
      '--b--',
      '--b',
      '',
      'two',
      '--b--',
    );
    expect(shape(mail.root)).toBe('multipart/mixed(multipart/mixed(text/plain) text/plain)');
    expect(oddityCodes(mail)).toContain('BOUNDARY_REPEATED');
  });

  test('a delimiter that opens for one and closes for another opens the innermost', () => {
    const mail = message(
      ...head('multipart/mixed; boundary=a'),
      '--a',
      'Content-Type: multipart/mixed; boundary=a--',
      '',
      '--a--',
      '',
      'x',
      '--a----',
      '--a--',
    );
    expect(shape(mail.root)).toBe('multipart/mixed(multipart/mixed(text/plain))');
    expect(oddityCodes(mail)).toContain('BOUNDARY_AMBIGUOUS');
  });

  test('boundaries match whole lines, their case counts, blanks behind do not', () => {
    const mail = message(
      ...head('multipart/mixed; boundary=b'),
      '--bb',
      '',
      'no',
      '--B',
      '',
      'no',
      '--b \t',
      '',
      'yes',
      '--b--\t',
    );
    expect(bodies(mail.root)).toEqual(['yes']);
    expect(oddityCodes(mail)).toContain('BOUNDARY_AMBIGUOUS');
  });

  test('a multipart that cannot be split is one text', () => {
    for (const [type, oddity] of [
      ['multipart/mixed', 'BOUNDARY_MISSING'],
      ['multipart/mixed; boundary=""', 'BOUNDARY_MISSING'],
      ['multipart/mixed; boundary=x', 'BOUNDARY_ABSENT'],
    ] as const) {
      const mail = message(...head(type), '--b', '', 'one', '--b--');
      expect(mail.root.children).toHaveLength(0);
      expect(mail.texts.map(({ source }) => source)).toEqual(['--b\r\n\r\none\r\n--b--']);
      expect(oddityCodes(mail)).toContain(oddity);
    }
  });

  test('boundaries with odd characters, continued ones, 8-bit ones', () => {
    for (const [param, delimiter] of [
      ['boundary="a b (c)"', 'a b (c)'],
      ['boundary*0=ab; boundary*1=cd', 'abcd'],
      ["boundary*=utf-8''a%20b", 'a b'],
      ['boundary="\xe4\xff"', '\xe4\xff'],
      ['boundary=\xc3\xa4', '\xc3\xa4'],
      ['boundary="a\\"b"', 'a"b'],
      ['boundary="b  "', 'b'],
    ] as const) {
      const mail = message(...head(`multipart/mixed; ${param}`), `--${delimiter}`, '', 'one', `--${delimiter}--`);
      expect(bodies(mail.root), param).toEqual(['one']);
    }
  });

  test('parts of a digest are messages', () => {
    const mail = message(
      ...head('multipart/digest; boundary=b'),
      '--b',
      '',
      'Subject: x',
      '',
      'one',
      '--b',
      'Content-Type: text/plain',
      '',
      'two',
      '--b--',
    );
    expect(shape(mail.root)).toBe('multipart/digest(message/rfc822(text/plain) text/plain)');
    expect(mail.parts[2]?.headers[0]?.value).toBe('x');
  });

  test('embedded messages, in clear and encoded', () => {
    const inner = [
      'Subject: inner',
      'Content-Type: multipart/mixed; boundary=c',
      '',
      '--c',
      '',
      'deep',
      '--c--',
      '',
    ].join('\r\n');
    const clear = message(
      ...head('multipart/mixed; boundary=b'),
      '--b',
      'Content-Type: message/rfc822',
      '',
      inner,
      '--b--',
    );
    expect(shape(clear.root)).toBe('multipart/mixed(message/rfc822(multipart/mixed(text/plain)))');
    expect(clear.parts.map(({ path }) => path)).toEqual(['', '1', '1.0', '1.1']);
    const encoded = message(
      ...head('multipart/mixed; boundary=b'),
      '--b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(inner).toString('base64'),
      '--b--',
    );
    expect(shape(encoded.root)).toBe(shape(clear.root));
    expect(bodies(encoded.root)).toEqual(['deep']);
    const [, part, root] = encoded.parts;
    expect(part?.container).toBe(encoded.raw);
    expect(root?.container.toString('latin1')).toBe(inner);
    expect(oddityCodes(encoded)).toContain('TRANSFER_ENCODING_ON_MULTIPART');
  });

  test('an embedded message without parts has the path IMAP gives it', () => {
    const mail = message(...head('message/rfc822'), 'Subject: x', '', 'y');
    expect(mail.parts.map(({ path, type }) => `${path} ${type}`)).toEqual([' message/rfc822', '1 text/plain']);
  });

  test('a part’s header may end at the delimiter', () => {
    const mail = message(
      ...head('multipart/mixed; boundary=b'),
      '--b',
      'Content-Type: text/html',
      '--b',
      '',
      'two',
      '--b--',
    );
    expect(shape(mail.root)).toBe('multipart/mixed(text/html text/plain)');
    expect(bodies(mail.root)).toEqual(['', 'two']);
    expect(oddityCodes(mail)).toContain('HEADER_SEPARATOR_MISSING');
  });

  test('types that are none are text/plain; of two fields the first counts', () => {
    for (const type of ['', 'text', '/', 'text/', 'x y z'])
      expect(message(...head(type), 'x').root.type, type).toBe('text/plain');
    const mail = message(
      'Content-Type: text/html',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: base64',
      'Content-Transfer-Encoding: 7bit',
      '',
      'QUJD',
    );
    expect(mail.root.type).toBe('text/html');
    expect(mail.texts[0]?.source).toBe('ABC');
    expect(oddityCodes(mail)).toEqual(expect.arrayContaining(['CONTENT_TYPE_REPEATED', 'TRANSFER_ENCODING_REPEATED']));
  });

  test('limits', () => {
    const lines = [
      ...head('multipart/mixed; boundary=b'),
      '--b',
      '',
      '1',
      '--b',
      '',
      '2',
      '--b',
      '',
      '3',
      '--b--',
    ].join('\r\n');
    const few = rawMessage(lines, { partsMax: 3 });
    expect(few.parts).toHaveLength(3);
    expect(bodies(few.root)[1]).toContain('2');
    expect(oddityCodes(few)).toContain('MIME_PARTS_LIMIT');
    const flat = rawMessage(lines, { depthMax: 0 });
    expect(flat.parts).toHaveLength(1);
    expect(oddityCodes(flat)).toContain('MIME_DEPTH_LIMIT');
  });

  test('fields of a part', () => {
    const mail = message(
      'Content-Type: image/png; name="a.png"',
      'Content-Disposition: Inline; filename="b.png"',
      'Content-ID: <x@y>',
      'Content-Transfer-Encoding: BASE64 (really)',
      '',
      'QUJD',
    );
    expect(mail.root).toMatchObject({
      type: 'image/png',
      disposition: 'inline',
      contentId: 'x@y',
      transferEncoding: 'base64',
      name: 'b.png',
    });
    expect(mail.root.content().toString()).toBe('ABC');
    expect(mail.root.content()).toBe(mail.root.content());
  });
});
