// Address fields, proper and broken, as the relaxed parser reads them.
import { describe, expect, it } from 'vitest';
import { readAddresses } from '../../../rules/mail/addresses.js';
import { cpuMsSince } from '../../ground/cpu.js';

const read = (value: string) => readAddresses(` ${value}\n`).map(({ phrase, address }) => [phrase, address]);

describe('an address field', () => {
  it.each<[string, [string | null, string | null][]]>([
    ['a@a.example', [[null, 'a@a.example']]],
    ['<a@a.example>', [[null, 'a@a.example']]],
    ['Ada <a@a.example>', [['Ada ', 'a@a.example']]],
    [
      '"L, Ada" <a@a.example>, b@b.example',
      [
        ['L, Ada ', 'a@a.example'],
        [null, 'b@b.example'],
      ],
    ],
    ['"b@b.example" <a@a.example>', [['b@b.example ', 'a@a.example']]],
    ['a@a.example (Ada)', [['Ada', 'a@a.example']]],
    ['Ada (of Ely) <a@a.example>', [['Ada  ', 'a@a.example']]],
    [
      'Friends: a@a.example, b@b.example;',
      [
        [null, 'a@a.example'],
        [null, 'b@b.example'],
      ],
    ],
    ['undisclosed-recipients:;', []],
    ['"a@a.example"', [[null, 'a@a.example']]],
    ['Ada', [['Ada', null]]],
    ['Ada <a>', [['Ada ', null]]],
    ['<a@a.example> <a@a.example>', [[null, 'a@a.example']]],
    ['<a@b@c.example>', [[null, 'a@b']]],
    ['"a b"@a.example', [[null, '"a b"@a.example']]],
    ['Ada < a@a.example >', [['Ada ', 'a@a.example']]],
    ['=?utf-8?q?"Ada"_<a@a.example>?=', [[null, 'a@a.example']]],
    ['<>', [[null, null]]],
    [
      ', a@a.example',
      [
        [' ', null],
        [null, 'a@a.example'],
      ],
    ],
    ['', []],
  ])('%s', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each(['"', '<', '<a@', '(', '>', ',', 'a@a.example,', '\\"', '<a@b> ', '"a" ', 'a:', '<a@b><c@d>', '""@'])(
    'of 64 KB of %j is read at once',
    (unit) => {
      const text = unit.repeat(65_536 / unit.length);
      const start = process.cpuUsage();
      for (const end of ['', '@', '>', '" <a@b> x', ' <']) readAddresses(text + end);
      expect(cpuMsSince(start)).toBeLessThan(1_000);
    },
  );
});
