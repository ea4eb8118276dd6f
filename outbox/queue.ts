// What the outbox offers beyond its contract: to the runner that empties it, and to the commands that look after it.
import type { SqlValue, Step } from '../outside/database.js';
import type { Outbox, OutboxItem, OutboxKind } from './outbox.js';

/** One recipient of an item that was not served yet. */
export interface WaitingRecipient {
  readonly place: number;
  readonly address: string;
}

/** An item taken for a try. */
export interface DueItem extends OutboxItem {
  readonly waiting: readonly WaitingRecipient[];
}

/** How a try ended for one recipient. */
export interface RecipientResult {
  readonly place: number;
  readonly outcome: 'sent' | 'retry' | 'failed';
  /** The server's words, or what went wrong. */
  readonly reply: string;
}

/** The outbox with what its runner and its commands need besides. */
export interface OutboxStore extends Outbox {
  /** For `weir outbox list`: each recipient that was not served, with its own reply. */
  recipients(id: string): Promise<readonly { address: string; state: 'waiting' | 'failed'; reply: string | null }[]>;
  /** Failed items go back to the queue, for another whole span of tries. Returns the ids that did. */
  retry(ids: readonly string[]): Promise<readonly string[]>;
  /** Drops failed or queued items for good. Returns the ids that went. */
  remove(ids: readonly string[]): Promise<readonly string[]>;
  /** Sends what stayed prepared too long; puts back what is `sending` but not among `inHand`. Only under the runner's lease. */
  recover(inHand: readonly string[]): Promise<void>;
  /** Marks up to `limit` due items as `sending` and gives them. Only under the runner's lease. */
  take(limit: number): Promise<readonly DueItem[]>;
  /** Records a try. Returns the state after it; 'done' when the item is gone. */
  record(item: DueItem, results: readonly RecipientResult[], nextTryAt: number): Promise<'done' | 'queued' | 'failed'>;
  content(item: OutboxItem): Promise<Buffer | null>;
  counts(): Promise<Readonly<Record<OutboxItem['state'], number>>>;
  /** Whether an item refers to this content. */
  isReferenced(sha256: string): Promise<boolean>;
  /** Steps that queue an item for the recipients which `from` selects (`place`, `address`), within another store's commit. */
  queueSteps(item: QueuedFrom): readonly Step[];
}

/** An item whose content lies in the blob store already. `from`: SQL that selects place and address. */
export interface QueuedFrom {
  readonly id: string;
  readonly kind: OutboxKind;
  readonly mailFrom: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly about: string;
  readonly from: string;
  readonly fromParams: readonly SqlValue[];
}
