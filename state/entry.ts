// Entries as texts and keys as stores take them: JSON within a limit, keys of any text made to fit, ranges of keys.
import { createHash } from 'node:crypto';
import type { StateTable } from './state.js';
import type { Kept } from './store.js';

/** Longest key, bytes of UTF-8. What is longer is kept under its beginning and a hash of the whole. */
export const KEY_MAX_BYTES = 512;
/** Largest value as JSON, characters. More is a bug of the table's owner. */
export const VALUE_MAX_CHARS = 65_536;
/** Longest life of an entry, ms: two years. What asks for more gets so much. */
export const TTL_MAX_MS = 2 * 366 * 86_400_000;
const NAME = /^[a-z][a-z0-9-]{0,40}$/;
const LAST_CODE_POINT = 0x10ffff;
const SURROGATES = { first: 0xd800, behind: 0xe000 } as const;

/** A key that every store takes: text that is no Unicode is mended, what is too long ends in a hash. Same text, same key. */
export function storeKey(key: string): string {
  const mended = mend(key);
  const sound = mended === key ? key : `${mended}#${hash(key)}`;
  if (Buffer.byteLength(sound) <= KEY_MAX_BYTES) return sound;
  const end = `#${hash(key)}`;
  // A character takes at most three bytes per unit of its text.
  return `${mend(sound.slice(0, Math.floor((KEY_MAX_BYTES - end.length) / 3)))}${end}`;
}

/** Halves of surrogate pairs have no UTF-8. */
function mend(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd');
}

function hash(key: string): string {
  return createHash('sha256').update(key, 'utf16le').digest('base64url');
}

/** Throws for a name that would not be a part of keys. */
export function checkTable({ name, entriesMax }: StateTable<unknown>): void {
  if (!NAME.test(name)) throw new RangeError(`no name of a table: ${JSON.stringify(name)}`);
  if (!Number.isSafeInteger(entriesMax) || entriesMax < 1) throw new RangeError(`${name}: entriesMax must be a count`);
}

/** The value as a store keeps it; null when it would end at once. Throws for what is no JSON, and over the limit. */
export function keep(value: unknown, ttlMs: number, nowMs: number): Kept | null {
  if (Number.isNaN(ttlMs)) throw new RangeError('ttlMs is no number');
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new RangeError('a value must be JSON');
  if (text.length > VALUE_MAX_CHARS) throw new RangeError(`a value has more than ${VALUE_MAX_CHARS} characters`);
  return ttlMs <= 0 ? null : { text, endsAt: Math.ceil(nowMs + Math.min(ttlMs, TTL_MAX_MS)) };
}

/** The value of what was kept, or null when it is none. */
export function valueOf<Value>(table: StateTable<Value>, kept: Kept | null): Value | null {
  if (kept === null) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(kept.text);
  } catch {
    return null;
  }
  return table.read(parsed);
}

/** The first text that is behind every text with that beginning, in the order of UTF-8; null when there is none. */
export function behind(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  const next = last + 1 === SURROGATES.first ? SURROGATES.behind : last + 1;
  return String.fromCodePoint(...points, next);
}

/** The order of keys: that of their bytes. */
export function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
