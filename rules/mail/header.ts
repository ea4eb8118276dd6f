// One header field as SpamAssassin keeps it: the value as written, and decoded (unfolded, RFC 2047 words read, UTF-8).
// Values are byte strings. Decoding happens when first asked for; it never fails.
import { hasHighBytes, recodeText, recodeWord } from './charset.js';
import { decodeBase64, decodeQuotedPrintable } from './transfer.js';
import { trimBlanks } from './white.js';

/** A field of a message's or a part's header. */
export class MailHeader {
  /** The name in lower case. */
  readonly key: string;
  private value: string | null = null;

  /** `raw` is all that follows the colon: folds and the last line end are kept. */
  constructor(
    readonly name: string,
    readonly raw: string,
  ) {
    this.key = lowerAscii(name);
  }

  /** The value on one line, without blanks at its ends and without a line end. */
  decoded(): string {
    this.value ??= decodeHeader(this.raw, this.key);
    return this.value;
  }
}

/** Lower case of ASCII letters only. */
export function lowerAscii(text: string): string {
  return /[\x80-\xff]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase();
}

/** Fields whose RFC 2047 words stay as they are. */
const NO_WORDS = /^(?:received|(?:resent-)?(?:message-id|date)|mime-version|references|in-reply-to|list-[^\n]*)$/;

function decodeHeader(raw: string, key: string): string {
  let value = raw;
  if (value.includes('\n')) value = value.replace(/\n[ \t]+/g, ' ');
  value = trimBlanks(value);
  if (value.includes('\n')) value = value.replace(/\r?\n/g, '');
  if (hasHighBytes(value)) value = recodeText(value, 'UTF-8');
  return value.includes('=?') && !NO_WORDS.test(key) ? decodeWords(value) : value;
}

const BETWEEN_WORDS = /(=\?[A-Za-z0-9*_-]+\?[bqBQ]\?[^?]*\?=)[\t-\r ]+(?==\?[A-Za-z0-9*_-]+\?[bqBQ]\?[^?]*\?=)/g;

/** Words are decoded; neighbours of one charset are joined as bytes first, since a character may be cut in two. */
function decodeWords(value: string): string {
  const word = /=\?([A-Za-z0-9*_-]+)\?([bqBQ])\?([^?]*)\?=/g;
  const text = value.replace(BETWEEN_WORDS, '$1');
  let decoded = '';
  let charset = '';
  let bytes = '';
  const flush = (): void => {
    if (bytes !== '') decoded += recodeWord(bytes, charset.replace(/\*[^]*$/, ''));
    bytes = '';
  };
  let from = 0;
  for (let found = word.exec(text); found !== null; found = word.exec(text)) {
    const next = found[1]!.toLowerCase();
    if (found.index > from || next !== charset) flush();
    decoded += text.slice(from, found.index);
    charset = next;
    bytes += found[2]!.toLowerCase() === 'b' ? decodeBase64(found[3]!) : decodeQ(found[3]!);
    from = word.lastIndex;
  }
  flush();
  return decoded + text.slice(from);
}

function decodeQ(text: string): string {
  return decodeQuotedPrintable(text.replaceAll('_', '=20'));
}

/** A name of printable characters and a colon, blanks between them allowed. */
export function isFieldStart(line: string): boolean {
  return /^[!-9;-~]+[ \t]*:/.test(line);
}
