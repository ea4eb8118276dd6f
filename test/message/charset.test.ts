// Charsets: by name, by what the bytes are, and names that are none.
import iconv from 'iconv-lite';
import { describe, expect, test } from 'vitest';
import { charsetName, decodeText } from '../../message/charset.js';

const RUSSIAN = 'Съешь же ещё этих мягких французских булок, да выпей чаю. Это обычный русский текст для проверки.';

describe('charsets', () => {
  test.each([
    ['utf-8', 'ä€あ'],
    ['UTF8', 'ä€あ'],
    ['"utf-8"', 'ä'],
    ['iso-8859-1', 'äß'],
    ['windows-1252', '€“”'],
    ['iso-8859-15', '€'],
    ['koi8-r', 'Привет'],
    ['windows-1251', 'Привет'],
    ['cp1251', 'Привет'],
    ['shift_jis', 'あア漢'],
    ['euc-jp', 'あア漢'],
    ['iso-2022-jp', 'あア漢'],
    ['gb2312', '你好'],
    ['gb18030', '你好'],
    ['big5', '你好'],
    ['euc-kr', '안녕'],
    ['ks_c_5601-1987', '안녕'],
    ['utf-16le', 'aä€'],
    ['utf-16be', 'aä€'],
    ['utf-7', 'aä€'],
    ['cp850', 'äß'],
    ['iso-8859-8', 'שלום'],
    ['tis-620', 'สวัสดี'],
    ['macintosh', 'äß'],
  ])('%s', (name, text) => {
    const encoder = name === 'iso-2022-jp' ? null : name.replace(/"/g, '').replace('ks_c_5601-1987', 'euc-kr');
    const bytes = encoder === null ? Buffer.from('\x1b$B$"%"4A\x1b(B', 'latin1') : iconv.encode(text, encoder);
    expect(decodeText(bytes, name)).toMatchObject({ text, unknown: false, invalid: false });
  });

  test('latin1 is read as windows-1252, as every reader does', () => {
    expect(decodeText(Buffer.from('\x80\x93', 'latin1'), 'iso-8859-1').text).toBe('€“');
    expect(decodeText(Buffer.from('\x80', 'latin1'), 'us-ascii')).toMatchObject({ text: '€', invalid: true });
  });

  test('UTF-8 that is called something else', () => {
    expect(decodeText(Buffer.from('Grüße €'), 'iso-8859-1')).toMatchObject({ text: 'Grüße €', invalid: true });
    expect(decodeText(Buffer.from('Grüße'), null)).toMatchObject({ text: 'Grüße', invalid: false });
    expect(decodeText(Buffer.from('Grüße'), 'us-ascii')).toMatchObject({ text: 'Grüße', invalid: true });
  });

  test('unlabelled text is guessed', () => {
    expect(decodeText(iconv.encode(RUSSIAN, 'windows-1251'), null).text).toBe(RUSSIAN);
    expect(decodeText(iconv.encode(RUSSIAN, 'koi8-r'), 'x-nonsense')).toMatchObject({ text: RUSSIAN, unknown: true });
    expect(decodeText(Buffer.from('Gr\xfc\xdfe', 'latin1'), null)).toMatchObject({
      text: 'Grüße',
      charset: 'windows-1252',
      invalid: true,
    });
  });

  test('bytes that do not fit', () => {
    expect(decodeText(Buffer.from('a\xffb', 'latin1'), 'utf-8')).toMatchObject({ text: 'a\ufffdb', invalid: true });
    expect(decodeText(Buffer.from('ab'), 'x-nonsense')).toMatchObject({ text: 'ab', unknown: false });
  });

  test('a byte order mark is no text', () => {
    expect(decodeText(Buffer.from('\ufeffä'), 'utf-8').text).toBe('ä');
    expect(decodeText(Buffer.from('\ufeffä'), null).text).toBe('ä');
  });

  test('names are trimmed and bounded', () => {
    expect(charsetName(' "UTF-8" ')).toBe('utf-8');
    expect(charsetName('x'.repeat(1_000))).toHaveLength(40);
  });
});
