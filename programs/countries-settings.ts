// The `countries` section: which database says in which country an address is.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

export const countriesSection = section('countries', 'The country of the client, from a local database.', {
  enabled: Type.Boolean({
    default: true,
    description: 'Whether countries are told; without them every country is unknown (`XX` in conditions of rules).',
  }),
  file: Type.String({
    default: '',
    maxLength: 4_096,
    description:
      'Database in MaxMind format (.mmdb) with countries; empty takes the one that comes with Weir. It is watched and taken anew when it changes.',
  }),
});

export type CountriesSettings = Static<typeof countriesSection.schema>;

/** The file to open: null for the one that comes with Weir. */
export function countryFile({ file }: CountriesSettings): string | null {
  return file === '' ? null : file;
}
