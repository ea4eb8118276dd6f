// Address lists: groups, comments, quoted strings, routes, obsolete and broken forms.
import { describe, expect, test } from 'vitest';
import { ADDRESSES_MAX, parseAddresses } from '../../message/address.js';
import { message, oddityCodes } from './data.js';

const read = (value: string): string[] =>
  parseAddresses(value).addresses.map(
    ({ name, address, group }) => `${group === null ? '' : `${group}|`}${name}|${address}`,
  );

describe('address lists', () => {
  test.each([
    ['a@example.com', ['|a@example.com']],
    ['A B <a@example.com>', ['A B|a@example.com']],
    ['"A, B" <a@example.com>, c@example.com', ['A, B|a@example.com', '|c@example.com']],
    ['"A \\"x\\" B" <a@example.com>', ['A "x" B|a@example.com']],
    ['a@example.com (A B)', ['A B|a@example.com']],
    ['A (comment (nested) here) <a@example.com>', ['A|a@example.com']],
    ['a(c)@(d)example(e).com', ['c d e|a@example.com']],
    ['a . b @ example . com', ['|a.b@example.com']],
    ['"a b"@example.com', ['|"a b"@example.com']],
    ['"a@b" <c@example.com>', ['a@b|c@example.com']],
    ['a@b.example <c@example.com>', ['a@b.example|c@example.com']],
    ['<@x.example,@y.example:a@example.com>', ['|a@example.com']],
    [
      'G: a@example.com, B <b@example.com>;, c@example.com',
      ['G||a@example.com', 'G|B|b@example.com', '|c@example.com'],
    ],
    ['undisclosed-recipients:;', []],
    ['<a@example.com> <b@example.com>', ['|a@example.com', '|b@example.com']],
    ['a@example.com b@example.com', ['b@example.com|a@example.com']],
    ['=?utf-8?q?=C3=84?= <a@example.com>', ['Ä|a@example.com']],
    ['"=?utf-8?q?=C3=84?=" <a@example.com>', ['Ä|a@example.com']],
    ['J. R. Doe <a@example.com>', ['J. R. Doe|a@example.com']],
    ['a@[192.0.2.1]', ['|a@[192.0.2.1]']],
    ['<>', []],
    ['', []],
    [',,;:', ['|:']],
    ['name only', ['name only|']],
    ['<a@example.com', ['|a@example.com']],
    ['"open <a@example.com>', ['open|a@example.com']],
    ['(open <a@example.com>', ['(open|a@example.com']],
    ['<<a@example.com>>', ['|a@example.com']],
  ])('%s', (value, wanted) => {
    expect(read(value)).toEqual(wanted);
  });

  test('raw bytes in names and addresses', () => {
    const utf8 = Buffer.from('Jörg <jörg@exämple.com>', 'utf8').toString('latin1');
    expect(read(utf8)).toEqual(['Jörg|jörg@exämple.com']);
  });

  test('names of empty groups are kept', () => {
    expect(parseAddresses('undisclosed recipients:;').groups).toEqual(['undisclosed recipients']);
  });

  test('a bound on the number', () => {
    const { addresses, oddities } = parseAddresses('a@b,'.repeat(ADDRESSES_MAX + 5));
    expect(addresses).toHaveLength(ADDRESSES_MAX);
    expect(oddities).toContain('ADDRESS_LIMIT');
  });

  test('an address behind many words is still found', () => {
    expect(read(`${'x '.repeat(30_000)}<a@example.com>`)[0]).toMatch(/\|a@example\.com$/);
  });

  test('all fields of a name together', () => {
    const mail = message('From: a@example.com', 'fROM: b@example.com, c@example.com', '', '');
    expect(mail.addresses('from').map(({ address }) => address)).toEqual([
      'a@example.com',
      'b@example.com',
      'c@example.com',
    ]);
    expect(oddityCodes(mail)).toContain('FROM_REPEATED');
  });
});
