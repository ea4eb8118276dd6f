// The `forwarding` section: originals of some mail are sent on to further addresses (product E1).
import { Type, type Static } from 'typebox';
import { section, type Objection } from '../config/section.js';
import { categoryList } from './category-list.js';
import { templateObjection } from './template.js';

const ADDRESSES_MAX = 20;
const TEXT_CHARS_MAX = 10_000;

/** Fields the covering text may name. */
export const FORWARD_FIELDS = [
  'category',
  'reason',
  'score',
  'sender',
  'recipients',
  'from',
  'subject',
  'client',
  'id',
  'time',
  'host',
] as const;

export const forwardingSection = section(
  'forwarding',
  'Originals of mail with certain findings are sent on to further addresses, whatever becomes of the mail itself.',
  {
    to: Type.Array(
      Type.String({ minLength: 3, maxLength: 320, pattern: '^[^\\s<>]+@[^\\s<>]+$', description: 'Address.' }),
      { default: [], maxItems: ADDRESSES_MAX, description: 'Where originals go; empty = nowhere.' },
    ),
    categories: categoryList(
      ['mcp'],
      'Mail over the threshold of one of these is sent on, even where its action is accept; refused mail is not.',
    ),
    form: Type.Union([Type.Literal('attached'), Type.Literal('original')], {
      default: 'attached',
      description:
        'attached = inside a covering mail, byte for byte; original = as it came, with an X-Loop field added.',
    }),
    sender: Type.String({
      default: '',
      maxLength: 320,
      pattern: '^([^\\s<>]+@[^\\s<>]+)?$',
      description: 'Envelope sender; empty = the null sender, to which nothing bounces.',
    }),
    subject: Type.String({
      default: 'Forwarded ({category}): {subject}',
      maxLength: 400,
      description: `Subject of the covering mail. Fields: ${FORWARD_FIELDS.map((name) => `{${name}}`).join(' ')}.`,
    }),
    text: Type.String({
      default:
        'The attached message went over the threshold of {category}.\n\n' +
        'Sender:      {sender}\nRecipients:  {recipients}\nClient:      {client}\nTime:        {time}\nReason:      {reason}\nNumber:      {id}\n',
      maxLength: TEXT_CHARS_MAX,
      description: `Text of the covering mail. Fields: ${FORWARD_FIELDS.map((name) => `{${name}}`).join(' ')}.`,
    }),
  },
  (settings) =>
    (['subject', 'text'] as const).flatMap((key): readonly Objection[] => {
      const expected = templateObjection(settings[key], FORWARD_FIELDS);
      return expected === null ? [] : [{ path: [key], expected }];
    }),
);

export type ForwardingSettings = Static<typeof forwardingSection.schema>;
