// The `marks` and `encapsulation` sections: how mail that is delivered all the same shows what was found in it.
import { Type, type Static } from 'typebox';
import { section, type Objection } from '../config/section.js';
import { CATEGORIES, type Category } from '../pipeline/finding.js';
import { categoryList } from './category-list.js';
import { TAG_CHARS_MAX, TAG_FIELDS } from './subject-tag.js';
import { templateObjection } from './template.js';

const TEXT_CHARS_MAX = 10_000;
const MIB = 1_048_576;

const tag = (what: string, initial = '') =>
  Type.String({
    default: initial,
    maxLength: TAG_CHARS_MAX,
    description: `Tag before the subject of mail marked ${what}; empty = none. Fields: {score} {required}.`,
  });

export const marksSection = section(
  'marks',
  'What is written into mail that is marked and delivered. The X-Spam headers are set by `verdict.headers`.',
  {
    subjects: Type.Object(
      {
        spam: tag('as spam'),
        virus: tag('for a virus', '[VIRUS]'),
        attachment: tag('for an attachment'),
        content: tag('for dangerous content'),
        mcp: tag('by content protection rules'),
        dmarc: tag('for its DMARC result'),
        spf: tag('for its SPF result'),
        dkim: tag('for its DKIM result'),
        dnsbl: tag('because of block lists'),
        blocked: tag('by a block list of your own'),
        policy: tag('by policy'),
        greylist: tag('by greylisting'),
        unprocessable: tag('because it could not be checked', '[UNCHECKED]'),
      } satisfies Record<Category, unknown>,
      {
        additionalProperties: false,
        default: {},
        description: 'Tags before the subject, by the category that the mail was marked for.',
      },
    ),
    signedSubjects: Type.Union([Type.Literal('tag'), Type.Literal('keep')], {
      default: 'tag',
      description:
        'A subject under a DKIM signature that passed: tag it, which breaks the signature for servers further on (`sealing` vouches for it), or keep it as it is.',
    }),
    sent: Type.Boolean({
      default: false,
      description: 'Also mark mail that leaves for outside; it otherwise gets neither headers nor tag nor report.',
    }),
  },
  ({ subjects }) =>
    CATEGORIES.flatMap((category): readonly Objection[] => {
      const expected = templateObjection(subjects[category], TAG_FIELDS);
      return expected === null ? [] : [{ path: ['subjects', category], expected }];
    }),
);

/** Fields the report of encapsulated mail may name. */
export const REPORT_FIELDS = [
  'category',
  'reason',
  'score',
  'required',
  'findings',
  'sender',
  'from',
  'subject',
  'host',
  'preview',
] as const;

export const encapsulationSection = section(
  'encapsulation',
  'Marked mail is delivered inside a report that says why; the mail itself is attached as it came.',
  {
    form: Type.Union([Type.Literal('none'), Type.Literal('message'), Type.Literal('text')], {
      default: 'none',
      description:
        'none = deliver marked mail as it is; message = attach it as a message; text = attach it as a text file, in which pictures, links and scripts stay dead.',
    }),
    categories: categoryList(
      ['spam'],
      'Which marked mail is put into a report, by the category that it was marked for.',
    ),
    sizeMaxBytes: Type.Integer({
      default: 25 * MIB,
      minimum: 1_024,
      maximum: 1_024 * MIB,
      description: 'Larger mail is marked without a report.',
    }),
    text: Type.String({
      default:
        'The mail filter of {host} takes the attached message for {category}.\n\n' +
        'From:     {from}\nSubject:  {subject}\nWhy:      {reason}\nScore:    {score} (marked from {required})\n\n' +
        'What was found, with points:\n\n{findings}\n\n' +
        'Do not open the attachment unless you know the sender and expect this message.\n',
      maxLength: TEXT_CHARS_MAX,
      description: `Text of the report. Fields: ${REPORT_FIELDS.map((name) => `{${name}}`).join(' ')}; {preview} is the beginning of the mail's text with its links made harmless.`,
    }),
  },
  ({ text }) => {
    const expected = templateObjection(text, REPORT_FIELDS);
    return expected === null ? [] : [{ path: ['text'], expected }];
  },
);

export type MarksSettings = Static<typeof marksSection.schema>;
export type EncapsulationSettings = Static<typeof encapsulationSection.schema>;
