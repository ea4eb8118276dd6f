// The words of rule files that are no rules: what each changes in the settings of the set. A word that only concerns
// parts of SpamAssassin which Weir has elsewhere, or not at all, is taken and kept, so that its line is no error.
import { firstWord, LineError, wordsOf } from './lines.js';
import {
  addAll,
  asciiDomain,
  bracketed,
  duration,
  needed,
  number,
  yesOrNo,
  type SettingsDraft,
} from './settings-draft.js';
import { compileRedirectors } from '../mail/redirectors.js';
import { PatternError } from '../pattern/syntax.js';
import { askDns, zone, type Change } from './dns-words.js';
import { KEPT, KEPT_FAMILIES } from './kept-words.js';
import { patternSource } from './statements.js';

/** Lists of addresses, one word each. */
const ADDRESS_LISTS = `welcomelist_from welcomelist_allows_relays blocklist_from welcomelist_to more_spam_to all_spam_to
  blocklist_to welcomelist_auth def_welcomelist_auth welcomelist_from_spf def_welcomelist_from_spf
  welcomelist_bounce_relays bayes_ignore_from bayes_ignore_to`.split(/\s+/);

/** Words that take from such lists again: the lists they take from. */
const ADDRESS_REMOVALS: Readonly<Record<string, readonly string[]>> = {
  unwelcomelist_from: ['welcomelist_from'],
  unblocklist_from: ['blocklist_from'],
  unwelcomelist_auth: ['welcomelist_auth', 'def_welcomelist_auth'],
  unwelcomelist_from_spf: ['welcomelist_from_spf', 'def_welcomelist_from_spf'],
};

const removeFrom =
  (lists: readonly string[]): Change =>
  (draft, value) => {
    for (const list of lists)
      for (const glob of wordsOf(needed(value).toLowerCase())) draft.addressLists.get(list)?.delete(glob);
  };

const network =
  (name: 'trusted' | 'internal' | 'msa'): Change =>
  (draft, value) => {
    draft.networks[name].entries.push(...wordsOf(needed(value)));
    draft.networks[name].configured = true;
  };

const clearNetwork =
  (name: 'trusted' | 'internal' | 'msa'): Change =>
  (draft, value) => {
    nothing(value);
    draft.networks[name] = { configured: false, entries: [] };
  };

/** `welcomelist_from_rcvd` and its like: an address, then a domain. */
const fromReceived =
  (list: string): Change =>
  (draft, value) => {
    const [glob = '', domain, ...more] = wordsOf(value.toLowerCase());
    if (domain === undefined || more.length > 0) throw new LineError('expected an address and a domain');
    draft.addDomain(list, glob, domain);
  };

/** An address, then the signing domain or nothing. */
function addressAndSigner(value: string): [string, string] {
  const [glob, domain = '', ...more] = wordsOf(value.toLowerCase());
  if (glob === undefined || more.length > 0) throw new LineError('expected an address, and a domain or nothing');
  return [glob, domain];
}

const uriHosts =
  (list: string): Change =>
  (draft, value) =>
    listHosts(draft, list, wordsOf(needed(value)));

function listHosts(draft: SettingsDraft, list: string, hosts: readonly string[]): void {
  const known = draft.uriHosts(list);
  for (const host of hosts) {
    const lower = host.toLowerCase();
    known.set(lower.replace(/^!/, ''), !lower.startsWith('!'));
  }
}

const registry =
  (name: 'tlds' | 'secondLevelDomains' | 'thirdLevelDomains', labels: number): Change =>
  (draft, value) => {
    const domains = wordsOf(needed(value));
    const wrong = domains.find((domain) => domain.split('.').length !== labels || domain.split('.').includes(''));
    if (wrong !== undefined) throw new LineError(`"${wrong.slice(0, 40)}" does not have ${labels} labels`);
    addAll(draft[name], domains.map(asciiDomain));
  };

function adspOverride(draft: SettingsDraft, value: string): void {
  const found = /^@?([*a-z0-9._-]+)(?:\s+(nxdomain|unknown|all|discardable|custom_low|custom_med|custom_high))?$/i.exec(
    value,
  );
  if (found === null) throw new LineError('expected a domain, and a policy or nothing');
  const custom = ['custom_low', 'custom_med', 'custom_high'].indexOf((found[2] ?? '').toLowerCase());
  const policy = custom >= 0 ? String(custom + 1) : (found[2] ?? 'discardable').charAt(0).toUpperCase();
  draft.adspOverrides.set(found[1]!.toLowerCase(), policy);
}

