// What is known of a message from authentication and learning done elsewhere, as evals read it: plain data handed in with the
// message. Where a part is null it was not found out, and rules on it do not hit.

type CheckResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror' | 'policy';

/** Results of SPF, DKIM, DMARC and ARC in the words of RFC 8601. Domains in lower case. */
export interface AuthenticationView {
  readonly spf: { readonly result: CheckResult } | null;
  readonly spfHelo: { readonly result: CheckResult } | null;
  readonly dkim: readonly {
    readonly result: CheckResult;
    readonly domain: string;
    /** i=, or `@` and the domain. */
    readonly identity: string;
    readonly keyBits: number | null;
    readonly testing: boolean;
  }[];
  readonly dmarc: {
    readonly result: CheckResult;
    /** Null where the domain publishes no policy. */
    readonly published: 'none' | 'quarantine' | 'reject' | null;
  } | null;
  readonly arc: { readonly result: CheckResult; readonly instances: number } | null;
}

export interface RuleFacts {
  readonly authentication: AuthenticationView | null;
  /** Probability of spam by what was learned, 0 to 1. */
  readonly bayes: number | null;
}
