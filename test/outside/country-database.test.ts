// The country database: shapes of records, kinds of addresses, and files that are no good.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  copyFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openCountries, packagedCountryFile, countryFileStamp } from '../../outside/country-database.js';

const VECTORS = resolve(process.env['WEIR_DATA'] ?? '../shared/data', 'vectors/mmdb');
const hasVectors = existsSync(VECTORS);
if (!hasVectors) console.warn(`country databases of others are not tested: ${VECTORS} is absent (set WEIR_DATA)`);

const directory = mkdtempSync(join(tmpdir(), 'weir-countries-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('the country database that comes with Weir', () => {
  const countries = openCountries(null);

  it.each([
    ['193.0.6.139', 'NL'],
    ['::ffff:193.0.6.139', 'NL'],
    ['::ffff:c100:68b', 'NL'],
    ['2001:67c:2e8:22::c100:68b', 'NL'],
    ['10.0.0.1', null],
    ['127.0.0.1', null],
    ['::1', null],
    ['198.51.100.7', null],
    ['2001:db8::1', null],
    ['fe80::1%eth0', null],
    ['not an address', null],
    ['', null],
    ['1', null],
    ['0x7f.1', null],
  ])('%s is in %s', (address, country) => {
    expect(countries.countryOf(address)).toBe(country);
  });

  it('answers anything with two capital letters or null', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
    fc.assert(
      fc.property(address, (one) => /^[A-Z]{2}$/.test(countries.countryOf(one) ?? 'NO')),
      { numRuns: 2_000 },
    );
  });

  it('says what it is', () => {
    expect(countries.kind).toMatch(/country/);
    expect(countries.builtAt).toBeGreaterThan(Date.parse('2020-01-01'));
    expect(countryFileStamp(null)).toBe(countries.stamp);
  });
});

describe('a file that is no good', () => {
  const refused = (file: string): string => {
    try {
      openCountries(file);
    } catch (error) {
      return String(error);
    }
    throw new Error('it was opened');
  };

  it('is refused with its name and the reason', () => {
    const text = join(directory, 'text.mmdb');
    writeFileSync(text, 'this is no database');
    expect(refused(text)).toMatch(/text\.mmdb: it is no database in MaxMind format/);
    const empty = join(directory, 'empty.mmdb');
    writeFileSync(empty, '');
    expect(refused(empty)).toMatch(/empty\.mmdb: it is no database/);
    expect(refused(join(directory, 'absent.mmdb'))).toMatch(/absent\.mmdb: ENOENT/);
    expect(refused(directory)).toMatch(/not a plain file/);
    const short = join(directory, 'short.mmdb');
    copyFileSync(packagedCountryFile(), short);
    truncateSync(short, 4_000_000);
    expect(refused(short)).toMatch(/short\.mmdb: it is/);
    expect(countryFileStamp(join(directory, 'absent.mmdb'))).toBeNull();
  });

  it('tells once that a record is damaged', () => {
    const bytes = readFileSync(packagedCountryFile());
    const metadata = bytes.lastIndexOf(Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'));
    const file = join(directory, 'damaged.mmdb');
    writeFileSync(file, bytes.fill(0xff, metadata - 2_000, metadata));
    const told: string[] = [];
    const countries = openCountries(file, (detail) => told.push(detail));
    const found = ['193.0.6.139', '1.1.1.1', '81.2.69.160', '8.8.8.8'].map((address) => countries.countryOf(address));
    expect(found).toContain(null);
    expect(told).toEqual([expect.stringContaining('damaged.mmdb: the record of ')]);
  });

  it.skipIf(!hasVectors)('harms nobody when only its inside is broken', () => {
    const broken = readdirSync(VECTORS).filter((name) => name.includes('broken'));
    expect(broken).toHaveLength(2);
    for (const name of broken) {
      const countries = openCountries(join(VECTORS, name));
      for (let low = 0; low < 256; low += 1) {
        expect(() => countries.countryOf(`1.1.1.${low}`)).not.toThrow();
      }
      for (const address of ['::1.1.1.32', '1.1.1.16', '::ffff:1.1.1.1', '2001:db8::1', 'ff::']) {
        expect(countries.countryOf(address)).toBeNull();
      }
    }
  });
});

describe.skipIf(!hasVectors)('databases of others', () => {
  it.each([
    ['GeoLite2-Country-Test.mmdb', '81.2.69.160', 'GB'],
    ['GeoLite2-Country-Test.mmdb', '2001:218::1', 'JP'],
    ['GeoIP2-City-Test.mmdb', '81.2.69.160', 'GB'],
    ['GeoLite2-ASN-Test.mmdb', '1.128.0.1', null],
  ])('%s: %s is in %s', (name, address, country) => {
    expect(openCountries(join(VECTORS, name)).countryOf(address)).toBe(country);
  });
});

describe('a database of IPv4 alone', () => {
  it('knows nothing of IPv6, and IPv4 in IPv6 all the same', () => {
    const countries = openCountries(packagedCountryFile().replace('country.mmdb', 'country-ipv4.mmdb'));
    expect(countries.countryOf('193.0.6.139')).toBe('NL');
    expect(countries.countryOf('::ffff:193.0.6.139')).toBe('NL');
    expect(countries.countryOf('2001:67c:2e8:22::c100:68b')).toBeNull();
    expect(countries.countryOf('c100:68b::')).toBeNull();
  });
});
