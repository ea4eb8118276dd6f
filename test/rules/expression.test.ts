// Meta expressions: values as Perl gives them, and what is refused.
import { describe, expect, it } from 'vitest';
import { ExpressionError, prepareExpression, readExpression, type RuleNumbers } from '../../rules/expression.js';
import { globMatches } from '../../rules/order.js';
import { cpuMsSince } from '../ground/cpu.js';

const NAMES = ['A', 'B', 'C', '__X1', '__X2'];
const COUNTS = Float64Array.of(1, 3, 0, 2, 5);
const NUMBERS: RuleNumbers = {
  numberOf: (name) => (NAMES.includes(name) ? NAMES.indexOf(name) : undefined),
  matching: (glob) => NAMES.flatMap((name, number) => (globMatches(glob, name) ? [number] : [])),
};
const value = (text: string) => prepareExpression(readExpression(text), NUMBERS)(COUNTS);

describe('values', () => {
  const cases: readonly [string, number][] = [
    ['A', 1],
    ['UNKNOWN', 0],
    ['A + B', 4],
    ['A + B * 2', 7],
    ['(A + B) * 2', 8],
    ['B - A - A', 1],
    ['B / 2', 1.5],
    ['B / C', 0],
    ['-B + 4', 1],
    ['!A', 0],
    ['!C', 1],
    ['!!B', 1],
    ['A && B', 3],
    ['B && A', 1],
    ['C && B', 0],
    ['C || B', 3],
    ['B || A', 3],
    ['A && !C', 1],
    ['A || C && C', 1],
    ['A + B > 3', 1],
    ['A + B > 4', 0],
    ['A + B >= 4', 1],
    ['A < B', 1],
    ['A <= C', 0],
    ['A == 1', 1],
    ['A < __X1 < B', 1],
    ['B > __X1 > __X1', 0],
    ['C == C == C', 1],
    ['B == B != B', 0],
    ['A < B < __X2 <= 5', 1],
    ['1 + (A < B > __X1) * 2', 3],
    ['A != 1', 0],
    ['A ^ B', 2],
    ['C ? A : B', 3],
    ['A ? C ? 1 : 2 : 3', 2],
    ['(A>0) + (B>0) + (C>0) >= 2', 1],
    ['rules_matching(__X*)', 7],
    ['rules_matching( __X? ) > 6', 1],
    ['1.5 + 0.5', 2],
    ['()', 0],
  ];
  for (const [text, expected] of cases) {
    it(`${text} = ${expected}`, () => {
      expect(value(text)).toBe(expected);
    });
  }

  it('names what it reads, each once', () => {
    expect(readExpression('A + B + A > 1')).toMatchObject({ names: ['A', 'B'], globs: [] });
  });
});

describe('refused', () => {
  const cases: readonly [string, RegExp][] = [
    ['', /nothing/],
    ['A +', /ends too early/],
    ['A B', /unexpected "B"/],
    ['(A', /closing/],
    ['A)', /unexpected/],
    ['A % 2', /does not belong/],
    ['A ? B', /without ":"/],
    ['A = 1', /does not belong/],
    ['system("id")', /unexpected|does not belong/],
    ['A; B', /does not belong/],
    [`${'('.repeat(200)}A${')'.repeat(200)}`, /deeper/],
    [`${'!'.repeat(200)}A`, /deeper/],
    [`A${' + A'.repeat(3_000)}`, /more than/],
  ];
  for (const [text, reason] of cases) {
    it(text.slice(0, 30), () => {
      expect(() => readExpression(text)).toThrow(ExpressionError);
      expect(() => readExpression(text)).toThrow(reason);
    });
  }

  it('takes a long chain without deep recursion', () => {
    expect(value(`A${' + A'.repeat(1_900)}`)).toBe(1_901);
  });
});

describe('globs', () => {
  it('match in time linear in both lengths', () => {
    expect(globMatches('__A*B?', '__AxxBy')).toBe(true);
    expect(globMatches('__A*B?', '__AxxB')).toBe(false);
    const started = process.cpuUsage();
    expect(globMatches(`${'*a'.repeat(60)}b`, 'a'.repeat(20_000))).toBe(false);
    expect(cpuMsSince(started)).toBeLessThan(1_000);
  });
});
