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
import type { UriDnsZone } from './settings.js';
import { checkRuleName, patternSource } from './statements.js';

type Change = (draft: SettingsDraft, value: string) => void;

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

/** Known words whose values nothing here reads yet: kept by name. */
const KEPT = `add_header remove_header report_wrap_width dns_available dns_server dns_local_ports_permit
  dns_local_ports_avoid dns_test_interval dns_options dns_query_restriction dns_block_rule dns_block_time use_learner
  bayes_token_sources bayes_learn_during_report bayes_sql_override_username bayes_use_hapaxes bayes_journal_max_size
  bayes_expiry_max_db_size bayes_auto_expire bayes_token_ttl bayes_seen_ttl bayes_learn_to_journal lock_method fold_headers
  report_safe_copy_headers report_charset report report_contact report_hostname unsafe_report mbox_format_from_regex
  allow_user_rules version_tag rbl_timeout bayes_path bayes_file_mode bayes_store_module bayes_sql_dsn bayes_sql_username
  bayes_sql_password bayes_sql_username_authorized user_scores_dsn user_scores_sql_username user_scores_sql_password
  user_scores_sql_custom_query user_scores_ldap_username user_scores_ldap_password user_scores_fallback_to_global
  ignore_always_matching_regexps geodb_module country_db_type geodb_options geodb_search_path country_db_path
  uri_country_db_path uri_country_db_isp_path freemail_add_describe_email dkim_timeout spf_timeout
  ignore_received_spf_header use_newest_received_spf_header do_not_use_mail_spf do_not_use_mail_spf_query
  dmarc_save_reports hashbl_ignore hashbl_email_domain_alias hashbl_email_regex hashbl_email_welcomelist rbl_headers
  inactive_languages textcat_max_languages textcat_optimal_ngrams textcat_max_ngrams textcat_acceptable_score asn_lookup
  asn_lookup_ipv6 clear_asn_lookups asn_prefix asn_use_geodb asn_prefer_geodb asn_use_dns shortcircuit_min_ham_score
  shortcircuit_max_spam_score bayes_max_token_length bayes_stopword_languages spamcop_from_address spamcop_to_address
  spamcop_max_report_size spamcop_relayhost use_pyzor pyzor_count_min pyzor_max pyzor_welcomelist_min
  pyzor_welcomelist_factor pyzor_fork pyzor_perl pyzor_timeout pyzor_options pyzor_path pyzor_server_file use_razor2
  razor_fork razor_timeout razor_config url_shortener_cache_type url_shortener_cache_dsn url_shortener_cache_username
  url_shortener_cache_password url_shortener_cache_ttl url_shortener_cache_autoclean url_shortener_loginfo
  url_shortener_timeout max_short_urls max_short_url_redirections url_shortener_user_agent use_auto_welcomelist
  auto_welcomelist_path auto_welcomelist_factor use_txrep use_dcc dcc_home dcc_path access_database olemacro_num_mime
  fns_check fns_ignore_headers fns_ignore_dkim fns_add_addrlist fns_remove_addrlist extracttext_external extracttext_use
  uridnsbl_timeout dns_local_ports_none clear_dns_servers clear_dns_query_restriction clear_dns_query_restrictions
  clear_headers clear_report_template clear_unsafe_report_template`.split(/\s+/);

/** Families of known words whose values nothing here reads yet. */
const KEPT_FAMILIES = /^(?:hashbl_acl_|bayes_stopword_|txrep_|dcc_|olemacro_|auto_welcomelist_|asn_|fns_|extracttext_)/;

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

const zone =
  (kind: UriDnsZone['kind'], withSubtest: boolean): Change =>
  (draft, value) => {
    const [rule = '', name, type, ...rest] = wordsOf(value);
    if (name === undefined || type === undefined || rest.length > 0 !== withSubtest)
      throw new LineError(`expected RULE zone type${withSubtest ? ' subtest' : ''}`);
    checkRuleName(rule);
    const subtest = withSubtest ? canonicalSubtest(rest.join(' ')) : null;
    draft.uriDnsZones.set(rule, { kind, zone: name.replace(/\.$/, ''), type: type.toUpperCase(), subtest });
  };

/** `n`, `n1-n2`, `n1/mask` with numbers in decimal. */
function canonicalSubtest(text: string): string {
  const found = /^([^/-]+)(?:([/-])(.+))?$/.exec(text);
  if (found === null) throw new LineError(`"${text.slice(0, 40)}" is no subtest`);
  const [, first = '', operator, second] = found;
  const from = addressNumber(first);
  if (operator !== undefined && second !== undefined) return `${from}${operator}${addressNumber(second)}`;
  return first.includes('.') ? `${from}-${from}` : from;
}

function addressNumber(text: string): string {
  if (/^\d{1,10}$/.test(text)) return text;
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return String(parseInt(text, 16));
  const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (quad === null) throw new LineError(`"${text.slice(0, 40)}" is neither a number nor an address`);
  return String(quad.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0));
}

function askDns(draft: SettingsDraft, value: string): void {
  const found = /^(\S+)\s+(\S+)(?:\s+([A-Za-z0-9,]+)(?:\s+(\S.*))?)?$/.exec(value);
  if (found === null) throw new LineError('expected RULE query, and types and a subtest or nothing');
  const [, rule = '', template = '', types = 'A', subtest = null] = found;
  checkRuleName(rule);
  draft.askDnsQueries.set(rule, { template, types: types.toUpperCase().split(','), subtest });
}

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
