// The settings of the custom filters (product C4): filters on addresses, and groups of keywords.
import { Type, type Static } from 'typebox';
import { conditionsSchema } from '../../rules/content/conditions.js';

/** Most address filters; most groups, and keywords of one group. */
export const ADDRESSES_MAX = 5_000;
export const GROUPS_MAX = 200;
export const KEYWORDS_MAX = 5_000;
const SCORE_MAX = 10_000;
const NOTE_MAX_CHARS = 1_000;

const addressPattern = (description: string) =>
  Type.String({ default: '*', minLength: 1, maxLength: 320, examples: ['*@partner.example'], description });
const note = Type.String({ default: '', maxLength: NOTE_MAX_CHARS, description: 'For whoever reads it.' });

export const addressFilterSchema = Type.Object(
  {
    sender: addressPattern('Sender, `*` for any run of characters, `<>` for the null sender.'),
    senderIs: Type.Union([Type.Literal('either'), Type.Literal('envelope'), Type.Literal('header')], {
      default: 'either',
      description: 'What counts as the sender: MAIL FROM (envelope), the From field (header), or either.',
    }),
    recipient: addressPattern('Recipient, `*` for any run of characters. Both must match.'),
    kind: Type.Union([Type.Literal('spam'), Type.Literal('not-spam')], {
      description: 'What the mail is for that recipient, whatever its score.',
    }),
    onlyIfAuthenticated: Type.Boolean({
      default: false,
      description:
        'Whether the sender must be proven: logged in here, or by SPF or DKIM for that very domain. Without it a `not-spam` is as easily forged as a sender.',
    }),
    enabled: Type.Boolean({ default: true, description: 'Whether the filter runs.' }),
    note,
    when: conditionsSchema,
  },
  { additionalProperties: false },
);
export type AddressFilter = Static<typeof addressFilterSchema>;

export const keywordSchema = Type.Object(
  {
    keyword: Type.String({
      minLength: 1,
      maxLength: 4_000,
      pattern: '^[^\\u0000]*$',
      description: 'What is looked for.',
    }),
    regex: Type.Boolean({ default: false, description: 'Whether the keyword is a regular expression.' }),
    caseSensitive: Type.Boolean({ default: false, description: 'Whether capitals differ from small letters.' }),
    target: Type.Union([Type.Literal('subject'), Type.Literal('content')], {
      default: 'content',
      description: 'What is looked at: the subject, or all text with the subject.',
    }),
    score: Type.Number({
      default: 1,
      minimum: -SCORE_MAX,
      maximum: SCORE_MAX,
      description: 'Points added to the spam score when it occurs; once, however often it does.',
    }),
    enabled: Type.Boolean({ default: true, description: 'Whether the keyword counts.' }),
  },
  { additionalProperties: false },
);

export const keywordGroupSchema = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$',
      examples: ['pills'],
      description: 'Name, unlike that of any other group: its finding is called after it.',
    }),
    keywords: Type.Array(keywordSchema, { default: [], maxItems: KEYWORDS_MAX, description: 'Keywords.' }),
    enabled: Type.Boolean({ default: true, description: 'Whether the group runs.' }),
    note,
    when: conditionsSchema,
  },
  { additionalProperties: false },
);
export type KeywordGroup = Static<typeof keywordGroupSchema>;

export const customSettings = Type.Object({
  addresses: Type.Array(addressFilterSchema, {
    default: [],
    maxItems: ADDRESSES_MAX,
    description:
      'Filters on sender and recipient that mark mail as spam or as not spam, per recipient; not spam wins over spam.',
  }),
  keywords: Type.Array(keywordGroupSchema, {
    default: [],
    maxItems: GROUPS_MAX,
    description:
      'Groups of keywords that add to the spam score. After changing scores look at `verdict.tagAt` again: a higher one is more lenient.',
  }),
  textMaxChars: Type.Integer({
    default: 2_000_000,
    minimum: 10_000,
    maximum: 50_000_000,
    description:
      'Most text of one message that keywords are looked for in, characters; a finding says when there was more.',
  }),
  showText: Type.Boolean({
    default: false,
    description: 'Whether logs show which keyword hit; otherwise only its number in the group and where it stood.',
  }),
});
export type CustomSettings = Static<typeof customSettings>;
