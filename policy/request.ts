// Requests of Postfix's policy protocol (SMTPD_POLICY_README): bytes in any pieces become attributes by name. Bounded in
// line, count and size; what breaks the protocol ends the connection, and is never guessed at.
import { decodeText } from '../milter/text.js';

/** Longest line and largest request, bytes; most attributes of one request. */
export const LINE_MAX_BYTES = 16_384;
export const REQUEST_MAX_BYTES = 65_536;
export const ATTRIBUTES_MAX = 256;

const NEWLINE = 10;
const KIND = 'smtpd_access_policy';

/** Attributes by name; values as sent, in UTF-8 or latin1. */
export type Attributes = ReadonlyMap<string, string>;

/** The peer does not speak the protocol. */
export class PolicyProtocolError extends Error {}

/** Cuts a stream into requests. */
export class RequestReader {
  #rest: Buffer = Buffer.alloc(0);
  #attributes = new Map<string, string>();
  #sizeBytes = 0;

  /** Whether a request has begun and is not whole. */
  get isMidway(): boolean {
    return this.#rest.length > 0 || this.#sizeBytes > 0;
  }

  /** The requests that are whole now, in order. Throws PolicyProtocolError. */
  *push(chunk: Buffer): Generator<Attributes, void, undefined> {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, from)) {
      const request = this.#line(data.subarray(from, end));
      from = end + 1;
      if (request !== null) yield request;
    }
    // A copy: a view would keep the whole chunk alive while a connection is idle.
    this.#rest = from === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(from));
    if (this.#rest.length > LINE_MAX_BYTES) throw new PolicyProtocolError('line too long');
  }

  /** Takes one line; gives the request that it ends. */
  #line(line: Buffer): Attributes | null {
    if (line.length > LINE_MAX_BYTES) throw new PolicyProtocolError('line too long');
    if (line.length === 0) return this.#finish();
    this.#sizeBytes += line.length + 1;
    if (this.#sizeBytes > REQUEST_MAX_BYTES) throw new PolicyProtocolError('request too large');
    const text = decodeText(line);
    const equals = text.indexOf('=');
    if (equals <= 0) throw new PolicyProtocolError('a line that is no attribute');
    if (this.#attributes.size >= ATTRIBUTES_MAX) throw new PolicyProtocolError('too many attributes');
    this.#attributes.set(text.slice(0, equals), text.slice(equals + 1));
    return null;
  }

  #finish(): Attributes {
    const attributes = this.#attributes;
    if (attributes.get('request') !== KIND) throw new PolicyProtocolError('no smtpd_access_policy request');
    this.#attributes = new Map();
    this.#sizeBytes = 0;
    return attributes;
  }
}
