// Tag soup to events, cut where Perl's HTML::Parser cuts it (browsers' rules differ in comments, unclosed tags, quotes and
// self-closing tags). One pass over the text; whatever is not closed ends the markup and is told as a comment.
import type { DecodedText } from './charset.js';
import { NO_ATTRIBUTES, Attributes } from './html-attributes.js';
import { decodeEntities } from './html-entities.js';
import {
  BANG,
  BRACKET,
  DASH,
  DOUBLE_QUOTE,
  EQUALS,
  GREATER,
  LESS,
  NO_MARKUP,
  QUESTION,
  SINGLE_QUOTE,
  SLASH,
  UNFINISHED,
  doctypeEnd,
  isNameChar,
  isNameStart,
  lower,
  skipBlanks,
  tagEnd,
  wordEnd,
} from './html-scan.js';
import { isBlankCode } from './white.js';

export interface HtmlEvents {
  startTag(name: string, attributes: Attributes): void;
  endTag(name: string): void;
  text(text: DecodedText): void;
  /** With its `<!--` and `-->`, or what stands for them. */
  comment(text: string): void;
  declaration(text: string): void;
}

/** Elements whose content holds no tags, and whether it holds no character references either. */
const LITERAL: ReadonlyMap<string, boolean> = new Map([
  ['script', true],
  ['style', true],
  ['xmp', true],
  ['iframe', true],
  ['plaintext', true],
  ['title', false],
  ['textarea', false],
]);

/** What a marked section does with its content, weakest first. */
const SECTION_KINDS = ['', 'include', 'rcdata', 'cdata', 'ignore'];
const RCDATA = 2;
const CDATA = 3;
const IGNORE = 4;

export class HtmlReader {
  private source = '';
  /** Start of what was not reported yet. */
  private from = 0;
  private literal: string | null = null;
  private isCdata = false;
  private section = 0;
  private readonly sections: number[] = [];
  private pendingEnd: string | null = null;
  private looseComments = false;
  /** Where reading goes on. */
  private place = 0;

  constructor(
    private readonly wide: boolean,
    private readonly events: HtmlEvents,
  ) {}

  /** Reads more text; what may be continued waits. */
  write(text: string): void {
    this.begin(text);
    this.read();
  }

  /** Takes more text without reading it yet. */
  begin(text: string): void {
    this.source = this.source.slice(this.from) + text;
    this.place = this.from = 0;
  }

  /** Ends the text: what waited is reported. Returns whether the end is known: not within a section to be ignored. */
  end(): boolean {
    while (this.from < this.source.length) {
      const literal = this.literal;
      if (literal !== null) {
        if (literal !== 'script' && literal !== 'style' && literal !== 'title') break;
        if (literal === 'title') this.pendingEnd = literal;
        else this.reportEnd(literal);
        this.literal = null;
        this.read();
        continue;
      }
      if (this.source.charCodeAt(this.from) !== LESS) break;
      if (!this.looseComments) {
        this.looseComments = true;
        this.read();
        continue;
      }
      const next = this.source.charCodeAt(this.from + 1);
      if (Number.isNaN(next) || isNameStart(next) || next === SLASH || next === BANG || next === QUESTION) {
        this.reportComment(this.from, this.source.length);
        this.from = this.source.length;
      }
      break;
    }
    this.reportText(this.source.length);
    this.beforeEvent();
    return this.section !== IGNORE;
  }

  private read(): void {
    this.place = this.from;
    this.goOn(Infinity);
  }

  /** Reads on, past at most that many signs of markup; false when there is more to read. */
  goOn(turns: number): boolean {
    const end = this.source.length;
    let at = this.place;
    for (let left = turns; ; left--) {
      if (left <= 0) {
        this.place = at;
        return false;
      }
      if (this.literal !== null) {
        if (!this.readLiteral()) return true;
        at = this.from;
      }
      if (this.section === CDATA || this.section === RCDATA) {
        if (!this.readSectionText()) return true;
        at = this.from;
        continue;
      }
      if (this.closesSection(at)) {
        at = this.from;
        continue;
      }
      const less = this.source.indexOf('<', at);
      if (less < 0) {
        this.holdBack();
        return true;
      }
      this.reportText(less);
      if (end - less < 3) return true;
      const next = this.readMarkup(less);
      if (next === UNFINISHED) return true;
      if (next === NO_MARKUP) at = less + 1;
      else at = this.from = next;
    }
  }

