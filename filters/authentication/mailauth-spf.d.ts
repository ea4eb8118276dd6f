// The part of mailauth 7.1.0 that evaluates one SPF record and those it leads to; the package types its outer function
// only, which keeps to itself what matched.
declare module 'mailauth/lib/spf/spf-verify.js' {
  type Lookup = (name: string, type: string) => Promise<unknown>;

  interface Evaluation {
    readonly sender: string;
    readonly ip: string;
    readonly helo: string;
    readonly mta: string;
    readonly strict: boolean;
    readonly ctx: { readonly warnings: Set<string>; usedLocalPart: boolean };
    readonly resolver: Lookup;
    readonly expResolver: Lookup;
    readonly createSubResolver: (options?: { readonly ignoreVoid?: boolean }) => Lookup;
  }

  /** A directive that matched, an error, or neither: then there is `rr` alone and the result is neutral. */
  export interface Match {
    readonly qualifier?: '+' | '-' | '~' | '?';
    readonly error?: 'none' | 'temperror' | 'permerror';
    readonly text?: string;
    readonly type?: string;
    readonly val?: string;
    readonly explanation?: string;
  }

  /** Rejects with an error that carries `spfResult` as `Match`, or with whatever a look-up rejected with. */
  export function spfVerify(domain: string, options: Evaluation): Promise<Match | false>;
}
