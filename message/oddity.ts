// Oddities: what is malformed or suspicious in a message's form, as facts that rules can hit. One catalogue, and the
// sink that collects them with bounds of its own; an oddity is never an error and never stops the reading.

/** Code → meaning. Codes are never reused. */
export const ODDITIES = {
  BARE_CR: 'a carriage return without a line feed; some readers take it as a line end',
  BARE_LF: 'a line feed without a carriage return in a message that otherwise ends lines with both',
  LINE_TOO_LONG: 'a line is longer than 998 bytes (RFC 5322 §2.1.1)',
  NUL_BYTE: 'the body holds NUL bytes',
  LINES_LIMIT: 'more lines or delimiter-like lines than are kept',
  HEADER_NUL: 'the header holds NUL bytes',
  HEADER_8BIT: 'the header holds raw bytes above 127',
  HEADER_8BIT_NOT_UTF8: 'the header holds raw bytes above 127 that are not UTF-8',
  HEADER_LINE_TOO_LONG: 'a header line is longer than 998 bytes',
  HEADER_COUNT_LIMIT: 'more header fields than the limit; the rest was left unread',
  HEADER_BYTES_LIMIT: 'the header is larger than the limit; the rest was left unread',
  HEADER_SEPARATOR_MISSING: 'the header ends without an empty line',
  HEADER_LINE_JUNK: 'a line within the header is no field',
  HEADER_FOLD_FIRST: 'the header begins with a continuation line',
  HEADER_FOLD_BLANK: 'a continuation line holds blanks only; some readers end the header there',
  HEADER_NAME_BLANK: 'blanks stand between a field name and its colon',
  HEADER_REPEATED: 'a field that may stand once stands more often (RFC 5322 §3.6)',
  HEADER_EMPTY: 'the message has no header fields',
  MBOX_FROM_LINE: 'a "From " line of a mail folder stands above the header',
  FROM_MISSING: 'no From field',
  FROM_REPEATED: 'more than one From field',
  FROM_SEVERAL: 'the From field names more than one address',
  FROM_NO_ADDRESS: 'the From field holds no address with a domain',
  ADDRESS_COMMENT_DEPTH: 'comments in an address field nest deeper than the limit',
  ADDRESS_UNCLOSED: 'a comment, quoted string or angle bracket in an address field is not closed',
  ADDRESS_LIMIT: 'more addresses in a field than the limit; the rest was left unread',
  CONTENT_TYPE_REPEATED: 'more than one Content-Type field in one part',
  CONTENT_TYPE_INVALID: 'a Content-Type that does not follow RFC 2045',
  CONTENT_TYPE_PARAM_REPEATED: 'a parameter is given more than once, or in several forms that differ',
  CONTENT_TYPE_PARAM_BROKEN:
    'a parameter has an unclosed quote, text after its quoted value, or a gap in its continuations',
  MIME_VERSION_MISSING: 'MIME fields without MIME-Version',
  TRANSFER_ENCODING_REPEATED: 'more than one Content-Transfer-Encoding field in one part',
  TRANSFER_ENCODING_UNKNOWN: 'an unknown Content-Transfer-Encoding',
  TRANSFER_ENCODING_ON_MULTIPART: 'a multipart or message is declared as base64 or quoted-printable (RFC 2045 §6.4)',
  TRANSFER_ENCODING_CONTRADICTS: 'the content looks like base64 but is not declared so',
  BASE64_JUNK: 'base64 content holds characters outside its alphabet',
  BASE64_PADDING: 'base64 content goes on after its padding',
  BASE64_TRUNCATED: 'base64 content ends within a group',
  QUOTED_PRINTABLE_BROKEN: 'quoted-printable content holds invalid escapes',
  BOUNDARY_MISSING: 'a multipart without a boundary parameter',
  BOUNDARY_ABSENT: 'no delimiter line with the declared boundary occurs',
  BOUNDARY_UNCLOSED: 'a multipart without its closing delimiter',
  BOUNDARY_TOO_LONG: 'a boundary longer than 70 characters',
  BOUNDARY_REPEATED: 'a nested multipart has the boundary of one around it',
  BOUNDARY_AMBIGUOUS: 'a line could be a delimiter for one reader and text for another',
  PREAMBLE_CONTENT: 'text before the first delimiter that holds more than a notice',
  EPILOGUE_CONTENT: 'text after the closing delimiter that holds more than blank lines',
  MIME_DEPTH_LIMIT: 'parts nest deeper than the limit; what lies below was left unread',
  MIME_PARTS_LIMIT: 'more parts than the limit; the rest was left unread',
  MESSAGE_PARTIAL: 'a fragment of a message (message/partial), which cannot be judged alone',
  MESSAGE_EXTERNAL: 'content that lies elsewhere (message/external-body)',
  UUENCODE_IN_TEXT: 'a uuencoded file within a text',
  NAME_DIFFERS: 'a part gives different file names in different places',
  NAME_BIDI: 'a file name holds characters that change the direction of writing',
  NAME_PATH: 'a file name holds a path',
  NAME_CONTROL: 'a file name holds control characters',
  CHARSET_UNKNOWN: 'an unknown charset',
  CHARSET_INVALID: 'text that is not valid in its declared charset',
  TEXT_LIMIT: 'more text than the limit; the rest was left unread',
  HTML_DEPTH_LIMIT: 'HTML elements nest deeper than is followed',
  URLS_LIMIT: 'more URLs than the limit; the rest was left unread',
  ATTACHMENTS_LIMIT: 'more attachments than the limit; the rest was left unread',
  READINGS_LIMIT: 'more plausible readings than the limit; not all were worked out',
} as const;

export type OddityCode = keyof typeof ODDITIES;

/** One oddity, as it was found. */
export interface Oddity {
  readonly code: OddityCode;
  /** Offset into the raw bytes, where it has one (absent inside decoded embedded messages). */
  readonly offset?: number;
  /** Short and free of mail text beyond names of fields and parameters. */
  readonly detail?: string;
}

/** Kept per code; the first ones say enough. */
export const ODDITIES_PER_CODE_MAX = 4;

/** Collects oddities. `list` grows while readings are derived. */
export class OdditySink {
  readonly list: Oddity[] = [];
  readonly #counts = new Map<OddityCode, number>();

  add(code: OddityCode, offset?: number, detail?: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count > ODDITIES_PER_CODE_MAX) return;
    this.list.push({ code, ...(offset === undefined ? {} : { offset }), ...(detail === undefined ? {} : { detail }) });
  }

  has(code: OddityCode): boolean {
    return this.#counts.has(code);
  }

  /** How often it was seen, kept or not. */
  count(code: OddityCode): number {
    return this.#counts.get(code) ?? 0;
  }
}
