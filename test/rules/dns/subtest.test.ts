// Subtests of DNS rules: masks, ranges, addresses, patterns, codes of a list's own trouble.
import { describe, expect, it } from 'vitest';
import { askSubtest, listSubtest, uriSubtest, type Accepts } from '../../../rules/dns/subtest.js';

function takes(accepts: Accepts | null, text: string, type = 'A'): boolean {
  return accepts?.({ rcode: 0, records: [{ type, text }] }) !== null;
}

describe('lists of relays', () => {
  it.each([
    [null, '127.0.0.2', true],
    [null, '192.0.2.1', false],
    [null, '127.255.255.254', false],
    ['4', '127.0.0.6', true],
    ['4', '127.0.0.2', false],
    ['127.0.0.2', '127.0.0.2', true],
    ['127.0.0.2', '127.0.0.20', false],
    ['^127\\.0\\.0\\.[4567]$', '127.0.0.5', true],
    ['^127\\.0\\.0\\.[4567]$', '127.0.0.8', false],
    ['^127\\.', '127.255.255.252', false],
    ['^127\\.255\\.255\\.254$', '127.255.255.254', true],
    ['.', '192.0.2.1', false],
  ])('%s over %s: %s', (subtest, text, expected) => {
    expect(takes(listSubtest(subtest), text)).toBe(expected);
  });

  it('reads texts', () => {
    expect(takes(listSubtest('Dynamic'), 'Dynamic address', 'TXT')).toBe(true);
  });
});

describe('lists of hosts of links', () => {
  it.each([
    [null, '127.0.0.2', true],
    [null, '10.0.0.1', false],
    ['8', '127.0.0.10', true],
    ['8', '127.0.0.2', false],
    ['8', '10.0.0.8', false],
    ['2130706434-2130706450', '127.0.0.18', true],
    ['2130706434-2130706450', '127.0.0.19', false],
    ['16/16', '10.0.0.16', true],
    ['16/16', '10.0.0.15', false],
    ['2130706434/4294967295', '127.0.0.2', true],
    ['255', '127.255.255.255', false],
  ])('%s over %s: %s', (subtest, text, expected) => {
    expect(takes(uriSubtest(subtest), text)).toBe(expected);
  });
});

describe('askdns', () => {
  it.each([
    [null, '10.1.1.1', 'A', true],
    ['/^127\\.2\\.0\\.2$/', '127.2.0.2', 'A', true],
    ['/^127\\./', '127.255.255.255', 'A', false],
    ['/^127\\.255\\.255\\.255$/', '127.255.255.255', 'A', true],
    ['/V=SPF1 \\+all$/i', 'v=spf1 +all', 'TXT', true],
    ['m{^a/b}', 'a/b', 'TXT', true],
    ['"exact text"', 'exact text', 'TXT', true],
    ['"exact text"', 'exact', 'TXT', false],
    ['127.0.0.2', '127.0.0.2', 'A', true],
    ['0x10/0x10', '127.0.0.17', 'A', true],
    ['127.0.1.20-127.0.1.39', '127.0.1.40', 'A', false],
  ])('%s over %s (%s): %s', (subtest, text, type, expected) => {
    expect(takes(askSubtest(subtest), text, type)).toBe(expected);
  });

  it('asks for codes', () => {
    const test = askSubtest('[NXDOMAIN, 5]')!;
    const codes = [0, 2, 3, 5].filter((rcode) => test({ rcode, records: [] }) !== null);
    expect(codes).toEqual([3, 5]);
  });

  it.each([['[WRONG]'], ['1.2.3/x'], ['x']])('%s is none', (subtest) => {
    expect(askSubtest(subtest)).toBeNull();
  });
});
