// Output for people: alignment by columns, sizes, times, and text that cannot steer a terminal.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnsOf, fold, parseTime, showSize, showTime, table, visible } from '../../programs/table.js';

test('columns are aligned by what a terminal shows', () => {
  expect(
    table(
      ['A', 'SIZE', 'B'],
      [
        ['发票', '1 KB', 'x'],
        ['e\u0301', '12 B', 'y'],
        ['long cell', '7 B', ''],
      ],
      [1],
    ),
  ).toBe('A          SIZE  B\n发票       1 KB  x\ne\u0301          12 B  y\nlong cell   7 B\n');
  expect(table(['A'], [['x'.repeat(100)]])).toBe(`A\n${'x'.repeat(47)}…\n`);
});

test('no text brings a control, an escape or a direction mark', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(table(['A'], [[text]]).split('\n').length).toBe(3);
    }),
  );
  expect(visible('plain 发票 é')).toBe('plain 发票 é');
});

test('sizes and times', () => {
  expect([0, 1_023, 1_024, 4_400, 12_582_912, 2 ** 34].map(showSize)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KB',
    '4.3 KB',
    '12 MB',
    '16 GB',
  ]);
  const noon = new Date(2026, 2, 1, 12, 0, 0).getTime();
  expect(showTime(noon)).toBe('2026-03-01 12:00:00');
  expect(parseTime('2026-03-01T12:00', 0)).toBe(noon);
  expect(parseTime('2026-03-01', 0)).toBe(new Date(2026, 2, 1).getTime());
  expect(parseTime('2026-03-01T12:00:00Z', 0)).toBe(Date.UTC(2026, 2, 1, 12));
  expect(parseTime('90m', 6_000_000)).toBe(600_000);
  for (const text of ['', 'x', '2026-13-01', '12', '1y', '2026-03-01T25:00'])
    expect(parseTime(text, 0), text).toBeNull();
});

test('long lines are folded between words on a terminal, and nowhere else', () => {
  expect(columnsOf({ isTTY: true, columns: 100 })).toBe(100);
  expect(columnsOf({ columns: 100 })).toBe(null);
  expect(fold('  one two three four', 10, 4)).toBe('  one two\n    three\n    four');
  expect(fold('one two', 10, 4)).toBe('one two');
  expect(fold('one two three', null, 4)).toBe('one two three');
  expect(fold(`  ${'x'.repeat(30)} y`, 10, 4)).toBe(`  ${'x'.repeat(30)} y`);
});
