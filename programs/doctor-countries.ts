// What `weir doctor` says of the country database: which it is, how old, or why there is none. Never throws.
import type { Configuration } from '../config/load.js';
import { systemClock } from '../outside/clock.js';
import { openCountries } from '../outside/country-database.js';
import { countriesSection, countryFile } from './countries-settings.js';
import { line, type DoctorLine } from './doctor-checks.js';

/** Networks move: an older database is worth a word. */
const OLD_DAYS = 365;
const MS_PER_DAY = 86_400_000;

/** Opens the database of the settings. */
export function checkCountries(configuration: Configuration): readonly DoctorLine[] {
  const settings = configuration.section(countriesSection);
  if (!settings.enabled) return [line('countries', 'ok', 'switched off: every country is unknown', '')];
  try {
    const { file, kind, builtAt } = openCountries(countryFile(settings));
    const days = Math.floor((systemClock.now() - builtAt) / MS_PER_DAY);
    const advice = days > OLD_DAYS ? 'name a newer one in countries.file' : '';
    return [line('countries', days > OLD_DAYS ? 'warn' : 'ok', `${file} (${kind}), ${days} days old`, advice)];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [line('countries', 'fail', reason, 'correct countries.file, or empty it')];
  }
}
