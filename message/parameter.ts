// Values with parameters (Content-Type, Content-Disposition: RFC 2045 §5.1, RFC 2183) with continuations and charsets
// (RFC 2231). Takes a field value as latin1; keys go into Maps only; linear; what is ambiguous comes back as such.
import { decodeText } from './charset.js';
import { decode8bit, decodeHeaderText, unfold } from './encoded-word.js';

/** Parameters read from one field, continuations counted singly. */
export const PARAMS_MAX = 500;
const SEGMENT_NUMBER_MAX = 9_999;

/** One parameter as it stands in the field. */
export interface RawParam {
  /** Lower case, with any `*` suffixes. */
  readonly name: string;
  /** Quotes and escapes undone, bytes as latin1. */
  readonly value: string;
  /** Everything up to the next `;`, quotes kept, blanks trimmed: what a careless reader takes. */
  readonly literal: string;
}

export interface ParamValue {
  /** The part before the first `;`, comments and blanks dropped, lower case. */
  readonly value: string;
  /** Lower-case name → decoded value; extended forms (RFC 2231) win over plain ones, earlier ones over later. */
  readonly params: ReadonlyMap<string, string>;
  /** All as written, in order. */
  readonly raw: readonly RawParam[];
  /** Names given more than once with values that differ. */
  readonly repeated: readonly string[];
  /** Something about the syntax was wrong: unclosed quote, text after a quoted value, gap in continuations. */
  readonly broken: boolean;
}

/** Reads one field value. */
export function parseParamValue(latin1: string): ParamValue {
  const reader = new Reader(unfold(latin1));
  const value = reader.value();
  const raw: RawParam[] = [];
  while (raw.length < PARAMS_MAX) {
    const param = reader.param();
    if (param === null) break;
    if (param.name !== '') raw.push(param);
  }
  return assemble(value, raw, reader.broken);
}

/** `type/subtype`, complete. Bounded, so that it may be tried at every blank. */
const WHOLE_TYPE = /^[^/]{1,80}\/[^/]{1,120}$/;

/** A parameter's name and `=` behind a blank. */
const NEXT_PARAM = /[ \t][a-z][\w*.-]{0,40}=/gi;

/** Walks over one unfolded value. */
class Reader {
  #at = 0;
  broken = false;
  constructor(readonly text: string) {}

