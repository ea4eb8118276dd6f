// What rules of SpamAssassin's stock set cover: core rules that say the same, which then do not run, and findings of the
// stage `authentication`, which then score nothing. A fact scores once.

/** Core rule → the stock rules of which any covers it. */
export const CORE_RULES_COVERED: ReadonlyMap<string, readonly string[]> = new Map([
  ['NO_FROM', ['MISSING_FROM']],
  ['NO_DATE', ['MISSING_DATE']],
  ['NO_MESSAGE_ID', ['MISSING_MID']],
  ['NO_TO', ['MISSING_HEADERS']],
  ['NO_SUBJECT', ['MISSING_SUBJECT']],
  ['MESSAGE_ID_BAD', ['INVALID_MSGID']],
  ['DATE_INVALID', ['INVALID_DATE']],
  ['DATE_FUTURE', ['DATE_IN_FUTURE_12_24']],
  ['DATE_PAST', ['DATE_IN_PAST_96_XX']],
  ['SUBJECT_CAPITALS', ['SUBJ_ALL_CAPS']],
  ['MAILER_FORGED', ['FORGED_MUA_OUTLOOK']],
  ['REPLY_TO_FREEMAIL', ['FREEMAIL_FORGED_REPLYTO', 'FREEMAIL_REPLYTO']],
  ['ADVANCE_FEE_3', ['ADVANCE_FEE_3_NEW']],
  ['ADVANCE_FEE_5', ['ADVANCE_FEE_5_NEW']],
  ['EXTORTION', ['BITCOIN_EXTORT_01']],
  ['HTML_ONLY', ['MIME_HTML_ONLY']],
  ['HTML_IMAGE_ONLY', ['HTML_IMAGE_ONLY_04']],
  ['TEXT_BASE64_ASCII', ['MIME_BASE64_TEXT']],
  ['URI_IP', ['NORMAL_HTTP_TO_IP', 'NUMERIC_HTTP_ADDR']],
  ['FORM_HEADER_8BIT', ['FROM_ILLEGAL_CHARS', 'SUBJ_ILLEGAL_CHARS']],
]);

/** Finding of another stage → the stock rules of which any that scores covers it. */
export const FINDINGS_COVERED: ReadonlyMap<string, readonly string[]> = new Map([
  ['AUTH_SPF_FAIL', ['SPF_FAIL']],
  ['AUTH_SPF_SOFTFAIL', ['SPF_SOFTFAIL']],
  ['AUTH_SPF_HELO_FAIL', ['SPF_HELO_FAIL']],
  ['AUTH_DKIM_FAIL', ['DKIM_INVALID']],
  ['AUTH_DKIM_POLICY', ['DKIM_INVALID']],
  ['AUTH_DKIM_PERMERROR', ['DKIM_INVALID']],
  ['AUTH_DMARC_FAIL_NONE', ['DMARC_NONE']],
]);

/** The findings that rules in force cover. */
export function findingsCovered(inForce: ReadonlyMap<string, unknown>): readonly string[] {
  return [...FINDINGS_COVERED].flatMap(([id, rules]) => (rules.some((rule) => inForce.has(rule)) ? [id] : []));
}
