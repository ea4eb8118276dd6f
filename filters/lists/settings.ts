// The settings of the stage `lists`, and what is held against them beyond their form.
import { Type, type Static } from 'typebox';
import type { AttachedFiles } from '../../config/attached.js';
import type { Objection, SectionFile } from '../../config/section.js';
import { isNetwork } from '../../message/network.js';
import { canonicalAddress, hostName } from '../../lists/question.js';
import { knownList, SUBJECT_KINDS } from '../../lists/known.js';
import { keyFileOf, readKey } from '../../lists/list.js';
import { KEY_MARK, parseFilter, parseSite, SITE_MAX_CHARS } from '../../lists/site.js';

const SITES_MAX = 100;
const FILTERS_MAX = 20;
const FILTER_MAX_CHARS = 200;
const NAMES_MAX = 10_000;

const kind = Type.Union([
  Type.Literal('client'),
  Type.Literal('received'),
  Type.Literal('helo'),
  Type.Literal('sender'),
  Type.Literal('url'),
  Type.Literal('url-address'),
]);

const filters = (description: string) =>
  Type.Optional(Type.Array(Type.String({ maxLength: FILTER_MAX_CHARS }), { maxItems: FILTERS_MAX, description }));

const testName = (description: string) =>
  Type.Optional(Type.String({ maxLength: 190, pattern: '^[A-Za-z0-9._-]*$', description }));

const site = Type.Object(
  {
    list: Type.String({
      minLength: 1,
      maxLength: SITE_MAX_CHARS,
      description:
        "The list in postscreen's style, `zone[=filter][*weight]`, such as `zen.example=127.0.0.[2..11]*3`; a negative weight makes it an allow list.",
    }),
    ask: Type.Array(kind, {
      minItems: 1,
      maxItems: SUBJECT_KINDS.length,
      description:
        'What it is asked about: `client` address, addresses of `received` fields, `helo` name, `sender` domains (MAIL FROM and From), `url` domains, `url-address` for links to bare addresses.',
    }),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        pattern: '^[ -~]+$',
        description: 'What it is called in findings and alerts; absent = its zone without the key.',
      }),
    ),
    keyFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4_096,
        description: 'File whose first line stands for `{key}` in the zone, so that the key is in no log.',
      }),
    ),
    ipv4: Type.Optional(Type.Boolean({ description: 'Whether it is asked about IPv4 addresses; absent = yes.' })),
    ipv6: Type.Optional(Type.Boolean({ description: 'Whether it is asked about IPv6 addresses; absent = yes.' })),
    names: Type.Optional(
      Type.Union([Type.Literal('domain'), Type.Literal('host'), Type.Literal('both')], {
        description: 'Asked about the registered domain of a name, the whole host name, or both; absent = `domain`.',
      }),
    ),
    errors: filters(
      'Answers that mean trouble with the list, never a listing, as filters; absent = those known of the list. 127.255.255.0/24 is one always, 127.0.0.1 unless a filter names it.',
    ),
    policy: filters(
      'Answers that speak of policy and never count for `received`, as filters; absent = those known of the list.',
    ),
    testListed: testName(
      'Entry that must be listed, written as in the zone; empty = none; absent = known of the list, or `2.0.0.127` or `test` (RFC 5782).',
    ),
    testUnlisted: testName(
      'Entry that must not be listed; empty = none; absent = known of the list, or `1.0.0.127` or `invalid`.',
    ),
    note: Type.Optional(
      Type.String({ maxLength: 1_000, description: 'A note of your own, such as the terms of use agreed to.' }),
    ),
  },
  { additionalProperties: false },
);

const words = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { default: [], maxItems: NAMES_MAX, description });

const count = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });

export const listsSettings = Type.Object({
  sites: Type.Array(site, {
    default: [],
    maxItems: SITES_MAX,
    description:
      'The lists that are asked; none by default, since each has terms of use (`weir check-ip --known`). Several entries may name one zone: it is asked once.',
  }),
  refuseAt: Type.Union([Type.Number({ minimum: -1_000, maximum: 1_000 }), Type.Null()], {
    default: null,
    description:
      'Sum of the weights of all entries that hit the client at or over which the message gets a finding of the category `dnsbl`; null = never.',
  }),
  waitMs: count(
    4_000,
    50,
    60_000,
    'Longest wait for all lists together, ms; what has not answered by then is unknown.',
  ),
  lookupsMax: count(100, 1, 2_000, 'Most names asked for one message; more are named in a finding.'),
  receivedMax: count(5, 0, 50, 'Most addresses of Received fields, newest first.'),
  urlDomainsMax: count(20, 0, 500, 'Most hosts of links, those a reader can follow first.'),
  skipNetworks: words(
    'Networks that are never asked about, as addresses or CIDR: own servers and relays. Private addresses never are.',
  ),
  skipDomains: words('Domains that are never asked about, subdomains too: own ones, and those in every mail.'),
  testMinutes: count(15, 1, 10_080, "How often a list's test entries are asked while it works, minutes."),
  retestMs: count(60_000, 100, 86_400_000, 'How soon a suspended list is tested again, ms.'),
  ownAddresses: words(
    'Addresses this system sends from: checked against the lists by `weir doctor` and every `ownCheckHours`.',
  ),
  ownCheckLists: words(
    "Lists the own addresses are checked against beside the client lists of `sites`, in postscreen's style.",
  ),
  ownCheckHours: count(6, 1, 720, 'How often the own addresses are checked while `weir serve` runs, hours.'),
});

export type ListsSettings = Static<typeof listsSettings>;
export type SiteSettings = ListsSettings['sites'][number];

/** The files that hold keys. */
export function listsFiles({ sites }: ListsSettings): readonly SectionFile[] {
  return sites.flatMap(({ keyFile }, index) =>
    keyFile === undefined
      ? []
      : [{ ...keyFileOf(keyFile), key: ['sites', String(index + 1), 'keyFile'], required: true }],
  );
}

/** What is wrong with values that fit the schema. */
export function checkListsSettings(settings: ListsSettings, files: AttachedFiles): readonly Objection[] {
  return [
    ...settings.sites.flatMap((entry, index) =>
      checkSite(entry, files).map(({ path, expected }) => ({ path: ['sites', String(index + 1), ...path], expected })),
    ),
    ...settings.ownCheckLists.flatMap((text, index) => {
      const parsed = parseSite(text);
      const expected =
        typeof parsed === 'string' ? parsed : parsed.zone.includes(KEY_MARK) ? 'a zone without a key' : null;
      return expected === null ? [] : [{ path: ['ownCheckLists', String(index + 1)], expected }];
    }),
    ...badWords(settings.ownAddresses, 'ownAddresses', 'an address', (text) => canonicalAddress(text) !== null),
    ...badWords(settings.skipNetworks, 'skipNetworks', 'an address or a network such as 192.0.2.0/24', isNetwork),
    ...badWords(settings.skipDomains, 'skipDomains', 'a domain such as example.org', (text) => hostName(text) !== null),
  ];
}

function checkSite(entry: SiteSettings, files: AttachedFiles): readonly Objection[] {
  const parsed = parseSite(entry.list);
  if (typeof parsed === 'string') return [{ path: ['list'], expected: parsed }];
  const objections: Objection[] = [];
  if (parsed.zone.includes(KEY_MARK) !== (entry.keyFile !== undefined))
    objections.push({ path: ['list'], expected: '`{key}` in the zone and `keyFile` together, or neither' });
  if (entry.keyFile !== undefined && readKey(entry.keyFile, files) === null)
    objections.push({ path: ['keyFile'], expected: 'a file whose first line is a key of letters, digits and hyphens' });
  for (const key of ['errors', 'policy'] as const) {
    if (entry[key]?.some((text) => parseFilter(text) === null) === true)
      objections.push({ path: [key], expected: 'filters of four octets, such as 127.0.0.[10..11]' });
  }
  if (entry.ask.includes('received') && isPolicyList(parsed.zone))
    objections.push({ path: ['ask'], expected: 'no `received` for a policy list: it says nothing of earlier hops' });
  return objections;
}

/** Whether every answer of a known list speaks of policy. */
function isPolicyList(zone: string): boolean {
  const known = knownList(zone);
  return known?.policy?.includes('127.0.0.[0..255]') === true;
}

function badWords(
  given: readonly string[],
  key: string,
  expected: string,
  isGood: (text: string) => boolean,
): readonly Objection[] {
  return given.flatMap((text, index) => (isGood(text) ? [] : [{ path: [key, String(index + 1)], expected }]));
}
