// Oddities: what is malformed or suspicious in a message's form, as facts that rules can hit. One catalogue.

export interface Oddity {
  readonly code: string;
  /** Offset into the raw bytes, where it has one. */
  readonly offset?: number;
  readonly detail?: string;
}
