// Findings to a refusal before the content, or to none: what leads to anything else than a refusal waits for the message
// and counts there. Pure, as `decide` is.
import type { SmtpReply } from './answer.js';
import { brokenWishes, harmWishes, replyOfClass, strongest, type Judgeable, type Wish } from './decide.js';
import { countedFor, isSparable, type SpecTable } from './exempt.js';
import type { Category } from './finding.js';
import type { VerdictSettings } from './settings.js';

/** A command that is refused. */
export interface Refusal {
  readonly kind: 'reject' | 'tempfail';
  readonly category: Category;
  /** Why, in a line. */
  readonly reason: string;
  readonly reply: SmtpReply;
  /** The stage whose failure decided, or null. */
  readonly broken: string | null;
}

/** What a refusal may rest on: everything, or only what no login and no allow rule can still spare. */
export type Scope = 'all' | 'unsparable';

/** Before RCPT no recipient has an index. */
const NOBODY = -1;

/** The refusal that what was found so far asks for. `recipient` is the index at RCPT, null before. */
export function decideEarly(
  found: Judgeable,
  recipient: number | null,
  scope: Scope,
  settings: VerdictSettings,
  specs: SpecTable,
): Refusal | null {
  const index = recipient ?? NOBODY;
  const counted = countedFor(found, index, specs);
  const findings = scope === 'all' ? counted : counted.filter((finding) => !isSparable(finding, specs));
  const broken = scope === 'all' ? brokenWishes(found.broken, index) : [];
  const wish = strongest([...broken, ...harmWishes(findings, settings, specs)].filter(isRefusal));
  if (wish === null || !isRefusal(wish)) return null;
  return {
    kind: wish.action,
    category: wish.category,
    reason: wish.reason,
    reply: replyOf(wish, settings),
    broken: wish.broken,
  };
}

type RefusalWish = Wish & { readonly action: Refusal['kind'] };

function isRefusal(wish: Wish): wish is RefusalWish {
  return wish.action === 'reject' || wish.action === 'tempfail';
}

/** Said where the finding has no words of its own; generic, since strangers read it (RFC 3463, RFC 7372). */
const REJECT_REPLIES: Partial<Record<Category, SmtpReply>> = {
  dnsbl: { code: 554, enhanced: '5.7.1', text: 'Service unavailable; client address is on block lists' },
  spf: { code: 550, enhanced: '5.7.23', text: 'SPF validation failed' },
  dkim: { code: 550, enhanced: '5.7.20', text: 'No valid signature' },
  dmarc: { code: 550, enhanced: '5.7.1', text: 'Refused by the DMARC policy of the author domain' },
  blocked: { code: 554, enhanced: '5.7.1', text: 'Access denied' },
  policy: { code: 554, enhanced: '5.7.1', text: 'Refused by policy' },
  greylist: { code: 554, enhanced: '5.7.1', text: 'Access denied' },
};
const TEMPFAIL_REPLIES: Partial<Record<Category, SmtpReply>> = {
  greylist: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again later' },
  unprocessable: { code: 451, enhanced: '4.3.0', text: 'Local trouble, try again later' },
};
const TEMPFAIL_REPLY: SmtpReply = { code: 451, enhanced: '4.7.1', text: 'Service unavailable - try again later' };

function replyOf(wish: RefusalWish, settings: VerdictSettings): SmtpReply {
  const { action, category } = wish;
  if (action === 'tempfail') return replyOfClass(wish, 4) ?? TEMPFAIL_REPLIES[category] ?? TEMPFAIL_REPLY;
  const general = { code: 554, enhanced: '5.7.1', text: settings.rejectText };
  return replyOfClass(wish, 5) ?? REJECT_REPLIES[category] ?? general;
}
