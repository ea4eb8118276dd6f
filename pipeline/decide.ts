// Findings to a verdict per recipient: the only place where an action is chosen. Pure: the same findings under the same
// settings always give the same verdict, so a verdict can be judged again later.
import type { EnvelopeAddress } from '../message/envelope.js';
import type { SmtpReply } from './answer.js';
import { SCORE_GROUPS, type Category, type ScoreGroup, type StagedFinding } from './finding.js';
import { matchesPattern } from './pattern.js';
import type { BrokenStage, ScanResult } from './run.js';
import type { VerdictSettings } from './settings.js';

/** What happens to one recipient's mail. */
export type Action = 'accept' | 'tag' | 'quarantine' | 'discard' | 'tempfail' | 'reject';

/** Weakest to strongest (behaviour 2): where several apply, the strongest holds. */
export const ACTION_PRECEDENCE = [
  'accept',
  'tag',
  'quarantine',
  'discard',
  'tempfail',
  'reject',
] as const satisfies readonly Action[];

/** Which category names a quarantined message when several hold it, strongest first (behaviour 2). */
export const CATEGORY_PRECEDENCE = [
  'virus',
  'attachment',
  'content',
  'mcp',
  'policy',
  'unprocessable',
  'spam',
] as const satisfies readonly Category[];

/** Points at which a category other than spam acts. */
export const CATEGORY_ACTS_AT = 1;

export interface Thresholds {
  readonly tagAt: number | null;
  readonly quarantineAt: number | null;
  readonly rejectAt: number | null;
}

/** The verdict for one recipient, with what it rests on. */
export interface Verdict {
  /** Index in `rcptTo`. */
  readonly recipient: number;
  readonly action: Action;
  /** The category that decided; null for accept. */
  readonly category: Category | null;
  /** Spam score, three decimals. */
  readonly score: number;
  readonly thresholds: Thresholds;
  /** Why, in a line. */
  readonly reason: string;
  /** Reply when the action is tempfail or reject. */
  readonly reply: SmtpReply | null;
  /** The stage whose failure decided, or null. */
  readonly broken: string | null;
}

interface Wish {
  readonly action: Action;
  readonly category: Category;
  readonly reason: string;
  readonly broken: string | null;
  readonly reply?: SmtpReply;
}

/** Replies a finding's own specification asks for, by finding id. */
export type ReplyTable = ReadonlyMap<string, SmtpReply>;

const TEMPFAIL_REPLY: SmtpReply = { code: 451, enhanced: '4.7.1', text: 'Service unavailable - try again later' };

/** One verdict per recipient, same order as `rcptTo`. */
export function decide(
  result: ScanResult,
  rcptTo: readonly EnvelopeAddress[],
  settings: VerdictSettings,
  replies: ReplyTable,
): readonly Verdict[] {
  return rcptTo.map(({ address }, recipient) => {
    const own = result.findings.filter((finding) => finding.recipient === undefined || finding.recipient === recipient);
    const thresholds = thresholdsFor(address, settings);
    const score = spamScore(own, settings.caps);
    const wishes = [
      ...result.broken.map(brokenWish),
      ...harmWishes(own, settings, replies),
      ...spamWish(score, thresholds),
    ].filter((wish) => wish !== null);
    return verdictOf(recipient, wishes, score, thresholds, settings);
  });
}

/** Sum of the spam findings, each group bounded by its cap, three decimals. */
export function spamScore(findings: readonly StagedFinding[], caps: VerdictSettings['caps']): number {
  const sums = new Map<ScoreGroup, number>();
  for (const { category, group, score } of findings) {
    if (category !== 'spam') continue;
    const key = group ?? 'rules';
    sums.set(key, (sums.get(key) ?? 0) + score);
  }
  let total = 0;
  for (const group of SCORE_GROUPS) {
    const cap = caps[group];
    total += Math.max(-cap, Math.min(cap, sums.get(group) ?? 0));
  }
  return Math.round(total * 1000) / 1000;
}

/** The thresholds of one recipient: the first entry that matches wins, key by key over the general ones. */
export function thresholdsFor(address: string, settings: VerdictSettings): Thresholds {
  const own = settings.recipients.find(({ recipient }) => matchesPattern(recipient, address));
  const pick = (key: keyof Thresholds) => (own?.[key] === undefined ? settings[key] : own[key]);
  return { tagAt: pick('tagAt'), quarantineAt: pick('quarantineAt'), rejectAt: pick('rejectAt') };
}

function spamWish(score: number, { tagAt, quarantineAt, rejectAt }: Thresholds): readonly Wish[] {
  const reached = (threshold: number | null) => threshold !== null && score >= threshold;
  const wish = (action: Action, threshold: number | null): readonly Wish[] => [
    { action, category: 'spam', reason: `score ${score} at or over ${threshold}`, broken: null },
  ];
  if (reached(rejectAt)) return wish('reject', rejectAt);
  if (reached(quarantineAt)) return wish('quarantine', quarantineAt);
  return reached(tagAt) ? wish('tag', tagAt) : [];
}

function harmWishes(
  findings: readonly StagedFinding[],
  settings: VerdictSettings,
  replies: ReplyTable,
): readonly Wish[] {
  const wishes: Wish[] = [];
  for (const category of CATEGORY_PRECEDENCE) {
    if (category === 'spam') continue;
    const found = findings.filter((finding) => finding.category === category);
    if (found.reduce((sum, { score }) => sum + score, 0) < CATEGORY_ACTS_AT) continue;
    const [first] = found;
    if (!first) continue;
    const reply = replies.get(first.id);
    wishes.push({
      action: settings[category],
      category,
      reason: first.evidence === '' ? first.id : `${first.id}: ${first.evidence}`,
      broken: null,
      ...(reply && { reply }),
    });
  }
  return wishes;
}

function brokenWish({ stage, reason, policy }: BrokenStage): Wish | null {
  if (policy === 'continue') return null;
  return { action: policy, category: 'unprocessable', reason: `stage ${stage} broke: ${reason}`, broken: stage };
}

function verdictOf(
  recipient: number,
  wishes: readonly Wish[],
  score: number,
  thresholds: Thresholds,
  settings: VerdictSettings,
): Verdict {
  let best: Wish | null = null;
  for (const wish of wishes) if (!best || strength(wish) > strength(best)) best = wish;
  if (!best || best.action === 'accept') {
    return { recipient, action: 'accept', category: null, score, thresholds, reason: '', reply: null, broken: null };
  }
  return {
    recipient,
    action: best.action,
    category: best.category,
    score,
    thresholds,
    reason: best.reason,
    reply: replyFor(best, settings),
    broken: best.broken,
  };
}

/** Order of wishes: by action, then by category where two ask for the same. */
function strength({ action, category }: Wish): number {
  const rank = CATEGORY_PRECEDENCE.length - CATEGORY_PRECEDENCE.indexOf(category);
  return ACTION_PRECEDENCE.indexOf(action) * CATEGORY_PRECEDENCE.length * 2 + rank;
}

function replyFor(wish: Wish, settings: VerdictSettings): SmtpReply | null {
  if (wish.action === 'tempfail') return TEMPFAIL_REPLY;
  if (wish.action !== 'reject') return null;
  return wish.reply ?? { code: 554, enhanced: '5.7.1', text: settings.rejectText };
}
