// A message as SpamAssassin takes it apart: header fields, the tree of parts, and what was irregular on the way. Takes any
// bytes, never throws, linear in their number; nesting and parts are bounded as in the original, whose odd readings of
// broken mail are kept on purpose, since rules were written against them.
import { readContentType } from './content-type.js';
import { isFieldStart, MailHeader } from './header.js';
import { readMultipart, type Waiting } from './multipart.js';
import { allParts, MailPart } from './part.js';
import { unixLines } from './transfer.js';
import { isBlank, isBlankCode } from './white.js';

/** Longest name and value of a field, bytes; the rest is cut off. */
export const HEADER_NAME_MAX = 256;
export const HEADER_VALUE_MAX = 8_192;
/** Lines without a proper field name that are let pass before the body is taken to begin. */
const BAD_HEADER_LINES_MAX = 3;
/** Blank lines kept of a run. */
const BLANK_LINES_MAX = 20;
/** Levels of nesting that are taken apart. */
const DEPTH_MAX = 20;

/** What was irregular about a message, by the names that `check_msg_parse_flags` takes. */
export type ParseFlag =
  | 'missing_head_body_separator'
  | 'missing_mime_headers'
  | 'missing_mime_head_body_separator'
  | 'mime_epilogue_exists'
  | 'mimepart_limit_exceeded'
  | 'truncated_header';

export interface ParsedMail {
  /** Headers and body undecoded, without an mbox line. */
  readonly pristine: string;
  readonly headerText: string;
  readonly bodyText: string;
  /** The mbox line before the header, or null. */
  readonly mboxLine: string | null;
  /** Fields of the header, top-down, without verdicts of filters (X-Spam-*). */
  readonly headers: readonly MailHeader[];
  readonly root: MailPart;
  /** All parts, containers too, depth first. */
  readonly parts: readonly MailPart[];
  readonly flags: ReadonlySet<ParseFlag>;
  /** For each boundary 1 while it is open, 0 when it was closed; anything else is out of balance too. */
  readonly boundaries: ReadonlyMap<string, number>;
}

/** Takes a message apart. */
export function parseMail(raw: Buffer | string): ParsedMail {
  const text = typeof raw === 'string' ? raw : raw.toString('latin1');
  const flags = new Set<ParseFlag>();
  const boundaries = new Map<string, number>();
  const read = readMessage(text, DEPTH_MAX, flags);
  const { root } = read;
  const waiting: Waiting[] = [read.waiting];
  for (let at = 0; at < waiting.length; at++) {
    const next = waiting[at]!;
    if (next.part.type.startsWith('multipart/') && next.boundary !== null && next.depthLeft > 0)
      readMultipart(next, { flags, boundaries, waiting });
    else readLeaf(next, waiting);
    next.text = '';
  }
  return {
    pristine: read.headerText + read.bodyText,
    headerText: read.headerText,
    bodyText: read.bodyText,
    mboxLine: read.mboxLine,
    headers: root.headers.filter(({ key }) => !key.startsWith('x-spam-')),
    root,
    parts: allParts(root),
    flags,
    boundaries,
  };
}

/** A part that is not taken apart further, or an embedded message, which is. */
function readLeaf({ part, boundary, text, depthLeft }: Waiting, waiting: Waiting[]): void {
  const declared = readContentType(part.value('content-type'));
  if (!declared.missing)
    part.type = !declared.type.startsWith('multipart/') || boundary !== null ? declared.type : 'text/plain';
  part.charset = declared.charset;
  part.name =
    dispositionName(part.value('content-disposition')) ?? (declared.name === '0' ? null : declared.name || null);
  part.boundary = boundary;
  part.raw = text;
  if (depthLeft <= 0 || (part.type !== 'message/rfc822' && part.type !== 'message/global')) return;
  const content = part.bytes();
  if (content === '') return;
  const inner = readMessage(content, depthLeft - 1, new Set());
  part.becomeContainer(inner.root);
  waiting.push(inner.waiting);
}

function dispositionName(value: string | null): string | null {
  return value === null ? null : (/name=[\t-\r ]*"?([^";]+)"?/i.exec(value)?.[1] ?? null);
}

interface ReadMessage {
  readonly root: MailPart;
  readonly waiting: Waiting;
  readonly headerText: string;
  readonly bodyText: string;
  readonly mboxLine: string | null;
}

const MBX_LINE = /^[\t-\r \d]\d-[a-zA-Z]{3}-\d{4}[\t-\r ]\d{2}:\d{2}:\d{2}[^\n]*,\d+;[\da-f]{12}-\w{8}\r?\n?$/;

