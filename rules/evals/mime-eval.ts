// The evals of SpamAssassin's MIMEEval: how the parts of a message are declared, encoded and nested, and what stands in
// their undecoded lines. All parts are looked at once, when the first of these evals is asked.
import { readContentType } from '../mail/content-type.js';
import { lowerAscii } from '../mail/header.js';
import { allParts, type MailPart } from '../mail/part.js';
import type { ParseFlag } from '../mail/parse.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { isBlankCode } from '../mail/white.js';
import { holds, type Eval, type EvalFunction } from './eval.js';
import { isCharsetOfLocales } from './locales.js';

/** Longest line of quoted-printable with its line end. */
const QP_LINE_MAX = 79;
/** Charset names longer than this are cut before they are compared. */
const CHARSET_LENGTH_MAX = 200;
/** Header text in all from which SpamAssassin keeps no more. */
const HEADER_BYTES_MAX = 65_536;
/** Text shorter than this has no share of capitals. */
const CAPITALS_LENGTH_MIN = 200;

const ASCII_CHARSET =
  /us-ascii|ansi_x3\.4-1968|iso-ir-6|ansi_x3\.4-1986|iso_646\.irv:1991|ascii|iso646-us|us|ibm367|cp367|csascii/;
/** Charsets of scripts in which capitals mean nothing. */
const NO_CAPITALS =
  /^[-_a-z0-9]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|georgianps|pt154|tis)[-_a-z0-9]*$/i;

/** What the parts of one message say, by SpamAssassin's names. */
interface MimeFacts {
  readonly values: ReadonlyMap<string, number>;
  readonly charsets: readonly string[];
}

const known = new WeakMap<RuleMail, MimeFacts>();

function factsOf(mail: RuleMail): MimeFacts {
  let facts = known.get(mail);
  if (facts === undefined) {
    facts = new PartReader(localesOf(mail)).read(mail);
    known.set(mail, facts);
  }
  return facts;
}

/** Languages whose charsets are welcome; null for all. */
function localesOf(mail: RuleMail): readonly string[] | null {
  const locales = mail.settings.okLocales.split(/\s+/).filter((locale) => locale !== '');
  return locales.includes('all') ? null : locales;
}

class PartReader {
  private readonly values = new Map<string, number>();
  private readonly charsets: string[] = [];
  private alternative = false;
  private qpBytes = 0;
  private qpCodes = 0;
  private plainBytes = 0;
  private references = 0;
  /** Sizes of the leaves that are no attachments, in order. */
  private readonly sizes: { readonly type: string; bytes: number }[] = [];

  constructor(private readonly locales: readonly string[] | null) {}

  read(mail: RuleMail): MimeFacts {
    for (const part of mail.parts) this.addPart(part);
    const { values } = this;
    if (this.alternative) values.set('mime_multipart_alternative', 1);
    values.set('mime_multipart_ratio', this.alternativeRatio());
    if (this.qpBytes > 0) {
      values.set('mime_qp_ratio', this.qpCodes / this.qpBytes);
      // From here on the name stands for codes, not parts.
      values.set('mime_qp_count', this.qpCodes);
      values.set('mime_qp_bytes', this.qpBytes);
    }
    if (this.plainBytes > 0) values.set('mime_text_unicode_ratio', this.references / this.plainBytes);
    if ([...mail.parsed.boundaries.values()].some((state) => state !== 0)) values.set('mime_missing_boundary', 1);
    return { values, charsets: this.charsets };
  }

