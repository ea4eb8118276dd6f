// What the policy server hands upward, and what it wants back. The protocol folder knows no more of Weir than this.
import type { EnvelopeAnswer } from '../pipeline/answer.js';
import type { PolicyQuery } from './query.js';

export interface PolicyHandler {
  /**
   * Answers one request. `peer` stands for the connection, which belongs to one smtpd process and so to one SMTP session at
   * a time. A rejection is trouble: the settings say what Postfix gets then.
   */
  onQuery(query: PolicyQuery, peer: object, signal: AbortSignal): Promise<EnvelopeAnswer> | EnvelopeAnswer;
  /** The connection is gone. */
  onGone?(peer: object): void;
}
