// Bytes in memory for messages on their way, over all connections of this process, and who must wait when there are too
// many. The oldest message always goes on, so waiting can never become a standstill.

/** One connection's share. */
export interface Share {
  /** Says how many bytes it holds now. */
  hold(bytes: number): void;
  /** Whether it may take in more. When false, `onRoom` of this share is called once there is room. */
  mayGrow(): boolean;
}

/** The account of one process. */
export class InFlight {
  #total = 0;
  readonly #sizeMaxBytes: number;
  /** Shares that hold bytes, oldest first. */
  readonly #holders = new Set<Account>();
  readonly #waiting = new Set<Account>();

  constructor(sizeMaxBytes: number) {
    this.#sizeMaxBytes = sizeMaxBytes;
  }

  /** Bytes held by all. */
  get bytes(): number {
    return this.#total;
  }

  /** Connections that wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** A share for one connection; `onRoom` wakes it, `onFull` tells it to stop reading until then. */
  open(onRoom: () => void, onFull: () => void): Share {
    const account: Account = { bytes: 0, onRoom, onFull };
    return { hold: (bytes) => this.#hold(account, bytes), mayGrow: () => this.#mayGrow(account) };
  }

  #hold(account: Account, bytes: number): void {
    const before = account.bytes;
    if (bytes === before) return;
    const wasFull = this.#isFull();
    account.bytes = bytes;
    this.#total += bytes - before;
    if (before === 0) this.#holders.add(account);
    if (bytes === 0) this.#holders.delete(account);
    if (bytes === 0) this.#waiting.delete(account);
    if (bytes < before) this.#wake();
    else if (!wasFull && this.#isFull()) this.#stopAll();
  }

  #mayGrow(account: Account): boolean {
    if (!this.#isFull() || account.bytes === 0 || this.#isOldest(account)) return true;
    this.#waiting.add(account);
    return false;
  }

  #isFull(): boolean {
    return this.#total > this.#sizeMaxBytes;
  }

  #isOldest(account: Account): boolean {
    for (const oldest of this.#holders) return oldest === account;
    return true;
  }

  /** The mark was passed: everybody who holds bytes stops, but for the oldest. */
  #stopAll(): void {
    for (const account of this.#holders) {
      if (this.#isOldest(account) || this.#waiting.has(account)) continue;
      this.#waiting.add(account);
      account.onFull();
    }
  }

  /** Wakes the oldest always, the others in order of age once there is room. */
  #wake(): void {
    if (this.#waiting.size === 0) return;
    for (const account of this.#holders) {
      if (this.#isFull() && !this.#isOldest(account)) return;
      if (this.#waiting.delete(account)) account.onRoom();
    }
  }
}

interface Account {
  bytes: number;
  readonly onRoom: () => void;
  readonly onFull: () => void;
}
