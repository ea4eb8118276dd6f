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
    const name = nul < 0 ? data : data.subarray(0, nul);
    const value = nul < 0 ? data.subarray(0, 0) : data.subarray(nul + 1, endOfValue(data, nul));
    // A tab after the colon is never eaten, so nothing is given back before one.
    const colon = this.#leadingSpace || value[0] === TAB ? COLON : COLON_SPACE;
    const sizeBytes = name.length + colon.length + value.length + bareLineFeeds(value) + 2;
    this.#headerCount += 1;
    this.sizeBytes += sizeBytes;
    if (
      this.#headerCount > this.#limits.headerCountMax ||
      this.#bytes.length + sizeBytes > this.#limits.headerSizeMaxBytes
    ) {
      this.truncated = true;
      return;
    }
    this.#bytes.append(name);
    this.#bytes.append(colon);
    this.#appendFolded(value);
    this.#bytes.append(CRLF);
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
  #appendFolded(value: Buffer): void {
    let from = 0;
    for (let at = value.indexOf(LF); at >= 0; at = value.indexOf(LF, at + 1)) {
      if (value[at - 1] === 0x0d) continue;
      this.#bytes.append(value.subarray(from, at));
      this.#bytes.append(CRLF);
      from = at + 1;
    }
    this.#bytes.append(from === 0 ? value : value.subarray(from));
  }
}

function endOfValue(data: Buffer, nul: number): number {
  return data.length > nul + 1 && data[data.length - 1] === 0 ? data.length - 1 : data.length;
}

function bareLineFeeds(value: Buffer): number {
  let count = 0;
  for (let at = value.indexOf(LF); at >= 0; at = value.indexOf(LF, at + 1)) if (value[at - 1] !== 0x0d) count += 1;
  return count;
}
