// The outbox: everything Weir sends, one synced queue with retries, back-off, expiry and a list. Items are durable
// before the answer they belong to, and leave after it.

export type OutboxKind = 'release' | 'copy' | 'forward' | 'notice' | 'report';

export interface NewOutboxItem {
  readonly kind: OutboxKind;
  /** '' is the null sender. */
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly content: Buffer;
  /** What it belongs to: a log or quarantine id. */
  readonly about: string;
  /** ms since the epoch before which it must not leave (0 = at once). */
  readonly notBefore: number;
}

export interface OutboxItem extends Omit<NewOutboxItem, 'content'> {
  readonly id: string;
  readonly time: number;
  readonly sizeBytes: number;
  readonly contentSha256: string;
  /** `prepared` waits for its answer to be sent; `queued` waits for its next try. */
  readonly state: 'prepared' | 'queued' | 'sending' | 'failed';
  readonly attempts: number;
  readonly nextTryAt: number;
  readonly expiresAt: number;
  readonly lastError: string | null;
}

export interface Outbox {
  /**
   * Durable when it resolves, in state `prepared`: nothing leaves until `commit`. The same kind, content, sender and
   * recipients already prepared is merged (a sender's retry after a crash). What stays prepared longer than
   * `PREPARED_MAX_MS` was cut off by a crash at a point where the answer may or may not have gone out: it is sent,
   * since a second copy is better than none.
   */
  prepare(items: readonly NewOutboxItem[]): Promise<readonly string[]>;
  /** The answer is certain: let them go. */
  commit(ids: readonly string[]): Promise<void>;
  /** The answer did not come about: take them back. */
  cancel(ids: readonly string[]): Promise<void>;
  /** prepare + commit in one. */
  send(items: readonly NewOutboxItem[]): Promise<readonly string[]>;
  list(limit: number, after?: string): Promise<readonly OutboxItem[]>;
}
