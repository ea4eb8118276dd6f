// The content of one message, put back together from its events: header fields as they stood, empty line, body, byte for
// byte. Bounded in count and bytes: over a bound the rest is counted and not kept, and `truncated` says so.
import { ByteList } from './byte-list.js';

/** Bounds of one message's content. */
export interface ContentLimits {
  readonly headerCountMax: number;
  readonly headerSizeMaxBytes: number;
  readonly messageSizeMaxBytes: number;
}

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const COLON = Buffer.from(':');
const COLON_SPACE = Buffer.from(': ');
const CRLF = Buffer.from('\r\n');

/** Gathers the content while its events come in. */
export class Content {
  /** Size as the MTA sent it, bytes, whether kept or not. */
  sizeBytes = 0;
  /** Something was over a bound and not kept. */
  truncated = false;

  readonly #limits: ContentLimits;
  readonly #leadingSpace: boolean;
  readonly #bytes = new ByteList();
  #headerCount = 0;
  #inBody = false;

  /** `leadingSpace`: HDR_LEADSPC was agreed; otherwise the MTA has eaten one space after each colon. */
  constructor(limits: ContentLimits, leadingSpace: boolean) {
    this.#limits = limits;
    this.#leadingSpace = leadingSpace;
  }

  /** Bytes held in memory. */
  get keptBytes(): number {
    return this.#bytes.length;
  }

  /** One SMFIC_HEADER: `name\0value\0`, folds as LF. A value's own NULs are kept. */
  header(data: Buffer): void {
    const nul = data.indexOf(0);
    const nameEnd = nul < 0 ? data.length : nul;
    const from = Math.min(nameEnd + 1, data.length);
    const to = data.length > from && data[data.length - 1] === 0 ? data.length - 1 : data.length;
    // A tab after the colon is never eaten, so nothing is given back before one.
    const colon = this.#leadingSpace || data[from] === TAB ? COLON : COLON_SPACE;
    const firstFold = data.indexOf(LF, from);
    const folds = firstFold < 0 ? 0 : bareLineFeeds(data, firstFold, to);
    const sizeBytes = nameEnd + colon.length + (to - from) + folds + CRLF.length;
    this.#headerCount += 1;
    this.sizeBytes += sizeBytes;
    const { headerCountMax, headerSizeMaxBytes } = this.#limits;
    if (this.#headerCount > headerCountMax || this.#bytes.length + sizeBytes > headerSizeMaxBytes) {
      this.truncated = true;
      return;
    }
    this.#bytes.appendSlice(data, 0, nameEnd);
    this.#bytes.appendSlice(colon, 0, colon.length);
    if (folds === 0) this.#bytes.appendSlice(data, from, to);
    else this.#appendFolded(data, from, to);
    this.#bytes.appendSlice(CRLF, 0, CRLF.length);
  }

  /** The empty line; called for SMFIC_EOH, and by the first body chunk or the end where the MTA leaves EOH out. */
  endOfHeader(): void {
    if (this.#inBody) return;
    this.#inBody = true;
    this.sizeBytes += CRLF.length;
    this.#bytes.append(CRLF);
  }

  /** One body chunk. */
  body(data: Buffer): void {
    this.endOfHeader();
    this.sizeBytes += data.length;
    const room = this.#limits.messageSizeMaxBytes - this.#bytes.length;
    if (data.length > room) this.truncated = true;
    if (room > 0 && data.length > 0) this.#bytes.append(data.length > room ? data.subarray(0, room) : data);
  }

  /** The whole content, once; nothing is kept here afterwards. */
  take(): Buffer {
    this.endOfHeader();
    return this.#bytes.take();
  }

  /** Writes a value with each LF as CRLF (a CR before it is not doubled). */
  #appendFolded(data: Buffer, from: number, to: number): void {
    let kept = from;
    for (let at = data.indexOf(LF, from); at >= 0 && at < to; at = data.indexOf(LF, at + 1)) {
      if (at > from && data[at - 1] === CR) continue;
      this.#bytes.appendSlice(data, kept, at);
      this.#bytes.appendSlice(CRLF, 0, CRLF.length);
      kept = at + 1;
    }
    this.#bytes.appendSlice(data, kept, to);
  }
}

/** LFs without a CR before them, from the first one on. */
function bareLineFeeds(data: Buffer, first: number, to: number): number {
  let count = 0;
  for (let at = first; at >= 0 && at < to; at = data.indexOf(LF, at + 1)) if (data[at - 1] !== CR) count += 1;
  return count;
}
