// The quarantine: messages kept for recipients instead of delivered, each recipient with a state of its own.
import type { Category } from '../pipeline/finding.js';

export type RecipientState = 'held' | 'released' | 'deleted';

export interface QuarantineRecipient {
  readonly address: string;
  readonly state: RecipientState;
}

/** One kept message. Its content lies in the blob store under `contentSha256`. */
export interface QuarantineEntry {
  readonly id: string;
  /** ms since the epoch. */
  readonly time: number;
  /** Which quarantine it lies in: a virus is searched, kept and released by other rules than spam. */
  readonly category: Category;
  readonly mailFrom: string;
  readonly headerFrom: string;
  readonly subject: string | null;
  readonly messageId: string | null;
  readonly sizeBytes: number;
  readonly contentSha256: string;
  /** Why, in a line: virus name, refused file, score. */
  readonly reason: string;
  readonly score: number;
  readonly logId: string;
  readonly recipients: readonly QuarantineRecipient[];
}

export type NewQuarantineEntry = Omit<QuarantineEntry, 'id' | 'recipients' | 'contentSha256' | 'sizeBytes'> & {
  readonly rcptTo: readonly string[];
  readonly content: Buffer;
};

export interface QuarantineFilter {
  readonly category?: Category;
  /** Substring, case-insensitive. */
  readonly sender?: string;
  readonly recipient?: string;
  readonly subject?: string;
  readonly reason?: string;
  readonly state?: RecipientState;
  readonly sinceTime?: number;
  readonly untilTime?: number;
}

/** How long, and how many, entries of each class are kept; released and deleted recipients make no difference. */
export type Retention = Readonly<Record<Category, { readonly days: number; readonly entriesMax: number }>>;
/** Entries by class. */
export type ExpiredCounts = Readonly<Record<Category, number>>;

export interface Quarantine {
  /** Durable when it resolves. The same content and envelope already held is merged: the id of the older entry comes back. */
  add(entry: NewQuarantineEntry): Promise<string>;
  get(id: string): Promise<QuarantineEntry | null>;
  /** Newest first; `before` is the id of the last row seen (keyset paging). */
  list(filter: QuarantineFilter, limit: number, before?: string): Promise<readonly QuarantineEntry[]>;
  content(id: string): Promise<Buffer | null>;
  /** Release to the recipients named (all still held when absent): outbox items and states change in one commit. Returns addresses released. */
  release(id: string, rcptTo?: readonly string[]): Promise<readonly string[]>;
  delete(id: string, rcptTo?: readonly string[]): Promise<readonly string[]>;
  /** Deletes what is older than its class keeps, and the oldest beyond its number; returns how many entries of each went. */
  expire(now: number, retention: Retention): Promise<ExpiredCounts>;
  /** How many entries of each class `expire` would delete. */
  countExpired(now: number, retention: Retention): Promise<ExpiredCounts>;
}
