// The country of a client: told to stages and commands under the settings, taken anew when its file changes, and an
// alert rather than a stop when a process starts without.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfiguration, type Configuration } from '../../config/load.js';
import { packagedCountryFile } from '../../outside/country-database.js';
import { checkCountries } from '../../programs/doctor-countries.js';
import { SECTIONS } from '../../programs/sections.js';
import { openCommandWorld } from '../../programs/world.js';

const directory = mkdtempSync(join(tmpdir(), 'weir-country-'));
afterAll(() => rmSync(directory, { recursive: true }));

const DUTCH = '193.0.6.139';
const file = join(directory, 'countries.mmdb');

function configure(countries: string): Configuration {
  const loaded = parseConfiguration(SECTIONS, `countries: { ${countries} }`, 'weir.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

function openWorld() {
  const alerts: string[] = [];
  const world = openCommandWorld(
    (code, raised) => void alerts.push(`${code} ${raised ? 'raised' : 'cleared'}`),
    undefined,
  );
  return { alerts, countryUnder: (yaml: string) => world.outside(configure(yaml)).countries?.countryOf(DUTCH) ?? null };
}

describe('the countries of a process', () => {
  it('come from the database of the settings, or from none', () => {
    const { countryUnder } = openWorld();
    expect(countryUnder('')).toBe('NL');
    expect(countryUnder('enabled: false')).toBeNull();
    copyFileSync(packagedCountryFile(), file);
    expect(countryUnder(`file: ${file}`)).toBe('NL');
  });

  it('are unknown, with an alert, where a process starts without a good file, and known when there is one', () => {
    writeFileSync(file, 'no database');
    const { alerts, countryUnder } = openWorld();
    expect(countryUnder(`file: ${file}`)).toBeNull();
    expect(alerts).toEqual(['countries-unreadable raised']);
    copyFileSync(packagedCountryFile(), file);
    expect(countryUnder(`file: ${file}`)).toBe('NL');
    expect(alerts).toEqual([
      'countries-unreadable raised',
      'countries-unreadable cleared',
      // A database newly opened has shown no damage yet.
      'countries-damaged cleared',
    ]);
  });

  it('stay, and the settings are refused, when a file is no good later', () => {
    copyFileSync(packagedCountryFile(), file);
    const { countryUnder } = openWorld();
    expect(countryUnder(`file: ${file}`)).toBe('NL');
    writeFileSync(file, 'no database');
    expect(() => countryUnder(`file: ${file}`)).toThrow(/countries\.mmdb: it is no database/);
  });

  it('are told by the doctor', () => {
    expect(checkCountries(configure(''))).toMatchObject([
      { area: 'countries', state: expect.stringMatching(/ok|warn/) },
    ]);
    expect(checkCountries(configure('enabled: false'))).toMatchObject([{ state: 'ok' }]);
    expect(checkCountries(configure(`file: ${directory}/absent.mmdb`))).toMatchObject([{ state: 'fail' }]);
  });
});
