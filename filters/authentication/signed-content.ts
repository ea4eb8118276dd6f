// What signatures cover of one message, in canonical form (RFC 6376 §3.4, §3.7): header fields and body, each worked out
// once for all DKIM and ARC signatures together. Takes the message's view; changes nothing, looks nothing up.
import type { HeaderField } from '../../message/header.js';
import type { Message } from '../../message/message.js';
import { hashBody, type BodyHash, type Canonicalisation } from './body-hash.js';
import { Pace } from './pace.js';
import type { Tag } from './tag-list.js';

/** Different body hashes worked out for one message: the two canonicalisations, and a few with l=. */
export const BODY_HASHES_MAX = 6;

/** A field in its canonical form, CRLF at its end: bytes as latin1. */
type CanonicalField = string;

/** Made once per message, and handed to `verifyDkim` and `verifyArc`. */
export class SignedContent {
  readonly pace: Pace;
  readonly #relaxed = new Map<HeaderField, CanonicalField>();
  readonly #bodies = new Map<string, Promise<BodyHash | null>>();

  /** `signal` ends the message's time. */
  constructor(
    readonly message: Message,
    signal: AbortSignal,
  ) {
    this.pace = new Pace(signal);
  }

  /** Whether fields were left unread: what a signature covers cannot be known then. */
  get headerCut(): boolean {
    return this.message.oddities.some(({ code }) => code === 'HEADER_COUNT_LIMIT' || code === 'HEADER_BYTES_LIMIT');
  }

  /** Hash of the body. `over`: too many different ones are asked for. Null when the time is over. */
  bodyHash(canonicalisation: Canonicalisation, limitBytes: number): Promise<BodyHash | null> | 'over' {
    const key = `${canonicalisation}:${limitBytes}`;
    const known = this.#bodies.get(key);
    if (known !== undefined) return known;
    if (this.#bodies.size >= BODY_HASHES_MAX) return 'over';
    const { raw, bodyOffset, tokens } = this.message;
    const bareLf = tokens.bareLfCount > 0;
    const hash = hashBody(raw.subarray(bodyOffset), { canonicalisation, limitBytes, bareLf }, this.pace);
    this.#bodies.set(key, hash);
    return hash;
  }

  /** Canonical form of a field. */
  field(field: HeaderField, canonicalisation: Canonicalisation): CanonicalField {
    if (canonicalisation === 'simple') return `${this.#simple(field, field.rawValue)}\r\n`;
    let text = this.#relaxed.get(field);
    if (text === undefined) {
      text = `${relaxedField(field.key, field.rawValue)}\r\n`;
      this.#relaxed.set(field, text);
    }
    return text;
  }

  /**
   * The fields that h= names, canonical and in its order: for each name the lowest field not taken yet (RFC 6376 §5.4.2).
   * The signature itself is never among them, since it was not there when it was made.
   */
  signedFields(
    names: readonly string[],
    canonicalisation: Canonicalisation,
    signature: HeaderField | null,
  ): CanonicalField {
    const taken = new Map<string, number>();
    let text = '';
    for (const name of names) {
      const fields = this.message.headersNamed(name);
      let index = taken.get(name) ?? fields.length - 1;
      if (fields[index] === signature) index--;
      const field = fields[index];
      if (field === undefined) continue;
      text += this.field(field, canonicalisation);
      taken.set(name, index - 1);
    }
    return text;
  }

  /** A signature field as it is signed: the value of b= with the blanks around it taken out, no line end (RFC 6376 §3.7). */
  withoutSignature(field: HeaderField, b: Tag, canonicalisation: Canonicalisation): CanonicalField {
    const value = field.rawValue.slice(0, b.start) + field.rawValue.slice(b.end);
    return canonicalisation === 'relaxed' ? relaxedField(field.key, value) : this.#simple(field, value);
  }

  /** §3.4.1: as it came, with the line ends that mail has on the wire. */
  #simple(field: HeaderField, rawValue: string): CanonicalField {
    return this.message.raw.toString('latin1', field.start, field.valueStart) + wireLineEnds(rawValue);
  }
}

/** §3.4.2: lower case name, unfolded, runs of blanks as one, none around the colon or at the end. No line end. */
export function relaxedField(key: string, rawValue: string): string {
  const unfolded = rawValue.includes('\n') ? rawValue.replace(/\r?\n/g, '') : rawValue;
  const value = unfolded.replace(/[\t ]+/g, ' ');
  const start = value.startsWith(' ') ? 1 : 0;
  const end = value.endsWith(' ') && value.length > start ? value.length - 1 : value.length;
  return `${key}:${value.slice(start, end)}`;
}

function wireLineEnds(text: string): string {
  return text.includes('\n') ? text.replace(/\r?\n/g, '\r\n') : text;
}
