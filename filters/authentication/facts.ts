// What the authentication stage found out about a message: the results of SPF, DKIM, DMARC and ARC in the words of
// RFC 8601 §2.7. Plain data for the policy, the header that reports it, rules that ask for it, and explanations.

export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';
export type DkimResult = 'none' | 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror';
export type DmarcResult = 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';
export type ArcResult = 'none' | 'pass' | 'fail';
export type DmarcPolicy = 'none' | 'quarantine' | 'reject';

/** One check_host() (RFC 7208 §4). */
export interface SpfFacts {
  readonly result: SpfResult;
  /** Which identity was checked: MAIL FROM (with HELO's name in place of a null sender's, §2.4), or HELO itself. */
  readonly scope: 'mfrom' | 'helo';
  /** Domain checked, lower case A-labels; '' where there was none. */
  readonly domain: string;
  /** The mechanism that matched, such as `ip4:192.0.2.0/24` or `all`; null where none did. */
  readonly mechanism: string | null;
  /** The domain's own explanation of a `fail` (§6.2), printable ASCII, bounded; null where none. */
  readonly explanation: string | null;
  /** What went wrong, for people, where the result is an error; else null. */
  readonly problem: string | null;
}

/** One DKIM-Signature (RFC 6376), message order. */
export interface DkimFacts {
  readonly result: DkimResult;
  /** d=, lower case A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** i= as given, or `@` and the domain. */
  readonly identity: string;
  /** Such as `rsa-sha256`. */
  readonly algorithm: string;
  readonly keyBits: number | null;
  /** The first bytes of b=, as RFC 6008 shows them. */
  readonly signatureStart: string;
  /** Whether the domain is that of the From field, exactly or by organisational domain; null where not. */
  readonly alignment: 'strict' | 'relaxed' | null;
  /** t=y in the key. */
  readonly testing: boolean;
  /** Names of signed header fields, lower case. */
  readonly signedHeaders: readonly string[];
  /** Why the result is no pass, or what a pass does not cover; else null. */
  readonly problem: string | null;
}

/** RFC 7489. */
export interface DmarcFacts {
  readonly result: DmarcResult;
  /** Domain of the From field; '' where there is not exactly one. */
  readonly domain: string;
  /** Where the record was found: the domain or its organisational domain; '' where none. */
  readonly recordDomain: string;
  /** What the domain publishes for this message (p= or sp=, np=); null where there is no record. */
  readonly published: DmarcPolicy | null;
  /** What is asked for after pct=, local overrides and trusted ARC. `none` for a pass. */
  readonly applied: DmarcPolicy;
  /** Why `applied` is not `published`; null where it is. */
  readonly override: 'sampled-out' | 'local-policy' | 'trusted-arc' | 'trusted-forwarder' | null;
  readonly alignedSpf: boolean;
  readonly alignedDkim: boolean;
  readonly problem: string | null;
}

/** RFC 8617. */
export interface ArcFacts {
  readonly result: ArcResult;
  /** Sets in the chain. */
  readonly instances: number;
  /** d= of the newest seal, lower case A-labels; '' where none. */
  readonly sealer: string;
  /** Whether the chain passes, its newest sealer is trusted by the settings, and the author is part of what it signed. */
  readonly trusted: boolean;
  /**
   * What the earliest sealer said of DMARC that is trusted as all after it are; null where not trusted, or where nothing was
   * said of the domain that stands in From now.
   */
  readonly statedDmarc: string | null;
  /** A look-up failed: another try may pass, so nothing lasting must be made of this `fail`. */
  readonly temporary?: boolean;
  readonly problem: string | null;
}

/** All of it: the facts of the stage `authentication`. */
export interface AuthenticationFacts {
  readonly authservId: string;
  /** Null where the check is off or does not apply. */
  readonly spf: SpfFacts | null;
  readonly spfHelo: SpfFacts | null;
  readonly dkim: readonly DkimFacts[];
  readonly dmarc: DmarcFacts | null;
  readonly arc: ArcFacts | null;
}
