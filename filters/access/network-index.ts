// Finds, among very many networks, those that hold an address: one look-up for each length of mask in use. Takes canonical
// addresses and networks; a look-up never walks over entries.
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Bits of an IPv6 address that a plain number holds exactly; longer prefixes are looked up only below a known one. */
const SHORT_BITS = 52;
const V4_BYTES = 4;

/** Prefixes by length of mask. */
type ByBits<Key, T> = Map<number, Map<Key, T[]>>;

interface Prefix {
  readonly kind: 'ipv4' | 'ipv6';
  readonly bits: number;
  readonly bytes: readonly number[];
}

/** Networks (an address is one of full length) and what each stands for. */
export class NetworkIndex<T> {
  readonly #v4: ByBits<number, T> = new Map();
  readonly #short: ByBits<number, T> = new Map();
  readonly #long: ByBits<bigint, T> = new Map();
  /** How many long prefixes begin with those bits. */
  readonly #below = new Map<number, number>();

  /** `network` as `subject.ts` gives it. */
  put(network: string, item: T): void {
    const prefix = prefixOf(network);
    const isLong = prefix.kind === 'ipv6' && prefix.bits > SHORT_BITS;
    if (isLong) {
      const top = topBits(prefix.bytes, SHORT_BITS);
      this.#below.set(top, (this.#below.get(top) ?? 0) + 1);
      addTo(this.#long, prefix.bits, wholeBits(prefix.bytes, prefix.bits), item);
    } else if (prefix.kind === 'ipv6') addTo(this.#short, prefix.bits, topBits(prefix.bytes, prefix.bits), item);
    else addTo(this.#v4, prefix.bits, topBits(prefix.bytes, prefix.bits), item);
  }

  remove(network: string, item: T): void {
    const prefix = prefixOf(network);
    if (prefix.kind === 'ipv4') removeFrom(this.#v4, prefix.bits, topBits(prefix.bytes, prefix.bits), item);
    else if (prefix.bits <= SHORT_BITS) removeFrom(this.#short, prefix.bits, topBits(prefix.bytes, prefix.bits), item);
    else if (removeFrom(this.#long, prefix.bits, wholeBits(prefix.bytes, prefix.bits), item)) {
      const top = topBits(prefix.bytes, SHORT_BITS);
      const left = (this.#below.get(top) ?? 1) - 1;
      if (left === 0) this.#below.delete(top);
      else this.#below.set(top, left);
    }
  }

  /** Every item whose network holds the address; none for what is no address. */
  match(address: string): readonly T[] {
    if (this.#v4.size + this.#short.size + this.#long.size === 0) return [];
    const bytes = bytesOf(address);
    if (bytes === null) return [];
    const found: T[] = [];
    if (bytes.length === V4_BYTES) collect(this.#v4, (bits) => topBits(bytes, bits), found);
    else {
      collect(this.#short, (bits) => topBits(bytes, bits), found);
      if (this.#below.has(topBits(bytes, SHORT_BITS))) {
        const whole = wholeBits(bytes, 128);
        collect(this.#long, (bits) => whole >> BigInt(128 - bits), found);
      }
    }
    return found;
  }
}

/** The bytes of an address, IPv4 in IPv6 unwrapped; null for what is none. Read once, which is most of a look-up's time. */
function bytesOf(address: string): readonly number[] | null {
  switch (isIP(address)) {
    case 4:
      return address.split('.').map(Number);
    case 6:
      return ipaddr.IPv6.isValid(address) ? ipaddr.process(address).toByteArray() : null;
    default:
      return null;
  }
}

function prefixOf(network: string): Prefix {
  const [text = '', mask] = network.split('/');
  const address = ipaddr.parse(text);
  const kind = address.kind();
  return { kind, bits: mask === undefined ? (kind === 'ipv4' ? 32 : 128) : Number(mask), bytes: address.toByteArray() };
}

/** The first bits as a number, at most `SHORT_BITS`. */
function topBits(bytes: readonly number[], bits: number): number {
  let value = 0;
  let left = bits;
  for (let at = 0; left > 0; at += 1, left -= 8) {
    const byte = bytes[at] ?? 0;
    value = left >= 8 ? value * 256 + byte : value * 2 ** left + (byte >> (8 - left));
  }
  return value;
}

function wholeBits(bytes: readonly number[], bits: number): bigint {
  let value = 0n;
  for (let at = 0; at < bytes.length; at += 4) {
    const word = topBits(bytes.slice(at, at + 4), 32);
    value = (value << 32n) | BigInt(word);
  }
  return value >> BigInt(128 - bits);
}

function collect<Key, T>(map: ByBits<Key, T>, keyFor: (bits: number) => Key, found: T[]): void {
  for (const [bits, prefixes] of map) {
    const items = prefixes.get(keyFor(bits));
    if (items !== undefined) found.push(...items);
  }
}

function addTo<Key, T>(map: ByBits<Key, T>, bits: number, key: Key, item: T): void {
  const prefixes = map.get(bits) ?? new Map<Key, T[]>();
  map.set(bits, prefixes);
  const items = prefixes.get(key);
  if (items === undefined) prefixes.set(key, [item]);
  else items.push(item);
}

function removeFrom<Key, T>(map: ByBits<Key, T>, bits: number, key: Key, item: T): boolean {
  const prefixes = map.get(bits);
  const items = prefixes?.get(key);
  const at = items?.indexOf(item) ?? -1;
  if (prefixes === undefined || items === undefined || at === -1) return false;
  items.splice(at, 1);
  if (items.length === 0) prefixes.delete(key);
  if (prefixes.size === 0) map.delete(bits);
  return true;
}
