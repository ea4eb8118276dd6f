// The findings of the attachment stage.
import type { FindingSpec } from '../../pipeline/finding.js';

export const attachmentFindings = [
  {
    id: 'ATTACHMENT_REFUSED_NAME',
    category: 'attachment',
    score: 1,
    meaning: 'A file has an extension of the list, by some way a mail program may read its name.',
  },
  {
    id: 'ATTACHMENT_REFUSED_TYPE',
    category: 'attachment',
    score: 1,
    meaning: 'A part is declared as a media type of the list.',
  },
  {
    id: 'ATTACHMENT_TRUE_TYPE',
    category: 'attachment',
    score: 1,
    meaning: 'A part is a program, shortcut, installer, disk image or script by its bytes, whatever it is called.',
  },
  {
    id: 'ATTACHMENT_PROGRAM_DISGUISED',
    category: 'attachment',
    score: 1,
    meaning: 'A program or script of any kind goes by the name or type of an image, document or text.',
  },
  {
    id: 'ATTACHMENT_DOUBLE_EXTENSION',
    category: 'attachment',
    score: 1,
    meaning: 'The name shows a document and ends as a program, as in invoice.pdf.exe.',
  },
  {
    id: 'ATTACHMENT_NAME_DISGUISED',
    category: 'attachment',
    score: 1,
    meaning:
      'The name hides its extension: direction override, class id, NTFS stream, run of blanks, look-alike characters.',
  },
  {
    id: 'ATTACHMENT_MACROS_REFUSED',
    category: 'attachment',
    score: 1,
    meaning: 'An office file with macros, while `refuseMacros` is set.',
  },
  {
    id: 'ATTACHMENT_TOO_MANY',
    category: 'attachment',
    score: 1,
    meaning: 'The message holds more files than are looked at.',
  },
  {
    id: 'ATTACHMENT_TOO_COMPLEX',
    category: 'unprocessable',
    score: 1,
    meaning:
      'The message goes on past a limit of its reading (parts, depth, readings): files there were not looked at.',
  },
  {
    id: 'ATTACHMENT_PARTIAL_MESSAGE',
    category: 'content',
    score: 1,
    meaning: 'The message is a fragment (message/partial): the whole cannot be scanned.',
  },
  {
    id: 'ATTACHMENT_EXTERNAL_BODY',
    category: 'content',
    score: 1,
    meaning: 'A part stands for content elsewhere (message/external-body), which nobody has scanned.',
  },
  {
    id: 'ATTACHMENT_MACROS',
    category: 'spam',
    group: 'message',
    score: 1.5,
    meaning: 'An office file with macros, by its name or its content.',
  },
  {
    id: 'ATTACHMENT_TYPE_MISMATCH',
    category: 'spam',
    group: 'message',
    score: 1,
    meaning: 'The bytes of a file are of another kind than its name or declared type says.',
  },
  {
    id: 'ATTACHMENT_PAGE_AS_DOCUMENT',
    category: 'spam',
    group: 'message',
    score: 2,
    meaning: 'The name shows a document and ends as a web page, as in invoice.pdf.html.',
  },
  {
    id: 'ATTACHMENT_PAGE_WITH_SCRIPT',
    category: 'spam',
    group: 'message',
    score: 1.5,
    meaning: 'An attached web page or SVG drawing holds script.',
  },
  {
    id: 'ATTACHMENT_NAME_HIDDEN_CHARACTERS',
    category: 'spam',
    group: 'message',
    score: 0.5,
    meaning: 'The name holds characters that cannot be seen.',
  },
] as const satisfies readonly FindingSpec[];

export type AttachmentFindingId = (typeof attachmentFindings)[number]['id'];
