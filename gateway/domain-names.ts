// Further names of a domain (product A10): who is written to under one of them is judged under the domain's main name, so
// that all names share one set of settings. Takes envelope addresses, gives them renamed; the mail itself keeps its own.
import type { Objection } from '../config/section.js';
import type { EnvelopeAddress } from '../message/envelope.js';
import { domainKey } from '../message/sender-key.js';

/** One entry of the settings. */
export interface DomainNames {
  readonly domain: string;
  readonly names: readonly string[];
}

export interface MainNames {
  /** The main name of a domain, in lower-case A-labels; its own where it has no other. */
  mainName(domain: string): string;
  /** The same address where it has no other name. */
  underMainName(address: string): string;
  /** The same addresses under main names; the same list where none changes. `given` stays what the MTA sent. */
  rename(addresses: readonly EnvelopeAddress[]): readonly EnvelopeAddress[];
}

export function createMainNames(entries: readonly DomainNames[]): MainNames {
  const mains = new Map(
    entries.flatMap(({ domain, names }) => names.map((name) => [domainKey(name), domainKey(domain)] as const)),
  );
  const underMainName = (address: string): string => {
    const at = address.lastIndexOf('@');
    const main = at < 0 ? undefined : mains.get(domainKey(address.slice(at + 1)));
    return main === undefined ? address : `${address.slice(0, at)}@${main}`;
  };
  return {
    mainName: (domain) => mains.get(domainKey(domain)) ?? domainKey(domain),
    underMainName,
    rename(addresses) {
      if (mains.size === 0) return addresses;
      const found = addresses.map((given) => ({ ...given, address: underMainName(given.address) }));
      return found.some(({ address }, index) => address !== addresses[index]?.address) ? found : addresses;
    },
  };
}

/** A name belongs to one domain, and a main name is nobody's further name. */
export function checkDomainNames(entries: readonly DomainNames[]): readonly Objection[] {
  const mains = new Set(entries.map(({ domain }) => domainKey(domain)));
  const taken = new Set<string>();
  return entries.flatMap(({ names }, entry) =>
    names.flatMap((name, index): readonly Objection[] => {
      const key = domainKey(name);
      const path = ['domainAliases', String(entry + 1), 'names', String(index + 1)];
      if (mains.has(key)) return [{ path, expected: 'a name that is not the main name of an entry' }];
      if (taken.has(key)) return [{ path, expected: 'a name that no other entry has' }];
      taken.add(key);
      return [];
    }),
  );
}