  /** Everything before the first `;`, or before a blank behind `type/subtype` (senders forget the semicolon). */
  value(): string {
    let out = '';
    let blank = false;
    while (this.#at < this.text.length) {
      const char = this.text[this.#at] as string;
      if (char === ';') break;
      if (char === '(') this.#skipComment();
      else if (char === ' ' || char === '\t') {
        blank = true;
        this.#at++;
      } else {
        if (blank && char !== '/' && WHOLE_TYPE.test(out)) {
          this.broken = true;
          break;
        }
        out += char;
        blank = false;
        this.#at++;
      }
    }
    return decode8bit(out).toLowerCase();
  }

  /** The next parameter (name '' when it is void), or null at the end. */
  param(): RawParam | null {
    this.#skipBlanks(';');
    if (this.#at >= this.text.length) return null;
    const name = this.#name();
    if (this.text[this.#at] !== '=') {
      this.broken ||= name !== '';
      return { name: '', value: '', literal: '' };
    }
    this.#at++;
    this.#skipBlanks('');
    const start = this.#at;
    const value = this.text[this.#at] === '"' ? this.#quoted() : this.#token();
    const semicolon = this.text.indexOf(';', this.#at);
    return { name, value, literal: this.text.slice(start, semicolon < 0 ? undefined : semicolon).trim() };
  }

  #name(): string {
    let out = '';
    while (this.#at < this.text.length) {
      const char = this.text[this.#at] as string;
      if (char === ';' || char === '=') break;
      if (char === '(') this.#skipComment();
      else {
        if (char !== ' ' && char !== '\t') out += char;
        this.#at++;
      }
    }
    return decode8bit(out).toLowerCase();
  }

  /** A quoted string, then everything up to the next `;` or the next `name=` (senders forget the semicolon). */
  #quoted(): string {
    let out = '';
    this.#at++;
    let closed = false;
    while (this.#at < this.text.length) {
      const char = this.text[this.#at++] as string;
      if (char === '"') {
        closed = true;
        break;
      }
      if (char === '\\' && this.#at < this.text.length) out += this.text[this.#at++] as string;
      else out += char;
    }
    if (!closed) this.broken = true;
    this.#rest();
    return out;
  }

  /** What stands behind a quoted value. */
  #rest(): void {
    const end = this.#valueEnd(this.#at);
    const rest = this.text.slice(this.#at, end).trim();
    if (rest !== '' && !(rest.startsWith('(') && rest.endsWith(')'))) this.broken = true;
    this.#at = end;
  }

  /** An unquoted value: inner blanks kept (senders forget quotes), a comment behind a blank dropped. */
  #token(): string {
    const start = this.#at;
    this.#at = this.#valueEnd(start);
    let value = this.text.slice(start, this.#at);
    const comment = value.indexOf(' (');
    if (comment >= 0) value = value.slice(0, comment);
    return value.trim();
  }

  /** Offset of the next `;`, or of a blank before `name=`, or the end. */
  #valueEnd(from: number): number {
    const semicolon = this.text.indexOf(';', from);
    const end = semicolon < 0 ? this.text.length : semicolon;
    NEXT_PARAM.lastIndex = from;
    const next = NEXT_PARAM.exec(this.text.slice(0, end));
    if (next === null) return end;
    this.broken = true;
    return next.index;
  }

  #skipBlanks(also: string): void {
    while (this.#at < this.text.length) {
      const char = this.text[this.#at] as string;
      if (char === '(') this.#skipComment();
      else if (char === ' ' || char === '\t' || char === also) this.#at++;
      else return;
    }
  }

  /** Over a comment with nested ones; one that is not closed is taken for text. */
  #skipComment(): void {
    let depth = 0;
    for (let at = this.#at; at < this.text.length && !this.#unclosed; at++) {
      const char = this.text[at];
      if (char === '\\') at++;
      else if (char === '(') depth++;
      else if (char === ')' && --depth === 0) {
        this.#at = at + 1;
        return;
      }
    }
    this.#unclosed = true;
    this.broken = true;
    this.#at++;
  }

  #unclosed = false;
}

/** One piece of a value given in RFC 2231's forms. */
interface Segment {
  readonly number: number;
  readonly extended: boolean;
  readonly value: string;
}

/** Puts continuations together and decodes. */
function assemble(value: string, raw: readonly RawParam[], wasBroken: boolean): ParamValue {
  const plain = new Map<string, string>();
  const segments = new Map<string, Segment[]>();
  const repeated = new Set<string>();
  let broken = wasBroken;
  for (const param of raw) {
    const star = param.name.indexOf('*');
    if (star < 0) {
      const before = plain.get(param.name);
      if (before === undefined) plain.set(param.name, param.value);
      else if (before !== param.value) repeated.add(param.name);
      continue;
    }
    const name = param.name.slice(0, star);
    const segment = readSegment(param.name.slice(star), param.value);
    if (name === '' || segment === null) {
      broken = true;
      continue;
    }
    const list = segments.get(name);
    if (list === undefined) segments.set(name, [segment]);
    else list.push(segment);
  }
  const params = new Map<string, string>();
  for (const [name, text] of plain) params.set(name, decodePlainParam(name, text));
  for (const [name, list] of segments) {
    const joined = joinSegments(list);
    broken ||= joined.gap;
    if (joined.twice) repeated.add(name);
    const before = params.get(name);
    if (before !== undefined && before !== joined.text) repeated.add(name);
    params.set(name, joined.text);
  }
  return { value, params, raw, repeated: [...repeated], broken };
}

/** `*`, `*0`, `*0*` → which piece; null when it is none of these. */
function readSegment(suffix: string, value: string): Segment | null {
  if (suffix === '*') return { number: 0, extended: true, value };
  const extended = suffix.endsWith('*');
  const digits = suffix.slice(1, extended ? -1 : undefined);
  if (!/^\d{1,4}$/.test(digits)) return null;
  return { number: Math.min(Number(digits), SEGMENT_NUMBER_MAX), extended, value };
}

/** Joins by number; what follows a gap is left out (RFC 2231 §3). */
function joinSegments(list: Segment[]): { text: string; gap: boolean; twice: boolean } {
  list.sort((one, other) => one.number - other.number);
  const pieces: Buffer[] = [];
  let charset: string | null = null;
  let expected = 0;
  let gap = false;
  let twice = false;
  for (const segment of list) {
    if (segment.number < expected) {
      twice = true;
      continue;
    }
    if (segment.number > expected) {
      gap = true;
      if (expected > 0) break;
    }
    let text = segment.value;
    if (segment.extended && charset === null && expected === 0) {
      const parts = text.split("'", 3);
      if (parts.length === 3) {
        charset = parts[0] as string;
        text = text.slice((parts[0] as string).length + (parts[1] as string).length + 2);
      }
    }
    pieces.push(segment.extended ? percentDecode(text) : Buffer.from(text, 'latin1'));
    expected = segment.number + 1;
  }
  return { text: decodeText(Buffer.concat(pieces), charset).text, gap, twice };
}

function percentDecode(latin1: string): Buffer {
  return Buffer.from(
    latin1.replace(/%([0-9a-fA-F]{2})/g, (_match, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}

/** Encoded words do not belong into parameters (RFC 2047 §5), but senders put them there and readers decode them. */
function decodePlainParam(name: string, latin1: string): string {
  return name !== 'boundary' && latin1.includes('=?') ? decodeHeaderText(latin1) : decode8bit(latin1);
}
