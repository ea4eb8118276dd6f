// The settings of a rule set while its files are read: what each word changes. Takes a word and its value, changes the
// draft, and throws LineError where the value cannot be meant.
import { domainToASCII } from 'node:url';
import { LineError, wordsOf } from './lines.js';
import { emptyReplaceTags, type ReplaceTags } from './replace-tags.js';
import {
  RULE_SETTINGS_DEFAULTS as DEFAULTS,
  type AddressWithDomains,
  type AskDnsQuery,
  type RuleSettings,
  type UriDnsZone,
} from './settings.js';

/** Most entries of any one list. */
export const LIST_ENTRIES_MAX = 500_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A network list that is being filled. */
interface NetworkDraft {
  configured: boolean;
  entries: string[];
}

type Scalars = Pick<
  Mutable<RuleSettings>,
  | 'envelopeSenderHeader'
  | 'alwaysTrustEnvelopeSender'
  | 'uridnsblMaxDomains'
  | 'uridnsblSkipMailto'
  | 'parseDkimUris'
  | 'dkimMinimumKeyBits'
  | 'bodyPartScanSize'
  | 'rawbodyPartScanSize'
  | 'normalizeCharset'
  | 'okLocales'
  | 'okLanguages'
  | 'requiredScore'
  | 'reportSafe'
  | 'timeLimitS'
  | 'shortcircuitSpamScore'
  | 'shortcircuitHamScore'
  | 'skipRblChecks'
  | 'skipUriblChecks'
>;

/** Everything that words change, in its changeable form. */
export class SettingsDraft {
  readonly scalars: Scalars = { ...DEFAULTS };
  readonly freemail = { ...DEFAULTS.freemail, domains: new Set<string>(), welcomelist: new Set<string>() };
  readonly bayes = { ...DEFAULTS.bayes, ignoreHeaders: new Set<string>() } as Mutable<RuleSettings['bayes']> & {
    ignoreHeaders: Set<string>;
  };
  readonly networks: Record<'trusted' | 'internal' | 'msa', NetworkDraft> = {
    trusted: noNetworks(),
    internal: noNetworks(),
    msa: noNetworks(),
  };
  originatingIpHeaders: string[] = [];
  tlds = new Set<string>();
  secondLevelDomains = new Set<string>();
  thirdLevelDomains = new Set<string>();
  readonly redirectorPatterns: RuleSettings['redirectorPatterns'][number][] = [];
  readonly addressLists = new Map<string, Set<string>>();
  readonly domainLists = new Map<string, Map<string, AddressWithDomains>>();
  readonly uriHostLists = new Map<string, Map<string, boolean>>();
  readonly adspOverrides = new Map<string, string>();
  readonly uridnsblSkipDomains = new Set<string>();
  readonly uriDnsZones = new Map<string, UriDnsZone>();
  readonly askDnsQueries = new Map<string, AskDnsQuery>();
  readonly urlShorteners = new Set<string>();
  readonly rewriteHeaders = new Map<string, string>();
  readonly subjectPrefixes = new Map<string, string>();
  readonly others = new Map<string, string[]>();
  readonly replacing: ReplaceTags = emptyReplaceTags();

  addresses(list: string): Set<string> {
    return entry(this.addressLists, list, () => new Set<string>());
  }

  uriHosts(list: string): Map<string, boolean> {
    return entry(this.uriHostLists, list, () => new Map<string, boolean>());
  }

  addDomain(list: string, glob: string, domain: string): void {
    const entries = entry(this.domainLists, list, () => new Map<string, AddressWithDomains>());
    const known = entries.get(glob);
    if (known === undefined) bounded(entries.size);
    entries.set(glob, { glob, domains: [...(known?.domains ?? []), domain] });
  }

  removeDomain(list: string, glob: string, domain: string): void {
    const entries = this.domainLists.get(list);
    const left = entries?.get(glob)?.domains.filter((one) => one !== domain) ?? [];
    if (left.length === 0) entries?.delete(glob);
    else entries?.set(glob, { glob, domains: left });
  }

  finish(): RuleSettings {
    return {
      ...this.scalars,
      trustedNetworks: this.networks.trusted,
      internalNetworks: this.networks.internal,
      msaNetworks: this.networks.msa,
      originatingIpHeaders: this.originatingIpHeaders,
      tlds: this.tlds,
      secondLevelDomains: this.secondLevelDomains,
      thirdLevelDomains: this.thirdLevelDomains,
      redirectorPatterns: this.redirectorPatterns,
      addressLists: this.addressLists,
      domainLists: this.domainLists,
      uriHostLists: this.uriHostLists,
      freemail: this.freemail,
      adspOverrides: this.adspOverrides,
      uridnsblSkipDomains: this.uridnsblSkipDomains,
      uriDnsZones: this.uriDnsZones,
      askDnsQueries: this.askDnsQueries,
      urlShorteners: this.urlShorteners,
      rewriteHeaders: this.rewriteHeaders,
      subjectPrefixes: this.subjectPrefixes,
      bayes: this.bayes,
      others: this.others,
    };
  }
}

function noNetworks(): NetworkDraft {
  return { configured: false, entries: [] };
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let found = map.get(key);
  if (found === undefined) {
    found = make();
    map.set(key, found);
  }
  return found;
}

function bounded(size: number): void {
  if (size >= LIST_ENTRIES_MAX) throw new LineError(`a list has more than ${LIST_ENTRIES_MAX} entries`);
}

/** Adds to a set that may not grow without end. */
export function addAll(set: Set<string>, values: readonly string[]): void {
  bounded(set.size);
  for (const value of values) set.add(value);
}

/** A domain as tables hold it: lower case, ASCII. */
export function asciiDomain(text: string): string {
  const lower = text.toLowerCase();
  if (/^[\x00-\x7f]*$/.test(lower)) return lower;
  return domainToASCII(Buffer.from(lower, 'latin1').toString('utf8'));
}

export function needed(value: string): string {
  if (value === '') throw new LineError('needs a value');
  return value;
}

export function yesOrNo(value: string): boolean {
  const lower = needed(value).toLowerCase();
  if (lower === 'yes' || lower === '1') return true;
  if (lower === 'no' || lower === '0') return false;
  throw new LineError(`"${value.slice(0, 20)}" is neither yes nor no`);
}

export function number(value: string): number {
  if (!/^[-+]?\d{1,15}(?:\.\d{0,15})?$/.test(needed(value)))
    throw new LineError(`"${value.slice(0, 20)}" is no number`);
  return Number(value);
}

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Seconds of `10`, `5m`, `2 h` … */
export function duration(value: string): number {
  const found = /^\+?(\d{1,12}(?:\.\d{0,6})?)\s*([smhdw])?$/i.exec(needed(value));
  if (found === null) throw new LineError(`"${value.slice(0, 20)}" is no time`);
  return Number(found[1]) * (UNIT_S[found[2]?.toLowerCase() ?? 's'] ?? 1);
}

/** Name in brackets, and what follows it. */
export function bracketed(value: string): [string, string[]] {
  const found = /^\(([^\n]+?)\)\s+(\S.*)$/.exec(value);
  if (found === null) throw new LineError('expected "(NAME) …"');
  return [found[1]!, wordsOf(found[2]!)];
}
