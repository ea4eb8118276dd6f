// What a rule set says beside its rules: networks, lists, tables and limits that evals and inputs read. Plain data, so
// that it can be kept on disk; keys that come from files live in maps and sets, never in plain objects.
import type { PatternSource } from '../definition.js';

/** `trusted_networks` and its like, as written: CIDR, short forms, `!` for exclusions; first match wins. */
export interface NetworkList {
  /** Whether any line named one (none at all has a meaning of its own). */
  readonly configured: boolean;
  readonly entries: readonly string[];
}

/** An address that is on a list only when relayed by, or signed for, one of the domains (`''`: the address's own). */
export interface AddressWithDomains {
  /** Lower case, `*` and `?` as in a shell. */
  readonly glob: string;
  readonly domains: readonly string[];
}

/** Defaults and lines of FreeMail. */
export interface FreemailSettings {
  /** Lower case; may begin with `*.` or hold `*`. */
  readonly domains: ReadonlySet<string>;
  /** Addresses or domains that never count, lower case. */
  readonly welcomelist: ReadonlySet<string>;
  readonly bodyEmailsMax: number;
  readonly bodyFreemailsMax: number;
  readonly skipWhenOverMax: boolean;
  readonly skipBulkEnvelopeFrom: boolean;
  readonly importWelcomelistAuth: boolean;
  readonly importDefWelcomelistAuth: boolean;
}

/** A list of addresses in DNS that a rule asks (`urirhssub` and its like); the rule itself is a `check_uridnsbl` eval. */
export interface UriDnsZone {
  /** What is asked for: IPs of the hosts, names, names of their name servers, full names of those. */
  readonly kind: 'uridnsbl' | 'urirhsbl' | 'urinsrhsbl' | 'urifullnsrhsbl';
  readonly zone: string;
  /** Such as `A` or `TXT`. */
  readonly type: string;
  /** `n`, `n1-n2` or `n1/mask` in decimal, or null where any answer counts. */
  readonly subtest: string | null;
}

/** A query of `askdns`. */
export interface AskDnsQuery {
  /** With tags such as `_AUTHORDOMAIN_`. */
  readonly template: string;
  /** Upper case, at least one. */
  readonly types: readonly string[];
  /** As written, or null where any answer counts. */
  readonly subtest: string | null;
}

/** What Bayes reads of a rule set. */
export interface BayesSettings {
  readonly use: boolean;
  readonly useRules: boolean;
  readonly autoLearn: boolean;
  readonly autoLearnOnError: boolean;
  readonly thresholdNonspam: number;
  readonly thresholdSpam: number;
  readonly minHam: number;
  readonly minSpam: number;
  /** Lower case. */
  readonly ignoreHeaders: ReadonlySet<string>;
}

export interface RuleSettings {
  readonly trustedNetworks: NetworkList;
  readonly internalNetworks: NetworkList;
  readonly msaNetworks: NetworkList;
  readonly originatingIpHeaders: readonly string[];
  readonly envelopeSenderHeader: string | null;
  readonly alwaysTrustEnvelopeSender: boolean;

  /** `util_rb_tld`, ACE, lower case. */
  readonly tlds: ReadonlySet<string>;
  readonly secondLevelDomains: ReadonlySet<string>;
  readonly thirdLevelDomains: ReadonlySet<string>;
  readonly redirectorPatterns: readonly PatternSource[];

