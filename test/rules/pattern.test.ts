// Perl patterns on bytes: what each construct matches, what is refused and why, and that the literal filter never hides
// a match.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, Subject } from '../../rules/pattern/pattern.js';
import { Effort } from '../../rules/pattern/effort.js';
import { PatternError } from '../../rules/pattern/syntax.js';
import { cpuMsSince } from '../ground/cpu.js';

const test = (source: string, flags: string, text: string) => compilePattern({ source, flags }).test(new Subject(text));

describe('patterns match as Perl does', () => {
  const cases: readonly [source: string, flags: string, text: string, matches: boolean][] = [
    ['foo$', '', 'foo\n', true],
    ['foo$', '', 'foo\nbar', false],
    ['foo$', 'm', 'foo\nbar', true],
    ['foo\\z', '', 'foo\n', false],
    ['foo\\Z', '', 'foo\n', true],
    ['^$', '', '\n', true],
    ['^bar', '', 'foo\nbar', false],
    ['^bar', 'm', 'foo\nbar', true],
    ['\\Abar', 'm', 'foo\nbar', false],
    ['a.b', '', 'a\nb', false],
    ['a.b', 's', 'a\nb', true],
    ['a.b', '', 'a\rb', true],
    ['a\\sb', '', 'a\x0bb', true],
    ['a\\sb', '', 'a\xa0b', false],
    ['a[\\S]b', '', 'a\x0bb', false],
    ['a[^\\S]b', '', 'a b', true],
    ['\\w', '', '\xe9', false],
    ['\\xe2\\x82\\xac', '', '\xe2\x82\xac', true],
    ['^..$', '', '\xc3\xa9', true],
    ['^.$', '', '\xc3\xa9', false],
    ['\\x{e9}', '', '\xe9', true],
    // SpamAssassin compiles with /aa: letters above 127 have cases, too.
    ['\xc0', 'i', '\xe0', true],
    ['[\xe0-\xe9]', 'i', '\xc5', true],
    ['\xd7', 'i', '\xf7', false],
    ['\xdf', 'i', 'ss', false],
    ['[\xc0k]', 'i', 'K', true],
    ['[^a]', 'i', 'A', false],
    ['(?i)foo', '', 'FOO', true],
    ['(?i:f)oo', '', 'Foo', true],
    ['(?i:f)oo', '', 'FOO', false],
    ['a(?i)b|c', '', 'C', true],
    ['(?-i:f)oo', 'i', 'Foo', false],
    ['(?s:.)(?:.)', '', '\n\n', false],
    ['a b # c', 'x', 'ab', true],
    ['a\\ b', 'x', 'a b', true],
    ['a(?#note)b', '', 'ab', true],
    ['[[:alpha:]][[:^digit:]]', '', 'ab', true],
    ['[[:alpha:]][[:^digit:]]', '', 'a1', false],
    ['[]a]', '', ']', true],
    ['[a\\]]', '', ']', true],
    ['[a-]', '', '-', true],
    ['x{2}', '', 'xx', true],
    ['^x{,2}$', '', 'xx', true],
    ['^x{,2}$', '', 'xxx', false],
    ['x{ 2, 3 }y', '', 'xxy', true],
    ['{a', '', '{a', true],
    ['[.,:]', '', ':', true],
    ['\\o{101}\\N{U+42}', '', 'AB', true],
    ['\\x{20ac}?a', '', 'a', true],
    ['[\\x{7f}-\\x{2000}]', '', '\xff', true],
    ['\\p{Lu}\\P{L}', '', 'A1', true],
    ['\\pL', '', '\xe9', true],
    ['\\p{Han}', '', 'abc', false],
    ['(?|(a)|(b))\\1', '', 'bb', true],
    ['(?n)(a)b', '', 'ab', true],
    ['(?^i:a)(?aa)b', '', 'Ab', true],
    ['a(?=b)', '', 'ab', true],
    ['a(?=b)', '', 'ac', false],
    ['a(?!b)', '', 'ab', false],
    ['a(?!b)', '', 'abac', true],
    ['(?<=a)b', '', 'bab', true],
    ['(?<=a)b', '', 'bb', false],
    ['(?<!a)b', '', 'ab', false],
    ['(?<!\\w{2}|x)b', '', 'aab b', true],
    ['(?<=^|,)b', '', 'a,b', true],
    ['(a|b)\\1', '', 'ab bb', true],
    ['(a|b)\\1', '', 'ab', false],
    ['(a)\\1', 'i', 'aA', true],
    ['(a)?\\1b', '', 'b', false],
    ['(?<n>a+)-\\k<n>$', '', 'aa-aa', true],
    ['(?P<n>a)(?P=n)\\g{-1}\\g{n}', '', 'aaaa', true],
    ['^(?>a+)ab', '', 'aaab', false],
    ['^a++ab', '', 'aaab', false],
    ['^a*+b', '', 'aaab', true],
    ['^(?:a|ab)c', '', 'abc', true],
    ['^(?>a|ab)c', '', 'abc', false],
    ['x{1001}', '', 'x'.repeat(1001), true],
    ['x{1001}', '', 'x'.repeat(1000), false],
    ['foo$\\n', '', 'foo\n', true],
    ['(?:a?)*b', '', 'aab', true],
    ['(a|b*)*c', '', 'abbac', true],
    ['^(a\\1?){4}$', '', 'aaaaaa', true],
    ['\\101\\x42\\cJ', '', 'AB\n', true],
    ['\\e\\a', '', '\x1b\x07', true],
    ['\\R', '', '\r\n', true],
    ['\\h\\H', '', '\ta', true],
    ['(?<word>a+)b', '', 'aab', true],
    ['\\bfoo\\b', '', 'a foo.', true],
    ['\\bfoo\\b', '', 'afoo', false],
    ['a+?b', '', 'aab', true],
    // Nothing that a repeat takes can come after it: it has one place to end.
    ['(?=a)(?:[^b]+b+)*c', '', 'aabbabc', true],
    ['(?=a)(?:[^b]+b+)*cc', '', 'aabbabc', false],
    ['(?=a)^a{1,2}b', '', 'aaab', false],
    ['(?=a)a{1,2}b', '', 'aaab', true],
    ['(?=a)a{1,2}?b', '', 'aaab', true],
    ['(?=a)a+\\bb', '', 'aab', false],
    ['\\/path\\#', '', '/path#', true],
    ['^{a}', '', '{a}', true],
    ['a||b', '', 'x', true],
    ['|a', '', 'x', true],
    ['', '', 'x', true],
    ['a{2}{', '', 'aa{', true],
    ['a(?#note)+b', '', 'aab', true],
    ['^\\X.$', '', '\r\n!', true],
    ['^$', 'm', 'foo\n', false],
    ['^$', 'm', 'foo\n\n', true],
    ['\\w', 'u', '\xe9', true],
    ['^\\b.$', 'u', '\xe9', true],
    ['a\\sb', 'u', 'a\xa0b', true],
    ['\xc9', 'i', '\xe9', true],
    ['\xc9', 'di', '\xe9', false],
    ['(?^i:\xc9)', '', '\xe9', false],
    ['[\xc9]', 'li', '\xe9', false],
    ['^[a b]$', 'xx', ' ', false],
    ['^[a b]$', 'x', ' ', true],
    ['^\\p{Lu}$', 'i', 'a', true],
  ];
  for (const [source, flags, text, matches] of cases) {
    it(`/${source}/${flags} ${matches ? 'matches' : 'misses'} ${JSON.stringify(text)}`, () => {
      expect(test(source, flags, text)).toBe(matches);
    });
  }
});