  /** Up to the end tag of the element; false when there is none. */
  private readLiteral(): boolean {
    const { source } = this;
    const literal = this.literal!;
    for (let at = source.indexOf('<', this.from); at >= 0; at = source.indexOf('<', at + 1)) {
      if (source.charCodeAt(at + 1) !== SLASH || literal === 'plaintext') continue;
      let after = at + 2 + literal.length;
      if (lower(source.slice(at + 2, after)) !== literal) continue;
      while (isBlankCode(source.charCodeAt(after))) after++;
      if (source.charCodeAt(after) !== GREATER) continue;
      this.reportText(at);
      this.reportEnd(literal);
      this.literal = null;
      this.isCdata = false;
      this.from = after + 1;
      return true;
    }
    return false;
  }

  private readSectionText(): boolean {
    const at = this.source.indexOf(']]>', this.from);
    if (at < 0) return false;
    this.endSection(at);
    return true;
  }

  private endSection(at: number): void {
    this.reportText(at);
    this.from = at + 3;
    this.sections.pop();
    this.setSection();
  }

  private setSection(): void {
    this.section = this.sections.reduce((most, kind) => Math.max(most, kind), 0);
    this.isCdata = this.section === CDATA;
  }

  /** Whether the section ends before the next tag; if so its text is reported, even an empty one. */
  private closesSection(at: number): boolean {
    if (this.section === 0) return false;
    const { source } = this;
    const close = source.indexOf(']]>', at);
    const less = source.indexOf('<', at);
    if (close < 0 || (less >= 0 && less < close)) return false;
    if (close === this.from && this.section !== IGNORE) this.events.text({ text: '', wide: this.wide });
    this.endSection(close);
    return true;
  }

  /** Text at the very end: white space and the last word wait for more. */
  private holdBack(): void {
    const { source, from } = this;
    let at = source.length - 1;
    if (at < from) return;
    if (!isBlankCode(source.charCodeAt(at))) while (at >= from && !isBlankCode(source.charCodeAt(at))) at--;
    while (at >= from && isBlankCode(source.charCodeAt(at))) at--;
    this.reportText(at + 1);
    this.from = at + 1;
  }

  /** Reads what starts with the "<" at `at`; the place behind it. */
  private readMarkup(at: number): number {
    const code = this.source.charCodeAt(at + 1);
    if (isNameStart(code)) return this.readStart(at);
    switch (code) {
      case SLASH:
        return this.readEnd(at);
      case BANG:
        return this.readDeclaration(at);
      case QUESTION: {
        const close = this.source.indexOf('>', at + 2);
        if (close >= 0) this.beforeEvent();
        return close < 0 ? UNFINISHED : close + 1;
      }
      default:
        return NO_MARKUP;
    }
  }

  private readStart(at: number): number {
    const { source } = this;
    const end = source.length;
    let s = wordEnd(source, at + 2);
    const name = lower(source.slice(at + 1, s));
    s = skipBlanks(source, s);
    const attributes = source.charCodeAt(s) === GREATER ? NO_ATTRIBUTES : new Attributes(this.wide);
    while (s < end && source.charCodeAt(s) !== GREATER) {
      const nameFrom = s++;
      for (let code = source.charCodeAt(s); s < end && !isBlankCode(code) && code !== EQUALS && code !== GREATER;)
        code = source.charCodeAt(++s);
      if (s >= end) return UNFINISHED;
      const attribute = source.slice(nameFrom, s);
      s = skipBlanks(source, s);
      if (s >= end) return UNFINISHED;
      if (source.charCodeAt(s) !== EQUALS) {
        attributes.add(lower(attribute), attribute);
        continue;
      }
      s = skipBlanks(source, s + 1);
      if (s >= end) return UNFINISHED;
      const first = source.charCodeAt(s);
      if (first === GREATER) {
        attributes.add(lower(attribute), '');
        break;
      }
      const quoted = first === DOUBLE_QUOTE || first === SINGLE_QUOTE;
      const valueFrom = quoted ? s + 1 : s;
      const valueEnd = quoted ? source.indexOf(source[s]!, valueFrom) : wordEnd(source, s);
      if (valueEnd < 0 || valueEnd >= end) return UNFINISHED;
      attributes.add(lower(attribute), source.slice(valueFrom, valueEnd));
      s = skipBlanks(source, quoted ? valueEnd + 1 : valueEnd);
    }
    if (s >= end) return UNFINISHED;
    this.beforeEvent();
    if (this.section !== IGNORE) this.events.startTag(name, attributes);
    const cdata = LITERAL.get(name);
    if (cdata !== undefined) {
      this.literal = name;
      this.isCdata = cdata;
    }
    return s + 1;
  }

