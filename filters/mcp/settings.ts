// The settings of the MCP stage, and the shape of a rule: the same in the settings and in rule files.
import { Type, type Static } from 'typebox';
import { conditionsSchema } from '../../rules/content/conditions.js';

/** Most rules in the settings, and in one file. */
export const RULES_MAX = 5_000;
export const FILES_MAX = 100;
const SCORE_MAX = 10_000;

/** One rule (product E1). */
export const mcpRuleSchema = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$',
      examples: ['customer-list'],
      description: 'Name, unlike that of any other rule: its finding is called after it.',
    }),
    target: Type.Union(
      [
        Type.Literal('subject'),
        Type.Literal('content'),
        Type.Literal('from'),
        Type.Literal('to'),
        Type.Literal('header'),
      ],
      {
        default: 'content',
        description:
          'What is looked at: subject; content (all text with the subject); from and to (fields and envelope); header.',
      },
    ),
    header: Type.String({
      default: '',
      pattern: '^[!-9;-~]{0,100}$',
      description: 'Name of the header field, for the target `header`.',
    }),
    relation: Type.Union([Type.Literal('contains'), Type.Literal('equals'), Type.Literal('matches')], {
      default: 'contains',
      description: '`contains` and `equals` compare text; `matches` takes a regular expression, anywhere.',
    }),
    pattern: Type.String({
      minLength: 1,
      maxLength: 4_000,
      pattern: '^[^\\u0000]*$',
      description: 'What is looked for.',
    }),
    caseSensitive: Type.Boolean({ default: false, description: 'Whether capitals differ from small letters.' }),
    score: Type.Number({
      default: 2,
      minimum: -SCORE_MAX,
      maximum: SCORE_MAX,
      description: 'Points for a hit; the sum of all hits acts when it is over `verdict.mcpOver`.',
    }),
    enabled: Type.Boolean({ default: true, description: 'Whether the rule runs.' }),
    note: Type.String({ default: '', maxLength: 1_000, description: 'For whoever reads the rule.' }),
    when: conditionsSchema,
  },
  { additionalProperties: false },
);
export type McpRule = Static<typeof mcpRuleSchema>;

/** A rule file. */
export const mcpFileSchema = Type.Object(
  { rules: Type.Array(mcpRuleSchema, { default: [], maxItems: RULES_MAX, description: 'Rules.' }) },
  { additionalProperties: false },
);

export const mcpSettings = Type.Object({
  rules: Type.Array(mcpRuleSchema, {
    default: [],
    maxItems: RULES_MAX,
    description: 'Rules on the content of mail as it was received; hits add up to the MCP score.',
  }),
  files: Type.Array(Type.String({ minLength: 1, maxLength: 4_096 }), {
    default: [],
    maxItems: FILES_MAX,
    description:
      'Further rules: YAML files with the one key `rules`, or directories whose `*.yaml` files are read. A bad file refuses the settings as a whole.',
  }),
  textMaxChars: Type.Integer({
    default: 2_000_000,
    minimum: 10_000,
    maximum: 50_000_000,
    description: 'Most text of one message that is looked at, characters; a finding says when there was more.',
  }),
  cutScore: Type.Number({
    default: 0,
    minimum: 0,
    maximum: SCORE_MAX,
    description:
      'Points for a message with more text than that, and for one over which an expression took too many steps; with 0 it is only told.',
  }),
  showText: Type.Boolean({
    default: false,
    description:
      'Whether logs show the beginning of the text that a rule hit; otherwise only the rule and where it looked.',
  }),
});
export type McpSettings = Static<typeof mcpSettings>;
