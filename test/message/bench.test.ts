// The bench of this folder, run small: it works, and the same mail gives the same result.
import { expect, test } from 'vitest';
import { benchMessages } from '../../bench/message.js';

test('the bench reads its messages and its result is stable', () => {
  const raws = Array.from({ length: 20 }, (_, index) =>
    Buffer.from(
      `From: a${index}@example.com\r\nContent-Type: text/html\r\n\r\n<a href="http://h${index}.example.com/">x</a>\r\n`,
    ),
  );
  const first = benchMessages(raws);
  expect(first.messages).toBe(20);
  expect(first.phases.map(({ phase }) => phase)).toContain('URLs');
  expect(benchMessages(raws).hash).toBe(first.hash);
  expect(benchMessages(raws.slice(1)).hash).not.toBe(first.hash);
});
