// Mailboxes of an address field as SpamAssassin's own relaxed parser reads them: quoted and unquoted names, comments,
// groups, and whatever writers get wrong. Takes one raw or decoded value, gives what it can, never throws; linear but for
// bounded retries.
import { isFqdnValid } from './registry.js';
import { isBlank } from './white.js';

/** One entry of an address field; what is not there is null. */
export interface HeaderAddress {
  /** The name shown, or a comment in its place; quotes removed, RFC 2047 words not decoded. */
  readonly phrase: string | null;
  /** `local@host`. */
  readonly address: string | null;
}

/** Most entries of one field. */
export const ADDRESSES_MAX = 2_000;
/** Ends of a bracketed address that are tried. */
const ENDS_MAX = 50;

const BLANK = /[ \t\n\r\f\v]/;
const USER = /[^@ \t\n\r\f\v<>()[\],:;]+/y;
const DOMAIN = /(?:[^" \t\n\r\f\v<>()[\],:;]+|\[[\d:.]+\])/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const UNQUOTED = /[^",;<]+/y;
const COMMENT = /\((?:[^()\\]|\\.)*\)/y;
const COMMENTS = /\((?:[^()\\]|\\.)*\)/g;

/** Reads the entries of a field's value. */
export function readAddresses(value: string): readonly HeaderAddress[] {
  const trimmed = trimEnd(value).replaceAll('\\\\', '');
  const text = withoutGroup(trimmed);
  const found: HeaderAddress[] = [];
  if (isBlank(text)) return found;
  let at = 0;
  while (at < text.length && found.length < ADDRESSES_MAX) {
    const entry = new EntryReader(text, at).read();
    if (entry === null) break;
    found.push(finish(entry));
    at = entry.end;
  }
  if (text.includes('@', at)) findBracketed(text, at, found);
  return found;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && BLANK.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** `group: a, b;` is what follows the name; with nothing before the semicolon nothing is. */
function withoutGroup(text: string): string {
  const plain = /^[^"()<>]*/.exec(text)![0];
  const colon = plain.lastIndexOf(':');
  if (colon < 1) return text;
  const rest = text.slice(colon + 1).replace(/^[ \t\n\r\f\v]+/, '');
  return rest.startsWith(';') ? '' : rest;
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found === null ? -1 : at + found[0].length;
}

/** End of an address that starts here, or -1. */
function mailboxEnd(text: string, at: number): number {
  const starts = text[at] === '"' ? [matchAt(QUOTED, text, at), matchAt(USER, text, at)] : [matchAt(USER, text, at)];
  for (const user of starts) {
    if (user < 0 || text[user] !== '@') continue;
    const end = matchAt(DOMAIN, text, user + 1);
    if (end >= 0) return end;
  }
  return -1;
}

function isMailbox(text: string): boolean {
  return mailboxEnd(text, 0) === text.length;
}

/** Basic mistakes. */
function isPlausible(address: string): boolean {
  return !address.startsWith('""@') && address.split('"').length !== 2;
}

interface Entry {
  readonly phrase: string | null;
  /** What stood in angle brackets, or null. */
  readonly bracketed: string | null;
  /** An address that stood alone, or null. */
  readonly bare: string | null;
  readonly comment: string | null;
  readonly end: number;
}

class EntryReader {
  constructor(
    private readonly text: string,
    private readonly from: number,
  ) {}

  read(): Entry | null {
    const start = this.blanksEnd(this.from);
    const phraseEnd = this.phraseEnd(start);
    const phrase = phraseEnd > start ? this.text.slice(start, phraseEnd) : null;
    const bracket = this.blanksEnd(phraseEnd);
    if (this.text[bracket] === '<') return this.inBrackets(phrase, bracket);
    const bareEnd = mailboxEnd(this.text, start);
    const bare = bareEnd < 0 ? null : this.close(bareEnd);
    if (bare !== null) return { phrase: null, bracketed: null, bare: this.text.slice(start, bareEnd), ...bare };
    // Before a comma a blank alone counts as a name.
    const words = phrase ?? (start > this.from ? this.text[start - 1]! : null);
    const closed = words === null ? null : this.close(phraseEnd);
    return closed === null ? null : { phrase: words, bracketed: null, bare: null, ...closed };
  }

  private blanksEnd(at: number): number {
    while (at < this.text.length && BLANK.test(this.text[at]!)) at++;
    return at;
  }

  private wordEnd(at: number): number {
    while (at < this.text.length && !BLANK.test(this.text[at]!)) at++;
    return at;
  }

  private phraseEnd(start: number): number {
    let at = start;
    for (;;) {
      const next = matchAt(this.text[at] === '"' ? QUOTED : UNQUOTED, this.text, at);
      if (next <= at) return at;
      at = next;
    }
  }

  private inBrackets(phrase: string | null, bracket: number): Entry | null {
    const start = this.blanksEnd(bracket + 1);
    for (const [end, close] of this.bracketEnds(start)) {
      const rest = this.close(this.repeatsEnd(close + 1)) ?? this.close(close + 1);
      if (rest !== null) return { phrase, bracketed: this.text.slice(start, end), bare: null, ...rest };
    }
    return null;
  }

  /** Where the address in brackets may end and its bracket close: the last `>` of the word first. */
  private *bracketEnds(start: number): Generator<readonly [number, number]> {
    const { text } = this;
    let at = start;
    while (at < text.length && text[at] !== '>' && text[at] !== '@') at++;
    if (at < text.length) {
      const wordEnd = this.wordEnd(at);
      const after = this.blanksEnd(wordEnd);
      if (text[after] === '>') yield [wordEnd, after];
      let tried = 0;
      for (let end = text.lastIndexOf('>', wordEnd - 1); end > at && tried < ENDS_MAX; tried++) {
        yield [end, end];
        end = text.lastIndexOf('>', end - 1);
      }
    }
    if (text[at] === '>') {
      let end = at;
      while (end > start && BLANK.test(text[end - 1]!)) end--;
      yield [end, at];
    }
  }

  /** Some write the address twice, each in brackets. */
  private repeatsEnd(from: number): number {
    let at = from;
    for (;;) {
      const bracket = this.blanksEnd(at);
      if (this.text[bracket] !== '<') return at;
      let word = this.blanksEnd(bracket + 1);
      const quoted = this.text[word] === '"' ? matchAt(QUOTED, this.text, word) : -1;
      if (quoted > 0) word = quoted;
      const wordEnd = this.wordEnd(word);
      const after = this.blanksEnd(wordEnd);
      const last = this.text.lastIndexOf('>', wordEnd - 1);
      if (wordEnd > word && this.text[after] === '>') at = after + 1;
      else if (last >= word) at = last + 1;
      else return at;
    }
  }

  /** A comment, maybe, then a comma, a semicolon or the end; null where anything else comes. */
  private close(from: number): { readonly comment: string | null; readonly end: number } | null {
    const open = this.blanksEnd(from);
    const commentEnd = this.text[open] === '(' ? matchAt(COMMENT, this.text, open) : -1;
    const comment = commentEnd < 0 ? null : this.text.slice(open + 1, commentEnd - 1);
    const end = commentEnd < 0 ? open : this.blanksEnd(commentEnd);
    if (end >= this.text.length) return { comment, end };
    return this.text[end] === ',' || this.text[end] === ';' ? { comment, end: end + 1 } : null;
  }
}

function finish({ phrase: words, bracketed, bare, comment }: Entry): HeaderAddress {
  let address = bare;
  if (bracketed !== null) {
    const plain = bracketed.replace(COMMENTS, '');
    address = isMailbox(plain) ? plain : null;
  }
  if (address !== null && !isPlausible(address)) address = null;
  let phrase = words === null ? null : unquote(words);
  if (phrase !== null) {
    if (address === null && isMailbox(phrase) && isPlausible(phrase) && hasRealHost(phrase)) {
      address = phrase;
      phrase = null;
    } else if (phrase === '' || phrase === address) phrase = null;
  }
  return { phrase: phrase ?? comment, address: address === null ? null : cutAtSecondAt(address) };
}

function hasRealHost(address: string): boolean {
  return isFqdnValid(address.split('@', 2)[1] ?? '');
}

function cutAtSecondAt(address: string): string {
  const first = address.indexOf('@');
  const second = address.indexOf('@', first + 1);
  return second < 0 ? address : address.slice(0, second);
}

/** Quotes and comments removed. */
function unquote(words: string): string {
  return words.replace(/"((?:[^"\\]|\\.)*)"|([^"]+)|"/g, (_, quoted?: string, plain?: string) =>
    quoted !== undefined ? quoted.replace(/\\/g, '') : (plain ?? '').replace(COMMENTS, ''),
  );
}

/** Addresses in brackets of what could not be read. */
function findBracketed(text: string, from: number, found: HeaderAddress[]): void {
  for (let at = text.indexOf('<', from); at >= 0 && found.length < ADDRESSES_MAX; at = text.indexOf('<', at + 1)) {
    const end = mailboxEnd(text, at + 1);
    if (end < 0 || text[end] !== '>') continue;
    const address = text.slice(at + 1, end);
    if (isPlausible(address)) found.push({ phrase: null, address: cutAtSecondAt(address) });
    at = end - 1;
  }
}
