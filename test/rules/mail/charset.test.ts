// Charsets of text as SpamAssassin decodes them: what is declared, what is tried before it, and what comes last.
import { describe, expect, it } from 'vitest';
import { decodeText, recodeWord } from '../../../rules/mail/charset.js';

const decoded = (bytes: string, declared: string) => decodeText(bytes, declared).text;

describe('decodeText', () => {
  it('leaves ASCII under a superset of it alone', () => {
    expect(decodeText('+ADw-b+AD4-', 'utf-8')).toEqual({ text: '+ADw-b+AD4-', wide: false });
  });

  it('tries UTF-8 before what is declared, and windows-1252 for Latin 1', () => {
    expect(decoded('caf\xc3\xa9', 'koi8-r')).toBe('café');
    expect(decoded('caf\xe9 \x80', 'iso-8859-1')).toBe('café €');
  });

  it('decodes UTF-7, also where it spells U+FFFD', () => {
    expect(decoded('+ADw-p+AD4-S+//0-ren', 'utf-7')).toBe('<p>S\ufffdren');
  });
});

describe('charsets of two bytes a character', () => {
  it('are as narrow as Perl has them; else the text is taken for windows-1252', () => {
    expect(decoded('\x83\x65\x83\x58\x83\x67', 'Shift_JIS')).toBe('テスト');
    expect(decoded('\x83\x65 \x87\x40', 'shift_jis')).toBe('ƒe ‡@');
    expect(decoded('\xc7\xd1\xb1\xdb', 'euc-kr')).toBe('한글');
    expect(decoded('\xc7\xd1\x81\x41', 'euc-kr')).toBe('ÇÑ\ufffdA');
    expect(decoded('\xc7\xd1\x81\x41', 'ks_c_5601-1987')).toBe('한갂');
    expect(decoded('\xa4\xa4\x87\x40', 'big5')).toBe('¤¤‡@');
  });

  it('end without a word within a character', () => {
    expect(decoded('\xc7\xd1\xb1', 'euc-kr')).toBe('한');
  });

  it('take any length of hostile text', () => {
    expect(decoded('\x81'.repeat(300_001), 'cp936').length).toBeGreaterThan(100_000);
  });
});

describe('names of charsets', () => {
  it('are those that Perl knows', () => {
    expect(decoded('\xd0', 'x-cp1251')).toBe('Р');
    expect(decoded('\xd0', 'windows_1251')).toBe('Р');
    expect(decoded('\xd0', 'Latin2')).toBe('Đ');
    expect(decoded('\xd0', 'ISO 8859-5')).toBe('а');
    expect(decoded('\xd0', 'win1251')).toBe('Ð');
    expect(decoded('\xf9', 'iso-8859-8-i')).toBe('ù');
    expect(decoded('\xd0', 'x'.repeat(100_000))).toBe('Ð');
  });
});

describe('recodeWord', () => {
  it('has one mark for each broken sequence of UTF-8', () => {
    const marks = (count: number) => '\xef\xbf\xbd'.repeat(count);
    expect(recodeWord('\xed\xa0\x80x', 'utf-8')).toBe(`${marks(1)}x`);
    expect(recodeWord('\xe3\x81b\x80', 'utf-8')).toBe(`${marks(1)}b${marks(1)}`);
  });

  it('believes the charset of a word', () => {
    expect(recodeWord('\xd0\xd2\xc9\xd7\xc5\xd4', 'koi8-r')).toBe(Buffer.from('привет').toString('latin1'));
  });
});