  private add(name: string, count = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + count);
  }

  private addPart(part: MailPart): void {
    const declared = readContentType(part.value('content-type'));
    const { type } = declared;
    const charset = declared.charset === null ? null : lowerAscii(declared.charset).slice(0, CHARSET_LENGTH_MAX);
    const disposition = lowerAscii(part.value('content-disposition') ?? '');
    if (type === 'multipart/alternative') this.alternative = true;
    this.addHeader(type, part.encoding, disposition, charset ?? '');
    if (part.raw !== null) this.addLines(part.lines(), type, part.encoding, disposition, charset);
  }

  private addHeader(type: string, encoding: string, disposition: string, charset: string): void {
    if (type === 'text/html') this.add('mime_body_html_count');
    else if (/^text/i.test(type)) this.add('mime_body_text_count');
    if (encoding.includes('base64')) this.add('mime_base64_count');
    else if (encoding.includes('quoted-printable')) this.add('mime_qp_count');
    if (disposition.includes('attachment')) this.add('mime_attachment');
    const asciiInBase64 =
      type.startsWith('text') && encoding.includes('base64') && (charset === '' || ASCII_CHARSET.test(charset));
    if (asciiInBase64 && !/^(?:attachment|inline)/.test(disposition)) this.values.set('mime_base64_encoded_text', 1);
    if (/iso-[^\t-\r ]+-[^\t-\r ]+\b/.test(charset) && !/iso-(?:8859-\d{1,2}|2022-(?:jp|kr))\b/.test(charset))
      this.values.set('mime_bad_iso_charset', 1);
    if (!/[a-z]/.test(charset)) return;
    this.charsets.push(charset);
    if (this.locales !== null && !isCharsetOfLocales(charset, this.locales)) this.values.set('mime_faraway_charset', 1);
  }

  private addLines(
    lines: readonly string[],
    type: string,
    encoding: string,
    disposition: string,
    charset: string | null,
  ): void {
    const isAlternative = type === 'text/plain' || type === 'text/html';
    if (!disposition.includes('attachment')) {
      const bytes = this.alternative && isAlternative ? lines.reduce((sum, line) => sum + line.length, 0) : 0;
      this.sizes.push({ type, bytes });
    }
    if (encoding === 'quoted-printable') for (const line of lines) this.addQpLine(line);
    if (type !== 'text/plain') return;
    if (charset === null || charset === 'us-ascii')
      for (const line of lines) if (/[\0\r\x80-\xff]/.test(line)) this.add('mime_ascii_text_illegal');
    if (encoding !== '' && encoding !== '7bit' && encoding !== '8bit') return;
    for (const line of lines) {
      const found = line.includes('&#x') ? (line.match(/&#x[0-9A-F]{4};/g)?.length ?? 0) : 0;
      this.references += found;
      this.plainBytes += line.length - 8 * found;
    }
  }

  private addQpLine(line: string): void {
    if (line.startsWith('SPAM: ')) return;
    if (line.length > QP_LINE_MAX) this.values.set('mime_qp_long_line', 1);
    this.qpBytes += line.length;
    if (!line.includes('=')) return;
    const codes = line.match(/=(?:09|3[0-9ABCEF]|[2456][0-9A-F]|7[0-9A-E])/g)?.length ?? 0;
    // White space at the end of a line must be encoded; that is no excess.
    if (codes > 0) this.qpCodes += codes - blankCodesAtEnd(line);
  }

  /** Bytes of the last plain text by those of the last HTML. */
  private alternativeRatio(): number {
    if (!this.alternative) return 1;
    const html = this.sizes.findLast(({ type }) => type === 'text/html')?.bytes;
    const text = this.sizes.findLast(({ type }) => type === 'text/plain')?.bytes;
    return html === undefined || text === undefined || html === 0 ? 1 : text / html;
  }
}

function blankCodesAtEnd(line: string): number {
  let end = line.length;
  while (end > 0 && isBlankCode(line.charCodeAt(end - 1))) end--;
  let count = 0;
  for (; end >= 3 && (line.startsWith('=20', end - 3) || line.startsWith('=09', end - 3)); end -= 3) count++;
  return count;
}

function value(mail: RuleMail, name: string): number {
  return factsOf(mail).values.get(name) ?? 0;
}

function contentType(mail: RuleMail): string | null {
  return mail.headers.subject('Content-Type')?.text ?? null;
}

/** The header says HTML, whatever the parts are. */
function isHtmlDeclared(mail: RuleMail): boolean {
  return /^text\/html/i.test(contentType(mail) ?? '');
}

const parseFlag: EvalFunction = (mail, [name]) => {
  const { flags, headers } = mail.parsed;
  if (flags.has(name as ParseFlag)) return holds(true);
  if (name !== 'truncated_header') return holds(false);
  let size = 0;
  for (const header of headers) size += header.name.length + header.decoded().length + 3;
  return holds(size > HEADER_BYTES_MAX);
};

const farawayCharset: EvalFunction = (mail) => {
  const locales = localesOf(mail);
  const charset = charsetOf(contentType(mail));
  if (locales === null || charset === null || isCharsetOfLocales(charset, locales)) return holds(false);
  let high = 0;
  let length = 0;
  for (const { text } of mail.texts('body')) {
    length += text.length + 1;
    high += text.replace(/[\x00-\x7f]+/g, '').length;
  }
  return holds(high > 3 && length - 1 - high <= high);
};

function charsetOf(type: string | null): string | null {
  if (type === null) return null;
  const found =
    /charset="([^"]+)"/i.exec(type) ?? /charset='([^']+)'/i.exec(type) ?? /charset=([^\t-\r ]+)/i.exec(type);
  return found?.[1] ?? null;
}

const capitals = new WeakMap<RuleMail, number>();

/** Percent of capitals among letters and digits of the body; 0 where that says nothing. */
function capitalShare(mail: RuleMail): number {
  let share = capitals.get(mail);
  if (share === undefined) {
    share = countCapitals(mail);
    capitals.set(mail, share);
  }
  return share;
}