  /**
   * Lists of addresses by name, lower-case globs in order of definition: `welcomelist_from`, `blocklist_from`,
   * `welcomelist_to`, `more_spam_to`, `all_spam_to`, `blocklist_to`, `welcomelist_auth`, `def_welcomelist_auth`,
   * `welcomelist_from_spf`, `def_welcomelist_from_spf`, `welcomelist_allows_relays`, `welcomelist_bounce_relays`,
   * `welcomelist_subject`, `blocklist_subject`, `bayes_ignore_from`, `bayes_ignore_to`, and the names of
   * `enlist_addrlist` as they are written. Old spellings (`whitelist_…`) are stored under the new ones.
   */
  readonly addressLists: ReadonlyMap<string, ReadonlySet<string>>;
  /** `[def_]welcomelist_from_rcvd`, `[def_]welcomelist_from_dkim`: name of the list → entries by glob. */
  readonly domainLists: ReadonlyMap<string, ReadonlyMap<string, AddressWithDomains>>;
  /** `enlist_uri_host` and its like: list (`BLOCK`, `WELCOME`, …) → host, lower case → listed, or excluded by `!`. */
  readonly uriHostLists: ReadonlyMap<string, ReadonlyMap<string, boolean>>;
  readonly freemail: FreemailSettings;
  /** `adsp_override`: domain, lower case, maybe with `*.` → `N` nxdomain, `U` unknown, `A` all, `D` discardable (the default), `1`, `2`, `3` custom low, medium, high. */
  readonly adspOverrides: ReadonlyMap<string, string>;
  /** `uridnsbl_skip_domain`, lower case. */
  readonly uridnsblSkipDomains: ReadonlySet<string>;
  readonly uridnsblMaxDomains: number;
  readonly uridnsblSkipMailto: boolean;
  readonly parseDkimUris: boolean;
  /** By rule name. */
  readonly uriDnsZones: ReadonlyMap<string, UriDnsZone>;
  readonly askDnsQueries: ReadonlyMap<string, AskDnsQuery>;
  /** `url_shortener` hosts, lower case. */
  readonly urlShorteners: ReadonlySet<string>;
  readonly dkimMinimumKeyBits: number;

  /** Rendered text taken of one part, characters. */
  readonly bodyPartScanSize: number;
  /** Decoded text taken of one part, bytes. */
  readonly rawbodyPartScanSize: number;
  readonly normalizeCharset: boolean;
  /** `ok_locales`, as written: `all` or language codes. */
  readonly okLocales: string;
  readonly okLanguages: string;

  readonly requiredScore: number;
  readonly reportSafe: number;
  readonly timeLimitS: number;
  /** `rewrite_header`: Subject, From or To → text. */
  readonly rewriteHeaders: ReadonlyMap<string, string>;
  /** `subjprefix`: rule → text. */
  readonly subjectPrefixes: ReadonlyMap<string, string>;
  readonly shortcircuitSpamScore: number;
  readonly shortcircuitHamScore: number;
  readonly skipRblChecks: boolean;
  readonly skipUriblChecks: boolean;
  readonly bayes: BayesSettings;

  /** Every other setting that is known, by name, with its values in the order of the lines. */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

const NO_NETWORKS: NetworkList = { configured: false, entries: [] };

/** SpamAssassin's own defaults, before any file is read. */
export const RULE_SETTINGS_DEFAULTS: RuleSettings = {
  trustedNetworks: NO_NETWORKS,
  internalNetworks: NO_NETWORKS,
  msaNetworks: NO_NETWORKS,
  originatingIpHeaders: [],
  envelopeSenderHeader: null,
  alwaysTrustEnvelopeSender: false,
  tlds: new Set(),
  secondLevelDomains: new Set(),
  thirdLevelDomains: new Set(),
  redirectorPatterns: [],
  addressLists: new Map(),
  domainLists: new Map(),
  uriHostLists: new Map(),
  freemail: {
    domains: new Set(),
    welcomelist: new Set(),
    bodyEmailsMax: 5,
    bodyFreemailsMax: 3,
    skipWhenOverMax: true,
    skipBulkEnvelopeFrom: true,
    importWelcomelistAuth: false,
    importDefWelcomelistAuth: false,
  },
  adspOverrides: new Map(),
  uridnsblSkipDomains: new Set(),
  uridnsblMaxDomains: 20,
  uridnsblSkipMailto: true,
  parseDkimUris: true,
  uriDnsZones: new Map(),
  askDnsQueries: new Map(),
  urlShorteners: new Set(),
  dkimMinimumKeyBits: 1024,
  bodyPartScanSize: 50_000,
  rawbodyPartScanSize: 500_000,
  normalizeCharset: true,
  okLocales: 'all',
  okLanguages: 'all',
  requiredScore: 5,
  reportSafe: 1,
  timeLimitS: 300,
  rewriteHeaders: new Map(),
  subjectPrefixes: new Map(),
  shortcircuitSpamScore: 100,
  shortcircuitHamScore: -100,
  skipRblChecks: false,
  skipUriblChecks: false,
  bayes: {
    use: true,
    useRules: true,
    autoLearn: true,
    autoLearnOnError: false,
    thresholdNonspam: 0.1,
    thresholdSpam: 12,
    minHam: 200,
    minSpam: 200,
    ignoreHeaders: new Set(),
  },
  others: new Map(),
};
