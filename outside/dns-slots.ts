// How many questions may be out at once: a turn is taken before a question is sent and given back after it. Who cannot
// have one waits, bounded in number and time; knows nothing of DNS.

interface Waiting {
  readonly grant: (granted: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

export class QuestionSlots {
  private readonly queue = new Set<Waiting>();
  private out = 0;

  constructor(
    private slotsMax: number,
    private waitingMax: number,
  ) {}

  get taken(): number {
    return this.out;
  }

  get waiting(): number {
    return this.queue.size;
  }

  /** True when the turn is the caller's, who must give it back; false when there is no room to wait, or none came in time. */
  async take(waitMs: number): Promise<boolean> {
    if (this.out < this.slotsMax) {
      this.out += 1;
      return true;
    }
    if (this.queue.size >= this.waitingMax) return false;
    return new Promise((resolve) => {
      const waiting: Waiting = {
        grant: (granted) => {
          clearTimeout(waiting.timer);
          this.queue.delete(waiting);
          if (granted) this.out += 1;
          resolve(granted);
        },
        timer: setTimeout(() => waiting.grant(false), waitMs),
      };
      this.queue.add(waiting);
    });
  }

  give(): void {
    this.out -= 1;
    this.admit();
  }

  setLimits(slotsMax: number, waitingMax: number): void {
    this.slotsMax = slotsMax;
    this.waitingMax = waitingMax;
    this.admit();
  }

  /** Sends everybody away who waits. */
  refuseWaiting(): void {
    for (const waiting of this.queue) waiting.grant(false);
  }

  private admit(): void {
    for (const waiting of this.queue) {
      if (this.out >= this.slotsMax) return;
      waiting.grant(true);
    }
  }
}
