// One connection of an smtpd process: requests in, one answer each, in order. Holds few requests whose answer is owed, and
// keeps to its waits: for a request, for its rest, for its answer, for its answer to be taken.
import type { Socket } from 'node:net';
import type { Clock } from '../outside/clock.js';
import { CONTINUE, type EnvelopeAnswer } from '../pipeline/answer.js';
import type { PolicyHandler } from './handler.js';
import { readQuery } from './query.js';
import { formatAnswer } from './reply.js';
import { PolicyProtocolError, RequestReader, type Attributes } from './request.js';
import type { PolicySettings } from './settings.js';

/** Requests of one connection that may wait for their answer; Postfix sends one at a time. */
export const PENDING_MAX = 16;

export interface SessionContext {
  readonly settings: PolicySettings;
  readonly handler: PolicyHandler;
  readonly clock: Clock;
  closed(session: PolicySession): void;
  answered(): void;
  protocolError(reason: string): void;
  /** No answer could be had. */
  trouble(error: unknown): void;
}

class AnswerLate extends Error {
  constructor(limitMs: number) {
    super(`no answer within ${limitMs} ms`);
  }
}

export class PolicySession {
  readonly #reader = new RequestReader();
  readonly #pending: Attributes[] = [];
  readonly #gone = new AbortController();
  #isAnswering = false;
  #isLeaving = false;
  /** Since when the present wait lasts, monotonic. */
  #since: number;

  constructor(
    private readonly socket: Socket,
    private readonly context: SessionContext,
  ) {
    this.#since = context.clock.monotonicMs();
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#leaveWhenDone());
    // A peer that is gone needs no answer; `close` follows.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#gone.abort();
      context.handler.onGone?.(this);
      context.closed(this);
    });
  }

  /** Ends waits that are over. `now` on the monotonic clock. */
  tick(now: number): void {
    const { idleTimeoutMs, requestTimeoutMs } = this.context.settings;
    // An answer that is being worked on has a limit of its own.
    if (this.#isAnswering && this.socket.writableLength === 0) return;
    const isBusy = this.#reader.isMidway || this.socket.writableLength > 0;
    if (now - this.#since > (isBusy ? requestTimeoutMs : idleTimeoutMs)) this.socket.destroy();
  }

  /** Closes as soon as no answer is owed. */
  leave(): void {
    this.#leaveWhenDone();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    try {
      const wasMidway = this.#reader.isMidway;
      for (const request of this.#reader.push(chunk)) {
        if (this.#pending.length >= PENDING_MAX) throw new PolicyProtocolError('too many requests at once');
        this.#pending.push(request);
      }
      // The time for a request begins with its first byte, not with each.
      if (!wasMidway) this.#since = this.context.clock.monotonicMs();
    } catch (error) {
      if (!(error instanceof PolicyProtocolError)) throw error;
      this.context.protocolError(error.message);
      this.socket.destroy();
      return;
    }
    void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    // The time of a request that comes in pieces runs on: it begins anew with an answer, not with a piece.
    if (this.#isAnswering || this.#pending.length === 0) return;
    this.#isAnswering = true;
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      const answer = await this.#answer(next);
      if (this.socket.destroyed) return;
      if (answer === null) {
        this.socket.destroy();
        return;
      }
      this.socket.write(formatAnswer(answer, this.context.settings.tempfail));
      this.context.answered();
    }
    this.#isAnswering = false;
    this.#since = this.context.clock.monotonicMs();
    if (this.#isLeaving) this.#part();
  }

  /** Null where the connection ends without an answer. */
  async #answer(attributes: Attributes): Promise<EnvelopeAnswer | null> {
    const { settings, handler, clock } = this.context;
    const query = readQuery(attributes, clock.now());
    if (query === null) return CONTINUE;
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        Promise.resolve(handler.onQuery(query, this, AbortSignal.any([this.#gone.signal, late.signal]))),
        new Promise<never>((_, fail) => {
          timer = setTimeout(() => fail(new AnswerLate(settings.answerTimeoutMs)), settings.answerTimeoutMs);
        }),
      ]);
    } catch (error) {
      late.abort();
      this.context.trouble(error);
      return settings.onTrouble === 'dunno' ? CONTINUE : null;
    } finally {
      clearTimeout(timer);
    }
  }

  #leaveWhenDone(): void {
    this.#isLeaving = true;
    if (!this.#isAnswering) this.#part();
  }

  /** An idle smtpd would not look at a half-closed connection before its next request. */
  #part(): void {
    this.socket.end(() => this.socket.destroy());
  }
}