function rewriteHeader(draft: SettingsDraft, value: string): void {
  const [name, text] = firstWord(value);
  const header = name.charAt(0).toUpperCase() + name.slice(1).toLowerCase();
  if (!['From', 'Subject', 'To'].includes(header)) throw new LineError('only From, Subject and To can be rewritten');
  if (text === '') draft.rewriteHeaders.delete(header);
  else draft.rewriteHeaders.set(header, header === 'Subject' ? text : text.replaceAll('(', '[').replaceAll(')', ']'));
}

function freemailDomains(draft: SettingsDraft, value: string): void {
  const domains = wordsOf(value);
  const wrong = domains.find((domain) => !/^[a-zA-Z0-9.*?-]+$/.test(domain));
  addAll(
    draft.freemail.domains,
    domains.filter((domain) => domain !== wrong).map((domain) => domain.toLowerCase()),
  );
  if (wrong !== undefined) throw new LineError(`"${wrong.slice(0, 40)}" is no domain`);
}

function nothing(value: string): void {
  if (value !== '') throw new LineError('takes no value');
}

function keep(draft: SettingsDraft, word: string, value: string): void {
  const kept = draft.others.get(word);
  if (kept === undefined) draft.others.set(word, [value]);
  else kept.push(value);
}

/** Compiled once here, so that one that cannot run is refused with its line, and not met by the first mail. */
function addRedirector(draft: SettingsDraft, value: string): void {
  const source = patternSource(needed(value));
  try {
    compileRedirectors([source]);
  } catch (error) {
    throw error instanceof PatternError ? new LineError(error.message) : error;
  }
  draft.redirectorPatterns.push(source);
}

