// Evals on attached files, by name and declared type; what is in them is the business of the attachment and antivirus
// stages.
import type { Attachment } from '../../../message/message.js';
import { safe } from '../../bytes.js';
import { renderHtml } from '../../mail/html.js';
import type { RuleMail } from '../../mail/rule-mail.js';
import { NO, type Eval, type EvalResult } from '../eval.js';

/** Attachments and names of each that are looked at. */
const ATTACHMENTS_MAX = 200;
const NAMES_MAX = 10;
/** Characters looked at of a name, from its end. */
const NAME_LENGTH_MAX = 300;
/** Attached pages that are read. */
const PAGES_MAX = 10;
/** Bytes of an attached page that are read. */
const PAGE_BYTES_MAX = 200_000;

/** Endings that a person takes for a document. */
const DOCUMENT = new Set('pdf doc docx xls xlsx ppt pptx txt rtf odt csv jpg jpeg png gif htm html'.split(' '));
/** Endings that a computer runs. */
const PROGRAM = new Set(
  'exe scr com pif bat cmd vbs vbe js jse wsf wsh hta lnk msi jar ps1 cpl iso img vhd reg'.split(' '),
);

function names(attachment: Attachment): readonly string[] {
  return [attachment.name, ...attachment.otherNames].slice(0, NAMES_MAX).map((name) =>
    name
      .slice(-NAME_LENGTH_MAX)
      .toLowerCase()
      .replace(/[\s.]+$/, ''),
  );
}

/** The first name for which `test` holds. */
function firstName(inputs: RuleMail, test: (name: string) => boolean): EvalResult {
  for (const attachment of inputs.message.attachments.slice(0, ATTACHMENTS_MAX)) {
    const found = names(attachment).find(test);
    if (found !== undefined) return { count: 1, evidence: safe(found) };
  }
  return NO;
}

function endings(name: string): readonly string[] {
  return name
    .split('.')
    .slice(1)
    .map((ending) => ending.trim());
}

function endsIn(inputs: RuleMail, args: readonly string[]): EvalResult {
  const wanted = new Set(args.map((arg) => arg.toLowerCase()));
  return firstName(inputs, (name) => wanted.has(endings(name).at(-1) ?? ''));
}

/** `invoice.pdf.exe`: looks like a document, runs as a program. */
function doubleEnding(inputs: RuleMail): EvalResult {
  return firstName(inputs, (name) => {
    const [last, before] = [...endings(name)].reverse();
    return last !== undefined && before !== undefined && PROGRAM.has(last) && DOCUMENT.has(before);
  });
}

/** A text part packed in base64 although all of it is ASCII: it hides words from simple filters and does nothing else. */
function base64Ascii(inputs: RuleMail): EvalResult {
  for (const { part } of inputs.message.texts) {
    if (part.transferEncoding !== 'base64') continue;
    const content = part.content().subarray(0, PAGE_BYTES_MAX);
    if (content.length > 0 && content.every((byte) => byte < 0x80)) return { count: 1, evidence: safe(part.type) };
  }
  return NO;
}

/** An attached page that runs a script or asks for a password. */
function activePage(inputs: RuleMail): EvalResult {
  let pages = 0;
  for (const attachment of inputs.message.attachments.slice(0, ATTACHMENTS_MAX)) {
    const page = names(attachment).find((name) =>
      ['htm', 'html', 'shtml', 'xhtml', 'svg'].includes(endings(name).at(-1) ?? ''),
    );
    if (page === undefined) continue;
    if (++pages > PAGES_MAX) break;
    const content = attachment.content.toString('latin1', 0, PAGE_BYTES_MAX);
    const { inside, passwordFields } = renderHtml({ text: content, wide: false }, content.length).facts;
    if (inside.has('script') || passwordFields > 0) return { count: 1, evidence: safe(page) };
  }
  return NO;
}

export const ATTACHMENT_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_attachment_ending',
    {
      summary: "A file's name ends in any of the endings named (without the dot).",
      argsMin: 1,
      argsMax: 50,
      run: endsIn,
    },
  ],
  [
    'check_text_base64_ascii',
    { summary: 'A text of nothing but ASCII is packed in base64.', argsMin: 0, argsMax: 0, run: base64Ascii },
  ],
  [
    'check_attachment_double_ending',
    { summary: "A file's name has a document's ending before a program's.", argsMin: 0, argsMax: 0, run: doubleEnding },
  ],
  [
    'check_attachment_active_page',
    {
      summary: 'An attached HTML or SVG page holds a script or asks for a password.',
      argsMin: 0,
      argsMax: 0,
      run: activePage,
    },
  ],
];
