// Settings of the verdict: time for one message, thresholds, score caps, and what each category of harm leads to.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

const SCORE_MAX = 10_000;

const threshold = (value: number | null, description: string) =>
  Type.Union([Type.Number({ minimum: -SCORE_MAX, maximum: SCORE_MAX }), Type.Null()], { default: value, description });

const cap = (value: number, what: string) =>
  Type.Number({
    default: value,
    minimum: 0,
    maximum: SCORE_MAX,
    description: `Most points, either way, from ${what}.`,
  });

const action = (value: string, description: string) =>
  Type.Union(
    [
      Type.Literal('accept'),
      Type.Literal('tag'),
      Type.Literal('quarantine'),
      Type.Literal('discard'),
      Type.Literal('tempfail'),
      Type.Literal('reject'),
    ],
    { default: value, description },
  );

export const pipelineSection = section('pipeline', 'How one message runs through the stages.', {
  timeLimitMs: Type.Integer({
    default: 60_000,
    minimum: 100,
    maximum: 240_000,
    description:
      'Longest time one message may take in all stages together, ms; over it the message gets a temporary failure.',
  }),
  earlyTimeLimitMs: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 60_000,
    description:
      'Longest time one SMTP command before the content may take in all stages together, ms; keep it under `milter.envelopeTimeoutMs`.',
  }),
  refuseAtRcpt: Type.Boolean({
    default: true,
    description:
      'Whether what is held against a client, its greeting or its sender is said at RCPT, so that the recipient is logged, and that a login or an allow rule can still spare it. Caps and day blocks, which spare nobody, are said at once. Off: all is said at once.',
  }),
});

export const verdictSection = section('verdict', 'How findings become an action.', {
  tagAt: threshold(5, 'Spam score at or over which a message is marked as spam; null = never.'),
  quarantineAt: threshold(10, 'Spam score at or over which a message is quarantined; null = never.'),
  rejectAt: threshold(15, 'Spam score at or over which a message is refused; null = never.'),
  caps: Type.Object(
    {
      rules: cap(1_000, 'content rules'),
      authentication: cap(20, 'SPF, DKIM, DMARC and ARC'),
      lists: cap(20, 'DNSBL and DNSWL'),
      learning: cap(20, 'the learned classifier'),
      reputation: cap(20, 'sender reputation'),
      message: cap(10, 'the form of the message'),
    },
    {
      additionalProperties: false,
      default: {},
      description: 'Caps that bound the score of each group, so that no single source decides alone.',
    },
  ),
  virus: action('quarantine', 'What a virus leads to.'),
  attachment: action('quarantine', 'What a refused attachment leads to.'),
  content: action('reject', 'What dangerous content such as message/partial leads to.'),
  mcp: action('quarantine', 'What content over the MCP threshold leads to.'),
  mcpOver: Type.Number({
    default: 1,
    minimum: 0,
    maximum: SCORE_MAX,
    description: 'MCP score over which (not at which) the MCP action is taken.',
  }),
  dmarc: action('reject', 'What a breach of a published DMARC policy of `reject` leads to.'),
  spf: action('reject', 'What an SPF result that is refused leads to.'),
  dkim: action('accept', 'What a DKIM signature that fails leads to.'),
  dnsbl: action('reject', 'What a client on block lists over `lists.refuseAt` leads to.'),
  blocked: action('reject', 'What a block rule of your own leads to, unless it discards.'),
  policy: action('reject', 'What a breach of policy, such as a size limit, leads to.'),
  greylist: action('tempfail', 'What greylisting leads to while the delay runs.'),
  unprocessable: action('quarantine', 'What becomes of a message that no worker survives.'),
  actions: Type.Record(Type.String({ pattern: '^[_A-Z][_A-Z0-9]{0,127}$' }), action('accept', 'Action.'), {
    default: {},
    maxProperties: 1_000,
    description:
      'Actions of single findings, by their id, in place of that of their category; not for the category spam.',
  }),
  rejectText: Type.String({
    default: 'Message refused as spam or harmful',
    minLength: 1,
    maxLength: 400,
    pattern: '^[ -~]+$',
    description: 'Text of the 554 5.7.1 reply, printable ASCII.',
  }),
  headers: Type.Union([Type.Literal('all'), Type.Literal('spam'), Type.Literal('none')], {
    default: 'all',
    description: 'Which delivered mail gets X-Spam-Status: all, only spam, or none.',
  }),
  recipients: Type.Array(
    Type.Object(
      {
        recipient: Type.String({
          minLength: 1,
          maxLength: 320,
          description: 'Recipient address; `*` stands for any run of characters.',
        }),
        tagAt: Type.Optional(threshold(null, 'In place of `verdict.tagAt`.')),
        quarantineAt: Type.Optional(threshold(null, 'In place of `verdict.quarantineAt`.')),
        rejectAt: Type.Optional(threshold(null, 'In place of `verdict.rejectAt`.')),
      },
      { additionalProperties: false },
    ),
    {
      default: [],
      maxItems: 10_000,
      description: 'Thresholds of single recipients; the first entry that matches is used.',
    },
  ),
});

export type PipelineSettings = Static<typeof pipelineSection.schema>;
export type VerdictSettings = Static<typeof verdictSection.schema>;
