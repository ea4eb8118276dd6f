// Addresses in rendered text, found as mail clients make links of them: with a scheme or `www.`, as a mailbox, or as a
// bare host whose last label is a known top-level domain. Takes byte strings, gives what stands there; one pass, linear.
import { lowerAscii, type NameSet } from './registry.js';

/** How an address was recognised. */
export type TextUriKind = 'scheme' | 'mail' | 'schemeless';

export interface TextUri {
  readonly raw: string;
  readonly kind: TextUriKind;
  /** The host of a bare one, else null. */
  readonly host: string | null;
}

/** Longest address after its scheme, and longest path of a bare host, bytes. */
const ADDRESS_LENGTH_MAX = 2_048;
/** Longest half of a mailbox, and of a bare host after its first character, bytes. */
const HALF_LENGTH_MAX = 251;
const PORT_DIGITS_MAX = 5;

// Classes of bytes, one bit each.
const END = 1; // ends any address
const MAIL_END = 2; // ends a mailbox
const START = 4; // before an address of any kind
const BARE_START = 8; // before a bare host
const WORD = 16;
const HOST = 32;
const ALNUM = 64;
/** What only addresses hold: `.`, `@`, `:`. */
const SIGN = 128;

const CLASS = classes();

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  const mark = (bit: number, chars: string) => {
    for (const char of chars) table[char.charCodeAt(0)]! |= bit;
  };
  const blank = '\t\n\v\f\r \x1b\xa0';
  mark(END | MAIL_END, `><"\`}]{[|${blank}`);
  mark(MAIL_END, ",('");
  mark(START, `><"'\`,{[(|${blank}`);
  mark(BARE_START, `!"#$&'()*+,/:;<=>?@[\\]^\`{|}~${blank}`);
  const alnum = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  mark(WORD | HOST | ALNUM, alnum);
  mark(WORD | HOST, '_');
  mark(HOST | SIGN, '.');
  mark(HOST, '-');
  mark(SIGN, '@:');
  for (let code = 0x80; code < 0x100; code++) table[code]! |= MAIL_END;
  return table;
}

const SCHEME = /(?:(?:https?|ftp):\/\/|(?:www\d{0,2}|ftp)\.)/iy;
const MAILTO = /mailto:/iy;

/** All addresses of one paragraph, in order, as written. */
export function findTextUris(text: string, tlds: NameSet, found: (uri: TextUri) => void): void {
  let start = 0;
  let signs = false;
  for (let at = 0; at <= text.length; at++) {
    const bits = at < text.length ? CLASS[text.charCodeAt(at) & 0xff]! : END;
    if ((bits & SIGN) !== 0) signs = true;
    if ((bits & END) === 0) continue;
    if (signs) new Token(text, start, at, tlds).scan(found);
    start = at + 1;
    signs = false;
  }
}

/** A run of bytes without an end of addresses in it: no address reaches beyond one. */
class Token {
  // Places worked out last; each only moves forward, which keeps the scan linear.
  private mailEnd = -1;
  private halfEnd = -1;
  private hostEnd = -1;

  constructor(
    private readonly text: string,
    private readonly start: number,
    private readonly end: number,
    private readonly tlds: NameSet,
  ) {}

  scan(found: (uri: TextUri) => void): void {
    let at = this.start;
    while (at < this.end) {
      const next = this.mayStart(at) ? this.match(at, found) : -1;
      at = next > at ? next : at + 1;
    }
  }

  private bits(at: number): number {
    return at < 0 || at >= this.text.length ? 0 : CLASS[this.text.charCodeAt(at) & 0xff]!;
  }

  /** At the edge of a word, after a delimiter, or after a shift of ISO 2022 (`ESC ( X`). */
  private mayStart(at: number): boolean {
    const before = this.bits(at - 1);
    if (((before ^ this.bits(at)) & WORD) !== 0 || (before & START) !== 0) return true;
    return at >= 3 && this.text[at - 3] === '\x1b' && this.text[at - 2] === '(';
  }

  /** Tells the address that starts here and gives its end, or -1. */
  private match(at: number, found: (uri: TextUri) => void): number {
    let end = this.withScheme(at);
    if (end >= 0) {
      found({ raw: this.text.slice(at, end), kind: 'scheme', host: null });
      return end;
    }
    end = this.mailbox(at);
    if (end >= 0) {
      found({ raw: this.text.slice(at, end), kind: 'mail', host: null });
      return end;
    }
    return this.bareHost(at, found);
  }

