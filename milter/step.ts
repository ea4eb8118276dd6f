// What one packet leads to: bytes to send, silence (null), a verdict to wait for, or the end of the connection.
import type { AnswerFate } from './handler.js';

/** Bytes to send, and whom to tell what became of them. */
export interface Reply {
  readonly packets: readonly Buffer[];
  /** Called exactly once, after the whole reply went to the socket or could not. */
  readonly settled: ((fate: AnswerFate) => void) | null;
}

/** A verdict is being worked out; nothing more of this connection is handled until it is there. */
export class Pending {
  constructor(
    readonly stage: 'envelope' | 'message',
    /** Never rejects. */
    readonly conclusion: Promise<Conclusion>,
    /** Gives up: stops the handler and makes the reply to send instead. The conclusion is then to be `lost`. */
    readonly expire: () => Step,
  ) {}
}

/** The verdict is there: exactly one of the two is called. */
export interface Conclusion {
  /** The connection still wants it. */
  reply(): Reply | Close;
  /** It came too late. */
  lost(): void;
}

/** The connection is over. */
export class Close {
  /** `reason` is null when the peer asked for it. */
  constructor(readonly reason: string | null) {}
}

export type Step = Buffer | null | Pending | Close;
