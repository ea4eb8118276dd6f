// The `notices` section: which notices are sent, to whom, and their texts, each with the fields it may name.
import { Type, type Static } from 'typebox';
import { section, type Objection } from '../config/section.js';
import { CATEGORIES } from '../pipeline/finding.js';
import { categoryList } from './category-list.js';
import { templateObjection } from './template.js';

const SUBJECT_CHARS_MAX = 400;
const TEXT_CHARS_MAX = 10_000;
const ADMINISTRATORS_MAX = 20;

const COMMON_FIELDS = ['subject', 'from', 'sender', 'category', 'reason', 'score', 'id', 'time', 'host'] as const;
const RECIPIENT_FIELDS = [...COMMON_FIELDS, 'recipient'] as const;
const SENDER_FIELDS = [...COMMON_FIELDS, 'recipients'] as const;
const ADMINISTRATOR_FIELDS = [...COMMON_FIELDS, 'recipients', 'client', 'findings'] as const;

/** The notices there are, each with the fields its template may name. A recipient never sees who else got the mail. */
export const NOTICE_FIELDS = {
  recipientOnVirus: RECIPIENT_FIELDS,
  recipientOnVirusDeleted: RECIPIENT_FIELDS,
  recipientOnAttachment: RECIPIENT_FIELDS,
  recipientOnContent: RECIPIENT_FIELDS,
  recipientOnHeld: RECIPIENT_FIELDS,
  senderOnHeld: SENDER_FIELDS,
  senderOnMcp: SENDER_FIELDS,
  administratorOnHeld: ADMINISTRATOR_FIELDS,
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type NoticeKind = keyof typeof NOTICE_FIELDS;
export const NOTICE_KINDS = Object.keys(NOTICE_FIELDS) as readonly NoticeKind[];
/** Every field of any notice. */
export type NoticeField = (typeof NOTICE_FIELDS)[NoticeKind][number];

interface Initial {
  readonly enabled: boolean;
  readonly subject: string;
  readonly text: string;
}

const notice = (kind: NoticeKind, description: string, { enabled, subject, text }: Initial) => {
  const fields = `Fields: ${NOTICE_FIELDS[kind].map((name) => `{${name}}`).join(' ')}.`;
  return Type.Object(
    {
      enabled: Type.Boolean({ default: enabled, description: 'Whether it is sent.' }),
      subject: Type.String({ default: subject, maxLength: SUBJECT_CHARS_MAX, description: `Its subject. ${fields}` }),
      text: Type.String({ default: text, maxLength: TEXT_CHARS_MAX, description: `Its text. ${fields}` }),
    },
    { additionalProperties: false, default: {}, description },
  );
};

const FACTS = 'From:     {from}\nSubject:  {subject}\nTime:     {time}\nReason:   {reason}\n\n';
const KEPT = 'It is kept under the number {id}. Ask your mail administrator if you need it.\n';

export const noticesSection = section(
  'notices',
  'Messages that tell people what was held. All carry the null sender; none answers automatic mail.',
  {
    from: Type.String({
      default: 'Mail filter <postmaster@localhost>',
      minLength: 3,
      maxLength: 320,
      pattern: '^[ -~]+$',
      description: 'From field of notices and forwarded mail.',
    }),
    administrators: Type.Array(
      Type.String({ minLength: 3, maxLength: 320, pattern: '^[^\\s<>]+@[^\\s<>]+$', description: 'Address.' }),
      { default: [], maxItems: ADMINISTRATORS_MAX, description: 'Who gets `administratorOnHeld`.' },
    ),
    administratorCategories: categoryList(
      CATEGORIES.filter((category) => category !== 'spam'),
      'Categories of held mail that administrators are told of.',
    ),
    perRecipientPerHour: Type.Integer({
      default: 10,
      minimum: 0,
      maximum: 10_000,
      description: 'Most notices one address gets in an hour, counted per worker; further ones are left out.',
    }),
    recipientOnVirus: notice('recipientOnVirus', 'To the recipient of mail held for a virus.', {
      enabled: false,
      subject: 'Message held: {subject}',
      text: `A message for you was not delivered, because it contains a virus.\n\n${FACTS}${KEPT}`,
    }),
    recipientOnVirusDeleted: notice('recipientOnVirusDeleted', 'To the recipient of mail deleted for a virus.', {
      enabled: false,
      subject: 'Message deleted: {subject}',
      text: `A message for you was deleted, because it contains a virus.\n\n${FACTS}It was not kept.\n`,
    }),
    recipientOnAttachment: notice('recipientOnAttachment', 'To the recipient of mail held for its attachment.', {
      enabled: true,
      subject: 'Message held: {subject}',
      text: `A message for you was not delivered, because of a file attached to it.\n\n${FACTS}${KEPT}`,
    }),
    recipientOnContent: notice('recipientOnContent', 'To the recipient of mail held for dangerous content.', {
      enabled: false,
      subject: 'Message held: {subject}',
      text: `A message for you was not delivered, because its content may be dangerous.\n\n${FACTS}${KEPT}`,
    }),
    recipientOnHeld: notice('recipientOnHeld', 'To the recipient of mail held for any other reason but MCP.', {
      enabled: false,
      subject: 'Message held: {subject}',
      text: `A message for you was not delivered: {category}.\n\n${FACTS}${KEPT}`,
    }),
    senderOnHeld: notice('senderOnHeld', 'To a sender who logged in here, when their message was held.', {
      enabled: false,
      subject: 'Your message was held: {subject}',
      text: `A message from you was not delivered: {category}.\n\nTo:       {recipients}\n${FACTS}${KEPT}`,
    }),
    senderOnMcp: notice(
      'senderOnMcp',
      'To the sender of mail held or deleted by MCP rules, where they logged in here or DMARC vouches for them.',
      {
        enabled: false,
        subject: 'Your message was held: {subject}',
        text:
          'A message from you was not delivered, because rules on content protection apply to it.\n\n' +
          'To:       {recipients}\nSubject:  {subject}\nTime:     {time}\n\nIts number is {id}.\n',
      },
    ),
    administratorOnHeld: notice('administratorOnHeld', 'To `administrators`, when mail was held or deleted.', {
      enabled: false,
      subject: 'Held ({category}): {subject}',
      text:
        'Sender:      {sender}\nRecipients:  {recipients}\nClient:      {client}\nFrom:        {from}\nSubject:     {subject}\n' +
        'Time:        {time}\nReason:      {reason}\nScore:       {score}\nNumber:      {id}\n\n{findings}\n',
    }),
  },
  (settings) =>
    NOTICE_KINDS.flatMap((kind) =>
      (['subject', 'text'] as const).flatMap((key): readonly Objection[] => {
        const expected = templateObjection(settings[kind][key], NOTICE_FIELDS[kind]);
        return expected === null ? [] : [{ path: [kind, key], expected }];
      }),
    ),
);

export type NoticesSettings = Static<typeof noticesSection.schema>;