  private withScheme(at: number): number {
    const code = this.text.charCodeAt(at) | 0x20;
    if (code !== 0x68 && code !== 0x66 && code !== 0x77) return -1;
    SCHEME.lastIndex = at;
    const length = SCHEME.exec(this.text)?.[0].length ?? 0;
    const rest = this.end - at - length;
    return length > 0 && rest >= 1 && rest <= ADDRESS_LENGTH_MAX ? this.end : -1;
  }

  private mailbox(at: number): number {
    if ((this.text.charCodeAt(at) | 0x20) === 0x6d) {
      MAILTO.lastIndex = at;
      const from = at + 7;
      const end = MAILTO.test(this.text) ? this.mailEndFrom(from) : -1;
      if (end > from && end - from <= ADDRESS_LENGTH_MAX) return end;
    }
    const sign = this.halfEndFrom(at);
    if (this.text[sign] !== '@' || sign >= this.end || sign === at || sign - at > HALF_LENGTH_MAX) return -1;
    const end = this.mailEndFrom(sign + 1);
    return end > sign + 1 && end - sign - 1 <= HALF_LENGTH_MAX ? end : -1;
  }

  /** The first end of a mailbox at or after a place. */
  private mailEndFrom(at: number): number {
    if (this.mailEnd < at) {
      this.mailEnd = at;
      while (this.mailEnd < this.end && (this.bits(this.mailEnd) & MAIL_END) === 0) this.mailEnd++;
    }
    return this.mailEnd;
  }

  /** The first end of a mailbox, or `@`, at or after a place. */
  private halfEndFrom(at: number): number {
    if (this.halfEnd < at) {
      this.halfEnd = at;
      while (
        this.halfEnd < this.end &&
        (this.bits(this.halfEnd) & MAIL_END) === 0 &&
        this.text.charCodeAt(this.halfEnd) !== 0x40
      )
        this.halfEnd++;
    }
    return this.halfEnd;
  }

  private bareHost(at: number, found: (uri: TextUri) => void): number {
    if ((this.bits(at) & ALNUM) === 0) return -1;
    if (at > 0 && (this.bits(at - 1) & BARE_START) === 0) return -1;
    const runEnd = this.hostEndFrom(at);
    const hostEnd = this.text[runEnd - 1] === '.' ? runEnd - 1 : runEnd;
    const dot = this.text.lastIndexOf('.', hostEnd - 1);
    if (dot <= at || dot - at > HALF_LENGTH_MAX + 1) return -1;
    if (!this.tlds.has(lowerAscii(this.text.slice(dot + 1, hostEnd)))) return -1;
    const end = this.afterHost(runEnd);
    if (end >= 0) found({ raw: this.text.slice(at, end), kind: 'schemeless', host: this.text.slice(at, hostEnd) });
    return end;
  }

  private hostEndFrom(at: number): number {
    if (this.hostEnd <= at) {
      this.hostEnd = at;
      while (this.hostEnd < this.end && (this.bits(this.hostEnd) & HOST) !== 0) this.hostEnd++;
    }
    return this.hostEnd;
  }

  /** Past an optional port and path, when that reaches the end of the token. */
  private afterHost(at: number): number {
    let place = at;
    if (this.text[place] === ':' && place < this.end) {
      const from = ++place;
      while (place < this.end && place - from <= PORT_DIGITS_MAX && isDigit(this.text.charCodeAt(place))) place++;
      if (place === from || place - from > PORT_DIGITS_MAX) return -1;
    }
    if (place === this.end) return place;
    const path = this.end - place - 1;
    return this.text[place] === '/' && path >= 1 && path <= ADDRESS_LENGTH_MAX ? this.end : -1;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Without what readers take for the sentence's: from a closing bracket that none opened, and punctuation at the end. */
export function trimTextUri(raw: string): string {
  const open = raw.indexOf('(');
  const close = raw.lastIndexOf(')', open < 0 ? raw.length : open);
  let end = close < 0 ? raw.length : close;
  while (end > 0 && TRAILING.includes(raw[end - 1]!)) end--;
  return raw.slice(0, end);
}

const TRAILING = "-~!@#^&*()_+=:;'?,.";
