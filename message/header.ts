// Header fields (RFC 5322 §2.2), raw and decoded, as offsets into the bytes they stand in; and the reading of one header
// block: of a message, an embedded message or a part.
import { decodeHeaderText } from './encoded-word.js';
import type { MessageLimits } from './limits.js';
import type { OdditySink } from './oddity.js';

/** One field. Offsets count from the first byte of the message (of the container, in a decoded embedded message). */
export interface HeaderField {
  /** As written, bytes as latin1. */
  readonly name: string;
  /** Lower case, for comparison. */
  readonly key: string;
  /** Everything after the colon, bytes as latin1, folds kept as in the raw bytes, final line end dropped. */
  readonly rawValue: string;
  /** Unfolded, RFC 2047 decoded, charset to Unicode, outer blanks trimmed. */
  readonly value: string;
  /** Offsets: first byte of the name, first byte after the colon, first byte after the final line end. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/**
 * Longest field name; a longer one makes the line no field. As long as the longest header Postfix takes
 * (`header_size_limit`): with less, one long name would end the header here and hide every field below it, which the
 * next reader still sees.
 */
export const NAME_BYTES_MAX = 102_400;
/** RFC 5322 §2.1.1, line end not counted. */
export const LINE_BYTES_RFC = 998;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;
const DASH = 0x2d;

/** A field over its bytes; strings are made when asked for. */
class ByteField implements HeaderField {
  readonly key: string;
  #value: string | undefined;
  constructor(
    private readonly bytes: Buffer,
    readonly start: number,
    private readonly nameEnd: number,
    readonly valueStart: number,
    public end: number,
  ) {
    this.key = this.name.toLowerCase();
  }

  get name(): string {
    return this.bytes.toString('latin1', this.start, this.nameEnd);
  }

  get rawValue(): string {
    return this.bytes.toString('latin1', this.valueStart, lineEndBefore(this.bytes, this.valueStart, this.end));
  }

  get value(): string {
    return (this.#value ??= decodeHeaderText(this.rawValue));
  }
}

/** Offset of the line end that closes `[start, end)`, or `end` when none does. */
export function lineEndBefore(bytes: Buffer, start: number, end: number): number {
  if (end <= start || bytes[end - 1] !== LF) return end;
  return end - 1 > start && bytes[end - 2] === CR ? end - 2 : end - 1;
}

/** How a header block is read where readers differ. */
export interface HeaderReading {
  /** A line that is no field: ends the header (and is body), or is skipped. */
  readonly junkLine: 'end' | 'skip';
  /** A continuation line of blanks only: belongs to the field, or ends the header. */
  readonly blankFold: 'fold' | 'end';
}

export const RFC_HEADER_READING: HeaderReading = { junkLine: 'end', blankFold: 'fold' };

/** One header block. */
export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** First byte of the body. */
  readonly bodyStart: number;
  /** What ended it. */
  readonly endedBy: 'blank' | 'junk' | 'delimiter' | 'end';
}

/** What is needed to read a header block. */
export interface HeaderSource {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly limits: MessageLimits;
  readonly reading: HeaderReading;
  readonly oddities: OdditySink;
  /** Whether offsets may be told in oddities. */
  readonly atTop: boolean;
  /** True when the line at that offset (which begins with `--`) is a delimiter of a multipart around. */
  isDelimiter(lineStart: number): boolean;
}

/** Reads the block that begins at `source.start`. Linear in its length. */
export function readHeaderBlock(source: HeaderSource): HeaderBlock {
  return new BlockReader(source).read();
}

class BlockReader {
  readonly #fields: ByteField[] = [];
  #last: ByteField | null = null;
  #overLimit = false;
  constructor(readonly source: HeaderSource) {}

  read(): HeaderBlock {
    const { bytes, end } = this.source;
    let at = this.source.start;
    while (at < end) {
      const lf = bytes.indexOf(LF, at);
      const next = lf < 0 || lf >= end ? end : lf + 1;
      const lineEnd = lineEndBefore(bytes, at, next);
      if (lineEnd === at && next > at) return this.#block(next, 'blank');
      const stop = this.#line(at, lineEnd, next);
      if (stop !== null) return this.#block(stop === 'blank' ? next : at, stop);
      at = next;
    }
    return this.#block(end, 'end');
  }

