// Applies a batch of edits to the bytes of one message: what Weir itself sends or keeps instead of the MTA doing it.
// Touches nothing but the fields and the body named; every other byte stays. Edits of the envelope are passed over.
import { readHeaderBlock, RFC_HEADER_READING, type HeaderBlock, type HeaderField } from '../message/header.js';
import { DEFAULT_LIMITS } from '../message/limits.js';
import { OdditySink } from '../message/oddity.js';
import type { Edit } from './answer.js';

const LF = 0x0a;
const CR = 0x0d;

/**
 * The message with the edits made, as a milter's MTA makes them: occurrences count fields as they stood before any edit;
 * changing a field that is not there adds it; an empty value deletes; each prepended field goes above those before it.
 * Names and values come from Weir; still a value can never begin a new field. An invalid name throws a RangeError.
 */
export function applyEdits(raw: Buffer, edits: readonly Edit[]): Buffer {
  const block = readWholeHeader(raw);
  return new Editor(raw, block.fields, block.bodyStart, block.endedBy === 'blank').apply(edits);
}

/** Every field that edits can name, beyond the bounds of a `Message` too: a forged one must not hide behind them. */
export function editableFields(raw: Buffer): readonly HeaderField[] {
  return readWholeHeader(raw).fields;
}

function readWholeHeader(raw: Buffer): HeaderBlock {
  return readHeaderBlock({
    bytes: raw,
    start: 0,
    end: raw.length,
    limits: { ...DEFAULT_LIMITS, headerCountMax: Infinity, headerBytesMax: Infinity },
    reading: RFC_HEADER_READING,
    oddities: new OdditySink(),
    atTop: false,
    isDelimiter: () => false,
  });
}

class Editor {
  readonly #lineEnd: string;
  readonly #above: string[] = [];
  readonly #below: string[] = [];
  /** Field start → new text, '' when it goes. */
  readonly #changed = new Map<number, string>();
  readonly #byName = new Map<string, HeaderField[]>();
  #body: Buffer | null = null;

  constructor(
    private readonly raw: Buffer,
    private readonly fields: readonly HeaderField[],
    private readonly bodyStart: number,
    private readonly separated: boolean,
  ) {
    this.#lineEnd = lineEndOf(raw);
  }

  apply(edits: readonly Edit[]): Buffer {
    for (const edit of edits) this.#take(edit);
    const headEnd = this.#headEnd();
    // What stands above the first field (a continuation of nothing, a mail folder's line) stays above: below a new field
    // it would become part of it.
    let at = this.fields[0]?.start ?? headEnd;
    const pieces: Buffer[] = [this.raw.subarray(0, at)];
    if (this.#above.length > 0) pieces.push(this.#missingLineEnd(pieces), ...this.#above.map(latin1));
    for (const field of this.fields) {
      const text = this.#changed.get(field.start);
      if (text === undefined) continue;
      pieces.push(this.raw.subarray(at, field.start), latin1(text));
      at = field.end;
    }
    pieces.push(this.raw.subarray(at, headEnd));
    if (this.#below.length > 0) pieces.push(this.#missingLineEnd(pieces), ...this.#below.map(latin1));
    return Buffer.concat([...pieces, ...this.#rest(headEnd)]);
  }

  #take(edit: Edit): void {
    switch (edit.kind) {
      case 'prepend-header':
        this.#above.unshift(this.#field(edit.name, edit.value));
        break;
      case 'add-header':
        this.#below.push(this.#field(edit.name, edit.value));
        break;
      case 'change-header':
        this.#change(edit.name, edit.occurrence, edit.value);
        break;
      case 'delete-header':
        this.#change(edit.name, edit.occurrence, '');
        break;
      case 'replace-body':
        this.#body = edit.body;
        break;
      case 'add-recipient':
      case 'delete-recipient':
      case 'change-sender':
        break;
    }
  }

  #change(name: string, occurrence: number, value: string): void {
    const field = this.#named(name.toLowerCase())[Math.max(1, occurrence) - 1];
    if (field !== undefined) this.#changed.set(field.start, value === '' ? '' : this.#field(field.name, value));
    else if (value !== '') this.#below.push(this.#field(name, value));
  }

  /** The fields of that name; an edit per field of a long header must not go through all of it each time. */
  #named(key: string): readonly HeaderField[] {
    if (this.#byName.size === 0)
      for (const field of this.fields) {
        const others = this.#byName.get(field.key);
        if (others) others.push(field);
        else this.#byName.set(field.key, [field]);
      }
    return this.#byName.get(key) ?? [];
  }

  /** One field with its line end; a line of the value that would begin a field is made a continuation. */
  #field(name: string, value: string): string {
    if (!/^[!-9;-~]{1,256}$/.test(name)) throw new RangeError('not a header field name');
    const lines = value.replace(/\r\n?|\0/g, '\n').split('\n');
    const [first = '', ...others] = lines.filter((line, index) => index === 0 || line.trim() !== '');
    const folded = others.map((line) => this.#lineEnd + (/^[ \t]/.test(line) ? line : `\t${line}`));
    return `${name}:${/^[ \t]/.test(first) ? '' : ' '}${first}${folded.join('')}${this.#lineEnd}`;
  }

  /** Where the header ends: before its separator. */
  #headEnd(): number {
    if (!this.separated) return this.bodyStart;
    return this.raw[this.bodyStart - 2] === CR ? this.bodyStart - 2 : this.bodyStart - 1;
  }

  /** The last field kept may end with the message. */
  #missingLineEnd(pieces: readonly Buffer[]): Buffer {
    const last = pieces.findLast(({ length }) => length > 0);
    return latin1(last !== undefined && last.at(-1) !== LF ? this.#lineEnd : '');
  }

  /** Separator and body. Where there was none, new fields or a new body need a separator. */
  #rest(headEnd: number): Buffer[] {
    const separator = this.separated ? this.raw.subarray(headEnd, this.bodyStart) : latin1(this.#newSeparator(headEnd));
    return [separator, this.#body ?? this.raw.subarray(this.bodyStart)];
  }

  #newSeparator(headEnd: number): string {
    if (this.#body !== null && this.#below.length === 0 && headEnd > 0 && this.raw[headEnd - 1] !== LF)
      return this.#lineEnd + this.#lineEnd;
    const grown = this.#below.length > 0 || this.#above.length > 0;
    return this.#body !== null || (grown && this.bodyStart < this.raw.length) ? this.#lineEnd : '';
  }
}

/** The line end the message uses. */
function lineEndOf(raw: Buffer): string {
  const lf = raw.indexOf(LF);
  return lf > 0 && raw[lf - 1] === CR ? '\r\n' : lf < 0 ? '\r\n' : '\n';
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
