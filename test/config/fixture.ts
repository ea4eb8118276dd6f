// A small set of sections with every kind of key that sections may use, for the tests of the configuration.
import { Type } from 'typebox';
import { parseConfiguration, type Configuration } from '../../config/load.js';
import { formatProblem } from '../../config/problem.js';
import { section, type Section } from '../../config/section.js';

export const listenerSection = section('listener', 'Where connections come in.', {
  address: Type.String({
    default: 'inet:127.0.0.1:1',
    minLength: 1,
    examples: ['inet:127.0.0.1:1'],
    description: 'Socket.',
  }),
  connectionsMax: Type.Integer({ default: 100, minimum: 1, maximum: 1_000, description: 'Most connections.' }),
  timeLimitMs: Type.Integer({ default: 5_000, minimum: 1, description: 'Longest wait.' }),
  sizeMaxBytes: Type.Integer({ default: 1_000, minimum: 1, description: 'Largest.' }),
  tls: Type.Boolean({ default: false, description: 'Whether to encrypt.' }),
});

export const verdictSection = section(
  'verdict',
  'What follows from findings.',
  {
    tagAt: Type.Union([Type.Number({ minimum: -100, maximum: 100 }), Type.Null()], { default: 5, description: 'Tag.' }),
    rejectAt: Type.Number({ default: 15, description: 'Reject.' }),
    virus: Type.Union([Type.Literal('quarantine'), Type.Literal('reject'), Type.Literal('discard')], {
      default: 'quarantine',
      description: 'What a virus leads to.',
    }),
    caps: Type.Object(
      {
        rules: Type.Number({ default: 20, minimum: 0, description: 'Cap of rules.' }),
        lists: Type.Number({ default: 10, minimum: 0, description: 'Cap of lists.' }),
      },
      { additionalProperties: false, default: {}, description: 'Caps.' },
    ),
    names: Type.Array(Type.String({ pattern: '^[a-z.]+$' }), {
      default: ['a.example'],
      maxItems: 4,
      uniqueItems: true,
      description: 'Names.',
    }),
    scores: Type.Record(Type.String({ pattern: '^[A-Z_]+$' }), Type.Number(), { default: {}, description: 'Scores.' }),
    recipients: Type.Array(
      Type.Object(
        { recipient: Type.String(), tagAt: Type.Optional(Type.Number({ default: 99 })) },
        { additionalProperties: false },
      ),
      { default: [], description: 'Thresholds of single recipients.' },
    ),
  },
  (settings) =>
    settings.tagAt !== null && settings.tagAt > settings.rejectAt
      ? [{ path: ['tagAt'], expected: `at most rejectAt (${settings.rejectAt})` }]
      : [],
);

export const FIXTURE: readonly Section[] = [listenerSection, verdictSection];

/** The settings a text gives; throws with its problems when it is refused. */
export function load(text: string): Configuration {
  const loaded = parseConfiguration(FIXTURE, text, 'weir.yaml');
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.configuration;
}

/** The problems of a text, one line each; fails the test when the text is taken. */
export function problemsOf(text: string): readonly string[] {
  const loaded = parseConfiguration(FIXTURE, text, 'weir.yaml');
  if (loaded.ok) throw new Error('the text was taken');
  return loaded.problems.map(formatProblem);
}
