// Takes a multipart body apart into parts, as SpamAssassin does: line by line, its treatment of missing separators,
// repeated boundaries and last lines included. Bounded in parts; what is found waits to be read in turn.
import { readContentType } from './content-type.js';
import { lowerAscii, MailHeader } from './header.js';
import { isFieldStart, type ParseFlag } from './parse.js';
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
  lines: string[];
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
  private readonly lines: readonly string[];
  private part = new MailPart();
  private field: string | null = null;
  private inBody = false;
  private content: string[] | null = null;
  /** The part before repeats our boundary for its own: up to its end, boundary lines are its content. */
  private nested = false;
  private count = 0;

  constructor(
    private readonly multipart: Waiting,
    private readonly reading: Reading,
  ) {
    this.boundary = multipart.boundary!;
    this.lines = multipart.lines;
  }

  read(): void {
    this.multipart.part.children = [];
    const { lines } = this;
    let at = this.start();
    while (at < lines.length) {
      const line = lines[at++]!;
      let delimiter = this.delimiter(line);
      const closes = delimiter === 'end';
      if (delimiter !== null && this.nested) {
        delimiter = null;
        if (closes) this.nested = false;
      }
      if (delimiter === null && at < lines.length) {
        this.readLine(line);
        continue;
      }
      this.endPart(delimiter === null ? line : null);
      if (closes) {
        const { boundaries } = this.reading;
        boundaries.set(this.boundary, (boundaries.get(this.boundary) ?? 0) - 1);
        break;
      }
      if (at < lines.length && !isStrictFieldStart(lines[at]!)) this.reading.flags.add('missing_mime_headers');
      if (++this.count === PARTS_MAX) {
        this.reading.flags.add('mimepart_limit_exceeded');
        return;
      }
      this.part = new MailPart();
      this.inBody = false;
      this.content = null;
      this.field = null;
    }
    for (; at < lines.length; at++) {
      if (/[^\t-\r .]/.test(lines[at]!)) {
        this.reading.flags.add('mime_epilogue_exists');
        break;
      }
    }
  }

  /** The line after the first boundary; the first line of all when there is none. */
  private start(): number {
    for (let at = 0; at < this.lines.length; at++) {
      if (this.delimiter(this.lines[at]!) !== 'next') continue;
      this.reading.boundaries.set(this.boundary, 1);
      const following = this.lines[at + 1];
      if (following !== undefined && !isStrictFieldStart(following)) this.reading.flags.add('missing_mime_headers');
      return at + 1;
    }
    return 0;
  }

  private delimiter(line: string): 'next' | 'end' | null {
    if (!line.startsWith('--') || !line.startsWith(this.boundary, 2)) return null;
    let at = 2 + this.boundary.length;
    const closes = line.startsWith('--', at);
    if (closes) at += 2;
    while (at < line.length && isBlankCode(line.charCodeAt(at))) at++;
    return at < line.length ? null : closes ? 'end' : 'next';
  }

  private readLine(line: string): void {
    if (!this.inBody) {
      if (isFieldStart(line)) {
        this.keepField();
        this.field = line;
        return;
      }
      const first = line.charCodeAt(0);
      if (this.field !== null && (first === 0x20 || first === 0x09)) {
        this.field += line;
        return;
      }
      const key = this.keepField();
      if (key === 'content-type')
        this.nested ||= readContentType(this.part.value('content-type')).boundary === this.boundary;
      this.inBody = true;
      if (line === '\n' || line === '\r\n' || line === '' || line === '\r') return;
      this.reading.flags.add('missing_mime_head_body_separator');
    }
    this.addLine(line);
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

  private addLine(line: string): void {
    this.content ??= [];
    let from = 0;
    for (; line.length - from > BODY_LINE_MAX; from += BODY_LINE_MAX)
      this.content.push(`${line.slice(from, from + BODY_LINE_MAX)}\n`);
    this.content.push(from === 0 ? line : line.slice(from));
  }

  /** The part is complete: at a boundary line (null), or with the last line there is. */
  private endPart(lastLine: string | null): void {
    if (lastLine !== null) this.addLine(lastLine);
    const content = this.content ?? [];
    if (lastLine === null && content.length > 0) {
      // The line end before a boundary belongs to the boundary.
      const last = content.pop()!;
      const without = last.endsWith('\n') ? last.slice(0, -1) : last;
      if (without !== '') content.push(without);
    }
    const declared = readContentType(this.part.value('content-type'));
    const inDigest = declared.missing && this.multipart.part.type === 'multipart/digest';
    this.part.type = inDigest ? 'message/rfc822' : declared.type;
    const own = declared.boundary !== null && declared.boundary !== '0' && declared.boundary !== '';
    const boundary = own ? declared.boundary : this.boundary;
    this.multipart.part.children!.push(this.part);
    this.reading.waiting.push({
      part: this.part,
      boundary,
      lines: content,
      depthLeft: this.multipart.depthLeft - 1,
    });
  }
}

/** A field name with its colon right behind it. */
function isStrictFieldStart(line: string): boolean {
  return /^[!-9;-~]+:/.test(line);
}
