// What a verdict rests on, in words for people who do not run the filter: names of categories, lines of findings, the
// beginning of a text. Everything here may end up in somebody's mailbox; it goes there through a template's fields.
import type { Message } from '../message/message.js';
import type { Category, FindingSpec, StagedFinding } from '../pipeline/finding.js';

/** What every finding is declared as, by id. */
export type FindingSpecs = ReadonlyMap<string, FindingSpec>;

/** Findings named at most. */
const FINDINGS_MAX = 30;
/** Characters of a preview, and lines. */
const PREVIEW_CHARS_MAX = 1_000;
const PREVIEW_LINES_MAX = 20;

export const CATEGORY_WORDS: Readonly<Record<Category, string>> = {
  virus: 'virus',
  attachment: 'refused attachment',
  content: 'dangerous content',
  mcp: 'content protection rules',
  dmarc: 'failed sender check (DMARC)',
  spf: 'failed sender check (SPF)',
  dkim: 'failed signature check (DKIM)',
  dnsbl: "sender's server is on block lists",
  blocked: 'blocked by a rule',
  policy: 'breach of policy',
  greylist: 'greylisted',
  unprocessable: 'could not be checked',
  spam: 'spam',
};

/** A line per finding that weighed something for this recipient (for anyone, when null), the weightiest first. */
export function findingLines(
  findings: readonly StagedFinding[],
  recipient: number | null,
  specs: FindingSpecs,
): readonly string[] {
  return findings
    .filter(({ score }) => score !== 0)
    .filter((one) => one.recipient === undefined || recipient === null || one.recipient === recipient)
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score))
    .slice(0, FINDINGS_MAX)
    .map(({ id, score }) => {
      const meaning = specs.get(id)?.meaning;
      return `${score.toFixed(1).padStart(6)}  ${meaning === undefined ? id : `${id}: ${meaning}`}`;
    });
}

/** The beginning of the text a reader would see, with nothing left in it that a mail program would make a link of. */
export function previewLines(message: Message): readonly string[] {
  const text = message.texts
    .map(({ visible }) => visible)
    .join('\n')
    .slice(0, PREVIEW_CHARS_MAX)
    .replaceAll('://', '[:]//')
    .replace(/www\./gi, 'www[.]')
    .replaceAll('@', '[at]');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, PREVIEW_LINES_MAX);
}

/** The From field as shown, or the envelope sender where there is none. */
export function shownFrom(message: Message, mailFrom: string): string {
  return message.header('From') ?? (mailFrom === '' ? '<>' : mailFrom);
}

/** The envelope sender, the null one as `<>`. */
export function shownSender(mailFrom: string): string {
  return mailFrom === '' ? '<>' : mailFrom;
}
