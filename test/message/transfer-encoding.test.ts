// Transfer decodings where the input is broken, and uuencoded files.
import { describe, expect, test } from 'vitest';
import { decodeBase64, decodeQuotedPrintable, encodingKind, looksBase64 } from '../../message/transfer-encoding.js';
import { findUuencoded, UUENCODE_FILES_MAX } from '../../message/uuencode.js';

const base64 = (text: string, padding: 'stop' | 'skip' = 'stop', junk: 'stop' | 'skip' = 'skip'): string =>
  decodeBase64(Buffer.from(text, 'latin1'), { padding, junk }).content.toString('latin1');
const printable = (text: string): string =>
  decodeQuotedPrintable(Buffer.from(text, 'latin1')).content.toString('latin1');

describe('base64', () => {
  test('broken input', () => {
    expect(base64('QUJD\r\nREVG')).toBe('ABCDEF');
    expect(base64('QU!JD')).toBe('ABC');
    expect(base64('QU!JD', 'stop', 'stop')).toBe('A');
    expect(base64('QQ==QUJD')).toBe('A');
    expect(base64('QQ==QUJD', 'skip')).toBe('AABC');
    expect(base64('QUI')).toBe('AB');
    expect(base64('Q')).toBe('');
    expect(base64('=QUJD')).toBe('ABC');
    expect(base64('QUJD====')).toBe('ABC');
    expect(base64('')).toBe('');
  });

  test('facts', () => {
    const facts = (text: string): object => decodeBase64(Buffer.from(text, 'latin1')).facts;
    expect(facts('QU!J-D')).toEqual({ junk: 2, firstJunk: 2, afterPadding: 0, loose: 0 });
    expect(facts('QQ==QUJD')).toEqual({ junk: 0, firstJunk: -1, afterPadding: 4, loose: 0 });
    expect(facts('QUI')).toEqual({ junk: 0, firstJunk: -1, afterPadding: 0, loose: 3 });
    expect(facts('QUI=\r\n')).toEqual({ junk: 0, firstJunk: -1, afterPadding: 0, loose: 0 });
  });

  test('what looks like it', () => {
    const content = Buffer.from('The quick brown fox jumps over the lazy dog, again and again and again.');
    expect(looksBase64(Buffer.from(content.toString('base64')))).toBe(true);
    expect(looksBase64(content)).toBe(false);
    expect(looksBase64(Buffer.from('a'.repeat(100)))).toBe(false);
    expect(looksBase64(Buffer.from('QUJD'))).toBe(false);
  });
});

describe('quoted-printable', () => {
  test.each([
    ['a=3Db', 'a=b'],
    ['a=3db', 'a=b'],
    ['a =\r\nb', 'a b'],
    ['a=\nb', 'ab'],
    ['a= \t\r\nb', 'ab'],
    ['a \t\r\nb', 'a\r\nb'],
    ['a \nb', 'a\nb'],
    ['a=20\r\nb', 'a \r\nb'],
    ['a=', 'a'],
    ['a=x9', 'a=x9'],
    ['a==41', 'a=A'],
    ['=', ''],
    ['\xe4=E4', '\xe4\xe4'],
  ])('%j', (encoded, text) => {
    expect(printable(encoded)).toBe(text);
  });

  test('invalid escapes are counted', () => {
    expect(decodeQuotedPrintable(Buffer.from('=x =4 =41')).broken).toBe(2);
  });
});

describe('names of encodings', () => {
  test('kinds', () => {
    expect(
      ['7bit', '8bit', 'binary', 'base64', 'quoted-printable', 'x-uuencode', 'rot13', ''].map(encodingKind),
    ).toEqual(['identity', 'identity', 'identity', 'base64', 'quoted-printable', 'uuencode', 'unknown', 'unknown']);
  });
});

describe('uuencode', () => {
  test('files in a text, in both line ends', () => {
    for (const eol of ['\n', '\r\n']) {
      const text = ['text', 'begin 644 a b.txt', '#86)C', '`', 'end', 'begin 0755 c', '&86)C9&5F', 'end', ''].join(eol);
      expect(findUuencoded(Buffer.from(text)).map(({ name, content }) => [name, content.toString()])).toEqual([
        ['a b.txt', 'abc'],
        ['c', 'abcdef'],
      ]);
    }
  });

  test('what is none', () => {
    for (const text of [
      'begin with this',
      'begin 644 x\nno data here at all, sorry\n',
      ' begin 644 x\n#86)C\n',
      'begin 9 x\n#86)C\n',
      'begin 644 x\n',
    ])
      expect(findUuencoded(Buffer.from(text)), text).toEqual([]);
  });

  test('trailing blanks lost on the way, a cut end', () => {
    const [file] = findUuencoded(Buffer.from('begin 644 x\n$    \n"86('));
    expect(file?.content.length).toBeGreaterThan(0);
  });

  test('a bound on the number', () => {
    expect(findUuencoded(Buffer.from('begin 644 x\n#86)C\n`\n'.repeat(UUENCODE_FILES_MAX + 5)))).toHaveLength(
      UUENCODE_FILES_MAX,
    );
  });
});