describe('patterns that cannot be run are refused with the reason', () => {
  const cases: readonly [source: string, reason: RegExp][] = [
    // Perl warns of these, and SpamAssassin takes a warning for an error.
    ['\\Qa.b\\E', /not supported/],
    ['x{', /no repeat/],
    ['x{a}', /no repeat/],
    ['(?=a)*', /takes no text/],
    ['\\b+', /takes no text/],
    ['[a-\\d]', /range/],
    ['[:alpha:]', /outside/],
    ['\\xg', /hexadecimal/],
    ['\\018', /octal/],
    ['[\\y]', /not supported/],
    ['(a)\\2', /does not exist/],
    ['\\k<n>', /does not exist/],
    ['a**', /repeat of a repeat/],
    ['(?<=a*)b', /look-behind over/],
    ['x{70000}', /repeat over/],
    ['(?:x{60000}){60000}', /multiply/],
    ['(*FAIL)', /verbs/],
    ['\\b{wb}', /not supported/],
    ['\\p{Nonsense}', /unknown property/],
    ['(?au)a', /exclude each other/],
    ['(?o)a', /modifier/],
    ['(?i-u)a', /group/],
    ['(a){x', /no repeat/],
    ['\\x4)', /hexadecimal/],
    ['[\\x4]', /hexadecimal/],
    ['\\18', /octal/],
    ['^{1,3}', /takes no text/],
    ['x(?:\\b){2}y', /takes no text/],
    ['a*(?#note)*', /repeat of a repeat/],
    ['(?{ system("id") })', /code/],
    ['(??{ 1 })', /code/],
    ['(?R)', /recursion/],
    ['(?(1)a|b)', /conditional/],
    ['(a', /opening bracket/],
    ['a)', /closing bracket/],
    ['[a', /without an end/],
    ['*a', /nothing to repeat/],
    ['[b-a]', /range/],
    ['a\\', /back slash/],
    ['[[:nonsense:]]', /unknown class/],
    ['('.repeat(200), /nest deeper/],
    ['a'.repeat(300_000), /longer than/],
  ];
  for (const [source, reason] of cases) {
    it(`/${source.slice(0, 30)}/`, () => {
      expect(() => compilePattern({ source, flags: '' })).toThrow(PatternError);
      expect(() => compilePattern({ source, flags: '' })).toThrow(reason);
    });
  }

  it('an unknown modifier', () => {
    expect(() => compilePattern({ source: 'a', flags: 'k' })).toThrow(/modifier/);
  });

  it('whatever the source, only ever with a PatternError', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab()[]{}|?*+\\^$.-:<>=!#,1ixQEx '.split('')), maxLength: 24 }),
        (source) => {
          try {
            compilePattern({ source, flags: '' });
          } catch (error) {
            expect(error).toBeInstanceOf(PatternError);
          }
        },
      ),
      { numRuns: 2_000, seed: 11 },
    );
  });
});