function readMessage(whole: string, depthLeft: number, flags: Set<ParseFlag>): ReadMessage {
  const text = whole === '' ? '\n' : whole;
  const first = firstLine(text, 0);
  const mbox = isMboxLine(first) || MBX_LINE.test(first);
  const from = mbox ? first.length : 0;
  const crlf = firstLine(text, from).includes('\r\n') || (from < text.length && text.endsWith('\r\n'));
  const root = new MailPart();
  const header = new HeaderReader(text, from, crlf, root, flags);
  header.read();
  const bodyText = text.slice(header.at);
  let body = cutBlankRuns(crlf ? unixLines(bodyText) : bodyText);
  const { type, boundary } = readContentType(root.value('content-type'));
  root.type = type;
  const top = firstLine(body, 0);
  if (type.startsWith('multipart/') && top.length < body.length && !isBlank(top)) {
    // What looks like header fields at the top of the body is not part of the header.
    if (boundary === null || !top.startsWith(`--${boundary}`)) body = `\n${body}`;
  }
  return {
    root,
    waiting: { part: root, boundary, text: body, depthLeft },
    headerText: header.text,
    bodyText,
    mboxLine: mbox ? first : null,
  };
}

/** The line that starts at `from`, with its end. */
function firstLine(text: string, from: number): string {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.slice(from) : text.slice(from, end + 1);
}

/** `From ` and what is no colon. */
function isMboxLine(line: string): boolean {
  return /^From[\t-\r ](?:[\t-\r ]|(?!:))/.test(line);
}

/** A run of blank lines that is longer than kept. */
const BLANK_RUN = /(?:^|\n)(?:[\t\v\f\r ]*\n){21}/;

/** Runs of blank lines are cut down; the first and the last ones of a run stay. */
function cutBlankRuns(text: string): string {
  if (!BLANK_RUN.test(text)) return text;
  let kept = '';
  let from = 0;
  for (let at = 0; at < text.length;) {
    const run = readBlankRun(text, at);
    if (run.keptFrom > run.headEnd) {
      kept += text.slice(from, run.headEnd);
      from = run.keptFrom;
    }
    const end = text.indexOf('\n', run.end);
    at = end < 0 ? text.length : end + 1;
  }
  return kept + text.slice(from);
}

/** The blank lines at `start`: where the first ones that stay end, and the last ones that stay begin. */
function readBlankRun(text: string, start: number): { end: number; headEnd: number; keptFrom: number } {
  // At the very top of the body one more is kept.
  const head = start === 0 ? 2 : 1;
  const tail = BLANK_LINES_MAX - 1;
  let headEnd = start;
  let count = 0;
  let end = start;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isBlankCode(code)) break;
    if (code !== LINE_FEED && at + 1 < text.length) continue;
    end = at + 1;
    if (++count <= head) headEnd = end;
  }
  if (count <= head + tail) return { end, headEnd, keptFrom: headEnd };
  let keptFrom = end;
  for (let line = 0; line < tail; line++) keptFrom = text.lastIndexOf('\n', keptFrom - 2) + 1;
  return { end, headEnd, keptFrom };
}

const LINE_FEED = 0x0a;

/** Reads the header of a message line by line. */
class HeaderReader {
  /** Where the header ends. */
  at: number;
  text = '';
  private field: string | null = null;
  private badLines = 0;

  constructor(
    private readonly source: string,
    from: number,
    private readonly crlf: boolean,
    private readonly part: MailPart,
    private readonly flags: Set<ParseFlag>,
  ) {
    this.at = from;
  }

  read(): void {
    const texts: string[] = [];
    const end = this.crlf ? '\r\n' : '\n';
    for (;;) {
      const eof = this.at >= this.source.length;
      const written = eof ? end : firstLine(this.source, this.at);
      const line =
        this.crlf && written.endsWith('\n') && !written.endsWith('\r\n') ? `${written.slice(0, -1)}\r\n` : written;
      const first = line.charCodeAt(0);
      if (first === 0x20 || first === 0x09) this.field = (this.field ?? '') + line;
      else {
        this.keep();
        if (line === end) {
          if (eof) this.flags.add('missing_head_body_separator');
          else texts.push(line);
          this.at += eof ? 0 : written.length;
          break;
        }
        if (line.startsWith('--') || (!isFieldStart(line) && ++this.badLines > BAD_HEADER_LINES_MAX)) {
          this.flags.add('missing_head_body_separator');
          break;
        }
        this.field = line;
      }
      texts.push(line);
      this.at += written.length;
    }
    this.text = texts.join('');
  }

  private keep(): void {
    const field = this.field;
    this.field = null;
    const colon = field?.indexOf(':') ?? -1;
    if (field === null || colon < 0) return;
    let name = field.slice(0, colon);
    let value = field.slice(colon + 1);
    if (this.crlf) value = value.replaceAll('\r\n', '\n');
    let end = name.length;
    while (end > 0 && (name[end - 1] === ' ' || name[end - 1] === '\t')) end--;
    name = name.slice(0, end);
    if (name.length > HEADER_NAME_MAX || value.length > HEADER_VALUE_MAX) this.flags.add('truncated_header');
    name = name.slice(0, HEADER_NAME_MAX);
    value = value.slice(0, HEADER_VALUE_MAX);
    this.part.headers.push(new MailHeader(name, value));
  }
}
