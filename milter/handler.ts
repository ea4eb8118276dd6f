// What a milter session hands upward, and what it wants back. The protocol folder knows no more of Weir than this.
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Answer, EnvelopeAnswer } from '../pipeline/answer.js';

/** How far the answer got, told after the fact. */
export type AnswerFate = 'sent' | 'lost';

export interface MilterHandler {
  /** Verdicts before the content. Each is optional; an absent one means `continue` and lets the session ask for no-reply. */
  onConnect?(connection: Connection, signal: AbortSignal): Promise<EnvelopeAnswer> | EnvelopeAnswer;
  onHelo?(connection: Connection, signal: AbortSignal): Promise<EnvelopeAnswer> | EnvelopeAnswer;
  onMail?(
    connection: Connection,
    mailFrom: EnvelopeAddress,
    signal: AbortSignal,
  ): Promise<EnvelopeAnswer> | EnvelopeAnswer;
  onRcpt?(
    connection: Connection,
    mailFrom: EnvelopeAddress,
    rcptTo: EnvelopeAddress,
    signal: AbortSignal,
  ): Promise<EnvelopeAnswer> | EnvelopeAnswer;
  /**
   * One whole message. The session sends progress by itself while this runs. `settled` is called exactly once after the
   * promise resolved: `sent` when the whole answer was handed to the socket, `lost` when the MTA was gone before.
   */
  onMessage(
    transaction: Transaction,
    signal: AbortSignal,
  ): Promise<{ answer: Answer; settled?(fate: AnswerFate): void }>;
  /** A session went wrong by protocol: one line for the log. */
  onProtocolError?(connection: Connection | null, reason: string): void;
}