/** Patterns that JavaScript and Perl read alike. */
const pattern = fc.letrec<{ node: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('abc', 'Sale', 'x', 'to', '9') },
    { weight: 2, arbitrary: fc.constantFrom('[ab]', '\\d', '\\w', '[^a]', '\\b', '.') },
    { weight: 1, arbitrary: fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`) },
  ),
  node: fc
    .array(fc.tuple(tie('atom'), fc.constantFrom('', '', '', '?', '+', '*', '{2}', '{1,3}')), {
      minLength: 1,
      maxLength: 4,
    })
    .map((items) =>
      items.map(([atom, repeat]) => (atom === '\\b' || repeat === '' ? atom : `(?:${atom})${repeat}`)).join(''),
    ),
})).node;

describe('against JavaScript, on ASCII', () => {
  it('the same texts match, literals or not', () => {
    fc.assert(
      fc.property(
        pattern,
        fc.string({ unit: fc.constantFrom(...'abcABCsalexto9 _'.split('')), maxLength: 30 }),
        fc.boolean(),
        (source, text, insensitive) => {
          const flags = insensitive ? 'i' : '';
          expect(test(source, flags, text)).toBe(new RegExp(source, flags).test(text));
        },
      ),
      { numRuns: 3_000, seed: 7 },
    );
  });
});

describe('literals', () => {
  const literals = (source: string, flags = '') => compilePattern({ source, flags }).literals;

  it('are the longest that every match holds', () => {
    expect(literals('click (?:here|now)', 'i')).toEqual(['click here', 'click now']);
    expect(literals('\\bviagra\\b')).toEqual(['viagra']);
    expect(literals('a\\d+million\\s+dollars')).toEqual(['million']);
    expect(literals('(?:foo|bar)+x*')).toEqual(['foo', 'bar']);
  });

  it('are none where some match may lack them', () => {
    expect(literals('(?:million)?')).toBeNull();
    expect(literals('\\d{3}')).toBeNull();
    expect(literals('million|\\d')).toBeNull();
  });

  it('compare bytes above 127 in one way', () => {
    expect(test('gr\xc3\x9cn', '', 'gr\xc3\x9cn')).toBe(true);
    expect(test('\xc3\xa9t\xc3\xa9', 'i', '\xc3\xa9T\xc3\xa9')).toBe(true);
  });
});

describe('counting', () => {
  const count = (source: string, text: string, max = 100) =>
    compilePattern({ source, flags: '' }).count(new Subject(text), max);

  it('counts matches that do not overlap, up to a limit', () => {
    expect(count('aa', 'aaaaa')).toBe(2);
    expect(count('a', 'aaaaa', 3)).toBe(3);
    expect(count('\xe9', '\xe9\xe9')).toBe(2);
  });

  it('goes on past empty matches as Perl does', () => {
    expect(count('b*', 'ab\xe9')).toBe(4);
    expect(count('a??', 'aab')).toBe(6);
    expect(count('(|a)', 'ab')).toBe(4);
    expect(count('$', 'a\n')).toBe(2);
    expect(count('\\n|a$', 'a\n')).toBe(2);
    expect(count('\\Ga', 'aaba')).toBe(2);
    expect(count('(\\w)\\1', 'aabbcaac')).toBe(3);
    expect(count('a(?=a)', 'aaaa', 2)).toBe(2);
  });

  it('tells what named groups took, each text once', () => {
    const pattern = compilePattern({ source: '(?<WHO>[a-z]+)@(?<AT>[a-z]*)', flags: '' });
    expect(pattern.names).toEqual(['WHO', 'AT']);
    const found = pattern.captures(new Subject('ann@here bob@ ann@there'), 100);
    expect(Object.fromEntries(found)).toEqual({ WHO: ['ann', 'bob'], AT: ['here', 'there'] });
    expect(pattern.captures(new Subject('nobody'), 1).size).toBe(0);
  });
});

describe('time', () => {
  const HOSTILE = [
    '(a+)+$',
    '(?!b)(a+)+$',
    '(a|a)*\\1c',
    '(?:a*)*(?=c)',
    '(.*)(.*)(.*)(.*)\\1x',
    '(?=(a+)+$)b',
    'a.*a.*a.*(?!a)c',
  ];

  for (const source of HOSTILE) {
    it(`/${source}/ over a million bytes is known or given up soon`, () => {
      const effort = new Effort();
      const pattern = compilePattern({ source, flags: '' });
      const started = process.cpuUsage();
      const matched = pattern.test(new Subject(`${'a'.repeat(1_000_000)}b`), effort);
      expect(matched).toBe(false);
      expect(cpuMsSince(started)).toBeLessThan(500);
    });
  }

  it('says so when it gave up, and what all searches together may take is bounded', () => {
    const effort = new Effort();
    const pattern = compilePattern({ source: '(a|aa)+\\1c', flags: '' });
    const subject = new Subject('a'.repeat(2_000));
    expect(pattern.test(subject, effort)).toBe(false);
    expect(effort.givenUp).toBe(1);
    const started = process.cpuUsage();
    for (let time = 0; time < 1_000; time++) pattern.test(subject, effort);
    expect(effort.givenUp).toBe(1_001);
    expect(cpuMsSince(started)).toBeLessThan(2_000);
  });

  it('holds no stack of its own that a long text could overflow', () => {
    const pattern = compilePattern({ source: '^(?:a|b(?!c))*$', flags: '' });
    expect(pattern.test(new Subject('ab'.repeat(20_000)))).toBe(true);
  });

  it('stays linear on patterns that kill a backtracking engine', () => {
    const started = process.cpuUsage();
    expect(test('(a+)+$', '', `${'a'.repeat(100_000)}b`)).toBe(false);
    expect(test('(?:a|a?)+c', '', 'a'.repeat(100_000))).toBe(false);
    expect(cpuMsSince(started)).toBeLessThan(1_000);
  });
});