  private readEnd(at: number): number {
    const { source } = this;
    const first = source.charCodeAt(at + 2);
    const named = first !== GREATER && !isBlankCode(first);
    const nameEnd = named ? wordEnd(source, at + 2) : at + 2;
    const close = tagEnd(source, nameEnd);
    if (close < 0) return UNFINISHED;
    if (named) this.reportEnd(lower(source.slice(at + 2, nameEnd)));
    else this.reportComment(at, close + 1);
    return close + 1;
  }

  private readDeclaration(at: number): number {
    const { source } = this;
    const first = source.charCodeAt(at + 2);
    if (first === DASH) {
      if (at + 3 >= source.length) return UNFINISHED;
      if (source.charCodeAt(at + 3) === DASH) return this.readComment(at);
    } else if (first === BRACKET) {
      const next = this.readSection(at);
      if (next !== NO_MARKUP) return next;
    } else if (first === GREATER) {
      this.reportComment(at, at + 3);
      return at + 3;
    } else {
      const next = doctypeEnd(source, at);
      if (next >= 0) {
        this.beforeEvent();
        if (this.section !== IGNORE) this.events.declaration(source.slice(at, next));
      }
      if (next !== NO_MARKUP) return next;
    }
    const close = source.indexOf('>', at + 2);
    if (close < 0) return UNFINISHED;
    this.reportComment(at, close + 1);
    return close + 1;
  }

  private readComment(at: number): number {
    const { source } = this;
    let close = source.indexOf(this.looseComments ? '>' : '--', at + 4);
    while (close >= 0 && !this.looseComments) {
      const after = skipBlanks(source, close + 2);
      if (source.charCodeAt(after) === GREATER) {
        close = after;
        break;
      }
      close = source.indexOf('--', close + 1);
    }
    if (close < 0) return UNFINISHED;
    this.reportComment(at, close + 1);
    return close + 1;
  }

  /** `<![ kinds [`: what follows up to `]]>` is in that section. */
  private readSection(at: number): number {
    const { source } = this;
    let kind = 0;
    let named = false;
    let s = at + 3;
    for (;;) {
      s = skipBlanks(source, s);
      while (isNameStart(source.charCodeAt(s))) {
        const from = s;
        while (isNameChar(source.charCodeAt(s))) s++;
        kind = Math.max(kind, SECTION_KINDS.indexOf(lower(source.slice(from, s))));
        named = true;
        s = skipBlanks(source, s);
        if (s >= source.length) return UNFINISHED;
      }
      if (source.charCodeAt(s) !== DASH) break;
      if (source.charCodeAt(s + 1) !== DASH) return NO_MARKUP;
      const close = source.indexOf('--', s + 2);
      if (close < 0) return UNFINISHED;
      s = close + 2;
    }
    if (source.charCodeAt(s) !== BRACKET) return NO_MARKUP;
    this.sections.push(named ? kind : 1);
    this.setSection();
    this.beforeEvent();
    return s + 1;
  }

  /** An element left open at the end of the text is closed before anything but text and comments. */
  private beforeEvent(): void {
    const pending = this.pendingEnd;
    this.pendingEnd = null;
    if (pending !== null && this.section !== IGNORE) this.events.endTag(pending);
  }

  private reportText(to: number): void {
    if (to <= this.from) return;
    const raw = this.source.slice(this.from, to);
    this.from = to;
    if (this.section === IGNORE) return;
    this.events.text(this.isCdata ? { text: raw, wide: this.wide } : decodeEntities(raw, this.wide, true));
  }

  private reportEnd(name: string): void {
    this.beforeEvent();
    if (this.section !== IGNORE) this.events.endTag(name);
  }

  private reportComment(from: number, to: number): void {
    if (this.section !== IGNORE) this.events.comment(this.source.slice(from, to));
  }
}
