// What a milter session hands upward, and what it wants back. The protocol folder knows no more of Weir than this.
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Answer, EnvelopeAnswer } from '../pipeline/answer.js';
import type { EarlyMoment } from '../pipeline/stage.js';

/** How far the answer got, told after the fact. */
export type AnswerFate = 'sent' | 'lost';

/** What is known when an SMTP session opens or greets. */
export interface EnvelopeEvent {
  /** One object for all events of an SMTP session and no other: what a handler remembers of it can hang on this. */
  readonly session: object;
  readonly connection: Connection;
}

/** What is known at MAIL. `mailFrom` is one object for all events of a transaction, its message included. */
export interface SenderEvent extends EnvelopeEvent {
  /** The login that sends (SASL), or null. */
  readonly login: string | null;
  readonly mailFrom: EnvelopeAddress;
}

/** What is known at RCPT. */
export interface RecipientEvent extends SenderEvent {
  readonly rcptTo: EnvelopeAddress;
  /** Recipients of the transaction that were accepted so far, in order; grows once the event is answered. */
  readonly accepted: readonly EnvelopeAddress[];
}

/** A recipient that the MTA refused by itself. */
export interface RefusedRecipientEvent extends RecipientEvent {
  /** Enhanced status (RFC 3463), such as `5.1.1`; '' where the MTA gave none. */
  readonly status: string;
}

type Verdict = Promise<EnvelopeAnswer> | EnvelopeAnswer;

export interface MilterHandler {
  /**
   * Whether a verdict may be given at that moment. Asked when a connection begins; where it says no, silence may be
   * agreed for the connection, and the moment's hook is not called then. Absent: wherever there is a hook.
   */
  hears?(moment: EarlyMoment): boolean;
  /** Verdicts before the content. Each is optional; an absent one means `continue`. */
  onConnect?(event: EnvelopeEvent, signal: AbortSignal): Verdict;
  onHelo?(event: EnvelopeEvent, signal: AbortSignal): Verdict;
  onMail?(event: SenderEvent, signal: AbortSignal): Verdict;
  onRcpt?(event: RecipientEvent, signal: AbortSignal): Verdict;
  /** For counting. The MTA goes on when the promise is there, and whatever it holds. */
  onRefusedRcpt?(event: RefusedRecipientEvent, signal: AbortSignal): Promise<void> | void;
  /** The SMTP session is over; said once, for every session whose client was told. */
  onEnd?(event: EnvelopeEvent): void;
  /**
   * One whole message. The session sends progress by itself while this runs. `settled` is called exactly once after the
   * promise resolved: `sent` when the whole answer was handed to the socket, `lost` when the MTA was gone before.
   * `session` is that of the events before; absent where there were none.
   */
  onMessage(
    transaction: Transaction,
    signal: AbortSignal,
    session?: object,
  ): Promise<{ answer: Answer; settled?(fate: AnswerFate): void }>;
  /** A session went wrong by protocol: one line for the log. */
  onProtocolError?(connection: Connection | null, reason: string): void;
}
