// The scan that says which patterns may match: it must never leave out one that does, whatever the texts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, Subject, type Pattern } from '../../../rules/pattern/pattern.js';
import { CandidateScan } from '../../../rules/scan/candidates.js';
import { buildScanTables, LiteralScan } from '../../../rules/scan/literal-scan.js';
import { cpuMsSince } from '../../ground/cpu.js';

const compile = (source: string): Pattern => compilePattern({ source, flags: 'i' });

function found(literals: readonly string[], text: string): readonly string[] {
  const numbers: number[] = [];
  new LiteralScan(buildScanTables(literals)).scan(text, (number) => numbers.push(number));
  return numbers.map((number) => literals[number]!).sort();
}

describe('literals', () => {
  it('are found anywhere, once each, in either case', () => {
    expect(found(['abc', 'abcd', 'zzz', 'cde'], 'xABCDexabcd')).toEqual(['abc', 'abcd', 'cde']);
    expect(found(['gr\xfcn'], 'GR\xdcN')).toEqual(['gr\xfcn']);
    expect(found(['abc'], '')).toEqual([]);
    expect(found([], 'abc')).toEqual([]);
    expect(found(['\0\0\0'], 'ab')).toEqual([]);
    expect(found(['\0\0\0\0a'], '\0\0a')).toEqual([]);
  });

  it('are those that String.includes finds', () => {
    const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\0', '\xe9'), minLength: 3, maxLength: 6 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\0', '\xe9'), maxLength: 80 });
    fc.assert(
      fc.property(fc.uniqueArray(short, { maxLength: 40 }), text, (literals, haystack) => {
        expect(found(literals, haystack)).toEqual(literals.filter((literal) => haystack.includes(literal)).sort());
      }),
      { numRuns: 1_000, seed: 3 },
    );
  });
});

describe('candidates', () => {
  it('are the texts that hold a literal, or may begin a match', () => {
    const viagra = compile('viagra');
    const spelled = compile('[v\\xfe-\\xff]{2}[0-9!]{2}[a@]{2}');
    const any = compile('\\w');
    const candidates = new CandidateScan([viagra, spelled, any]).candidates([
      'plain text',
      'VIAGRA',
      'vv11@a',
      'vv11@',
    ]);
    expect(candidates.placesOf(viagra)).toEqual([1]);
    expect(candidates.placesOf(spelled)).toEqual([2]);
    expect(candidates.placesOf(any)).toBeNull();
    expect(candidates.placesOf(compile('never seen'))).toBeNull();
  });

  it('never leave out a text that matches', () => {
    const atom = fc.constantFrom(
      'ab',
      'foo',
      '[a-c0]',
      '[^a]',
      '\\w',
      '\\s',
      'x',
      '(?:foo|b)',
      '(?=b)',
      '(?!a)',
      '\\b',
      '(a|b)\\1',
      '1',
    );
    const repeat = fc.constantFrom('', '', '', '?', '*', '+', '{2}', '{1,3}');
    const source = fc
      .array(fc.tuple(atom, repeat), { minLength: 1, maxLength: 7 })
      .map((items) => items.map(([one, times]) => (/^\(\?[=!]|^\\b/.test(one) ? one : `(?:${one})${times}`)).join(''));
    const text = fc.string({ unit: fc.constantFrom(...'aabbcfoox01 '), maxLength: 24 });
    fc.assert(
      fc.property(
        fc.array(source, { minLength: 1, maxLength: 6 }),
        fc.array(text, { maxLength: 6 }),
        (sources, texts) => {
          // Number references anew: each pattern stands alone.
          const patterns = sources.map((one) => compile(one.replace(/\((?!\?)a\|b\)\\1/g, '(?:aa|bb)')));
          const candidates = new CandidateScan(patterns).candidates(texts);
          for (const pattern of patterns) {
            const places = candidates.placesOf(pattern);
            texts.forEach((one, index) => {
              if (pattern.test(new Subject(one))) expect(places === null || places.includes(index)).toBe(true);
            });
          }
        },
      ),
      { numRuns: 2_000, seed: 5 },
    );
  });

  it('take time linear in the text', () => {
    const patterns = Array.from({ length: 500 }, (_, index) => compile(`aaaa${index}b`));
    const scan = new CandidateScan([...patterns, compile('(a+)+$'), compile('[ab]{6}c')]);
    const started = process.cpuUsage();
    scan.candidates(['a'.repeat(2_000_000)]);
    expect(cpuMsSince(started)).toBeLessThan(1_000);
  });
});
