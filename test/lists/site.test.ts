// Items in postscreen's style: what is read, what is refused, which answers a filter lets through.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesFilter, parseFilter, parseSite } from '../../lists/site.js';

const site = (text: string) => {
  const parsed = parseSite(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};
const fits = (text: string, code: string): boolean => {
  const filter = parseFilter(text);
  return filter !== null && matchesFilter(filter, code);
};

describe('an item', () => {
  it('is a zone, with a weight of 1 and no filter unless it says so', () => {
    expect(site('BL.example.')).toEqual({ zone: 'bl.example', filter: null, weight: 1 });
    expect(site('bl.example*-3')).toMatchObject({ zone: 'bl.example', weight: -3 });
    expect(site('bl.example*2.5')).toMatchObject({ weight: 2.5 });
    expect(site('zen.example=127.0.0.[2..11]*3')).toMatchObject({ zone: 'zen.example', weight: 3 });
    expect(site('{key}.zen.example=127.0.0.2')).toMatchObject({ zone: '{key}.zen.example', weight: 1 });
  });

  it.each([
    ['', 'zone'],
    ['bl..example', 'zone'],
    ['bl example', 'zone'],
    ['-bl.example', 'zone'],
    ['bl.{key}.example', 'zone'],
    ['bl.example*', 'weight'],
    ['bl.example*x', 'weight'],
    ['bl.example*101', 'weight'],
    ['bl.example*1e3', 'weight'],
    ['bl.example=', 'filter'],
    ['bl.example=127.0.0', 'filter'],
    ['bl.example=127.0.0.2.3', 'filter'],
    ['bl.example=127.0.0.256', 'filter'],
    ['bl.example=127.0.0.[2', 'filter'],
    ['bl.example=127.0.0.[]', 'filter'],
    ['bl.example=127.0.0.[9..2]', 'filter'],
    ['bl.example=127.0.0.[1..2..3]', 'filter'],
    ['bl.example=127.0.0.*', 'weight'],
  ])('%j is refused for its %s', (text, what) => {
    expect(parseSite(text)).toContain(what);
  });

  it('never throws, and what it takes has four octets and a bounded weight', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const parsed = parseSite(`bl.example=${text}`);
        if (typeof parsed === 'string') return;
        expect(parsed.filter).toHaveLength(4);
        expect(Math.abs(parsed.weight)).toBeLessThanOrEqual(100);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a filter', () => {
  it.each([
    ['127.0.0.2', '127.0.0.2', true],
    ['127.0.0.2', '127.0.0.3', false],
    ['127.0.0.[2..11]', '127.0.0.2', true],
    ['127.0.0.[2..11]', '127.0.0.11', true],
    ['127.0.0.[2..11]', '127.0.0.12', false],
    ['127.0.0.[2..11]', '127.0.1.2', false],
    ['127.0.[1;2].[0..255]', '127.0.2.77', true],
    ['127.0.[1;2].[0..255]', '127.0.3.77', false],
    ['127.0.0.[2..3;6..7;10]', '127.0.0.7', true],
    ['127.0.0.[2..3;6..7;10]', '127.0.0.8', false],
  ])('%s on %s: %s', (filter, code, expected) => {
    expect(fits(filter, code)).toBe(expected);
  });
});
