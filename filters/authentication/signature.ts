// A DKIM-Signature or ARC-Message-Signature field as values (RFC 6376 §3.5, RFC 8617 §4.1.2), and whether its signature
// verifies over given content and keys. Takes fields and keys, looks nothing up; what breaks the syntax is a problem.
import { createHash, verify as verifyBytes, type KeyObject } from 'node:crypto';
import type { HeaderField } from '../../message/header.js';
import type { Canonicalisation } from './body-hash.js';
import { canonicalDomain } from './domain.js';
import type { KeyType } from './key-record.js';
import { decodeBase64, parseTagList, withoutBlanks, type Tag, type TagList } from './tag-list.js';

/** What DKIM and ARC signatures have in common. */
export interface SignatureCore {
  readonly field: HeaderField;
  /** Lower case A-labels. */
  readonly domain: string;
  readonly selector: string;
  readonly keyType: KeyType;
  readonly b: Tag;
  readonly signature: Buffer;
  /** t=, seconds since the epoch; null where absent. */
  readonly signedAtS: number | null;
}

/** One that covers a message. */
export interface MessageSignature extends SignatureCore {
  readonly headerCanonicalisation: Canonicalisation;
  readonly bodyCanonicalisation: Canonicalisation;
  /** Base64, blanks dropped. */
  readonly bodyHash: string;
  /** l=, Infinity where absent. */
  readonly bodyLimitBytes: number;
  /** h=, lower case, empty entries dropped. */
  readonly signedHeaders: readonly string[];
  /** x=, seconds since the epoch; null where absent. */
  readonly expiresAtS: number | null;
}

/** Why a field is no signature; `weak` where it is one that must not be believed (RFC 8301 §3.1). */
export interface SignatureProblem {
  readonly problem: string;
  readonly weak: boolean;
}

/** Names in h= that are looked at. */
export const SIGNED_NAMES_MAX = 2_000;
/** Longest selector and domain in a problem's or a fact's text. */
const SELECTOR_LENGTH_MAX = 253;
/** How far the clock of a signer may be ahead of ours, seconds. */
export const CLOCK_SKEW_MAX_S = 300;
const NUMBER = /^[0-9]{1,12}$/;
const LENGTH = /^[0-9]{1,15}$/;

/** A reader of tags that keeps the first thing found wrong. */
export class TagReader {
  problem: string | null;
  weak = false;
  constructor(readonly list: TagList) {
    this.problem = list.problem;
  }

  static of(field: HeaderField): TagReader {
    return new TagReader(parseTagList(field.rawValue));
  }

  /** Notes a problem unless there is one already. */
  object(problem: string): void {
    this.problem ??= problem;
  }

  value(name: string): string | null {
    return this.list.tags.get(name)?.value ?? null;
  }

  /** A tag that must be there and not be empty. */
  required(name: string): string {
    const value = this.value(name);
    if (value === null) this.object(`${name}= is missing`);
    else if (value === '') this.object(`${name}= is empty`);
    return value ?? '';
  }

  /** Seconds since the epoch, or null where absent. */
  time(name: string): number | null {
    const value = this.value(name);
    if (value === null) return null;
    if (!NUMBER.test(value)) this.object(`${name}= is no time`);
    return Number(value);
  }

  /** §3.5: at least two labels, no dot at the end; U-labels as RFC 8616 §5 allows. Lower case A-labels, or ''. */
  domain(name: string): string {
    const text = this.required(name);
    const domain = readDomain(text);
    if (domain === null) this.object(`${name}= is no domain name`);
    return domain ?? '';
  }

  selector(): string {
    const text = decodeUtf8(this.required('s'));
    const selector = text === null || text.endsWith('.') ? null : selectorOf(text);
    if (selector === null) this.object('s= is no selector');
    return selector ?? '';
  }

  bytes(name: string): Buffer {
    const bytes = decodeBase64(this.required(name));
    if (bytes === null) this.object(`${name}= is not base64`);
    return bytes ?? Buffer.alloc(0);
  }

