// Which kind of rule each eval is for, as 4.0.1's plugins declare it: a rule of another kind that calls one never runs. Those
// not named here run under any kind.
import type { EvalInput } from '../definition.js';

const BODY = `check_abundant_unicode_ratio check_base64_length check_bayes check_blank_line_ratio check_body_length
  check_for_ascii_text_illegal check_for_faraway_charset check_for_mime check_for_mime_html
  check_for_mime_html_only check_for_uppercase check_https_http_mismatch check_iframe_src check_ma_non_text
  check_mime_multipart_ratio check_qp_ratio check_stock_info html_charset_faraway html_eval html_image_only
  html_image_ratio html_range html_tag_balance html_tag_exists html_test html_text_match html_text_not_match
  html_title_subject_ratio image_count image_name_regex image_named image_size_exact image_size_range
  image_to_text_ratio multipart_alternative_difference multipart_alternative_difference_count pixel_coverage
  plaintext_body_length plaintext_body_sig_ratio plaintext_sig_length tvd_vertical_words`;

const FULL = `check_arc_signed check_arc_valid check_dkim_dependable check_dkim_signed check_dkim_valid
  check_dkim_valid_author_sig check_dkim_valid_envelopefrom check_pyzor check_razor2 check_razor2_range`;

const HEADER = `check_dkim_adsp check_dkim_testing check_dmarc_missing check_dmarc_none check_dmarc_pass check_dmarc_quarantine
  check_dmarc_reject check_equal_from_domains check_for_def_dkim_welcomelist_from
  check_for_def_dkim_whitelist_from check_for_def_spf_welcomelist_from check_for_def_spf_whitelist_from
  check_for_dkim_welcomelist_from check_for_dkim_whitelist_from check_for_fake_aol_relay_in_rcvd
  check_for_faraway_charset_in_headers check_for_forged_eudoramail_received_headers
  check_for_forged_gmail_received_headers check_for_forged_gw05_received_headers
  check_for_forged_hotmail_received_headers check_for_forged_juno_received_headers
  check_for_forged_yahoo_received_headers check_for_from_domain_in_received_headers
  check_for_matching_env_and_hdr_from check_for_missing_to_header check_for_msn_groups_headers
  check_for_no_hotmail_received_headers check_for_shifted_date check_for_spf_fail check_for_spf_helo_fail
  check_for_spf_helo_neutral check_for_spf_helo_none check_for_spf_helo_pass check_for_spf_helo_permerror
  check_for_spf_helo_softfail check_for_spf_helo_temperror check_for_spf_neutral check_for_spf_none
  check_for_spf_pass check_for_spf_permerror check_for_spf_softfail check_for_spf_temperror
  check_for_spf_welcomelist_from check_for_spf_whitelist_from check_for_to_in_subject check_for_unique_subject_id
  check_forged_in_default_welcomelist check_forged_in_default_whitelist check_forged_in_welcomelist
  check_forged_in_whitelist check_freemail_body check_freemail_from check_freemail_header check_freemail_replyto
  check_from_in_blacklist check_from_in_blocklist check_from_in_default_welcomelist
  check_from_in_default_whitelist check_from_in_list check_from_in_welcomelist check_from_in_whitelist
  check_header_count_range check_illegal_chars check_mailfrom_matches_rcvd check_messageid_not_usable
  check_outlook_message_id check_ratware_envelope_from check_ratware_name_id check_replyto_in_list
  check_spf_skipped_noenvfrom check_subject_in_blacklist check_subject_in_blocklist check_subject_in_welcomelist
  check_subject_in_whitelist check_to_in_all_spam check_to_in_blacklist check_to_in_blocklist check_to_in_list
  check_to_in_more_spam check_to_in_welcomelist check_to_in_whitelist check_unresolved_template
  check_uri_host_listed gated_through_received_hdr_remover received_within_months similar_recipients
  sorted_recipients subject_is_all_caps`;

const KINDS = new Map<string, EvalInput>(
  (
    [
      ['body', BODY],
      ['full', FULL],
      ['header', HEADER],
    ] as const
  ).flatMap(([kind, names]) => names.split(/\s+/).map((name): [string, EvalInput] => [name, kind])),
);

/** The kind of rule that must call it, where a rule of the given kind may not; null where it may. */
export function kindWanted(name: string, kind: EvalInput): EvalInput | null {
  const wanted = KINDS.get(name);
  if (wanted === undefined || wanted === kind || (wanted === 'body' && kind === 'rawbody')) return null;
  return wanted;
}
