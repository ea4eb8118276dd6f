// The automata of wider sources: they must never leave out a text in which a pattern matches, whatever the pattern is made
// of; what is too long, too slow or too large for them counts as possible.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { describePattern } from '../../../rules/pattern/facts.js';
import { compilePattern, Subject, type Pattern } from '../../../rules/pattern/pattern.js';
import { PatternError } from '../../../rules/pattern/syntax.js';
import { CandidateScan } from '../../../rules/scan/candidates.js';
import { portionsOf, SET_TEXT_MAX_BYTES } from '../../../rules/scan/set-scan.js';

const screenOf = (source: string, flags = '') => describePattern({ source, flags }).screen;

/** Sources made of all kinds of parts. */
const leaf = fc.constantFrom(
  ...['a', 'b', 'ab', 'aab', '.', '\\n', ' ', '[ab]', '[^a]', '\\w', '\\W', '\\s', '\\d', '\\xe9', '[\\x80-\\xff]'],
  ...['^', '$', '\\A', '\\z', '\\Z', '\\b', '\\B', '\\G', '\\R'],
  '(?:e|\\xc3[\\xa8\\xa9]|\\xc4\\x93|\\xc8(?:\\x85|\\x87)|&#(?:233|23[24]);)',
);
const source = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('node'), { minLength: 1, maxLength: 4 }).map((items) => items.join('')),
    fc.tuple(tie('node'), tie('node')).map(([one, other]) => `(?:${one}|${other})`),
    fc.tuple(tie('node'), fc.constantFrom('(', '(?>', '(?=', '(?!', '(?i:')).map(([item, open]) => `${open}${item})`),
    fc
      .tuple(fc.constantFrom('a', 'ab', '[ab]', '\\s'), fc.constantFrom('<=', '<!'))
      .map(([item, open]) => `(?${open}${item})`),
    fc
      .tuple(tie('node'), fc.constantFrom('?', '*', '+', '{2}', '{0,5}', '{4,}', '{3,4}', '+?', '{5}?', '*+'))
      .map(([item, times]) => `(?:${item})${times}`),
    tie('node').map((item) => `(${item})\\g{-1}`),
  ),
})).node;
const flags = fc.constantFrom('', 'i', 'm', 's', 'ims');
const text = fc.string({ unit: fc.constantFrom(...'aaabbABe \n1\xc3\xa8\xe9&#;'), maxLength: 20 });

/** The pattern, or null for a source that is refused. */
function compiled(written: { source: string; flags: string }): Pattern | null {
  try {
    return compilePattern(written);
  } catch (error) {
    if (error instanceof PatternError) return null;
    throw error;
  }
}

describe('wider sources', () => {
  it('match wherever the pattern does', () => {
    let matched = 0;
    const written = fc.record({ source, flags });
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 8 }), fc.array(text, { maxLength: 6 }), (all, texts) => {
        const patterns = all.map(compiled).filter((pattern) => pattern !== null);
        const subjects = texts.map((one) => new Subject(one));
        const candidates = new CandidateScan(patterns).candidates(subjects);
        for (const pattern of patterns) {
          const places = candidates.placesOf(pattern);
          subjects.forEach((subject, index) => {
            if (!pattern.test(subject)) return;
            matched++;
            expect(places === null || places.includes(index)).toBe(true);
          });
        }
      }),
      { numRuns: 3_000, seed: 11 },
    );
    expect(matched).toBeGreaterThan(1_000);
  });

  it('leave out what they need not know', () => {
    expect(screenOf('(?<!x)foo(?!bar)')).toBe('foo');
    expect(screenOf('^.*foo.*$')).toBe('foo');
    expect(screenOf('a+b{2,9}c*')).toBe('(?:a)b{2}');
    expect(screenOf('(ab)\\1c')).toMatch(/^\(\?:ab\).*\*c$/);
    expect(screenOf('foo$')).toBe('foo(?m:$)');
  });

  it('say nothing where every text would do', () => {
    for (const one of ['.*', '^$', '(?!a)', '\\w', 'e', '^\\s*\\S', '(?:a|b*)']) expect(screenOf(one)).toBeNull();
  });

  it('take the spellings of a letter together', () => {
    const letter = '(?:o|\\xc3\\xb3|\\xd0[\\xbe\\xae]|\\xce(?:\\xbf|\\xcc)|\\(\\))';
    expect(screenOf(`g${letter}${letter}d`)!.length).toBeLessThan(120);
  });
});

describe('automata', () => {
  const members = (sources: readonly string[]) => sources.map((one, number) => ({ source: one, number }));
  const all = (sources: readonly string[], bytes: Buffer) =>
    portionsOf(members(sources))
      .flatMap((portion) => portion.match(bytes))
      .sort((a, b) => a - b);

  it('tell all patterns that match', () => {
    const sources = Array.from({ length: 100 }, (_, index) => `x${index}y`);
    expect(all(sources, Buffer.from('x3y x42y x99y x100y'))).toEqual([3, 42, 99]);
    expect(all([], Buffer.from('x'))).toEqual([]);
  });

  it('take what cannot be built, or is too long to read, for possible', () => {
    expect(all(['(?:[ab]{1000}){1000}', 'no such', '('], Buffer.from('a'))).toEqual([0, 1, 2]);
    expect(all(['no such'], Buffer.alloc(SET_TEXT_MAX_BYTES + 1))).toEqual([0]);
    expect(all(['no such'], Buffer.alloc(SET_TEXT_MAX_BYTES))).toEqual([]);
  });

  it('stop when they have taken their time, and then take all for possible', () => {
    const patterns = Array.from({ length: 100 }, (_, index) =>
      compilePattern({
        source: `(?:[a-m]|[n-z]{2}|[k-p]\\d){3}[aeiou].{2,}[^a-${'cdefgh'.charAt(index % 6)}]{3,}\\d${index}x`,
        flags: '',
      }),
    );
    const scan = new CandidateScan(patterns);
    const text = new Subject('nothing of it');
    expect(scan.candidates([text]).found).toEqual([]);
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 60));
    try {
      const { found } = scan.candidates([text]);
      // All but those of the one automaton that was still asked.
      expect(found.length).toBeGreaterThan(50);
      expect(found.length).toBeLessThan(patterns.length);
    } finally {
      clock.mockRestore();
    }
  });
});
