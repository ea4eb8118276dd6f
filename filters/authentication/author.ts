// The domain of the From field, for DMARC and alignment: exactly one field with exactly one address, read by RFC 5322's
// grammar, or none at all. Where readers of mail could come to different authors, there is no domain, never a choice.
import type { HeaderField } from '../../message/header.js';
import type { Message } from '../../message/message.js';
import { unfold } from '../../message/encoded-word.js';
import { countAuthorFields } from './author-fields.js';
import { claimedDomains, readMailbox, type MailboxProblem } from './mailbox.js';

export type AuthorProblem = 'missing' | 'repeated' | MailboxProblem;

/**
 * `domain` in lower case A-labels, or null with the reason; then `claimed` are the domains some reader may take for the
 * author's, whose policies a failure is held to (RFC 7489 §6.6.1).
 */
export type Author =
  | { readonly domain: string; readonly problem: null }
  | { readonly domain: null; readonly problem: AuthorProblem; readonly claimed?: readonly string[] };

/** What each problem means, for people. */
export const AUTHOR_PROBLEMS: Readonly<Record<AuthorProblem, string>> = {
  missing: 'there is no From field',
  repeated: 'more than one From field, or lines that some readers take for one',
  several: 'the From field names more than one address',
  group: 'the From field names a group',
  'no-domain': 'the address in the From field has no domain name',
  broken: 'the From field does not follow the syntax of an address, and readers differ on what it says',
};

/** Longest From field that is read, bytes; RFC 5322 lines are at most 998. */
export const FROM_BYTES_MAX = 16_384;

/** Claimed domains that are kept, and From fields that are looked at for them: from both ends, where readers look. */
export const CLAIMED_DOMAINS_MAX = 6;
const CLAIMING_FIELDS_MAX = 4;

/** Reads the author of a message (RFC 7489 §6.6.1). Never throws; linear in the header's length. */
export function fromDomain(message: Message): Author {
  const fields = message.headersNamed('from');
  const author = readAuthor(message, fields);
  if (author.problem === null || author.problem === 'missing') return author;
  const claimed = fromBothEnds(fields, CLAIMING_FIELDS_MAX).flatMap((field) => claimedDomains(looseText(field)));
  return { ...author, claimed: fromBothEnds([...new Set(claimed)], CLAIMED_DOMAINS_MAX) };
}

/** At most `countMax`, an even number, half of them from the end. */
function fromBothEnds<Item>(items: readonly Item[], countMax: number): readonly Item[] {
  const half = countMax / 2;
  return items.length <= countMax ? items : [...items.slice(0, half), ...items.slice(-half)];
}

function readAuthor(message: Message, fields: readonly HeaderField[]): Author {
  const count = Math.max(countAuthorFields(message), fields.length);
  const field = fields[0];
  if (count > 1) return none('repeated');
  if (field === undefined) return none(count === 0 ? 'missing' : 'broken');
  if (field.end - field.start > FROM_BYTES_MAX) return none('broken');
  const text = fieldText(field.rawValue);
  if (text === null) return none('broken');
  const mailbox = readMailbox(text);
  return mailbox.problem === null ? { domain: mailbox.domain, problem: null } : none(mailbox.problem);
}

function none(problem: AuthorProblem): Author {
  return { domain: null, problem };
}

/**
 * The unfolded value as Unicode; null where it holds controls besides its folds. Bytes that are not UTF-8 (RFC 6532) become
 * U+FFFD, which stands in no domain: old mail writes names in such bytes.
 */
function fieldText(rawValue: string): string | null {
  const folded = rawValue.replaceAll('\r\n', '\n');
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(folded)) return null;
  return Buffer.from(unfold(folded), 'latin1').toString('utf8');
}

/** The value, whatever it holds: controls are blanks, and of one that is too long there are both ends. */
function looseText({ rawValue }: HeaderField): string {
  const half = FROM_BYTES_MAX / 2;
  const bytes = rawValue.length <= FROM_BYTES_MAX ? rawValue : `${rawValue.slice(0, half)} ${rawValue.slice(-half)}`;
  return Buffer.from(bytes, 'latin1')
    .toString('utf8')
    .replace(/[\x00-\x1f\x7f]/g, ' ');
}
