// What look-ups said of one mail, as evals read it. Plain data, worked out before the rules are run.

/** What a list was asked about: the name or reversed address before its zone. A single name without one has zone ''. */
export interface ListedName {
  readonly label: string;
  readonly zone: string;
}

export interface DnsHits {
  /** Rule → what was listed and the answer, short and safe to log. */
  readonly hits: ReadonlyMap<string, string>;
  /** Rule → all that answered it, for those who score the same facts. */
  readonly listed: ReadonlyMap<string, readonly ListedName[]>;
  /** Different questions. */
  readonly asked: number;
  /** Questions without an answer: their rules count as not hit. */
  readonly failed: number;
  /** Whether questions were left out for their number. */
  readonly cut: boolean;
}

/** Nothing was asked. */
export const NO_DNS_HITS: DnsHits = { hits: new Map(), listed: new Map(), asked: 0, failed: 0, cut: false };