  /** Tag values are case-sensitive unless said otherwise (§3.2), and a= does not say so. */
  algorithm(): KeyType {
    const algorithm = this.required('a');
    if (algorithm === 'ed25519-sha256') return 'ed25519';
    if (algorithm === 'rsa-sha1') {
      this.weak ||= this.problem === null;
      this.object('rsa-sha1 is not to be believed (RFC 8301)');
    } else if (algorithm !== 'rsa-sha256') this.object('a= is an unknown algorithm');
    return 'rsa';
  }

  core(field: HeaderField): SignatureCore {
    const keyType = this.algorithm();
    const signature = this.bytes('b');
    const b = this.list.tags.get('b') ?? { value: '', start: 0, end: 0 };
    const domain = this.domain('d');
    return { field, keyType, signature, b, domain, selector: this.selector(), signedAtS: this.time('t') };
  }

  /** What a signature over a message has besides. */
  messageSignature(field: HeaderField): MessageSignature {
    const core = this.core(field);
    const [headerCanonicalisation, bodyCanonicalisation] = this.#canonicalisations();
    this.bytes('bh');
    return {
      ...core,
      headerCanonicalisation,
      bodyCanonicalisation,
      bodyHash: withoutBlanks(this.value('bh') ?? ''),
      bodyLimitBytes: this.#bodyLimit(),
      signedHeaders: this.#signedHeaders(),
      expiresAtS: this.time('x'),
    };
  }

  #canonicalisations(): readonly [Canonicalisation, Canonicalisation] {
    const given = this.value('c') ?? 'simple/simple';
    const [header = '', body = 'simple', ...rest] = given.split('/');
    if (rest.length > 0 || !isCanonicalisation(header) || !isCanonicalisation(body)) {
      this.object('c= is an unknown canonicalisation');
      return ['simple', 'simple'];
    }
    return [header, body];
  }

  #bodyLimit(): number {
    const value = this.value('l');
    if (value === null) return Infinity;
    if (!LENGTH.test(value)) this.object('l= is no length');
    return Number(value);
  }

  #signedHeaders(): readonly string[] {
    const value = this.value('h');
    if (value === null) this.object('h= is missing');
    const names = withoutBlanks(value ?? '')
      .toLowerCase()
      .split(':')
      .filter((name) => name !== '');
    if (names.length > SIGNED_NAMES_MAX) this.object('h= names too many fields');
    return names.slice(0, SIGNED_NAMES_MAX);
  }
}

function isCanonicalisation(text: string): text is Canonicalisation {
  return text === 'simple' || text === 'relaxed';
}

/** A domain name as tags carry it: UTF-8 bytes as latin1. Null where it is none. */
export function readDomain(latin1: string): string | null {
  const text = decodeUtf8(latin1);
  if (text === null || text.endsWith('.')) return null;
  const domain = canonicalDomain(text);
  return domain !== null && domain.includes('.') ? domain : null;
}

/** Labels as in a domain, one will do. */
function selectorOf(text: string): string | null {
  if (text.length > SELECTOR_LENGTH_MAX) return null;
  const asDomain = canonicalDomain(`${text}.x`);
  return asDomain === null ? null : asDomain.slice(0, -2);
}

/** Bytes as latin1 to Unicode; null where they are not UTF-8. */
export function decodeUtf8(latin1: string): string | null {
  if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Whether the signature's own times speak against it (§3.5, t= and x=); null where not. */
export function timeProblem({ signedAtS, expiresAtS }: MessageSignature, nowMs: number): string | null {
  const nowS = Math.floor(nowMs / 1_000);
  if (expiresAtS !== null && expiresAtS < nowS) return 'the signature has expired';
  if (signedAtS !== null && signedAtS > nowS + CLOCK_SKEW_MAX_S) return 'the signature was made in the future';
  return null;
}

/** Whether the signature over `signed` (bytes as latin1) was made with that key (RFC 6376 §3.3.2, RFC 8463 §3). */
export function verifySignature(type: KeyType, key: KeyObject, signed: string, signature: Buffer): boolean {
  const bytes = Buffer.from(signed, 'latin1');
  if (type === 'ed25519') return verifyBytes(null, createHash('sha256').update(bytes).digest(), key, signature);
  return verifyBytes('sha256', bytes, key, signature);
}
