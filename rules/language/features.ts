// What conditions of rule files can ask about: which plugins of SpamAssassin 4.0.1 count as loaded, and which features
// each is said to have. Tables only; a plugin named in a file loads nothing.

/** The version that `version` and `require_version` stand for. */
export const COMPATIBLE_VERSION = '4.0.1';
/** The same as a number, as conditions see it. */
export const COMPATIBLE_VERSION_NUMBER = 4.000001;
/** What `perl_version` reads as. */
export const PERL_VERSION_NUMBER = 5.036;

const PREFIX = 'Mail::SpamAssassin::Plugin::';

/** Plugins that the `.pre` files of 4.0.1 load. */
const LOADED_BY_DEFAULT =
  `URIDNSBL SPF Pyzor Razor2 SpamCop AutoLearnThreshold WelcomeListSubject MIMEHeader ReplaceTags
  DKIM Check HTTPSMismatch URIDetail Bayes BodyEval DNSEval HTMLEval HeaderEval MIMEEval RelayEval URIEval WLBLEval VBounce
  ImageInfo FreeMail AskDNS HashBL DMARC`.split(/\s+/);

/** Others that come with 4.0.1. */
const LOADED_ON_DEMAND = `ASN AWL AccessDB AntiVirus AuthRes DCC DecodeShortURLs ExtractText FromNameSpoof OLEVBMacro
  OneLineBodyRuleType P595Body PDFInfo PhishTag Phishing RelayCountry ResourceLimits Reuse Rule2XSBody Shortcircuit TextCat
  TxRep URILocalBL`.split(/\s+/);

/** Names that plugins had before. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  [`${PREFIX}Dmarc`, `${PREFIX}DMARC`],
  [`${PREFIX}WhiteListSubject`, `${PREFIX}WelcomeListSubject`],
]);

/** Always true in a condition: a plugin of 4.1 whose absence would switch rules off. */
const ALWAYS_LOADED = `${PREFIX}RaciallyCharged`;

export const PLUGINS_LOADED_BY_DEFAULT: ReadonlySet<string> = new Set(LOADED_BY_DEFAULT.map((name) => PREFIX + name));
export const PLUGINS_KNOWN: ReadonlySet<string> = new Set([
  ...PLUGINS_LOADED_BY_DEFAULT,
  ...LOADED_ON_DEMAND.map((name) => PREFIX + name),
]);

/** The full name of a plugin of SpamAssassin's own. */
export function pluginNamed(short: string): string {
  return PREFIX + short;
}

/** The name a plugin has now. */
export function pluginName(written: string): string {
  return RENAMED.get(written) ?? written;
}

/** Whether a condition takes the plugin as loaded. */
export function countsAsLoaded(plugin: string, loaded: ReadonlySet<string>): boolean {
  return plugin === ALWAYS_LOADED || loaded.has(plugin);
}

const CONF = 'Mail::SpamAssassin::Conf';

