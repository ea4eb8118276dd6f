// One place under the supervisor that must always be filled: starts a process, replaces it when it dies, ever more slowly
// when it dies at once, and swaps it for a new one on request without a gap.
import type { Child, Death } from './child.js';
import type { ProcessStatus, Role } from './process-messages.js';

/** First wait before a replacement, ms; doubled at every death in a row. */
export const BACKOFF_FIRST_MS = 100;
/** Longest wait before a replacement, ms. */
export const BACKOFF_MAX_MS = 30_000;
/** A process that lived so long ends a row of deaths, ms. */
export const STEADY_MS = 60_000;
/** Deaths in a row from which on the operator is told that it keeps dying. */
export const ROW_MAX = 3;

/** What the slot tells of itself. */
export interface SlotHooks {
  /** Makes the next process. */
  launch(slot: Slot): Child;
  /** A process was lost that should have been there; the next one comes after `waitMs`. */
  onLoss(slot: Slot, death: Death, row: number, waitMs: number): void;
  /** It lived long enough after a row of deaths. */
  onSteady(slot: Slot): void;
}

export class Slot {
  private current: Child | null = null;
  private readonly leaving = new Set<Child>();
  private row = 0;
  private closed = false;
  private timer: NodeJS.Timeout | null = null;
  private steadyTimer: NodeJS.Timeout | null = null;
  private whenEmpty: (() => void) | null = null;

  constructor(
    readonly role: Role,
    readonly number: number,
    private readonly hooks: SlotHooks,
  ) {}

  /** Starts the first process; resolves when it is ready, rejects with its reason when it never is. */
  async open(): Promise<void> {
    this.current = this.hooks.launch(this);
    await this.current.ready;
    this.watchSteady();
  }

  /** Puts a new process in place, then lets the old one go. Rejects when the new one never gets ready: the old one stays. */
  async replace(graceMs: number): Promise<void> {
    const next = this.hooks.launch(this);
    this.leaving.add(next);
    await next.ready;
    this.leaving.delete(next);
    // Whoever is in place now: the one before may have died and been replaced meanwhile.
    const old = this.current;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.current = next;
    if (old !== null) this.send(old, 'drain', graceMs);
    if (this.closed) this.send(next, 'stop', graceMs);
  }

  /** Lets the old process end, then puts a new one in place: for work that only one process may do. Rejects as `open`. */
  async exchange(graceMs: number): Promise<void> {
    const old = this.current;
    if (old === null) return;
    this.current = null;
    this.leaving.add(old);
    old.dismiss('stop', graceMs);
    await old.ended;
    if (!this.closed) await this.open();
  }

  /** Ends all processes of the slot and starts none any more; resolves when they are gone. */
  close(kind: 'drain' | 'stop', graceMs: number): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.steadyTimer !== null) clearTimeout(this.steadyTimer);
    for (const child of this.children()) this.send(child, kind, graceMs);
    return this.isEmpty() ? Promise.resolve() : new Promise((resolve) => (this.whenEmpty = resolve));
  }

  /** Current process first. */
  children(): readonly Child[] {
    return this.current === null ? [...this.leaving] : [this.current, ...this.leaving];
  }

  /** The process in place, when it is ready. */
  get active(): Child | null {
    return this.current?.isReady === true ? this.current : null;
  }

  /** It died lately, and has not lived long enough since. */
  get isUnsteady(): boolean {
    return this.row > 0;
  }

  statuses(now: number): readonly ProcessStatus[] {
    return this.children().map((child) => child.status(now));
  }

  /** To be called for every death of a child of this slot. */
  lost(child: Child, death: Death): void {
    this.leaving.delete(child);
    if (this.current === child) {
      this.current = null;
      if (!this.closed) this.scheduleNext(child, death);
    }
    if (this.isEmpty()) this.whenEmpty?.();
  }

  private send(child: Child, kind: 'drain' | 'stop', graceMs: number): void {
    if (child !== this.current) this.leaving.add(child);
    child.dismiss(kind, graceMs);
  }

  private scheduleNext(child: Child, death: Death): void {
    if (this.steadyTimer !== null) clearTimeout(this.steadyTimer);
    if (Date.now() - child.startedAt >= STEADY_MS) this.row = 0;
    this.row += 1;
    const waitMs = Math.min(BACKOFF_FIRST_MS * 2 ** (this.row - 1), BACKOFF_MAX_MS);
    this.hooks.onLoss(this, death, this.row, waitMs);
    this.timer = setTimeout(() => this.startNext(), waitMs);
  }

  private startNext(): void {
    this.timer = null;
    this.current = this.hooks.launch(this);
    this.watchSteady();
  }

  private watchSteady(): void {
    if (this.row === 0) return;
    this.steadyTimer = setTimeout(() => {
      this.row = 0;
      this.hooks.onSteady(this);
    }, STEADY_MS);
  }

  private isEmpty(): boolean {
    return this.current === null && this.leaving.size === 0;
  }
}