function countCapitals(mail: RuleMail): number {
  const declared = charsetOf(contentType(mail));
  const charsets = factsOf(mail).charsets.flatMap((charset) => charset.split(/[\t-\r ]+/));
  if ([...(declared === null ? [] : [declared]), ...charsets].some((charset) => NO_CAPITALS.test(charset))) return 0;
  let length = 0;
  let low = 0;
  let high = 0;
  for (const { text } of mail.texts('body')) {
    if (!/[^\t-\r ][\t-\r ]+[^\t-\r ]/.test(text) || /^(?:[A-Za-z0-9+/=]{60,76} ){2}/.test(text)) continue;
    const line = withoutJapanese(text);
    length += line.length;
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at);
      if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39)) low++;
      else if (code >= 0x41 && code <= 0x5a) high++;
    }
  }
  return length < CAPITALS_LENGTH_MIN || low + high === 0 ? 0 : (high / (low + high)) * 100;
}

/** Between the escapes that begin and end ISO-2022-JP, letters are no letters. */
function withoutJapanese(text: string): string {
  const from = text.indexOf('\x1b$B');
  const to = text.lastIndexOf('\x1b(B');
  return from < 0 || to < from + 3 ? text : text.slice(0, from) + text.slice(to + 3);
}

/** Parts of an alternative that are no text, apart from those that ordinary mail has. */
const oddAlternative: EvalFunction = (mail) =>
  holds(
    mail.parts
      .filter(({ type }) => type === 'multipart/alternative')
      .some((alternative) => (alternative.children ?? []).some((part) => part.isLeaf && isOdd(part.type))),
  );

function isOdd(type: string): boolean {
  return type !== '' && type !== 'multipart/related' && type !== 'application/rtf' && !type.startsWith('text/');
}

const lengths = new WeakMap<RuleMail, number>();

/** The longest line of base64, its line end included. */
function longestBase64(mail: RuleMail): number {
  let longest = lengths.get(mail);
  if (longest === undefined) {
    longest = 0;
    for (const part of allParts(mail.parsed.root)) {
      if (part.raw === null || part.encoding !== 'base64') continue;
      if (readContentType(part.value('content-type')).type === 'application/ics') continue;
      for (const line of part.lines()) longest = Math.max(longest, line.length);
    }
    lengths.set(mail, longest);
  }
  return longest;
}

function evaluation(summary: string, argsMin: number, argsMax: number, run: EvalFunction): Eval {
  return { summary, argsMin, argsMax, run };
}

export const MIME_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_for_mime',
    evaluation('The parts have the property named (such as mime_base64_count).', 1, 1, (mail, [name = '']) =>
      holds(value(mail, name) !== 0),
    ),
  ],
  [
    'check_for_mime_html',
    evaluation('There is HTML.', 0, 0, (mail) =>
      holds(isHtmlDeclared(mail) || value(mail, 'mime_body_html_count') > 0),
    ),
  ],
  [
    'check_for_mime_html_only',
    evaluation('The only text is HTML.', 0, 0, (mail) =>
      holds(
        isHtmlDeclared(mail) || (value(mail, 'mime_body_html_count') > 0 && value(mail, 'mime_body_text_count') === 0),
      ),
    ),
  ],
  [
    'check_mime_multipart_ratio',
    evaluation('Plain text by HTML of an alternative, in bytes: at least, below.', 2, 2, (mail, [min, max]) => {
      const ratio = value(mail, 'mime_multipart_ratio');
      return holds(ratio >= Number(min) && ratio < Number(max));
    }),
  ],
  ['check_msg_parse_flags', evaluation('The message is broken in the way named.', 1, 1, parseFlag)],
  [
    'check_for_ascii_text_illegal',
    evaluation('Text declared as ASCII is not.', 0, 0, (mail) => holds(value(mail, 'mime_ascii_text_illegal') > 0)),
  ],
  [
    'check_abundant_unicode_ratio',
    evaluation('Character references in plain text, by its length: at least.', 1, 1, (mail, [ratio = '']) =>
      holds(/^\d{0,3}\.\d{1,3}$/.test(ratio) && value(mail, 'mime_text_unicode_ratio') >= Number(ratio)),
    ),
  ],
  [
    'check_for_faraway_charset',
    evaluation('The text is in a charset of languages that `ok_locales` does not name.', 0, 0, farawayCharset),
  ],
  [
    'check_for_uppercase',
    evaluation('Percent of capitals in the text: above, at most.', 2, 2, (mail, [min, max]) => {
      const share = capitalShare(mail);
      return holds(share > Number(min) && share <= Number(max));
    }),
  ],
  ['check_ma_non_text', evaluation('An alternative is no text.', 0, 0, oddAlternative)],
  [
    'check_base64_length',
    evaluation('The longest line of base64: at least, at most.', 1, 2, (mail, [min, max]) => {
      const longest = longestBase64(mail);
      return holds(longest >= Number(min) && (max === undefined || longest <= Number(max)));
    }),
  ],
  [
    'check_qp_ratio',
    evaluation('Codes that need none, by the length of quoted-printable text: at least.', 1, 1, (mail, [min]) =>
      holds(value(mail, 'mime_qp_ratio') >= Number(min)),
    ),
  ],
];
