// Files meant to hurt: bombs of aliases, depth and size, names that would reach into objects, random text. Each must end
// as a value, within its time, and leave nothing behind.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { SOURCE_MAX_BYTES } from '../../config/file.js';
import { DEPTH_MAX, NODES_MAX } from '../../config/source.js';
import { FIXTURE, load, problemsOf, verdictSection } from './fixture.js';

/** Generous, for a busy machine: alone each of these takes a second at most. */
const TIME_MS = 25_000;
const MANY = 50_000;

const BOMBS: readonly (readonly [string, string, string])[] = [
  ['flow lists, open', `a: ${'['.repeat(MANY)}`, `nested deeper than ${DEPTH_MAX} levels`],
  ['flow lists, closed', `a: ${'['.repeat(MANY)}${']'.repeat(MANY)}`, `nested deeper than ${DEPTH_MAX} levels`],
  ['flow maps', '{a: '.repeat(MANY), `nested deeper than ${DEPTH_MAX} levels`],
  ['block lists', `${'- '.repeat(MANY)}x`, `nested deeper than ${DEPTH_MAX} levels`],
  ['explicit keys', `${'? '.repeat(MANY)}x`, `nested deeper than ${DEPTH_MAX} levels`],
  [
    'indented maps',
    Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}k:`).join('\n'),
    `nested deeper than ${DEPTH_MAX} levels`,
  ],
  [
    'a billion laughs',
    Array.from(
      { length: 9 },
      (_, i) =>
        `a${i}: &a${i} [${Array(9)
          .fill(i === 0 ? 'x' : `*a${i - 1}`)
          .join()}]`,
    ).join('\n'),
    `more than ${NODES_MAX} keys and values`,
  ],
  ['an anchor inside itself', 'a: &a [*a, *a]', `nested deeper than ${DEPTH_MAX} levels`],
  ['many keys', Array.from({ length: NODES_MAX + 10 }, (_, i) => `k${i}: 1`).join('\n'), 'more than'],
  ['one key many times', 'k: 1\n'.repeat(20_000), '"k" is set twice'],
  ['too large a file', `# ${'x'.repeat(SOURCE_MAX_BYTES)}`, `larger than ${SOURCE_MAX_BYTES} bytes`],
  ['a long run of tags', `a: ${'!x '.repeat(20_000)}`, 'not valid YAML'],
  ['an unknown tag', 'listener: !!js/function x', 'not valid YAML'],
  ['stray brackets', '\t]\n'.repeat(5_000), 'not valid YAML'],
];

describe('hostile files', () => {
  it.each(BOMBS)(
    'are refused: %s',
    (_name, text, expected) => {
      expect(problemsOf(text).join('\n')).toContain(expected);
    },
    TIME_MS,
  );

  it('cannot reach a prototype by a key', () => {
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
    for (const name of names) {
      expect(problemsOf(`${name}: {polluted: yes}`)[0]).toContain(`unknown key "${name}"`);
      expect(problemsOf(`listener: {${name}: {polluted: yes}}`)[0]).toContain(`unknown key "${name}"`);
      expect(problemsOf(`verdict: {caps: {${name}: 1}}`)[0]).toContain(`unknown key "${name}"`);
    }
    expect(problemsOf('verdict: {scores: {__proto__: 1}}')[0]).toContain('"__proto__" cannot be a key');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(load('verdict: {scores: {A: 1}}').section(verdictSection).scores).toEqual({ A: 1 });
  });

  it('of any text end in settings or in problems, never in a throw', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'listener',
        'verdict',
        ': ',
        '\n',
        '  ',
        '- ',
        '? ',
        '&a ',
        '*a',
        '[',
        ']',
        '{',
        '}',
        ',',
        '|\n',
        '>',
      ),
      fc.constantFrom(
        '"',
        "'",
        '#',
        '!!str ',
        '%YAML 1.1\n',
        '---\n',
        '...\n',
        '\t',
        '~',
        '.nan',
        '1e999',
        '\0',
        '\u2028',
      ),
      fc.constantFrom('tls', 'caps', 'names', 'scores', 'true', 'null', '5', '__proto__', '<<'),
      fc.string({ maxLength: 6 }),
    );
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (one) => {
        const loaded = parseConfiguration(FIXTURE, one, 'weir.yaml');
        expect(loaded.ok || loaded.problems.length > 0).toBe(true);
      }),
      { numRuns: 3_000, seed: 20_260_101 },
    );
  });
});
