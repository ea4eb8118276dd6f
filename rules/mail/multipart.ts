// Takes a multipart body apart into parts, as SpamAssassin does: line by line, its treatment of missing separators,
// repeated boundaries and last lines included. Bounded in parts; what is found waits to be read in turn.
import { readContentType } from './content-type.js';
import { isFieldStart, lowerAscii, MailHeader } from './header.js';
import type { ParseFlag } from './parse.js';
import { MailPart } from './part.js';
import { isBlankCode } from './white.js';

/** Lines of parts longer than this are broken, bytes. */
export const BODY_LINE_MAX = 2_048;
/** Parts of one multipart. */
const PARTS_MAX = 1_000;

/** A part whose content is still to be read. */
export interface Waiting {
  readonly part: MailPart;
  readonly boundary: string | null;
  /** Undecoded. */
  text: string;
  readonly depthLeft: number;
}

/** What the reading of a whole message shares. */
export interface Reading {
  readonly flags: Set<ParseFlag>;
  readonly boundaries: Map<string, number>;
  readonly waiting: Waiting[];
}

/** Reads one multipart; its `boundary` must not be null. */
export function readMultipart(multipart: Waiting, reading: Reading): void {
  new MultipartReader(multipart, reading).read();
}

class MultipartReader {
  private readonly boundary: string;
  private readonly text: string;
  private part = new MailPart();
  private field: string | null = null;
  /** Where the content of the part begins; -1 while its header is read. */
  private bodyFrom = -1;
  /** The part before repeats our boundary for its own: up to its end, boundary lines are its content. */
  private nested = false;
  private count = 0;

  constructor(
    private readonly multipart: Waiting,
    private readonly reading: Reading,
  ) {
    this.boundary = multipart.boundary!;
    this.text = multipart.text;
  }

  read(): void {
    this.multipart.part.children = [];
    const { text } = this;
    let at = this.start();
    while (at < text.length) {
      const from = at;
      at = this.nextLine(from);
      let delimiter = this.delimiter(from, at);
      const closes = delimiter === 'end';
      if (delimiter !== null && this.nested) {
        delimiter = null;
        if (closes) this.nested = false;
      }
      if (delimiter === null && at < text.length) {
        at = this.readLine(from, at);
        continue;
      }
      this.endPart(delimiter === null ? at : from, from, delimiter !== null);
      if (closes) {
        const { boundaries } = this.reading;
        boundaries.set(this.boundary, (boundaries.get(this.boundary) ?? 0) - 1);
        break;
      }
      if (at < text.length && !this.isFieldAt(at)) this.reading.flags.add('missing_mime_headers');
      if (++this.count === PARTS_MAX) {
        this.reading.flags.add('mimepart_limit_exceeded');
        return;
      }
      this.part = new MailPart();
      this.bodyFrom = -1;
      this.field = null;
    }
    if (at < text.length && /[^\t-\r .]/.test(text.slice(at))) this.reading.flags.add('mime_epilogue_exists');
  }

  private nextLine(from: number): number {
    const end = this.text.indexOf('\n', from);
    return end < 0 ? this.text.length : end + 1;
  }

  /** A field name with its colon right behind it. */
  private isFieldAt(at: number): boolean {
    return /^[!-9;-~]+:/.test(this.text.slice(at, this.nextLine(at)));
  }

  /** The line after the first boundary; the first line of all when there is none. */
  private start(): number {
    for (let at = 0; at >= 0; at = this.nextDashes(at)) {
      const end = this.nextLine(at);
      if (this.delimiter(at, end) !== 'next') continue;
      this.reading.boundaries.set(this.boundary, 1);
      if (end < this.text.length && !this.isFieldAt(end)) this.reading.flags.add('missing_mime_headers');
      return end;
    }
    return 0;
  }

  /** The next line after `at` that starts with dashes, or -1. */
  private nextDashes(at: number): number {
    const found = this.text.indexOf('\n--', at);
    return found < 0 ? -1 : found + 1;
  }

