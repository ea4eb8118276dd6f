// The settings of the rule stage: which rules run beside the core ones, and how they score.
import { Type, type Static } from 'typebox';
import { updateSettings } from './update-settings.js';

const RULE_NAME = '^[_A-Za-z][_A-Za-z0-9]{0,127}$';
const SCORE_MAX = 10_000;
const LIST_MAX = 5_000;

export const ruleSettings = Type.Object({
  files: Type.Array(Type.String({ minLength: 1, maxLength: 4_096 }), {
    default: [],
    maxItems: 100,
    description:
      'Rule files of the site, or directories whose `*.cf` files are read in byte order; a later definition replaces an earlier one of the same name.',
  }),
  dir: Type.Union([Type.String({ minLength: 1, maxLength: 4_096, pattern: '^/[^\\0]*$' }), Type.Null()], {
    default: null,
    description:
      'Directory in which `weir rules` keeps what it imports and switches off, an absolute path; null = `rules` below `storage.dir`.',
  }),
  cache: Type.Boolean({
    default: true,
    description:
      'Whether compiled rules are kept in `cache` below `rules.dir`, so that processes start and reload in a small part of the time.',
  }),
  core: Type.Boolean({
    default: true,
    description: 'Whether the core rules run; without them only the rules of the site do.',
  }),
  lookUps: Type.Boolean({
    default: false,
    description:
      'Whether rules that look things up (block lists, URI lists, askdns) may ask the resolver; a rule set brings lists whose terms of use are for you to accept.',
  }),
  disabled: Type.Array(Type.String({ pattern: RULE_NAME }), {
    default: [],
    maxItems: LIST_MAX,
    description: 'Names of rules that do not run.',
  }),
  scores: Type.Record(Type.String({ pattern: RULE_NAME }), Type.Number({ minimum: -SCORE_MAX, maximum: SCORE_MAX }), {
    default: {},
    description: 'Scores by rule name in place of those of the files; 0 switches a rule off.',
  }),
  update: updateSettings,
  textMaxBytes: Type.Integer({
    default: 1_000_000,
    minimum: 10_000,
    maximum: 50_000_000,
    description: 'Most text of one message that rules look at, bytes; a finding says when there was more.',
  }),
});

export type RuleSettings = Static<typeof ruleSettings>;
