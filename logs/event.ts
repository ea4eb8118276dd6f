// The events Weir records, one catalogue. A message event is written once per message, before the answer.
import type { Action, Thresholds } from '../pipeline/decide.js';
import type { Category, Exemption, StagedFinding } from '../pipeline/finding.js';
import type { Direction } from '../pipeline/stage.js';

/** Security log categories (product F1). */
export const SECURITY_CATEGORIES = [
  'reject',
  'spam',
  'virus',
  'dnsbl',
  'dangerous-content',
  'attachment',
  'block-list',
  'spf',
  'dkim',
  'dmarc',
  'data-protection',
  'greylist',
  'postscreen',
  'policy',
] as const;
export type SecurityCategory = (typeof SECURITY_CATEGORIES)[number];

/** What happened for one recipient. */
export interface RecipientOutcome {
  readonly address: string;
  readonly direction: Direction;
  readonly action: Action;
  readonly score: number;
  /** What the score was compared with; null in rows written before they were kept. */
  readonly thresholds: Thresholds | null;
  /** Category that decided, or null for accept. */
  readonly category: Category | null;
  /** Quarantine entry, or null. */
  readonly quarantineId: string | null;
}

/** One message through the house: enough to explain the verdict and to judge it again under other thresholds and scores. */
export interface MessageEvent {
  readonly kind: 'message';
  /** Unique, sortable by time. */
  readonly id: string;
  /** ms since the epoch, UTC. */
  readonly time: number;
  readonly sessionId: string;
  readonly queueId: string | null;
  readonly messageId: string | null;
  readonly mailFrom: string;
  /** Addresses of the From field, as shown. */
  readonly headerFrom: string;
  readonly subject: string | null;
  readonly sizeBytes: number;
  readonly clientAddress: string | null;
  readonly clientName: string | null;
  /** Of the client. */
  readonly country: string | null;
  readonly helo: string | null;
  readonly login: string | null;
  readonly tls: string | null;
  readonly settingsVersion: string;
  readonly contentSha256: string;
  readonly recipients: readonly RecipientOutcome[];
  readonly findings: readonly StagedFinding[];
  /** Checks that rules spared the message or a recipient; none in rows written before there were any. */
  readonly exempts?: readonly Exemption[];
  /** Sub-rule hits (SpamAssassin `__` names), kept 30 days. */
  readonly subRules: readonly string[];
  /** ms spent per stage. */
  readonly stageMs: Readonly<Record<string, number>>;
  readonly totalMs: number;
  /** Stages that broke, with what their policy did. */
  readonly broken: readonly { readonly stage: string; readonly reason: string; readonly policy: string }[];
  /** Entry of the security log, or null when nothing was held against it. */
  readonly security: { readonly category: SecurityCategory; readonly event: string } | null;
}

/** A refusal or incident before any content: one step of a session. */
export interface SessionEvent {
  readonly kind: 'session';
  readonly id: string;
  readonly time: number;
  readonly sessionId: string;
  readonly step: 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'protocol';
  readonly clientAddress: string | null;
  readonly clientName: string | null;
  readonly helo: string | null;
  readonly login: string | null;
  readonly mailFrom: string | null;
  readonly rcptTo: string | null;
  readonly category: SecurityCategory;
  readonly event: string;
  readonly findings: readonly StagedFinding[];
}

export type LogEvent = MessageEvent | SessionEvent;

/** Where events go. Resolves once the event is durable (in the store, or in the synced spool). Rejects when neither took it. */
export interface LogWriter {
  write(event: LogEvent): Promise<void>;
}