/** What `can()` and `has()` find beside evals, by module. */
const FEATURES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    [CONF]: `feature_originating_ip_headers feature_dns_local_ports_permit_avoid feature_bayes_auto_learn_on_error
      feature_uri_host_listed feature_yesno_takes_args feature_bug6558_free feature_edns feature_dns_query_restriction
      feature_registryboundaries feature_geodb feature_dns_block_rule feature_compile_regexp feature_meta_rules_matching
      feature_subjprefix feature_bayes_stopwords feature_get_host feature_blocklist_welcomelist
      feature_welcomelist_blocklist feature_header_address_parser feature_local_tests_only feature_header_first_last
      feature_header_match_many feature_capture_rules has_tflags_nosubject has_tflags_nolog perl_min_version_5010000`,
    [`${PREFIX}ASN`]: 'has_asn_lookup_ipv6 has_asn_geodb has_check_asn has_check_asn_tag check_asn',
    [`${PREFIX}AskDNS`]: 'has_tag_header',
    [`${PREFIX}BodyEval`]: `has_check_body_length has_plaintext_body_sig_ratio multipart_alternative_difference
      multipart_alternative_difference_count check_blank_line_ratio tvd_vertical_words check_stock_info check_body_length
      plaintext_body_length plaintext_sig_length plaintext_body_sig_ratio`,
    [`${PREFIX}DKIM`]: `has_arc check_dkim_signed check_arc_signed check_dkim_valid check_arc_valid
      check_dkim_valid_author_sig check_dkim_testing check_dkim_valid_envelopefrom check_dkim_adsp check_dkim_dependable
      check_for_dkim_welcomelist_from check_for_def_dkim_welcomelist_from check_dkim_signall check_dkim_signsome`,
    [`${PREFIX}DMARC`]:
      'check_dmarc_pass check_dmarc_reject check_dmarc_quarantine check_dmarc_none check_dmarc_missing',
    [`${PREFIX}DNSEval`]: 'has_tflags_domains_only has_tflags_ips_only check_rbl check_rbl_sub check_rbl_txt',
    [`${PREFIX}DecodeShortURLs`]: `has_short_url has_autoclean has_short_url_code has_user_agent has_get has_clear
      has_timeout has_max_redirections has_short_url_redir`,
    [`${PREFIX}HashBL`]: `has_hashbl_bodyre has_hashbl_bodyre_num has_hashbl_emails has_hashbl_uris has_hashbl_ignore
      has_hashbl_email_regex has_hashbl_email_welcomelist has_hashbl_email_whitelist has_hashbl_tag has_hashbl_sha256
      has_hashbl_attachments has_hashbl_email_domain has_hashbl_email_domain_alias check_hashbl_emails check_hashbl_uris
      check_hashbl_bodyre check_hashbl_tag check_hashbl_attachments`,
    [`${PREFIX}HeaderEval`]: 'check_for_shifted_date check_header_count_range check_equal_from_domains',
    [`${PREFIX}MIMEEval`]: `has_check_for_ascii_text_illegal has_check_abundant_unicode_ratio has_check_qp_ratio
      check_for_ascii_text_illegal check_abundant_unicode_ratio check_qp_ratio`,
    [`${PREFIX}MIMEHeader`]: 'has_all_header has_tflags_range has_tflags_concat has_tflags_multiple has_capture_rules',
    [`${PREFIX}OLEVBMacro`]: 'has_olemacro_redirect_uri has_olemacro_mhtml_uri has_olertfobject',
    [`${PREFIX}Pyzor`]: 'has_fork has_perl',
    [`${PREFIX}Razor2`]: 'has_fork',
    [`${PREFIX}SPF`]: 'has_check_for_spf_errors has_check_spf_skipped_noenvfrom',
    [`${PREFIX}URIDNSBL`]: `has_tflags_domains_only has_subtest_for_ranges has_uridnsbl_for_a has_uridnsbl_a_ns
      has_tflags_notrim has_uridnsbl_skip_mailto`,
    [`${PREFIX}URIDetail`]: 'has_host_key',
    [`${PREFIX}WLBLEval`]: `check_uri_host_listed check_from_in_list check_replyto_in_list check_to_in_list
      check_mailfrom_matches_rcvd`,
  }).map(([module, names]) => [module, names.split(/\s+/)]),
);

/** Whether `can(Module::name)` or `has(Module::name)` holds, given the plugins and compatibility flags in force. */
export function hasFeature(name: string, loaded: ReadonlySet<string>, compatible: ReadonlySet<string>): boolean {
  const cut = name.lastIndexOf('::');
  const module = pluginName(name.slice(0, Math.max(0, cut)));
  const feature = name.slice(cut + 2);
  if (module === CONF && feature.startsWith('compat_')) return compatible.has(feature.slice('compat_'.length));
  if (module !== CONF && !loaded.has(module)) return false;
  return FEATURES.get(module)?.includes(feature) ?? false;
}

/** Flags of `enable_compat` that 4.0.1's own `.pre` files set. */
export const COMPATIBLE_BY_DEFAULT: ReadonlySet<string> = new Set(['welcomelist_blocklist']);
