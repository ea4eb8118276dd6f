// What a meta waits for: it must never come to anything while none of those rules hit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareExpression, readExpression, type RuleNumbers } from '../../rules/expression.js';
import { neededRules } from '../../rules/needs.js';

const NAMES = ['A', 'B', 'C', 'D', '__E'];
const NUMBERS: RuleNumbers = {
  numberOf: (name) => (NAMES.includes(name) ? NAMES.indexOf(name) : undefined),
  matching: () => [3, 4],
};
/** The later in the alphabet, the rarer. */
const needed = (text: string) =>
  neededRules(readExpression(text), NUMBERS, (rule) => 10 - rule)?.map((rule) => NAMES[rule]);

describe('a meta waits', () => {
  const cases: readonly [string, readonly string[] | undefined][] = [
    ['A && B', ['B']],
    ['A && B && !C', ['B']],
    ['!C && A', ['A']],
    ['A && (B || C)', ['A']],
    ['D && (A || B || C)', ['D']],
    ['(A || B) && (C || D)', ['C', 'D']],
    ['A || B', ['A', 'B']],
    ['A + B + C > 1', ['A', 'B', 'C']],
    ['(A && B) > 0', ['B']],
    ['A * D', ['D']],
    ['A / D', ['A']],
    ['A && UNKNOWN', []],
    ['UNKNOWN && !A', []],
    ['rules_matching(*) > 1', undefined],
    ['A ? B : C', ['A', 'B', 'C']],
    ['!A', undefined],
    ['A < 1', undefined],
    ['A || !B', undefined],
    ['1', undefined],
    ['A - A + 1', undefined],
    ['!A && !B', undefined],
  ];
  it.each(cases)('for those of %s', (text, names) => {
    expect(needed(text)).toEqual(names);
  });

  it('for nothing without which it could hit', () => {
    const operators = fc.constantFrom('+', '-', '*', '/', '&&', '||', '<', '>', '<=', '>=', '==', '!=', '^');
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(...NAMES, 'UNKNOWN', '0', '1', '2', 'rules_matching(*)'),
        fc.tuple(tie('expression'), operators, tie('expression')).map(([a, by, b]) => `(${a} ${by} ${b})`),
        fc.tuple(fc.constantFrom('! ', '- '), tie('expression')).map(([sign, a]) => `(${sign}${a})`),
        fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      ),
    }));
    const counts = fc.array(fc.constantFrom(0, 0, 1, 2), { minLength: NAMES.length, maxLength: NAMES.length });
    fc.assert(
      fc.property(expression, counts, (text, hits) => {
        const read = readExpression(text);
        const needs = neededRules(read, NUMBERS, (rule) => rule);
        if (needs === null || needs.some((rule) => hits[rule] !== 0)) return;
        const value = prepareExpression(read, NUMBERS)(Float64Array.from(hits));
        expect(value === 0 || !Number.isFinite(value)).toBe(true);
      }),
      { numRuns: 5_000, seed: 7 },
    );
  });
});
