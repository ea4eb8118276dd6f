// Countries of addresses from a local database in MaxMind's format (the one that comes with Weir, or the
// administrator's). Looks nothing up over the network. A look-up never throws: what a database does not say is null.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Reader } from 'maxmind';
import type { Countries } from './countries.js';

/** Largest database, bytes: it is held in memory. */
export const COUNTRY_FILE_MAX_BYTES = 512 * 1_024 * 1_024;
/** The database that comes with Weir: countries by registry and network, IPv4 and IPv6, public domain (CC0). */
const PACKAGED = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb';
/** What stands between the tree and the data of such a file, bytes. */
const SEPARATOR_BYTES = 16;
const COUNTRY = /^[A-Za-z]{2}$/;
/** Ranges where no client from the net can be, documentation among them. */
const NOWHERE: ReadonlySet<string> = new Set([
  'reserved',
  'private',
  'loopback',
  'linkLocal',
  'uniqueLocal',
  'carrierGradeNat',
  'multicast',
  'broadcast',
  'unspecified',
]);

/** An open database. */
export interface CountryDatabase extends Countries {
  readonly file: string;
  /** What tells this state of the file from another. */
  readonly stamp: string;
  /** Such as `GeoLite2-Country`. */
  readonly kind: string;
  /** ms since the epoch. */
  readonly builtAt: number;
}

/** A database that cannot be used; the message names the file and says why. */
export class CountryDatabaseError extends Error {
  override readonly name = 'CountryDatabaseError';
}

/** Where the database that comes with Weir lies. */
export function packagedCountryFile(): string {
  return createRequire(import.meta.url).resolve(PACKAGED);
}

/** Told once of each database in which a record turns out to be damaged; its country is then unknown. */
export type OnDamage = (detail: string) => void;

/** Opens a database; null takes the one that comes with Weir. Throws `CountryDatabaseError`. */
export function openCountries(file: string | null, onDamage: OnDamage = () => undefined): CountryDatabase {
  const path = file ?? packagedCountryFile();
  try {
    return open(path, file === null, onDamage);
  } catch (error) {
    throw new CountryDatabaseError(`no country database: ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What tells states of a file apart, without reading it; null when it cannot be looked at. */
export function countryFileStamp(file: string | null): string | null {
  try {
    const descriptor = openSync(file ?? packagedCountryFile(), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return stampOf(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Opening it, which follows, says why.
    return null;
  }
}

function stampOf(descriptor: number): string {
  const { dev, ino, size, mtimeMs } = fstatSync(descriptor);
  return [dev, ino, size, mtimeMs].join(' ');
}

/** `packaged`: registries name countries for reserved addresses too, where nobody is; a site's own database may mean it. */
function open(file: string, packaged: boolean, onDamage: OnDamage): CountryDatabase {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw new Error('it is not a plain file');
    if (facts.size > COUNTRY_FILE_MAX_BYTES) throw new Error(`it is larger than ${COUNTRY_FILE_MAX_BYTES} bytes`);
    return databaseOf(file, stampOf(descriptor), readWhole(descriptor, facts.size), { packaged, onDamage });
  } finally {
    closeSync(descriptor);
  }
}

/** Outside the small buffers' pool, so that nothing else keeps the old one alive after a reload. */
function readWhole(descriptor: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  let length = 0;
  while (length < size) {
    const read = readSync(descriptor, bytes, length, size - length, null);
    if (read === 0) throw new Error('it became shorter while it was read');
    length += read;
  }
  return bytes;
}

function databaseOf(
  file: string,
  stamp: string,
  bytes: Buffer,
  { packaged, onDamage }: { readonly packaged: boolean; readonly onDamage: OnDamage },
): CountryDatabase {
  let isDamaged = false;
  const reader = readerOf(bytes);
  const { ipVersion, databaseType, buildEpoch } = reader.metadata;
  return {
    file,
    stamp,
    kind: databaseType,
    builtAt: buildEpoch.getTime(),
    countryOf(address) {
      if (isIP(address) === 0 || address.includes('%')) return null;
      const plain = ipaddr.process(address);
      if (packaged && NOWHERE.has(plain.range())) return null;
      // The tree of an IPv4 database walked with an IPv6 address ends somewhere, and means nothing.
      if (plain.kind() === 'ipv6' && ipVersion === 4) return null;
      try {
        return countryIn(reader.get(plain.toString()));
      } catch (error) {
        // A damaged record: nothing is known, and every mail would say so.
        if (!isDamaged) onDamage(`${file}: the record of ${address}: ${reasonOf(error)}`);
        isDamaged = true;
        return null;
      }
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

type Entry = Readonly<Record<string, unknown>>;

function readerOf(bytes: Buffer): Reader<never> {
  let reader: Reader<never>;
  try {
    reader = new Reader<never>(bytes);
  } catch (error) {
    throw new Error('it is no database in MaxMind format, or a damaged one', { cause: error });
  }
  const { searchTreeSize, ipVersion, buildEpoch } = reader.metadata;
  const isWhole = searchTreeSize + SEPARATOR_BYTES < bytes.length && (ipVersion === 4 || ipVersion === 6);
  if (!isWhole || !(buildEpoch instanceof Date)) throw new Error('it is damaged');
  return reader;
}

/** `country_code` at the top, or MaxMind's `country.iso_code`; two capital letters. */
function countryIn(record: Entry | null): string | null {
  const nested = record?.['country'];
  const code = record?.['country_code'] ?? (isRecord(nested) ? nested['iso_code'] : nested);
  return typeof code === 'string' && COUNTRY.test(code) ? code.toUpperCase() : null;
}

function isRecord(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null;
}
