// What look-ups said of one mail, as evals read it. Plain data, worked out before the rules are run.

export interface DnsHits {
  /** Rule → what was listed and the answer, short and safe to log. */
  readonly hits: ReadonlyMap<string, string>;
  /** Different questions. */
  readonly asked: number;
  /** Questions without an answer: their rules count as not hit. */
  readonly failed: number;
  /** Whether questions were left out for their number. */
  readonly cut: boolean;
}

/** Nothing was asked. */
export const NO_DNS_HITS: DnsHits = { hits: new Map(), asked: 0, failed: 0, cut: false };
