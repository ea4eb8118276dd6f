// Marked mail inside a report (product C1), as SpamAssassin's report_safe does it: the report takes the mail's place with
// who, to whom, when and about what kept; the mail itself is attached as it came, forged marks and all. Gives edits.
import type { HeaderField } from '../message/header.js';
import type { Edit } from '../pipeline/answer.js';
import { deleteFields } from './markup.js';
import { writeWithOriginal, type AttachedForm } from './written-mail.js';

/**
 * Fields the report keeps: SpamAssassin's (From, To, Cc, Subject, Date, Message-ID), the thread, the trace that tells
 * loops (RFC 5321 §6.3), what keeps answering programs silent (RFC 3834), and the chain of seals that a further seal
 * needs (RFC 8617 §5.1). The others speak of a body that is no longer this one, or act on the reader's program.
 */
const KEPT: ReadonlySet<string> = new Set([
  'received',
  'return-path',
  'delivered-to',
  'x-original-to',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'auto-submitted',
  'precedence',
  'list-id',
]);

const DESCRIPTION = 'the message as it came';

export interface Encapsulation {
  /** Every header field of the message. */
  readonly fields: readonly HeaderField[];
  /** The message as it came. */
  readonly original: Buffer;
  readonly form: AttachedForm;
  /** The report. */
  readonly text: string;
  /** What the stages would change in the mail itself. */
  readonly edits: readonly Edit[];
  /** Fields and changes of ours that the report gets: marks, the tag. */
  readonly marks: readonly Edit[];
}

/** All edits that make the message its report. */
export function encapsulate({ fields, original, form, text, edits, marks }: Encapsulation): readonly Edit[] {
  const written = writeWithOriginal(text, original, form, DESCRIPTION);
  return [
    ...deleteFields(fields, (key) => !KEPT.has(key)),
    ...edits.filter(concernsReport),
    ...marks,
    ...written.fields.map(([name, value]): Edit => ({ kind: 'add-header', name, value })),
    { kind: 'replace-body', body: written.body },
  ];
}

/** Of the stages' edits, those to the envelope, to kept fields, and new fields that say nothing of the body. */
function concernsReport(edit: Edit): boolean {
  switch (edit.kind) {
    case 'replace-body':
      return false;
    case 'change-header':
    case 'delete-header':
      return KEPT.has(edit.name.toLowerCase());
    case 'add-header':
    case 'prepend-header':
      return !/^(?:content-|mime-version$)/i.test(edit.name);
    default:
      return true;
  }
}
