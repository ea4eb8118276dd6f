// Expressions over characters, run over bytes: they match where the same expression of JavaScript matches over the
// characters, whatever script they are of; case counts or does not, in the whole and in parts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBytes } from '../../../rules/bytes.js';
import { toByteExpression } from '../../../rules/content/expression.js';
import { foldLetters } from '../../../rules/content/fold.js';
import { compilePattern, Subject } from '../../../rules/pattern/pattern.js';
import { cpuMsSince } from '../../ground/cpu.js';

function matches(expression: string, text: string, caseSensitive = false): boolean {
  const written = toByteExpression(expression, caseSensitive);
  return compilePattern(written).test(new Subject(toBytes(written.folded ? foldLetters(text) : text)));
}

const LETTERS = [...'aAkKsSäÄßẞéЖжσςΣ詐騙😀İiı\u017f\u212a1 _-\n'];
/** Not ending in a newline: after it Perl sees no further line, JavaScript does. */
const text = fc.string({ unit: fc.constantFrom(...LETTERS), maxLength: 24 }).map((whole) => whole.replace(/\n+$/, ''));
const literal = fc.constantFrom(...LETTERS.filter((letter) => letter !== '-'));
const atom = fc.oneof(
  literal,
  fc.array(literal, { minLength: 1, maxLength: 4 }).map((letters) => `[${letters.join('')}]`),
  fc.array(literal, { minLength: 1, maxLength: 4 }).map((letters) => `[^${letters.join('')}]`),
  fc.constantFrom(
    '.',
    '[a-zà-ÿ]',
    '[А-Я]',
    '\\p{L}',
    '\\p{Lu}',
    '\\P{L}',
    '\\p{Script=Greek}',
    '[^\\x00-\\x7f]',
    '\\d',
    '\\D',
  ),
);
const repeated = fc
  .tuple(atom, fc.constantFrom('', '', '', '+', '*', '?', '{2}', '{1,3}'))
  .map((parts) => parts.join(''));
const sequence = fc.array(repeated, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
const expression = fc.oneof(
  sequence,
  fc.tuple(sequence, sequence).map(([one, two]) => `(?:${one}|${two})`),
  fc.tuple(sequence, sequence).map(([one, two]) => `${one}(?=${two})`),
  fc.tuple(sequence, literal).map(([one, two]) => `(?<!${two})${one}`),
  fc.tuple(atom, sequence).map(([one, two]) => `(${one})${two}\\1`),
  sequence.map((one) => `^${one}$`),
);

describe('expressions over bytes', () => {
  it('match as JavaScript does over characters, with case', () => {
    fc.assert(
      fc.property(expression, text, (source, whole) => {
        expect(matches(source, whole, true)).toBe(new RegExp(source, 'um').test(whole));
      }),
      { numRuns: 400 },
    );
  });

  it('match as JavaScript does over characters, without case', () => {
    // What JavaScript makes of a negated class without case is its own: \P{L} and \D aside, complements come last.
    const plain = expression.filter((source) => !/\\P/.test(source));
    fc.assert(
      fc.property(plain, text, (source, whole) => {
        expect(matches(source, whole)).toBe(new RegExp(source, 'ium').test(whole));
      }),
      { numRuns: 400 },
    );
  });

  it.each<[string, string, boolean]>([
    ['(?i:ÄRGER) Amt', 'ärger Amt', true],
    ['(?i:ÄRGER) Amt', 'ärger amt', false],
    ['a(?i)b(?-i)c', 'aBc', true],
    ['a(?i)b(?-i)c', 'aBC', false],
    ['(?i)straße', 'STRAẞE', true],
    ['(?s:a.b) c.d', 'a\nb c\nd', false],
    ['(?x) a b # and so on', 'xaby', true],
    ['\\Qa.b[c\\E+', 'a.b[cc', true],
    ['\\x{8a50}\\u9a19\\N{U+1F600}', '詐騙😀', true],
    ['\\h\\d\\R', '\u3000' + '1\r\n', true],
    ['[[:upper:]]{2}\\W', 'xAB騙', true],
    ['[^[:ascii:]]', 'plain', false],
    ['(?P<one>[äö])-(?P=one)', 'ö-ö', true],
    ['(?<one>[äö])-\\k<one>', 'ö-ä', false],
    ['(.)(.)(.)\\3\\g2\\g{-3}', '詐騙局局騙詐', true],
    ['^.$', '😀', true],
    ['\\b騙', '詐騙', false],
    ['\\Bx', '騙x', false],
    ['\\101\\0', 'A\0', true],
    ['x{y} a{,b', 'x{y} a{,b', true],
  ])('%s over %j with case: %s', (source, whole, expected) => {
    expect(matches(source, whole, true)).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ['ς', 'Σ', true],
    ['[à-ý]rger', 'ÄRGER', true],
    ['[^ä]', 'Ä', false],
    ['\\p{Lu}', 'ж', true],
    ['\\P{Lu}', 'ж', false],
    ['a(?-i)B', 'AB', true],
    ['a(?-i)B', 'Ab', false],
    ['(ä)x\\1', 'äXÄ', true],
    ['kiss', '\u212aI\u017fS', true],
    ['ı', 'I', false],
    ['\\x41\\xe4', 'aÄ', true],
  ])('%s over %j without case: %s', (source, whole, expected) => {
    expect(matches(source, whole)).toBe(expected);
  });

  it.each([
    ['[a-\\d]', 'range in a character class that is not one'],
    ['[z-a]', 'range in a character class that is not one'],
    ['[ab', 'character class without an end'],
    ['[[:alpah:]]', 'unknown class [:alpah:]'],
    ['[:alpha:]', '[:name:] stands outside of a character class'],
    ['\\p{Klingon}', 'unknown property "Klingon"'],
    ['\\yes', '"\\y" is not supported'],
    ['\\C', '"\\C" is not supported'],
    ['a\\', 'back slash at the end'],
    ['\\x{110000}', 'a code that is no character'],
    ['(?U)a', 'unknown kind of group "(?U"'],
    ['a)', 'closing bracket without an opening one'],
  ])('%s is refused: %s', (source, reason) => {
    expect(() => compilePattern(toByteExpression(source, true))).toThrow(reason);
  });

  it('cost the more the larger their sets, within bounds', () => {
    const startedAt = process.cpuUsage();
    for (let turn = 0; turn < 20; turn++) compilePattern(toByteExpression(`\\p{L}+${turn}\\P{Lu}{2,5}`, false));
    expect(cpuMsSince(startedAt)).toBeLessThan(3_000);
  });
});

describe('case folded letter by letter', () => {
  it('makes alike what expressions without case take for alike, and nothing else', () => {
    const quoted = (letter: string) => `^\\u{${letter.codePointAt(0)!.toString(16)}}$`;
    for (let code = 0; code < 0x2_0000; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const letter = String.fromCodePoint(code);
      const folded = foldLetters(letter);
      const partners = [folded, letter.toLowerCase(), letter.toUpperCase()].filter((one) => [...one].length === 1);
      if (partners.every((one) => one === letter)) continue;
      const same = new RegExp(quoted(letter), 'iu');
      for (const one of partners) expect([code, one, foldLetters(one) === folded]).toEqual([code, one, same.test(one)]);
    }
  });
});
