// Address patterns: `*` and nothing else, in linear time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../../pipeline/pattern.js';
import { cpuMsSince } from '../ground/cpu.js';

describe('matchesPattern', () => {
  it.each([
    ['a@b.test', 'A@B.test', true],
    ['*@b.test', 'x@b.test', true],
    ['*@b.test', 'x@c.b.test', false],
    ['*@*.b.test', 'x@c.b.test', true],
    ['sales-*@*', 'sales-eu@any.test', true],
    ['sales-*@*', 'sale@any.test', false],
    ['*', '', true],
    ['a*a', 'a', false],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'axxc', false],
    ['.*', 'xyz', false],
    ['**', 'anything', true],
  ])('%s against %s is %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it('agrees with the same pattern as a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 });
    fc.assert(
      fc.property(letters, text, (pattern, subject) => {
        const regex = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^]*')}$`);
        expect(matchesPattern(pattern, subject)).toBe(regex.test(subject));
      }),
    );
  });

  it('stays linear on a pattern made to backtrack', () => {
    const started = process.cpuUsage();
    expect(matchesPattern(`${'*a'.repeat(150)}b`, 'a'.repeat(100_000))).toBe(false);
    expect(cpuMsSince(started)).toBeLessThan(1_000);
  });
});
