// What the policy server hands upward, and what it wants back. The protocol folder knows no more of Weir than this.
import type { PolicyQuery } from './query.js';
import type { PolicyAnswer } from './reply.js';

export interface PolicyHandler {
  /** Answers one request. A rejection is trouble: the settings say what Postfix gets then. */
  onQuery(query: PolicyQuery, signal: AbortSignal): Promise<PolicyAnswer> | PolicyAnswer;
}
