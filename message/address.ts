// Addresses of header fields (RFC 5322 §3.4), as a tolerant reader finds them. Takes an undecoded field value as latin1;
// linear in its length, whatever nests in it, and without recursion.
import { decode8bit, decodeHeaderText, unfold } from './encoded-word.js';
import type { OddityCode } from './oddity.js';

/** One mailbox. */
export interface Address {
  /** Display name, decoded; the comment where there is no other name (RFC 822's old habit); '' when none. */
  readonly name: string;
  /** `local@domain` as written, comments and source route dropped; may lack a domain on broken input. */
  readonly address: string;
  /** Name of the group it stood in, or null. */
  readonly group: string | null;
}

/** Addresses read from one field; comments nested deeper than this are reported. */
export const ADDRESSES_MAX = 10_000;
export const COMMENT_DEPTH_MAX = 32;
/** Words of one mailbox kept; the address in angle brackets behind them still counts. */
const WORDS_MAX = 10_000;

/** Addresses and what was odd about the field. */
export interface AddressList {
  readonly addresses: readonly Address[];
  /** Names of the groups, empty ones too. */
  readonly groups: readonly string[];
  readonly oddities: readonly OddityCode[];
}

/** Reads an address list. Never throws. */
export function parseAddresses(latin1: string): AddressList {
  const reader = new Reader(unfold(latin1));
  reader.read();
  return { addresses: reader.addresses, groups: reader.groups, oddities: [...reader.oddities] };
}

/** A word of a phrase or of a bare address. */
interface Word {
  /** Meaning: quotes and escapes undone. */
  readonly text: string;
  /** As written, quotes kept. */
  readonly raw: string;
  readonly quoted: boolean;
  /** Blanks or a comment stood before it. */
  readonly gap: boolean;
}

class Reader {
  readonly addresses: Address[] = [];
  readonly groups: string[] = [];
  readonly oddities = new Set<OddityCode>();
  #at = 0;
  #words: Word[] = [];
  #comments: string[] = [];
  #angle: string | null = null;
  #group: string | null = null;
  #gap = false;
  /** An unquoted word with `@` is among the words. */
  #sawAt = false;
  /** Once one of a kind was found unclosed, later ones are text: this keeps the reading linear. */
  #noComments = false;
  #noQuotes = false;
  #noAngles = false;
  constructor(readonly text: string) {}

  read(): void {
    while (this.#at < this.text.length) {
      if (this.addresses.length >= ADDRESSES_MAX) {
        this.oddities.add('ADDRESS_LIMIT');
        return;
      }
      this.#step(this.text[this.#at] as string);
    }
    this.#finish();
  }

  #step(char: string): void {
    if (char === ' ' || char === '\t') {
      this.#gap = true;
      this.#at++;
    } else if (char === '(' && !this.#noComments) this.#comment();
    else if (char === '"' && !this.#noQuotes) this.#quoted();
    else if (char === '<' && !this.#noAngles) this.#angleAddress();
    else if (char === ',') this.#separator();
    else if (char === ';') {
      this.#separator();
      this.#group = null;
    } else if (char === ':' && this.#startsGroup()) this.#startGroup();
    else this.#atom();
  }

  #separator(): void {
    this.#finish();
    this.#at++;
  }

  /** A colon ends a group's name unless an address is already under way. */
  #startsGroup(): boolean {
    if (this.#angle !== null || this.#words.length === 0) return false;
    return !this.#sawAt;
  }

  #startGroup(): void {
    this.#group = phrase(this.#words);
    this.groups.push(this.#group);
    this.#clear();
    this.#at++;
  }

  #atom(): void {
    const start = this.#at++;
    while (this.#at < this.text.length && !this.#isSpecial(this.text[this.#at] as string)) this.#at++;
    this.#word(this.text.slice(start, this.#at), this.text.slice(start, this.#at), false);
  }

  #isSpecial(char: string): boolean {
    return SPECIALS.has(char) && !(char === '(' && this.#noComments);
  }

  #word(text: string, raw: string, quoted: boolean): void {
    if (!quoted && text.includes('@')) this.#sawAt = true;
    if (this.#words.length >= WORDS_MAX) {
      this.oddities.add('ADDRESS_LIMIT');
      return;
    }
    this.#words.push({ text, raw, quoted, gap: this.#gap });
    this.#gap = false;
  }

  #comment(): void {
    const end = this.#commentEnd(this.#at);
    if (end < 0) {
      this.#noComments = true;
      this.oddities.add('ADDRESS_UNCLOSED');
      this.#atom();
      return;
    }
    const text = unescape(this.text.slice(this.#at + 1, end)).trim();
    if (text !== '') this.#comments.push(text);
    this.#gap = true;
    this.#at = end + 1;
  }

  /** Offset of the parenthesis that closes the one at `from`, or -1. */
  #commentEnd(from: number): number {
    let depth = 0;
    for (let at = from; at < this.text.length; at++) {
      const char = this.text[at];
      if (char === '\\') at++;
      else if (char === '(') {
        if (++depth > COMMENT_DEPTH_MAX) this.oddities.add('ADDRESS_COMMENT_DEPTH');
      } else if (char === ')' && --depth === 0) return at;
    }
    return -1;
  }

  #quoted(): void {
    const end = this.#quoteEnd(this.#at);
    if (end < 0) {
      this.#noQuotes = true;
      this.oddities.add('ADDRESS_UNCLOSED');
      this.#at++;
      return;
    }
    this.#word(unescape(this.text.slice(this.#at + 1, end)), this.text.slice(this.#at, end + 1), true);
    this.#at = end + 1;
  }

