// Findings to a verdict per recipient: the only place where an action is chosen. Pure: the same findings under the same
// settings always give the same verdict, so a verdict can be judged again later.
import type { EnvelopeAddress } from '../message/envelope.js';
import type { SmtpReply } from './answer.js';
import { CATEGORIES, SCORE_GROUPS, type Category, type ScoreGroup, type StagedFinding } from './finding.js';
import { matchesPattern } from './pattern.js';
import { countedFor, type Found, type SpecTable } from './exempt.js';
import type { BrokenStage } from './stage-run.js';
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

/** MCP rules named in a reason. */
const MCP_NAMES_MAX = 5;

/** Points at which a category other than spam and mcp acts. */
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

/** What one finding or one failure asks for. */
export interface Wish {
  readonly action: Action;
  readonly category: Category;
  readonly reason: string;
  readonly broken: string | null;
  readonly reply?: SmtpReply;
}

/** What is judged: plain data out of a scan, or out of the log. */
export interface Judgeable extends Found {
  readonly broken: readonly BrokenStage[];
}

const TEMPFAIL_REPLY: SmtpReply = { code: 451, enhanced: '4.7.1', text: 'Service unavailable - try again later' };

/** One verdict per recipient, same order as `rcptTo`. */
export function decide(
  result: Judgeable,
  rcptTo: readonly EnvelopeAddress[],
  settings: VerdictSettings,
  specs: SpecTable,
): readonly Verdict[] {
  return rcptTo.map(({ address }, recipient) =>
    decideOne(result, recipient, thresholdsFor(address, settings), settings, specs),
  );
}

/** The verdict for one recipient (index in `rcptTo`) under thresholds given, such as those that held when it was logged. */
export function decideOne(
  result: Judgeable,
  recipient: number,
  thresholds: Thresholds,
  settings: VerdictSettings,
  specs: SpecTable,
): Verdict {
  const own = countedFor(result, recipient, specs);
  const score = spamScore(own, settings.caps);
  const wishes = [
    ...brokenWishes(result.broken, recipient),
    ...harmWishes(own, settings, specs),
    ...spamWish(own, score, thresholds),
  ];
  return verdictOf(recipient, wishes, score, thresholds, settings);
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

/** The score against its thresholds, and the administrator's own word above both: not spam beats spam beats any score. */
function spamWish(
  findings: readonly StagedFinding[],
  score: number,
  { tagAt, quarantineAt, rejectAt }: Thresholds,
): readonly Wish[] {
  if (findings.some(({ mark }) => mark === 'not-spam')) return [];
  const reached = (threshold: number | null) => threshold !== null && score >= threshold;
  const wish = (action: Action, reason: string): readonly Wish[] => [
    { action, category: 'spam', reason, broken: null },
  ];
  const over = (threshold: number | null) => `score ${score} at or over ${threshold}`;
  if (reached(rejectAt)) return wish('reject', over(rejectAt));
  if (reached(quarantineAt)) return wish('quarantine', over(quarantineAt));
  if (reached(tagAt)) return wish('tag', over(tagAt));
  const marked = findings.find(({ mark }) => mark === 'spam');
  return marked ? wish('tag', reasonOf(marked)) : [];
}

/** A category other than spam that is over its threshold, whatever its action. */
export interface Harm {
  readonly category: Exclude<Category, 'spam'>;
  readonly findings: readonly StagedFinding[];
  readonly reason: string;
}

/** The harms in the findings that count for one recipient, strongest category first. */
export function harmsIn(findings: readonly StagedFinding[], settings: VerdictSettings): readonly Harm[] {
  return CATEGORIES.flatMap((category) => {
    if (category === 'spam') return [];
    const found = findings.filter((finding) => finding.category === category && finding.score !== 0);
    const sum = found.reduce((total, { score }) => total + score, 0);
    const [first] = found;
    if (!first || (category === 'mcp' ? sum <= settings.mcpOver : sum < CATEGORY_ACTS_AT)) return [];
    const reason = category === 'mcp' ? mcpReason(found, sum, settings.mcpOver) : reasonOf(first);
    return [{ category, findings: found, reason }];
  });
}

/** What the harms in the findings that count ask for, a wish for each finding. */
export function harmWishes(
  findings: readonly StagedFinding[],
  settings: VerdictSettings,
  specs: SpecTable,
): readonly Wish[] {
  return harmsIn(findings, settings).flatMap((harm) =>
    harm.findings.map((finding): Wish => {
      const spec = specs.get(finding.id);
      const action = settings.actions[finding.id] ?? spec?.action ?? settings[harm.category];
      const reason = harm.category === 'mcp' ? harm.reason : reasonOf(finding);
      const reply = finding.reply ?? spec?.reply;
      return { action, category: harm.category, reason, broken: null, ...(reply && { reply }) };
    }),
  );
}

function reasonOf({ id, evidence }: StagedFinding): string {
  return evidence === '' ? id : `${id}: ${evidence}`;
}

function mcpReason(found: readonly StagedFinding[], sum: number, over: number): string {
  const names = found.slice(0, MCP_NAMES_MAX).map(reasonOf).join('; ');
  return `MCP score ${Math.round(sum * 1000) / 1000} over ${over}: ${names}`;
}

/** What stages that broke over the message, or over that recipient (index in `rcptTo`), ask for by their policy. */
export function brokenWishes(broken: readonly BrokenStage[], of: number): readonly Wish[] {
  return broken.flatMap(({ stage, reason, policy, recipient }): readonly Wish[] => {
    if (policy === 'continue' || (recipient !== undefined && recipient !== of)) return [];
    return [{ action: policy, category: 'unprocessable', reason: `stage ${stage} broke: ${reason}`, broken: stage }];
  });
}

function verdictOf(
  recipient: number,
  wishes: readonly Wish[],
  score: number,
  thresholds: Thresholds,
  settings: VerdictSettings,
): Verdict {
  const best = strongest(wishes);
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

/** The wish that holds where several were made; the first of equals. */
export function strongest(wishes: readonly Wish[]): Wish | null {
  let best: Wish | null = null;
  for (const wish of wishes) if (!best || strength(wish) > strength(best)) best = wish;
  return best;
}

/** Order of wishes: by action, then by category where two ask for the same. */
function strength({ action, category }: Wish): number {
  const rank = CATEGORIES.length - CATEGORIES.indexOf(category);
  return ACTION_PRECEDENCE.indexOf(action) * CATEGORIES.length * 2 + rank;
}

function replyFor(wish: Wish, settings: VerdictSettings): SmtpReply | null {
  if (wish.action === 'tempfail') return replyOfClass(wish, 4) ?? TEMPFAIL_REPLY;
  if (wish.action !== 'reject') return null;
  return replyOfClass(wish, 5) ?? { code: 554, enhanced: '5.7.1', text: settings.rejectText };
}

/** The finding's own reply, unless settings made a temporary failure of a refusal or the other way round. */
export function replyOfClass({ reply }: Wish, firstDigit: 4 | 5): SmtpReply | null {
  return reply !== undefined && Math.floor(reply.code / 100) === firstDigit ? reply : null;
}
