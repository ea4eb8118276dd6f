// The hash of a body under DKIM's canonicalisations (RFC 6376 §3.4.3, §3.4.4). Takes the bytes as received, with bare
// line feeds read as line ends; gives the hash and the length hashed; yields to the event loop on large bodies.
import { createHash, type Hash } from 'node:crypto';
import type { Pace } from './pace.js';

export type Canonicalisation = 'simple' | 'relaxed';

export interface BodyHash {
  /** Base64 of the SHA-256. */
  readonly hash: string;
  /** Bytes of the whole canonical body. */
  readonly sizeBytes: number;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
/** Bytes worked on between two looks at the clock, and size of the buffer canonical bytes gather in. */
const PIECE_BYTES = 262_144;
const CRLF = Buffer.from('\r\n');
/** Line ends written one by one; more come from a block. */
const LINE_ENDS_AT_ONCE = 32;
const LINE_ENDS = Buffer.alloc(65_536, '\r\n');
/** What one byte of a body can release besides itself: line ends, a blank. */
const RELEASE_BYTES_MAX = LINE_ENDS_AT_ONCE * 2 + 2;

/** What a hash takes in: at most `limitBytes` of the canonical body (tag l=); all of it is counted. */
class Sink {
  sizeBytes = 0;
  readonly #hash: Hash = createHash('sha256');
  constructor(private readonly limitBytes: number) {}

  take(bytes: Buffer): void {
    const left = this.limitBytes - this.sizeBytes;
    if (left >= bytes.length) this.#hash.update(bytes);
    else if (left > 0) this.#hash.update(bytes.subarray(0, left));
    this.sizeBytes += bytes.length;
  }

  result(): BodyHash {
    return { hash: this.#hash.digest('base64'), sizeBytes: this.sizeBytes };
  }
}

/** What is hashed, and how. */
export interface BodyHashOptions {
  readonly canonicalisation: Canonicalisation;
  /** l=, Infinity without. */
  readonly limitBytes: number;
  /** Some line ends lack their CR. */
  readonly bareLf: boolean;
}

/** Hashes `body` in turns with other messages. Null when the time is over. */
export async function hashBody(body: Buffer, options: BodyHashOptions, pace: Pace): Promise<BodyHash | null> {
  const sink = new Sink(options.limitBytes);
  for (const bytes of takePieces(body, options, sink)) if (!(await pace.spend(bytes))) return null;
  return sink.result();
}

/** The same at once: some milliseconds per MB. */
export function hashBodyNow(body: Buffer, options: BodyHashOptions): BodyHash {
  const sink = new Sink(options.limitBytes);
  const pieces = takePieces(body, options, sink);
  while (pieces.next().done !== true);
  return sink.result();
}

function takePieces(body: Buffer, { canonicalisation, bareLf }: BodyHashOptions, sink: Sink): Generator<number> {
  const relaxed = canonicalisation === 'relaxed';
  return relaxed || bareLf ? rewrite(body, relaxed, sink) : takeSimple(body, sink);
}

/** Simple canonicalisation where every line ends with CRLF already: only the empty lines at the end go. */
function* takeSimple(body: Buffer, sink: Sink): Generator<number> {
  let end = body.length;
  while (end >= 2 && body[end - 1] === LF && body[end - 2] === CR) end -= 2;
  for (let at = 0; at < end; at += PIECE_BYTES) {
    const piece = body.subarray(at, Math.min(end, at + PIECE_BYTES));
    sink.take(piece);
    yield piece.length;
  }
  sink.take(CRLF);
}

/** Writes the canonical form piece by piece. */
function* rewrite(body: Buffer, relaxed: boolean, sink: Sink): Generator<number> {
  const writer = new Rewriter(relaxed, sink, Math.min(body.length, PIECE_BYTES) + 2 * RELEASE_BYTES_MAX);
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    const end = Math.min(body.length, at + PIECE_BYTES);
    writer.take(body, at, end);
    yield end - at;
  }
  writer.finish();
}

/** Line ends and blanks are held back until it shows that something follows them. */
class Rewriter {
  readonly #out: Buffer;
  #length = 0;
  #lineEnds = 0;
  #blank = false;
  #empty = true;

  /** `sizeBytes`: of the buffer that canonical bytes gather in, at least `RELEASE_BYTES_MAX + 1`. */
  constructor(
    private readonly relaxed: boolean,
    private readonly sink: Sink,
    sizeBytes: number,
  ) {
    this.#out = Buffer.allocUnsafe(sizeBytes);
  }

  take(body: Buffer, from: number, to: number): void {
    const { relaxed } = this;
    const out = this.#out;
    const full = out.length - RELEASE_BYTES_MAX;
    let length = this.#length;
    let lineEnds = this.#lineEnds;
    let blank = this.#blank;
    for (let at = from; at < to; at++) {
      const byte = body[at] as number;
      if (byte <= SPACE) {
        if (byte === LF) {
          lineEnds++;
          blank = false;
          continue;
        }
        if (byte === CR && body[at + 1] === LF) continue;
        if (relaxed && (byte === SPACE || byte === TAB)) {
          blank = true;
          continue;
        }
      }
      if (length >= full) {
        this.sink.take(out.subarray(0, length));
        length = 0;
      }
      if (lineEnds > 0) {
        if (lineEnds > LINE_ENDS_AT_ONCE) {
          this.#flood(length, lineEnds - LINE_ENDS_AT_ONCE);
          length = 0;
          lineEnds = LINE_ENDS_AT_ONCE;
        }
        for (; lineEnds > 0; lineEnds--) {
          out[length++] = CR;
          out[length++] = LF;
        }
      }
      if (blank) {
        out[length++] = SPACE;
        blank = false;
      }
      out[length++] = byte;
    }
    if (length > 0) this.#empty = false;
    this.#length = length;
    this.#lineEnds = lineEnds;
    this.#blank = blank;
  }

  /** The body ends with one line end; an empty one stays empty when relaxed (§3.4.4), and is one line end when simple (§3.4.3). */
  finish(): void {
    this.sink.take(this.#out.subarray(0, this.#length));
    if (!this.#empty || !this.relaxed) this.sink.take(CRLF);
  }

  /** Hands on what gathered, and many line ends behind it. */
  #flood(length: number, lineEnds: number): void {
    this.sink.take(this.#out.subarray(0, length));
    for (let left = lineEnds; left > 0; left -= LINE_ENDS.length / 2)
      this.sink.take(LINE_ENDS.subarray(0, Math.min(left * 2, LINE_ENDS.length)));
  }
}
