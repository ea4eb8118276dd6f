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

describe('recodeWord', () => {
  it('believes the charset of a word', () => {
    expect(recodeWord('\xd0\xd2\xc9\xd7\xc5\xd4', 'koi8-r')).toBe(Buffer.from('привет').toString('latin1'));
  });
});
