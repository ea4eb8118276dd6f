// The lists as they are asked: the entries of the settings read once, those of one zone together, so that a zone is asked
// once whatever number of entries weigh its answers. Takes settings that were checked; a key comes from its file.
import type { AttachedFiles, NamedFile } from '../config/attached.js';
import { contentZone, knownList, type SubjectKind } from './known.js';
import type { NameForm } from './question.js';
import { KEY_MARK, matchesFilter, parseFilter, parseSite, type CodeFilter, type Site } from './site.js';

/** One label of a DNS name. */
const KEY = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** An entry of the settings. Filters are texts; what is absent is what is known of the list, or the usual. */
export interface ListItem {
  /** `zone[=filter][*weight]`, `{key}` in the zone when `keyFile` is there. */
  readonly list: string;
  readonly ask: readonly SubjectKind[];
  readonly name?: string;
  readonly keyFile?: string;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly names?: NameForm;
  readonly errors?: readonly string[];
  readonly policy?: readonly string[];
  readonly testListed?: string;
  readonly testUnlisted?: string;
}

/** One entry: which answers of its zone count, about whom, and how much. */
export interface ListEntry {
  /** Order in the settings. */
  readonly index: number;
  readonly ask: ReadonlySet<SubjectKind>;
  readonly filter: CodeFilter | null;
  readonly weight: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly names: NameForm;
  readonly policy: readonly CodeFilter[];
}

/** One zone with all its entries. */
export interface List {
  /** What it is called wherever it is shown; holds no key. */
  readonly name: string;
  /** The well-known zone of the same content, or the zone without its key: what its answers are facts of. */
  readonly content: string;
  /** What is asked; may hold a key, so never shown. */
  readonly zone: string;
  readonly entries: readonly ListEntry[];
  readonly errors: readonly CodeFilter[];
  /** Labels before the zone of the entries that must and must not be there; '' for none. */
  readonly testListed: string;
  readonly testUnlisted: string;
}

/** Kinds of subject that are addresses. */
const ADDRESS_KINDS: ReadonlySet<SubjectKind> = new Set(['client', 'received', 'url-address']);

export const isAddressKind = (kind: SubjectKind): boolean => ADDRESS_KINDS.has(kind);

/** Reads the entries, in their order. Throws where a key cannot be read and for an item that is none. */
export function readLists(sites: readonly ListItem[], files: AttachedFiles): readonly List[] {
  const lists = new Map<string, { site: Site; settings: ListItem; entries: ListEntry[]; zone: string }>();
  for (const [index, settings] of sites.entries()) {
    const site = parseSite(settings.list);
    if (typeof site === 'string') throw new Error(`lists.sites.${index + 1}.list: expected ${site}`);
    const zone = zoneOf(site.zone, settings.keyFile, files);
    const entry = entryOf(index, site, settings);
    const known = lists.get(zone);
    if (known) known.entries.push(entry);
    else lists.set(zone, { site, settings, entries: [entry], zone });
  }
  return [...lists.values()].map(({ site, settings, entries, zone }) => listOf(site, settings, entries, zone));
}

/** Whether an answer counts for an entry about a subject of that kind. `code` lies in 127/8 and is no error. */
export function counts(entry: ListEntry, kind: SubjectKind, code: string): boolean {
  if (kind === 'received' && entry.policy.some((filter) => matchesFilter(filter, code))) return false;
  return entry.filter === null || matchesFilter(entry.filter, code);
}

function entryOf(index: number, site: Site, settings: ListItem): ListEntry {
  return {
    index,
    ask: new Set(settings.ask),
    filter: site.filter,
    weight: site.weight,
    ipv4: settings.ipv4 ?? true,
    ipv6: settings.ipv6 ?? true,
    names: settings.names ?? 'domain',
    policy: readFilters(settings.policy ?? knownList(site.zone)?.policy),
  };
}

/** The first entry of a zone says what it is called and how it is tested. */
function listOf(site: Site, settings: ListItem, entries: readonly ListEntry[], zone: string): List {
  const shown = site.zone.replace(`${KEY_MARK}.`, '');
  const known = knownList(shown);
  const byAddress = entries.some(({ ask }) => [...ask].some(isAddressKind));
  const ipv4 = entries.some((entry) => entry.ipv4);
  const [listed, unlisted] = !byAddress ? ['test', 'invalid'] : ipv4 ? IPV4_TESTS : IPV6_TESTS;
  return {
    name: settings.name ?? shown,
    content: contentZone(shown),
    zone,
    entries,
    errors: readFilters(settings.errors ?? known?.errors),
    testListed: settings.testListed ?? known?.testListed ?? listed,
    testUnlisted: settings.testUnlisted ?? known?.testUnlisted ?? unlisted,
  };
}

/** RFC 5782 §5: 127.0.0.2 and ::ffff:7f00:2 are listed, 127.0.0.1 and ::ffff:7f00:1 are not. */
const IPV4_TESTS: readonly [string, string] = ['2.0.0.127', '1.0.0.127'];
const IPV6_TESTS: readonly [string, string] = [
  `2.0.0.0.0.0.f.7.f.f.f.f${'.0'.repeat(20)}`,
  `1.0.0.0.0.0.f.7.f.f.f.f${'.0'.repeat(20)}`,
];

function readFilters(texts: readonly string[] | undefined): readonly CodeFilter[] {
  return (texts ?? []).map(parseFilter).filter((filter) => filter !== null);
}

function zoneOf(zone: string, keyFile: string | undefined, files: AttachedFiles): string {
  if (!zone.startsWith(KEY_MARK)) return zone;
  const key = keyFile === undefined ? null : readKey(keyFile, files);
  if (key === null) throw new Error(`lists: ${zone} needs a keyFile whose first line is its key`);
  return zone.replace(KEY_MARK, key);
}

/** The file as settings name it. */
export const keyFileOf = (path: string): NamedFile => ({ path, suffix: '.key' });

/** The key in the first line of a file, or null where there is none. Throws where the file cannot be read. */
export function readKey(path: string, files: AttachedFiles): string | null {
  const key = files.read(keyFileOf(path))[0]?.text.split('\n')[0]?.trim().toLowerCase() ?? '';
  return KEY.test(key) ? key : null;
}
