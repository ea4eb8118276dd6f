// What a stage says about a message. A finding is a fact with a weight; it never names an action.

/**
 * What kind of harm a finding speaks of. The category that decides is the one the security log shows (product F1).
 * Within a category, scores of all findings add up and are compared with that category's thresholds. Strongest first: where
 * several ask for the same action, the first names it.
 */
export const CATEGORIES = [
  'virus',
  'attachment',
  'content',
  'mcp',
  'dmarc',
  'spf',
  'dkim',
  'dnsbl',
  'blocked',
  'policy',
  'greylist',
  'unprocessable',
  'spam',
] as const;
export type Category = (typeof CATEGORIES)[number];

/**
 * What an allow rule can exempt a client or sender from (product A7). A finding belongs to at most one; its specification
 * says so where its category does not.
 */
export const CHECKS = [
  'dnsbl',
  'spf',
  'antivirus',
  'dkim',
  'dmarc',
  'restriction',
  'ownership',
  'greylist',
  'spam',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** That somebody vouched for by a rule is spared a check: its findings are kept and do not count. */
export interface Exemption {
  readonly check: CheckName;
  /** The rule that says so, safe to log. */
  readonly rule: string;
  /** Index in `rcptTo` when it holds for that recipient alone. */
  readonly recipient?: number;
}

/** An SMTP reply in place of the category's, for the rare finding whose own code matters to a sender (RFC 3463). */
export interface RefusalReply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

/** One finding as a stage declares it: the catalogue entry that documents, bounds and files it. */
export interface FindingSpec {
  /** UPPER_SNAKE, unique over all stages, never reused. A trailing `*` declares a family (rule sets bring their own names). */
  readonly id: string;
  readonly category: Category;
  /** Score group whose cap bounds the sum, within `spam` only. */
  readonly group?: ScoreGroup;
  /** Points by default; for categories other than spam 1 means "act". */
  readonly score: number;
  /** One plain sentence: what it means when it is seen. */
  readonly meaning: string;
  /** What it leads to in place of its category's action, unless `verdict.actions` names it: a policy that somebody else published. */
  readonly action?: 'accept' | 'tag' | 'quarantine' | 'discard' | 'tempfail' | 'reject';
  /** What it is part of for allow rules, where the category does not say: `virus` is `antivirus`; dnsbl, spf, dkim, dmarc and greylist are of their own name. */
  readonly check?: CheckName;
  /** Used when this finding decides a refusal. */
  readonly reply?: RefusalReply;
}

/** Score groups inside the spam category, each with a cap of its own (settings `verdict.caps`). */
export const SCORE_GROUPS = ['rules', 'authentication', 'lists', 'learning', 'reputation', 'message'] as const;
export type ScoreGroup = (typeof SCORE_GROUPS)[number];

/** What a stage reports for one message. */
export interface Finding {
  readonly id: string;
  readonly category: Category;
  readonly group?: ScoreGroup;
  readonly score: number;
  /** What was seen, short and safe to log: no text of the mail beyond names of attachments, hosts and the like. */
  readonly evidence: string;
  /** What it speaks of, where a later stage may score the same by those names (`StageReport.covers`); not logged. */
  readonly about?: readonly string[];
  /** Index in `rcptTo` when it holds for that recipient alone; absent when it holds for all. */
  readonly recipient?: number;
  /** The administrator's word, whatever the score (product C4): `spam` tags at least, `not-spam` keeps the score from acting. */
  readonly mark?: 'spam' | 'not-spam';
  /** In place of the specification's reply, where the text tells what differs from case to case (how long to wait). */
  readonly reply?: RefusalReply;
}

/** A finding with the stage that made it: what verdicts, logs and explanations carry. */
export interface StagedFinding extends Omit<Finding, 'about'> {
  readonly stage: string;
}