  #block(bodyStart: number, endedBy: HeaderBlock['endedBy']): HeaderBlock {
    return { fields: this.#fields, bodyStart, endedBy };
  }

  /** Takes one line; says what ends the header there, or null. */
  #line(at: number, lineEnd: number, next: number): 'blank' | 'junk' | 'delimiter' | null {
    const { bytes, source } = { bytes: this.source.bytes, source: this.source };
    if (lineEnd - at > LINE_BYTES_RFC) this.#odd('HEADER_LINE_TOO_LONG', at);
    const first = bytes[at];
    if (first === SPACE || first === TAB) return this.#continuation(at, lineEnd, next);
    if (first === DASH && bytes[at + 1] === DASH && source.isDelimiter(at)) return 'delimiter';
    const colon = fieldColon(bytes, at, lineEnd);
    if (colon < 0) return this.#junk(at, lineEnd);
    let nameEnd = colon;
    while (nameEnd > at && isBlank(bytes[nameEnd - 1])) nameEnd--;
    if (nameEnd !== colon) this.#odd('HEADER_NAME_BLANK', at);
    this.#add(new ByteField(bytes, at, nameEnd, colon + 1, next));
    return null;
  }

  #continuation(at: number, lineEnd: number, next: number): 'blank' | null {
    if (isBlankRange(this.source.bytes, at, lineEnd)) {
      this.#odd('HEADER_FOLD_BLANK', at);
      if (this.source.reading.blankFold === 'end') return 'blank';
    }
    if (this.#last === null) {
      if (!this.#overLimit) this.#odd('HEADER_FOLD_FIRST', at);
    } else if (next - this.source.start > this.source.limits.headerBytesMax) this.#cut(at);
    else this.#last.end = next;
    return null;
  }

  #junk(at: number, lineEnd: number): 'junk' | null {
    const { bytes, reading } = this.source;
    const line = bytes.toString('latin1', at, Math.min(lineEnd, at + 6));
    if (this.#fields.length === 0 && (line.startsWith('From ') || line.startsWith('>From '))) {
      this.#odd('MBOX_FROM_LINE', at);
      return null;
    }
    this.#odd('HEADER_LINE_JUNK', at);
    if (reading.junkLine === 'end') return 'junk';
    this.#last = null;
    return null;
  }

  #add(field: ByteField): void {
    const { limits, start } = this.source;
    if (this.#overLimit) return;
    if (this.#fields.length >= limits.headerCountMax) {
      this.#overLimit = true;
      this.#last = null;
      this.#odd('HEADER_COUNT_LIMIT', field.start);
    } else if (field.end - start > limits.headerBytesMax) {
      this.#cut(field.start);
    } else {
      this.#fields.push(field);
      this.#last = field;
    }
  }

  #cut(at: number): void {
    this.#overLimit = true;
    this.#last = null;
    this.#odd('HEADER_BYTES_LIMIT', at);
  }

  #odd(code: Parameters<OdditySink['add']>[0], at: number): void {
    this.source.oddities.add(code, this.source.atTop ? at : undefined);
  }
}

/** Offset of the colon of a field line (name of printable ASCII, blanks before the colon tolerated), or -1. */
function fieldColon(bytes: Buffer, at: number, lineEnd: number): number {
  const max = Math.min(lineEnd, at + NAME_BYTES_MAX);
  let blanks = false;
  for (let index = at; index < max; index++) {
    const byte = bytes[index] as number;
    if (byte === COLON) return index === at ? -1 : index;
    if (isBlank(byte)) blanks = true;
    else if (blanks || byte < 0x21 || byte > 0x7e) return -1;
  }
  return -1;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function isBlankRange(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isBlank(bytes[at])) return false;
  return true;
}
