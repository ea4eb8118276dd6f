// One connection as its phases share it: its socket and ends, what was said too early, what it still has to pass, what
// speaks against it. Phases tell events and passes through it; it never decides.
import type { Socket } from 'node:net';
import type { ProxyEnds } from '../outside/proxy-header.js';
import type { Charge } from './early.js';
import type { LimitName, RefusalReason, ScreenEvent, ScreenPeer } from './event.js';
import type { Hall } from './hall.js';
import type { PassedTest } from './passes.js';
import type { Terms } from './terms.js';

/** An event without the ends of the connection. */
export type Told = ScreenEvent extends infer Event
  ? Event extends ScreenPeer
    ? Omit<Event, keyof ScreenPeer>
    : never
  : never;

/** One phase of a connection. It begins in `start` and is left by `end`, whatever happens. */
export interface Phase {
  readonly name: 'header' | 'passes' | 'greeting' | 'dialogue' | 'handoff' | 'spliced' | 'farewell';
  /** When it is over, monotonic ms. */
  deadline(): number;
  start(): void;
  /** The deadline is met. */
  late(): void;
  /** The listener closes: an end in good order, at once. */
  cutOff(): void;
  /** Gives back what the phase took. Called once. */
  end(): void;
}

/** Where a phase may lead. */
export interface Ways {
  /** The two ends are known: bounds, lists and passes are next. */
  receive(): void;
  greet(): void;
  /** The greeting is over; the charges are what it showed. */
  conclude(charges: readonly Charge[]): void;
  /** To the MTA, with a pass told. */
  pass(how: 'new' | 'old' | 'allowed'): void;
  /** The last words, and then the end; '' for none. */
  farewell(reply: string): void;
  /** A bound was met. */
  turnAway(limit: LimitName, reply: string): void;
  /** The last words are out already. */
  linger(): void;
  joined(mta: Socket, greeting: Buffer): void;
  destroy(): void;
}

export class Visit {
  /** Bytes said too early, or behind a PROXY header; at most `EARLY_MAX_BYTES`. */
  held: Buffer = Buffer.alloc(0);
  /** A balancer that speaks for itself: such a connection never reaches the MTA. */
  isBalancer = false;
  due: ReadonlySet<PassedTest> = new Set();
  readonly charges: RefusalReason[] = [];
  /** The reply to every recipient, or null while the client is not refused; the last charge has the word. */
  refusal: string | null = null;
  readonly startedAt: number;
  #isCountedRefused = false;

  constructor(
    readonly hall: Hall,
    readonly terms: Terms,
    readonly socket: Socket,
    public ends: ProxyEnds,
  ) {
    this.startedAt = hall.now();
  }

  get ageMs(): number {
    return Math.round(this.hall.now() - this.startedAt);
  }

  get address(): string {
    return this.ends.clientAddress;
  }

  tell(event: Told): void {
    this.hall.deps.log({ ...this.ends, ...event });
  }

  /** Something speaks against the client. */
  charge({ test, action, detail, text }: Charge): void {
    this.charges.push({ test, action, detail });
    if (action === 'enforce') this.refusal = `550 ${text}`;
  }

  /** Counts the connection as refused, once. */
  countRefused(): void {
    if (!this.#isCountedRefused) this.hall.tally.refused += 1;
    this.#isCountedRefused = true;
  }

  /** Whether the client may pass for the first time on the address of ours that it came to. */
  isPrimary(): boolean {
    return this.terms.isPrimary(this.ends.serverAddress);
  }

  /** Remembers passes, for so many ms each; on a backup address nothing is earned. */
  remember(passes: ReadonlyMap<PassedTest, number>): void {
    if (this.isPrimary()) this.hall.remember(this.address, passes);
  }
}
