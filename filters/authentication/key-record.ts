// Public keys in the DNS (RFC 6376 §3.6): selector and domain in, a usable key or the reason why there is none out. Serves
// DKIM and ARC alike; a failing DNS is told apart from a key that is absent or unfit.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { isFailure, type Resolver } from '../../outside/resolver.js';
import { decodeBase64, parseTagList, withoutBlanks, type TagList } from './tag-list.js';

export type KeyType = 'rsa' | 'ed25519';

/** One key record that may be used. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly type: KeyType;
  readonly bits: number;
  /** t=y: the domain is testing DKIM. */
  readonly testing: boolean;
  /** t=s: i= must name the domain itself. */
  readonly strictIdentity: boolean;
}

/** `temporary`: DNS failed. `unfit`: there is a record, and it is no key for this. `weak`: a key too short to believe. */
export interface KeyProblem {
  readonly kind: 'temporary' | 'absent' | 'unfit' | 'weak';
  readonly problem: string;
  readonly bits: number | null;
}

/** RFC 8301 §3.2: shorter RSA keys must not pass. Longer ones than the upper bound cost more time than mail is worth. */
export const RSA_BITS_MIN = 1_024;
export const RSA_BITS_MAX = 8_192;
/** Public exponents above this make verification slow; 65537 is what everybody uses. */
const RSA_EXPONENT_MAX = 2n ** 32n;
/** Records of one name that are tried (§6.1.2 step 2 leaves it to the verifier). */
export const KEY_RECORDS_MAX = 3;
const RECORD_BYTES_MAX = 16_384;
/** Records whose key is kept ready: OpenSSL takes three times as long to read one as to verify with it. */
const KEPT_MAX = 1_000;
/** Longer records are read anew each time. */
const KEPT_BYTES_MAX = 2_048;
const ED25519_BYTES = 32;
/** DER of a SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410 §4). */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Bounds and time of a look-up. */
export interface KeyQuery {
  readonly resolver: Resolver;
  readonly signal: AbortSignal;
  readonly rsaBitsMin: number;
}

/** Keys of that name fit for `type`, those that cannot serve left out; a problem where none is left. `domain` in A-labels. */
export async function fetchKeys(
  query: KeyQuery,
  selector: string,
  domain: string,
  type: KeyType,
): Promise<readonly PublicKey[] | KeyProblem> {
  const answer = await query.resolver.lookup('TXT', `${selector}._domainkey.${domain}`, { signal: query.signal });
  if (isFailure(answer)) {
    if (answer.status === 'invalid') return problem('absent', 'the name of the key cannot be asked for');
    return problem('temporary', `the key could not be looked up: ${answer.status}`);
  }
  if (answer.status !== 'found') return problem('absent', 'there is no key of that name in the DNS');
  const records = answer.records.map((strings) => strings.join('')).filter(looksLikeKey);
  if (records.length === 0) return problem('absent', 'no record of that name is a key');
  const read = records.slice(0, KEY_RECORDS_MAX).map((record) => keyOf(record, type, query.rsaBitsMin));
  const keys = read.filter((one) => 'key' in one);
  if (keys.length > 0) return keys;
  return read.find((one) => 'kind' in one) ?? problem('absent', 'no record of that name is a key');
}

/** Records of other kinds stand beside keys where names are wildcards. */
function looksLikeKey(record: string): boolean {
  return /(?:^|;)[ \t\r\n]*(?:v[ \t]*=[ \t]*DKIM1|p[ \t]*=)/.test(record.slice(0, RECORD_BYTES_MAX));
}

const kept = new Map<string, PublicKey | KeyProblem>();

/** A record read, or as it was read before: the same text always gives the same. */
function keyOf(record: string, type: KeyType, rsaBitsMin: number): PublicKey | KeyProblem {
  const name = `${type} ${rsaBitsMin} ${record}`;
  const known = kept.get(name);
  if (known !== undefined) {
    // Back to the end: the entry unused for longest goes first.
    kept.delete(name);
    kept.set(name, known);
    return known;
  }
  const read = readKey(record, type, rsaBitsMin);
  if (record.length > KEPT_BYTES_MAX) return read;
  kept.set(name, read);
  const [oldest] = kept.keys();
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  return read;
}