const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ...ADDRESS_LISTS.map((list): [string, Change] => [
    list,
    (draft, value) => addAll(draft.addresses(list), wordsOf(needed(value).toLowerCase())),
  ]),
  ...Object.entries(ADDRESS_REMOVALS).map(([word, lists]): [string, Change] => [word, removeFrom(lists)]),
  ...['welcomelist_subject', 'blocklist_subject'].map((list): [string, Change] => [
    list,
    (draft, value) => addAll(draft.addresses(list), [value.toLowerCase()]),
  ]),
  ...['welcomelist_from_rcvd', 'def_welcomelist_from_rcvd'].map((list): [string, Change] => [list, fromReceived(list)]),
  ...['welcomelist_from_dkim', 'def_welcomelist_from_dkim'].map((list): [string, Change] => [
    list,
    (draft, value) => draft.addDomain(list, ...addressAndSigner(value)),
  ]),
  [
    'unwelcomelist_from_rcvd',
    (draft, value) => {
      for (const list of ['welcomelist_from_rcvd', 'def_welcomelist_from_rcvd'])
        for (const glob of wordsOf(needed(value).toLowerCase())) draft.domainLists.get(list)?.delete(glob);
    },
  ],
  [
    'unwelcomelist_from_dkim',
    (draft, value) => {
      const [glob, domain] = addressAndSigner(value);
      draft.removeDomain('welcomelist_from_dkim', glob, domain);
      draft.removeDomain('def_welcomelist_from_dkim', glob, domain);
    },
  ],
  [
    'enlist_addrlist',
    (draft, value) => {
      const [list, globs] = bracketed(value);
      addAll(
        draft.addresses(list),
        globs.map((glob) => glob.toLowerCase()),
      );
    },
  ],
  ['enlist_uri_host', (draft, value) => listHosts(draft, ...bracketed(value))],
  [
    'delist_uri_host',
    (draft, value) => {
      const [lists, hosts] = value.startsWith('(')
        ? [[bracketed(value)[0]], bracketed(value)[1]]
        : [[...draft.uriHostLists.keys()], wordsOf(needed(value))];
      for (const list of lists)
        for (const host of hosts) draft.uriHostLists.get(list)?.delete(host.toLowerCase().replace(/^!/, ''));
    },
  ],
  ['blocklist_uri_host', uriHosts('BLOCK')],
  ['welcomelist_uri_host', uriHosts('WELCOME')],
  ['trusted_networks', network('trusted')],
  ['internal_networks', network('internal')],
  ['msa_networks', network('msa')],
  ['clear_trusted_networks', clearNetwork('trusted')],
  ['clear_internal_networks', clearNetwork('internal')],
  ['clear_msa_networks', clearNetwork('msa')],
  [
    'originating_ip_headers',
    (draft, value) => {
      for (const name of wordsOf(needed(value)))
        if (!draft.originatingIpHeaders.some((known) => known.toLowerCase() === name.toLowerCase()))
          draft.originatingIpHeaders.push(name);
    },
  ],
  ['clear_originating_ip_headers', (draft) => (draft.originatingIpHeaders = [])],
  ['util_rb_tld', registry('tlds', 1)],
  ['util_rb_2tld', registry('secondLevelDomains', 2)],
  ['util_rb_3tld', registry('thirdLevelDomains', 3)],
  [
    'clear_util_rb',
    (draft, value) => {
      nothing(value);
      draft.tlds = new Set();
      draft.secondLevelDomains = new Set();
      draft.thirdLevelDomains = new Set();
    },
  ],
  ['redirector_pattern', addRedirector],
  ['freemail_domains', freemailDomains],
  [
    'freemail_welcomelist',
    (draft, value) => {
      addAll(
        draft.freemail.welcomelist,
        wordsOf(value.toLowerCase()).filter((address) => /\w[.@]\w/.test(address)),
      );
    },
  ],
  ['freemail_max_body_emails', (draft, value) => (draft.freemail.bodyEmailsMax = number(value))],
  ['freemail_max_body_freemails', (draft, value) => (draft.freemail.bodyFreemailsMax = number(value))],
  ['freemail_skip_when_over_max', (draft, value) => (draft.freemail.skipWhenOverMax = number(value) !== 0)],
  ['freemail_skip_bulk_envfrom', (draft, value) => (draft.freemail.skipBulkEnvelopeFrom = number(value) !== 0)],
  ['freemail_import_welcomelist_auth', (draft, value) => (draft.freemail.importWelcomelistAuth = number(value) !== 0)],
  [
    'freemail_import_def_welcomelist_auth',
    (draft, value) => (draft.freemail.importDefWelcomelistAuth = number(value) !== 0),
  ],
  ['adsp_override', adspOverride],
  ['uridnsbl', zone('uridnsbl', false)],
  ['uridnssub', zone('uridnsbl', true)],
  ['urirhsbl', zone('urirhsbl', false)],
  ['urirhssub', zone('urirhsbl', true)],
  ['urinsrhsbl', zone('urinsrhsbl', false)],
  ['urinsrhssub', zone('urinsrhsbl', true)],
  ['urifullnsrhsbl', zone('urifullnsrhsbl', false)],
  ['urifullnsrhssub', zone('urifullnsrhsbl', true)],
  ['uridnsbl_skip_domain', (draft, value) => addAll(draft.uridnsblSkipDomains, wordsOf(needed(value).toLowerCase()))],
  [
    'clear_uridnsbl_skip_domain',
    (draft, value) => {
      if (value === '') draft.uridnsblSkipDomains.clear();
      for (const domain of wordsOf(value.toLowerCase())) draft.uridnsblSkipDomains.delete(domain);
    },
  ],
  ['uridnsbl_max_domains', (draft, value) => (draft.scalars.uridnsblMaxDomains = number(value))],
  ['uridnsbl_skip_mailto', (draft, value) => (draft.scalars.uridnsblSkipMailto = yesOrNo(value))],
  ['askdns', askDns],
  ['url_shortener', (draft, value) => addAll(draft.urlShorteners, wordsOf(value.toLowerCase()))],
  ['url_shortener_get', (draft, value) => addAll(draft.urlShorteners, wordsOf(value.toLowerCase()))],
  [
    'clear_url_shortener',
    (draft, value) => {
      if (value === '') draft.urlShorteners.clear();
      for (const host of wordsOf(value.toLowerCase())) draft.urlShorteners.delete(host);
    },
  ],
  ['dkim_minimum_key_bits', (draft, value) => (draft.scalars.dkimMinimumKeyBits = number(value))],
  ['parse_dkim_uris', (draft, value) => (draft.scalars.parseDkimUris = yesOrNo(value))],
  ['envelope_sender_header', (draft, value) => (draft.scalars.envelopeSenderHeader = needed(value))],
  ['always_trust_envelope_sender', (draft, value) => (draft.scalars.alwaysTrustEnvelopeSender = yesOrNo(value))],
  ['body_part_scan_size', (draft, value) => (draft.scalars.bodyPartScanSize = number(value))],
  ['rawbody_part_scan_size', (draft, value) => (draft.scalars.rawbodyPartScanSize = number(value))],
  ['normalize_charset', (draft, value) => (draft.scalars.normalizeCharset = yesOrNo(value))],
  ['ok_locales', (draft, value) => (draft.scalars.okLocales = needed(value))],
  ['ok_languages', (draft, value) => (draft.scalars.okLanguages = needed(value))],
  ['required_score', (draft, value) => (draft.scalars.requiredScore = number(value))],
  ['required_hits', (draft, value) => (draft.scalars.requiredScore = number(value))],
  [
    'report_safe',
    (draft, value) => {
      if (!/^[012]$/.test(value)) throw new LineError('expected 0, 1 or 2');
      draft.scalars.reportSafe = Number(value);
    },
  ],
  ['time_limit', (draft, value) => (draft.scalars.timeLimitS = duration(value))],
  ['rewrite_header', rewriteHeader],
  [
    'subjprefix',
    (draft, value) => {
      const [rule, text] = firstWord(value);
      draft.subjectPrefixes.set(rule, needed(text));
    },
  ],
  ['shortcircuit_spam_score', (draft, value) => (draft.scalars.shortcircuitSpamScore = number(value))],
  ['shortcircuit_ham_score', (draft, value) => (draft.scalars.shortcircuitHamScore = number(value))],
  ['skip_rbl_checks', (draft, value) => (draft.scalars.skipRblChecks = yesOrNo(value))],
  ['skip_uribl_checks', (draft, value) => (draft.scalars.skipUriblChecks = yesOrNo(value))],
  ['use_bayes', (draft, value) => (draft.bayes.use = yesOrNo(value))],
  ['use_bayes_rules', (draft, value) => (draft.bayes.useRules = yesOrNo(value))],
  ['bayes_auto_learn', (draft, value) => (draft.bayes.autoLearn = yesOrNo(value))],
  ['bayes_auto_learn_on_error', (draft, value) => (draft.bayes.autoLearnOnError = yesOrNo(value))],
  ['bayes_auto_learn_threshold_nonspam', (draft, value) => (draft.bayes.thresholdNonspam = number(value))],
  ['bayes_auto_learn_threshold_spam', (draft, value) => (draft.bayes.thresholdSpam = number(value))],
  ['bayes_min_ham_num', (draft, value) => (draft.bayes.minHam = number(value))],
  ['bayes_min_spam_num', (draft, value) => (draft.bayes.minSpam = number(value))],
  ['bayes_ignore_header', (draft, value) => addAll(draft.bayes.ignoreHeaders, wordsOf(value.toLowerCase()))],
  ...(['start', 'end'] as const).map((end): [string, Change] => [
    `replace_${end}`,
    (draft, value) => (draft.replacing[end] = needed(value)),
  ]),
  ...(['tag', 'pre', 'inter', 'post'] as const).map((kind): [string, Change] => [
    `replace_${kind}`,
    (draft, value) => {
      const [name, text] = firstWord(value);
      draft.replacing[kind === 'tag' ? 'tags' : kind].set(name, needed(text));
    },
  ]),
  ['replace_rules', (draft, value) => addAll(draft.replacing.rules, wordsOf(needed(value)))],
  ...KEPT.map((word): [string, Change] => [word, (draft, value) => keep(draft, word, value)]),
]);

/** Words this file knows, in their present spelling. */
export const SETTING_WORDS: readonly string[] = [...CHANGES.keys()];

/** The present spelling of a word. */
export function presentSpelling(word: string): string {
  return word.replace('whitelist', 'welcomelist').replace('blacklist', 'blocklist');
}

/** Changes the draft as the line says; false when the word is unknown. Throws LineError. */
export function applySetting(draft: SettingsDraft, word: string, value: string): boolean {
  const present = presentSpelling(word);
  const change = CHANGES.get(present);
  if (change !== undefined) change(draft, value);
  else if (KEPT_FAMILIES.test(present)) keep(draft, present, value);
  else return false;
  return true;
}
