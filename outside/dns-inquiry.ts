// One question put to the servers until one of them answers it or the time is over. Sends it again when an answer is
// late, without giving up the earlier ones; goes to another server when one fails. Gives an answer always, and once.
import type { Clock } from './clock.js';
import type { Question } from './dns-message.js';
import type { DnsServer, DnsServers } from './dns-servers.js';
import { ask, type Heard } from './dns-transport.js';
import { startTimeLimit } from './time-limit.js';

export interface InquiryOptions {
  /** Whole time of the question, ms. */
  readonly timeoutMs: number;
  /** How often it is sent at most, over all servers. */
  readonly tries: number;
  readonly clock: Clock;
}

/** What the servers said, or that none did. */
export type Outcome =
  Exclude<Heard, { readonly kind: 'unreachable' }> | { readonly kind: 'timeout'; readonly detail: string };

interface Try {
  readonly server: DnsServer;
  readonly sentAt: number;
  end: () => void;
}

/** Failures by what they tell: a server's word, then an answer that is none, then silence. */
const TELLING = ['servfail', 'refused', 'malformed'];

/** Puts the question; `done` is called once. The function given back calls it off, with `timeout`. */
export function inquire(
  servers: DnsServers,
  question: Question,
  options: InquiryOptions,
  done: (outcome: Outcome) => void,
): () => void {
  const inquiry = new Inquiry(servers, question, options, done);
  inquiry.start();
  return () => inquiry.finish({ kind: 'timeout', detail: 'called off' });
}

class Inquiry {
  private readonly tries: Try[] = [];
  private failure: Outcome | null = null;
  private unreachable: string | null = null;
  private endLimit: (() => void) | null = null;
  private endAgain: (() => void) | null = null;
  private waiting = 0;
  private isOver = false;

  constructor(
    private readonly servers: DnsServers,
    private readonly question: Question,
    private readonly options: InquiryOptions,
    private readonly done: (outcome: Outcome) => void,
  ) {}

  start(): void {
    this.endLimit = startTimeLimit(this.options.timeoutMs, () => this.expire());
    this.send(false);
  }

  finish(outcome: Outcome): void {
    if (this.isOver) return;
    this.isOver = true;
    this.endLimit?.();
    this.endAgain?.();
    for (const one of this.tries) one.end();
    this.done(outcome);
  }

  /** To the best server; `elsewhere`: only to one that was not asked and is not silent. False when there is none left. */
  private send(elsewhere: boolean): boolean {
    if (this.tries.length >= this.options.tries) return false;
    const asked = this.tries.map(({ server }) => server);
    const server = this.servers.choose(asked, elsewhere);
    if (server === null) return false;
    const one: Try = { server, sentAt: this.options.clock.monotonicMs(), end: () => undefined };
    this.tries.push(one);
    this.waiting += 1;
    one.end = ask(server.address, this.question, (heard) => this.hear(one, heard));
    this.endAgain?.();
    // Sent once only, it is late at half time all the same: a probe must have time to tell silence from one slow name.
    const lateMs = this.options.timeoutMs / Math.max(2, this.options.tries);
    this.endAgain = startTimeLimit(lateMs, () => this.sendAgain(one));
    return true;
  }

  /** The answer is late: the server is noted for it, and the question goes out once more. */
  private sendAgain({ server, sentAt }: Try): void {
    this.servers.late(server, sentAt);
    this.send(false);
  }

  private hear({ server, sentAt }: Try, heard: Heard): void {
    this.waiting -= 1;
    if (heard.kind === 'unreachable') {
      this.unreachable = heard.detail;
      this.servers.late(server, sentAt);
      // Nobody listens there at this moment: another server at once, or the same one when its time comes.
      this.send(true);
      return;
    }
    this.servers.answered(server, sentAt);
    if (heard.kind !== 'servfail' && heard.kind !== 'refused' && heard.kind !== 'malformed') return this.finish(heard);
    if (this.failure === null || TELLING.indexOf(heard.kind) < TELLING.indexOf(this.failure.kind)) this.failure = heard;
    if (!this.send(true) && this.waiting === 0) this.finish(this.failure);
  }

  private expire(): void {
    for (const { server, sentAt } of this.tries) {
      const first = this.tries.find((one) => one.server === server);
      if (first?.sentAt === sentAt) this.servers.unanswered(server, sentAt);
    }
    const detail = this.unreachable ?? `no answer within ${this.options.timeoutMs.toFixed(0)} ms`;
    this.finish(this.failure ?? { kind: 'timeout', detail });
  }
}