  private delimiter(from: number, end: number): 'next' | 'end' | null {
    const { text } = this;
    if (!text.startsWith('--', from) || !text.startsWith(this.boundary, from + 2)) return null;
    let at = from + 2 + this.boundary.length;
    const closes = text.startsWith('--', at);
    if (closes) at += 2;
    while (at < end && isBlankCode(text.charCodeAt(at))) at++;
    return at < end ? null : closes ? 'end' : 'next';
  }

  /** Reads a line that is neither boundary nor the last one; where to go on. */
  private readLine(from: number, end: number): number {
    if (this.bodyFrom < 0) {
      const line = this.text.slice(from, end);
      if (isFieldStart(line)) {
        this.keepField();
        this.field = line;
        return end;
      }
      const first = line.charCodeAt(0);
      if (this.field !== null && (first === 0x20 || first === 0x09)) {
        this.field += line;
        return end;
      }
      const key = this.keepField();
      if (key === 'content-type')
        this.nested ||= readContentType(this.part.value('content-type')).boundary === this.boundary;
      const isEmpty = line === '\n' || line === '\r\n';
      if (!isEmpty) this.reading.flags.add('missing_mime_head_body_separator');
      this.bodyFrom = isEmpty ? end : from;
    }
    // Nothing happens before the next line with dashes, or the last line of all.
    const next = this.nextDashes(end - 1);
    if (next >= 0) return next;
    const { text } = this;
    const lastEnd = text.endsWith('\n') ? text.length - 1 : text.length;
    return Math.max(end, text.lastIndexOf('\n', lastEnd - 1) + 1);
  }

  /** Adds the field that was being read to the part; its name in lower case. */
  private keepField(): string | null {
    const { field } = this;
    this.field = null;
    if (field === null) return null;
    const colon = field.indexOf(':');
    let value = colon + 1;
    while (value < field.length && isBlankCode(field.charCodeAt(value))) value++;
    const name = field.slice(0, colon);
    this.part.headers.push(new MailHeader(name, field.slice(value)));
    return lowerAscii(name);
  }

  /** The part is complete, with content up to `end`: at a boundary line, or with the last line there is. */
  private endPart(end: number, lastFrom: number, atBoundary: boolean): void {
    const from = this.bodyFrom < 0 ? (atBoundary ? end : lastFrom) : this.bodyFrom;
    // The line end before a boundary belongs to the boundary.
    const isEnded = atBoundary && end > from && this.text.charCodeAt(end - 1) === LINE_FEED;
    const content = brokenLines(this.text.slice(from, isEnded ? end - 1 : end));
    const declared = readContentType(this.part.value('content-type'));
    const inDigest = declared.missing && this.multipart.part.type === 'multipart/digest';
    this.part.type = inDigest ? 'message/rfc822' : declared.type;
    const own = declared.boundary !== null && declared.boundary !== '0' && declared.boundary !== '';
    const boundary = own ? declared.boundary : this.boundary;
    this.multipart.part.children!.push(this.part);
    this.reading.waiting.push({
      part: this.part,
      boundary,
      text: content,
      depthLeft: this.multipart.depthLeft - 1,
    });
  }
}

const LINE_FEED = 0x0a;

/** Long lines are broken. */
function brokenLines(text: string): string {
  let broken = '';
  let from = 0;
  for (let at = 0; text.length - at > BODY_LINE_MAX;) {
    // The last line end that is near enough: all lines up to it are short.
    const end = text.lastIndexOf('\n', at + BODY_LINE_MAX - 1);
    if (end >= at) at = end + 1;
    else {
      broken += `${text.slice(from, at + BODY_LINE_MAX)}\n`;
      at += BODY_LINE_MAX;
      from = at;
    }
  }
  return from === 0 ? text : broken + text.slice(from);
}