  #quoteEnd(from: number): number {
    for (let at = from + 1; at < this.text.length; at++) {
      if (this.text[at] === '\\') at++;
      else if (this.text[at] === '"') return at;
    }
    return -1;
  }

  /** `<route:local@domain>`; a second one without a comma between is an address of its own. */
  #angleAddress(): void {
    if (this.#angle !== null) this.#finish();
    let out = '';
    let at = this.#at + 1;
    for (; at < this.text.length && this.text[at] !== '>'; at++) {
      const char = this.text[at] as string;
      if (char === '(' && !this.#noComments) {
        const end = this.#commentEnd(at);
        if (end > 0) {
          this.#comments.push(unescape(this.text.slice(at + 1, end)).trim());
          at = end;
          continue;
        }
        this.#noComments = true;
      }
      if (char === '"' && !this.#noQuotes) {
        const end = this.#quoteEnd(at);
        if (end > 0) {
          out += this.text.slice(at, end + 1);
          at = end;
          continue;
        }
        this.#noQuotes = true;
      }
      if (char !== ' ' && char !== '\t' && char !== '<') out += char;
    }
    if (at >= this.text.length) {
      this.oddities.add('ADDRESS_UNCLOSED');
      this.#noAngles = true;
      this.#at++;
      this.#gap = true;
      return;
    }
    this.#angle = withoutRoute(out);
    this.#at = at + 1;
    this.#gap = true;
  }

  /** Ends the mailbox under way, if any. */
  #finish(): void {
    if (this.#angle !== null) {
      this.#add(this.#angle, phrase(this.#words));
    } else if (this.#words.length > 0) {
      const { address, rest } = bareAddress(this.#words);
      this.#add(address, phrase(rest));
    }
    this.#clear();
  }

  #add(address: string, name: string): void {
    const comment = name === '' ? decodeHeaderText(this.#comments.join(' ')) : '';
    if (address === '' && name === '' && comment === '') return;
    this.addresses.push({ name: name || comment, address: decode8bit(address), group: this.#group });
  }

  #clear(): void {
    this.#words = [];
    this.#comments = [];
    this.#angle = null;
    this.#gap = false;
    this.#sawAt = false;
  }
}

const SPECIALS = new Set([' ', '\t', '(', '"', '<', ',', ';', ':', '>']);

/** Undoes `\x`. */
function unescape(text: string): string {
  return text.includes('\\') ? text.replace(/\\([\s\S])/g, '$1') : text;
}

/** Display name of words: as they stood, encoded words decoded. */
function phrase(words: readonly Word[]): string {
  let out = '';
  for (const word of words) {
    if (word.text === '>') continue;
    out += out !== '' && (word.gap || word.quoted) ? ' ' + word.text : word.text;
  }
  return decodeHeaderText(out);
}

/** Drops an obsolete source route (RFC 5322 §4.4). */
function withoutRoute(address: string): string {
  if (!address.startsWith('@')) return address;
  const colon = address.indexOf(':');
  return colon < 0 ? address : address.slice(colon + 1);
}

/** The address among words without angle brackets: the word with `@` and what is joined to it by dots or no blanks. */
function bareAddress(words: readonly Word[]): { address: string; rest: readonly Word[] } {
  const at = words.findIndex((word) => !word.quoted && word.text.includes('@'));
  if (at < 0) {
    const only = words.length === 1 && !(words[0] as Word).quoted;
    return only ? { address: (words[0] as Word).raw, rest: [] } : { address: '', rest: words };
  }
  let first = at;
  while (first > 0 && joined(words[first - 1] as Word, words[first] as Word)) first--;
  let last = at;
  while (last + 1 < words.length && joined(words[last] as Word, words[last + 1] as Word)) last++;
  const address = words
    .slice(first, last + 1)
    .map((word) => word.raw)
    .join('');
  return { address: withoutRoute(address), rest: [...words.slice(0, first), ...words.slice(last + 1)] };
}

function joined(left: Word, right: Word): boolean {
  if (!right.gap) return true;
  return /[.@]$/.test(left.text) || /^[.@]/.test(right.text);
}
