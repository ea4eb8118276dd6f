// Values with parameters: quoting, comments, continuations and charsets (RFC 2231), and what senders get wrong.
import { describe, expect, test } from 'vitest';
import { PARAMS_MAX, parseParamValue } from '../../message/parameter.js';

const read = (value: string): [string, Record<string, string>] => {
  const { value: main, params } = parseParamValue(value);
  return [main, Object.fromEntries(params)];
};

describe('parameters', () => {
  test.each<[string, string, Record<string, string>]>([
    ['Text/Plain', 'text/plain', {}],
    ['text/plain; charset=utf-8', 'text/plain', { charset: 'utf-8' }],
    [' text / plain ; charset = "utf-8" (c)', 'text/plain', { charset: 'utf-8' }],
    ['a/b; x="a;b\\"c"; y=d', 'a/b', { x: 'a;b"c', y: 'd' }],
    ['a/b;;; x=1;', 'a/b', { x: '1' }],
    ['a/b; x=one two.txt', 'a/b', { x: 'one two.txt' }],
    ['a/b; x=f(1).txt', 'a/b', { x: 'f(1).txt' }],
    ['a/b\r\n\tx=1', 'a/b', { x: '1' }],
    ['a/b; x=1\r\n y="2"', 'a/b', { x: '1', y: '2' }],
    ['a/b; x="1" y=2', 'a/b', { x: '1', y: '2' }],
    ["a/b; n*=utf-8'de'%C3%A4", 'a/b', { n: 'ä' }],
    ['a/b; n*0*=iso-8859-1\'\'%E4; n*1="b%"; n*2*=%F6', 'a/b', { n: 'äb%ö' }],
    ['a/b; n*1=b; n*0=a', 'a/b', { n: 'ab' }],
    ['a/b; n*0=a; n*2=c', 'a/b', { n: 'a' }],
    ["a/b; n=plain; n*=utf-8''ext", 'a/b', { n: 'ext' }],
    ['a/b; n="=?utf-8?q?=C3=A4?="', 'a/b', { n: 'ä' }],
    ['a/b; boundary="=?utf-8?q?x?="', 'a/b', { boundary: '=?utf-8?q?x?=' }],
    ['a/b; n=\xe4', 'a/b', { n: 'ä' }],
    ['a/b; n=1; n=2', 'a/b', { n: '1' }],
    ['a/b; n="open', 'a/b', { n: 'open' }],
    ['; n=1', '', { n: '1' }],
    ['', '', {}],
  ])('%s', (value, main, params) => {
    expect(read(value)).toEqual([main, params]);
  });

  test('what is ambiguous is told', () => {
    expect(parseParamValue('a/b; n=1; n=2').repeated).toEqual(['n']);
    expect(parseParamValue('a/b; n=1; n=1').repeated).toEqual([]);
    expect(parseParamValue("a/b; n=1; n*=utf-8''2").repeated).toEqual(['n']);
    expect(parseParamValue('a/b; n*0=1; n*0=2').repeated).toEqual(['n']);
    for (const broken of [
      'a/b; n="x',
      'a/b; n="x"y',
      'a/b; n*0=a; n*2=b',
      'a/b; n',
      'a/b (x; n=1',
      'a/b n=1',
      'a/b; n**=1',
    ])
      expect(parseParamValue(broken).broken, broken).toBe(true);
    for (const whole of ['a/b; n="x" (c)', 'a/b;', 'a/b; n=x; m="y"', "a/b; n*=utf-8''x"])
      expect(parseParamValue(whole).broken, whole).toBe(false);
  });

  test('the literal goes up to the next semicolon', () => {
    expect(parseParamValue('a/b; n="x" y; m=a b=c').raw.map(({ literal }) => literal)).toEqual(['"x" y', 'a b=c', 'c']);
  });

  test('a bound on the number', () => {
    expect(parseParamValue(`a/b${'; x=1'.repeat(PARAMS_MAX + 10)}`).raw).toHaveLength(PARAMS_MAX);
  });
});
