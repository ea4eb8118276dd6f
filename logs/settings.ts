// The `log` section: what the logs keep, for how long, and what they say of subjects.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

const ROWS_MAX = 100_000_000;
const DAYS_MAX = 36_500;

const rows = (description: string) =>
  Type.Integer({ default: 4_000_000, minimum: 1_000, maximum: ROWS_MAX, description });
const days = (initial: number, description: string) =>
  Type.Integer({ default: initial, minimum: 0, maximum: DAYS_MAX, description });

export const logSection = section('log', 'What the mail log and the security log keep, and for how long.', {
  level: Type.Union(
    [Type.Literal('trace'), Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
    { default: 'info', description: 'Least weight of what the text log on standard output tells.' },
  ),
  mailRowsMax: rows('Messages the mail log keeps; the oldest go first.'),
  securityRowsMax: rows('Entries the security log keeps; the oldest go first.'),
  keepDays: days(0, 'Days after which entries of both logs go; 0 = by number alone.'),
  subRuleDays: days(30, 'Days that hits of sub-rules stay with a message, so that it can be judged again.'),
  subjects: Type.Union([Type.Literal('keep'), Type.Literal('hash'), Type.Literal('omit')], {
    default: 'keep',
    description:
      'Subjects in the logs: kept, replaced by a keyed hash (found again by the whole subject only), or left out.',
  }),
  spoolDir: Type.String({
    default: '',
    maxLength: 4_096,
    description:
      'Directory that takes log entries while the log itself cannot be written, best on another disk; empty = `spool` in the storage directory.',
  }),
});

export type LogSettings = Static<typeof logSection.schema>;
