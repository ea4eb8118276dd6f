// What cleaning addresses needs of a rule set, compiled once for each: redirectors, and the tables of registered names.
// A rule set without tables of its own (the core rules) takes the public suffix list.
import { parseHost } from '../../message/public-suffix.js';
import type { RuleSettings } from '../language/settings.js';
import type { CleaningTables } from './canonical-uris.js';
import type { NameSet, RegistryTables } from './registry.js';
import { compileRedirectors } from './redirectors.js';

/** What is read of the settings. */
export type CleaningSettings = Pick<
  RuleSettings,
  'tlds' | 'secondLevelDomains' | 'thirdLevelDomains' | 'redirectorPatterns'
>;

const made = new WeakMap<CleaningSettings, CleaningTables>();

/** The tables of these settings, the same each time. */
export function cleaningTables(settings: CleaningSettings): CleaningTables {
  let tables = made.get(settings);
  if (tables === undefined) {
    const registry = settings.tlds.size > 0 ? settings : PUBLIC_SUFFIXES;
    tables = { registry, redirector: compileRedirectors(settings.redirectorPatterns) };
    made.set(settings, tables);
  }
  return tables;
}

/** Names of the public list, its private part left out, as the tables ask for them. */
const listed: NameSet = {
  has: (name) => {
    const { publicSuffix, isIcann } = parseHost(`x.${name}`, { allowPrivateDomains: false });
    return isIcann === true && publicSuffix === name;
  },
};

const PUBLIC_SUFFIXES: RegistryTables = { tlds: listed, secondLevelDomains: listed, thirdLevelDomains: listed };
