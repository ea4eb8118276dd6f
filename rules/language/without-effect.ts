// Words of rule files that are read and change nothing here, and what to set instead: so that an administrator who brings a
// `local.cf` along is told, and does not wait for an effect. Takes a word in its one spelling, gives one sentence part.

/** Ends of the sentence "… has no effect here: …", by words; `…*` stands for a family. */
const REASONS: readonly (readonly [words: string, instead: string])[] = [
  ['required_score required_hits', 'thresholds are set in the section "verdict"'],
  ['rewrite_header subjprefix', 'subject tags are set in the section "marks"'],
  ['add_header remove_header clear_headers fold_headers', 'the fields that Weir adds are set in the section "marks"'],
  [
    'report_safe report_safe_copy_headers clear_report_template unsafe_report clear_unsafe_report_template report',
    'reports around spam are set in the section "encapsulation"',
  ],
  ['report_contact report_hostname report_charset report_wrap_width', 'notices are set in the section "notices"'],
  ['time_limit', 'time limits are set as "timeLimitMs" in the sections "rules" and "pipeline"'],
  ['dns_* clear_dns_*', 'how names are looked up is set in the section "resolver"'],
  [
    'rbl_timeout uridnsbl_timeout dkim_timeout spf_timeout',
    'time limits of look-ups are set in the section "resolver"',
  ],
  ['normalize_charset', 'text is always decoded, as 4.0.1 does by default'],
  ['always_trust_envelope_sender', 'the envelope sender comes from the mail server'],
  ['version_tag lock_method allow_user_rules user_scores_*', "it is of SpamAssassin's own programs"],
  ['use_pyzor pyzor_* use_razor2 razor_* use_dcc dcc_* spamcop_*', 'Weir asks no such network'],
  ['use_auto_welcomelist auto_welcomelist_* use_txrep txrep_*', 'Weir keeps no such record of senders'],
  ['use_bayes use_bayes_rules use_learner bayes_*', 'there is no classifier to set'],
  ['geodb_* country_db_* uri_country_db_*', 'the country database is set in the section "countries"'],
  ['url_shortener* clear_url_shortener max_short_urls max_short_url_redirections', 'short links are not followed'],
  ['ok_languages inactive_languages textcat_*', 'the language of a text is not guessed'],
  ['asn_* clear_asn_lookups', 'networks are not looked up'],
  [
    'olemacro_* extracttext_* phishing_* trigger_* uri_block_* resource_limit_*',
    'rules of that plugin do not run here',
  ],
  ['fns_*', 'rules of that plugin do not run here'],
];

const EXACT = new Map<string, string>();
const FAMILIES: [string, string][] = [];
for (const [words, instead] of REASONS) {
  for (const word of words.split(' ')) {
    if (word.endsWith('*')) FAMILIES.push([word.slice(0, -1), instead]);
    else EXACT.set(word, instead);
  }
}

/** Why a word has no effect and what to set instead; null where it has one. */
export function withoutEffect(word: string): string | null {
  return EXACT.get(word) ?? FAMILIES.find(([start]) => word.startsWith(start))?.[1] ?? null;
}
