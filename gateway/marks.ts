// What the delivered mail of one recipient looks like: the X-Spam headers, the tag before the subject, the report around
// it. First as a small plan that tells which recipients get the same bytes, then as edits. Pure.
import type { HeaderField } from '../message/header.js';
import type { Message } from '../message/message.js';
import type { Transaction } from '../message/envelope.js';
import type { Edit } from '../pipeline/answer.js';
import type { Verdict } from '../pipeline/decide.js';
import { editableFields } from '../pipeline/edits.js';
import { countedFor } from '../pipeline/exempt.js';
import type { StagedFinding } from '../pipeline/finding.js';
import type { ScanResult } from '../pipeline/run.js';
import type { Direction } from '../pipeline/stage.js';
import type { AuthenticationFindingId } from '../filters/authentication/findings.js';
import { encapsulate } from './encapsulate.js';
import type { EncapsulationSettings, MarksSettings, REPORT_FIELDS } from './mark-settings.js';
import { markup, removeForgedMarkup } from './markup.js';
import { signedNames, tagSubject } from './subject-tag.js';
import { fillText, namedFields, type FieldValues } from './template.js';
import { CATEGORY_WORDS, findingLines, previewLines, shownFrom, shownSender, type FindingSpecs } from './wording.js';
import type { AttachedForm } from './written-mail.js';

const DKIM_PASS: AuthenticationFindingId = 'AUTH_DKIM_PASS';
/** DKIM-Signature fields whose names are looked at. */
const SIGNATURES_MAX = 20;

/** The settings that marks come from. */
export interface MarkSettings {
  /** `verdict.headers`. */
  readonly headers: 'all' | 'spam' | 'none';
  readonly marks: MarksSettings;
  readonly encapsulation: EncapsulationSettings;
}

export interface MarkInput {
  readonly transaction: Transaction;
  readonly message: Message;
  readonly result: ScanResult;
  readonly settings: MarkSettings;
  readonly specs: FindingSpecs;
  /** Name and version for headers. */
  readonly version: string;
}

/** How one recipient's mail is marked; equal ones give equal bytes. */
export interface Mark {
  /** False for mail that is passed on without a look at marks: what leaves for outside. */
  readonly isOurs: boolean;
  readonly headers: readonly Edit[];
  /** Template of the tag, '' for none, and its values. */
  readonly tag: string;
  readonly score: string;
  readonly required: string;
  readonly report: { readonly form: AttachedForm; readonly text: string } | null;
}

/** Makes marks for one message. */
export class Marker {
  readonly #fields: readonly HeaderField[];

  constructor(private readonly input: MarkInput) {
    const { headers, limits, bodyOffset, raw } = input.message;
    // What the view left unread must not hide a forged field.
    const isCut = headers.length >= limits.headerCountMax || bodyOffset > limits.headerBytesMax;
    this.#fields = isCut ? editableFields(raw) : headers;
  }

  /** For a verdict that delivers (`accept` or `tag`). */
  markOf(verdict: Verdict, direction: Direction): Mark {
    const { settings, version } = this.input;
    const { score, thresholds } = verdict;
    const numbers = {
      score: score.toFixed(1),
      required: thresholds.tagAt === null ? 'none' : thresholds.tagAt.toFixed(1),
    };
    if (direction === 'sent' && !settings.marks.sent)
      return { isOurs: false, headers: [], tag: '', ...numbers, report: null };
    const isMarked = verdict.action === 'tag' && verdict.category !== null;
    const report = isMarked ? this.#report(verdict, numbers) : null;
    const tag = isMarked ? settings.marks.subjects[verdict.category ?? 'spam'] : '';
    return {
      isOurs: true,
      headers: markup(verdict, this.#counted(verdict), settings.headers, version),
      // The report's own subject is under nobody's signature.
      tag: report === null && settings.marks.signedSubjects === 'keep' && this.#isSubjectSigned() ? '' : tag,
      ...numbers,
      report,
    };
  }

  /** The edits of a mark, those of the stages included. */
  editsOf(mark: Mark): readonly Edit[] {
    const { message, result } = this.input;
    if (!mark.isOurs) return result.edits;
    const subjects = this.#fields.filter(({ key }) => key === 'subject');
    const marks = [...tagSubject(subjects, mark.tag, mark), ...mark.headers];
    if (mark.report === null) return [...removeForgedMarkup(this.#fields), ...result.edits, ...marks];
    const { form, text } = mark.report;
    return encapsulate({ fields: this.#fields, original: message.raw, form, text, edits: result.edits, marks });
  }

  #report(verdict: Verdict, numbers: { readonly score: string; readonly required: string }): Mark['report'] {
    const { settings, message, transaction, specs } = this.input;
    const { form, categories, sizeMaxBytes, text } = settings.encapsulation;
    if (form === 'none' || verdict.category === null || !categories.includes(verdict.category)) return null;
    if (message.raw.length > sizeMaxBytes) return null;
    const mailFrom = transaction.mailFrom.address;
    const values: FieldValues<(typeof REPORT_FIELDS)[number]> = {
      category: CATEGORY_WORDS[verdict.category],
      reason: verdict.reason,
      ...numbers,
      findings: findingLines(this.#counted(verdict), verdict.recipient, specs),
      sender: shownSender(mailFrom),
      from: shownFrom(message, mailFrom),
      subject: message.subject ?? '(no subject)',
      host: transaction.connection.mtaName ?? 'localhost',
      preview: namedFields(text).includes('preview') ? previewLines(message) : [],
    };
    return { form, text: fillText(text, values) };
  }

  /** What an allow rule spares weighs nothing, so it is not named as if it did. */
  #counted({ recipient }: Verdict): readonly StagedFinding[] {
    return countedFor(this.input.result, recipient, this.input.specs);
  }

  /** Whether a DKIM signature covers the subject, on mail of which some signature passed: a made-up one protects nothing. */
  #isSubjectSigned(): boolean {
    if (!this.input.result.findings.some(({ id }) => id === DKIM_PASS)) return false;
    const signatures = this.#fields.filter(({ key }) => key === 'dkim-signature').slice(0, SIGNATURES_MAX);
    return signatures.some((signature) => signedNames(signature).includes('subject'));
  }
}