/** One record (§3.6.1). */
function readKey(record: string, type: KeyType, rsaBitsMin: number): PublicKey | KeyProblem {
  if (record.length > RECORD_BYTES_MAX) return problem('unfit', 'the key record is too long');
  const list = parseTagList(record);
  if (list.problem !== null) return problem('unfit', `the key record is broken: ${list.problem}`);
  const flaw = recordFlaw(list, type);
  if (flaw !== null) return problem('unfit', flaw);
  const flags = listOf(list, 't') ?? [];
  const key = type === 'rsa' ? readRsa(valueOf(list, 'p') ?? '', rsaBitsMin) : readEd25519(valueOf(list, 'p') ?? '');
  return 'kind' in key ? key : { ...key, testing: flags.includes('y'), strictIdentity: flags.includes('s') };
}

/** What keeps the record from serving, besides the key itself; null where nothing does. */
function recordFlaw(list: TagList, type: KeyType): string | null {
  const version = valueOf(list, 'v');
  if (version !== null && (version !== 'DKIM1' || [...list.tags.keys()][0] !== 'v'))
    return 'the key has an unknown version';
  const p = valueOf(list, 'p');
  if (p === null) return 'the key record has no key';
  if (p === '') return 'the key was revoked';
  const kind = valueOf(list, 'k') ?? 'rsa';
  if (kind !== type) return `the key is of another kind than the signature`;
  const hashes = listOf(list, 'h');
  if (hashes !== null && !hashes.includes('sha256')) return 'the key does not allow sha256';
  const services = listOf(list, 's');
  if (services !== null && !services.includes('*') && !services.includes('email')) return 'the key is not for mail';
  return null;
}

type BareKey = Pick<PublicKey, 'key' | 'type' | 'bits'>;

function readRsa(p: string, bitsMin: number): BareKey | KeyProblem {
  const der = decodeBase64(p);
  const key = der === null ? null : importRsa(der);
  const details = key?.asymmetricKeyType === 'rsa' ? key.asymmetricKeyDetails : undefined;
  const bits = details?.modulusLength;
  if (key === null || bits === undefined) return problem('unfit', 'the key cannot be read');
  if (bits < bitsMin) return { kind: 'weak', problem: `the RSA key of ${bits} bits is too short`, bits };
  if (bits > RSA_BITS_MAX || (details?.publicExponent ?? 0n) > RSA_EXPONENT_MAX)
    return { kind: 'unfit', problem: 'the RSA key costs too much to verify', bits };
  return { key, type: 'rsa', bits };
}

/** A SubjectPublicKeyInfo, as everybody publishes, or the RSAPublicKey that RFC 6376 §3.6.1 names. */
function importRsa(der: Buffer): KeyObject | null {
  for (const type of ['spki', 'pkcs1'] as const) {
    const key = importKey(der, type);
    if (key !== null) return key;
  }
  return null;
}

/** RFC 8463 §4.2: the 32 bytes themselves. */
function readEd25519(p: string): BareKey | KeyProblem {
  const bytes = decodeBase64(p);
  const key = bytes?.length === ED25519_BYTES ? importKey(Buffer.concat([ED25519_PREFIX, bytes]), 'spki') : null;
  return key === null ? problem('unfit', 'the key cannot be read') : { key, type: 'ed25519', bits: 256 };
}

function importKey(der: Buffer, type: 'spki' | 'pkcs1'): KeyObject | null {
  try {
    return createPublicKey({ key: der, format: 'der', type });
  } catch (error) {
    // OpenSSL's word that this is no such key: a fact about the record.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

function valueOf(list: TagList, name: string): string | null {
  return list.tags.get(name)?.value ?? null;
}

function listOf(list: TagList, name: string): readonly string[] | null {
  const value = valueOf(list, name);
  return value === null ? null : withoutBlanks(value).split(':');
}

function problem(kind: KeyProblem['kind'], text: string): KeyProblem {
  return { kind, problem: text, bits: null };
}
