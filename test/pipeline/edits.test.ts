// Edits on bytes: what is named changes, every other byte stays, and no value can begin a field of its own.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMessage } from '../../message/parse.js';
import type { Edit } from '../../pipeline/answer.js';
import { applyEdits } from '../../pipeline/edits.js';

const apply = (text: string, ...edits: Edit[]): string =>
  applyEdits(Buffer.from(text, 'latin1'), edits).toString('latin1');
const MAIL = 'A: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\nbody\r\n';

describe('edits', () => {
  test.each<[string, Edit[], string]>([
    ['none', [], MAIL],
    ['add', [{ kind: 'add-header', name: 'C', value: '5' }], 'A: 1\r\nB: 2\r\n 3\r\na: 4\r\nC: 5\r\n\r\nbody\r\n'],
    [
      'two prepended: the later above',
      [
        { kind: 'prepend-header', name: 'C', value: '5' },
        { kind: 'prepend-header', name: 'D', value: '6' },
      ],
      'D: 6\r\nC: 5\r\nA: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\nbody\r\n',
    ],
    [
      'change the second of a name',
      [{ kind: 'change-header', name: 'A', occurrence: 2, value: 'x' }],
      'A: 1\r\nB: 2\r\n 3\r\na: x\r\n\r\nbody\r\n',
    ],
    [
      'change a folded one',
      [{ kind: 'change-header', name: 'b', occurrence: 1, value: 'x\n y' }],
      'A: 1\r\nB: x\r\n y\r\na: 4\r\n\r\nbody\r\n',
    ],
    [
      'change one that is not there',
      [{ kind: 'change-header', name: 'C', occurrence: 1, value: 'x' }],
      'A: 1\r\nB: 2\r\n 3\r\na: 4\r\nC: x\r\n\r\nbody\r\n',
    ],
    [
      'change to nothing',
      [{ kind: 'change-header', name: 'B', occurrence: 1, value: '' }],
      'A: 1\r\na: 4\r\n\r\nbody\r\n',
    ],
    [
      'delete both of a name, counted before any edit',
      [
        { kind: 'delete-header', name: 'a', occurrence: 1 },
        { kind: 'delete-header', name: 'a', occurrence: 2 },
      ],
      'B: 2\r\n 3\r\n\r\nbody\r\n',
    ],
    ['delete one that is not there', [{ kind: 'delete-header', name: 'x', occurrence: 1 }], MAIL],
    ['body', [{ kind: 'replace-body', body: Buffer.from('new') }], 'A: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\nnew'],
    [
      'envelope',
      [
        { kind: 'add-recipient', address: 'a@b' },
        { kind: 'delete-recipient', given: '<a@b>' },
        { kind: 'change-sender', address: '' },
      ],
      MAIL,
    ],
  ])('%s', (_name, edits, wanted) => {
    expect(apply(MAIL, ...edits)).toBe(wanted);
  });

  test('line ends are those of the message', () => {
    expect(apply('A: 1\n\nbody', { kind: 'add-header', name: 'B', value: 'x\n y' })).toBe('A: 1\nB: x\n y\n\nbody');
  });

  test.each<[string, string, string]>([
    ['no body', 'A: 1\r\n', 'A: 1\r\nB: 2\r\n'],
    ['no last line end', 'A: 1', 'A: 1\r\nB: 2\r\n'],
    ['nothing', '', 'B: 2\r\n'],
    ['no header', '\r\nbody', 'B: 2\r\n\r\nbody'],
    ['no separator', 'A: 1\r\nbody text', 'A: 1\r\nB: 2\r\n\r\nbody text'],
  ])('add to a message with %s', (_name, text, wanted) => {
    expect(apply(text, { kind: 'add-header', name: 'B', value: '2' })).toBe(wanted);
  });

  test.each<[string, string, string]>([
    ['no body', 'A: 1\r\n', 'A: 1\r\n\r\nnew'],
    ['no last line end', 'A: 1', 'A: 1\r\n\r\nnew'],
    ['nothing', '', '\r\nnew'],
  ])('a new body for a message with %s', (_name, text, wanted) => {
    expect(apply(text, { kind: 'replace-body', body: Buffer.from('new') })).toBe(wanted);
  });

  test('what stands above the first field stays there', () => {
    const edit: Edit = { kind: 'prepend-header', name: 'B', value: '2' };
    const gone: Edit = { kind: 'delete-header', name: 'A', occurrence: 1 };
    expect(apply('A: 1', gone, edit, { kind: 'add-header', name: 'C', value: '3' })).toBe('B: 2\r\nC: 3\r\n');
    expect(apply('From a@b Mon Jan 1\nA: 1\n\nbody', edit)).toBe('From a@b Mon Jan 1\nB: 2\nA: 1\n\nbody');
    expect(apply(' x\nA: 1\n\nbody', edit)).toBe(' x\nB: 2\nA: 1\n\nbody');
  });

  test('a value begins no field', () => {
    for (const value of [
      'x\nEvil: 1',
      'x\r\nEvil: 1',
      'x\rEvil: 1',
      'x\0\nEvil: 1',
      'x\n\nEvil: 1',
      'x\r\n\r\nEvil: 1',
      '\nEvil: 1',
    ]) {
      const mail = parseMessage(applyEdits(Buffer.from(MAIL), [{ kind: 'add-header', name: 'C', value }]));
      expect(
        mail.headers.map(({ key }) => key),
        JSON.stringify(value),
      ).toEqual(['a', 'b', 'a', 'c']);
    }
    for (const name of ['', 'a b', 'a:', 'a\n', 'é', 'x'.repeat(300)])
      expect(() => apply(MAIL, { kind: 'add-header', name, value: '' }), name).toThrow(RangeError);
  });

  test('any message keeps every other byte', () => {
    const text = fc
      .array(fc.constantFrom('A: 1', 'B: 2', ' x', '', 'junk', '\r\n', '\n', '\0', '\xff'), { maxLength: 12 })
      .map((list) => list.join(''));
    fc.assert(
      fc.property(text, (raw) => {
        expect(apply(raw)).toBe(raw);
        const added = apply(raw, { kind: 'prepend-header', name: 'Z', value: '9' });
        expect(
          added
            .replace(/Z: 9\r?\n/, '')
            .startsWith(raw.slice(0, parseMessage(Buffer.from(raw, 'latin1')).bodyOffset).trimEnd()),
        ).toBe(true);
        expect(added.endsWith(raw.slice(parseMessage(Buffer.from(raw, 'latin1')).bodyOffset))).toBe(true);
        expect(parseMessage(Buffer.from(added, 'latin1')).header('z')).toBe('9');
        const grown = parseMessage(Buffer.from(apply(raw, { kind: 'add-header', name: 'Z', value: '9' }), 'latin1'));
        expect(grown.headersNamed('z')).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});
