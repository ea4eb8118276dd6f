// Settings and findings of the rules of conduct (product A5).
import { Type, type Static } from 'typebox';
import type { AllValues, Objection } from '../../config/section.js';
import { parseSite, SITE_MAX_CHARS } from '../../lists/site.js';
import type { FindingSpec } from '../../pipeline/finding.js';
import { checkNetworks } from '../client/settings.js';
import { restriction, restrictionMode, unsureRestriction } from '../restriction.js';
import { HARVEST_CAP_MAX } from './harvest.js';

const NETWORKS_MAX = 10_000;
const LISTS_MAX = 100;

export const conductSettings = Type.Object({
  heloNotFqdn: restrictionMode(
    'note',
    'HELO and EHLO names that are neither full domain names nor valid address literals: `off`, `note` in the log, or `refuse`.',
  ),
  heloUnresolved: restrictionMode('note', 'HELO and EHLO names that have neither an address nor an MX record.'),
  unknownRecipientsPerDay: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: HARVEST_CAP_MAX,
    description:
      'Most different unknown recipients that one address (IPv6: /64) may name in a day; over it it is blocked for a day. 0 = no cap.',
  }),
  exemptNetworks: Type.Array(Type.String({ minLength: 2, maxLength: 80 }), {
    default: [],
    maxItems: NETWORKS_MAX,
    examples: [['192.0.2.0/24']],
    description: 'Networks to which nothing of this section applies.',
  }),
  exemptLists: Type.Array(Type.String({ minLength: 1, maxLength: SITE_MAX_CHARS }), {
    default: [],
    maxItems: LISTS_MAX,
    examples: [['list.dnswl.org']],
    description:
      'DNS allow lists, `zone[=filter]`, whose clients are never blocked for unknown recipients; those of `lists.sites` with a negative weight that are asked about clients always belong to them.',
  }),
});
export type ConductSettings = Static<typeof conductSettings>;

/** What `lists` trusts is trusted here too. Lists with a key are left out: their zone is not known without the file. */
export function completeConduct(settings: ConductSettings, all: AllValues): ConductSettings {
  const lists = all['lists'];
  const sites: unknown = lists?.['enabled'] === false ? [] : lists?.['sites'];
  if (!Array.isArray(sites)) return settings;
  const trusted = sites.flatMap((one: { list?: unknown; ask?: unknown; keyFile?: unknown }) =>
    typeof one.list === 'string' && one.keyFile === undefined && isAllowList(one.list, one.ask) ? [one.list] : [],
  );
  return { ...settings, exemptLists: [...new Set([...settings.exemptLists, ...trusted])].slice(0, LISTS_MAX) };
}

function isAllowList(list: string, ask: unknown): boolean {
  const site = parseSite(list);
  return typeof site !== 'string' && site.weight < 0 && Array.isArray(ask) && ask.includes('client');
}

/** What the schema cannot say. */
export function checkConduct(settings: ConductSettings): readonly Objection[] {
  const lists = settings.exemptLists.flatMap((list, index) => {
    const site = parseSite(list);
    return typeof site === 'string' ? [{ path: ['exemptLists', String(index + 1)], expected: site }] : [];
  });
  return [...checkNetworks(settings), ...lists];
}

export const conductFindings: readonly FindingSpec[] = [
  restriction('HELO_NOT_FQDN', 'The HELO name is neither a full domain name nor a valid address literal.', {
    code: 550,
    enhanced: '5.7.1',
    text: 'HELO refused: need a fully-qualified host name or an address literal',
  }),
  restriction('HELO_UNRESOLVED', 'The HELO name has neither an address nor an MX record.', {
    code: 550,
    enhanced: '5.7.1',
    text: 'HELO refused: host not found',
  }),
  unsureRestriction('HELO_UNSURE', 'The HELO name could not be looked up.', {
    code: 450,
    enhanced: '4.4.3',
    text: 'Cannot look up the HELO name, try again later',
  }),
  {
    id: 'HARVEST_BLOCKED',
    category: 'policy',
    score: 1,
    action: 'tempfail',
    meaning: 'The client named more unknown recipients than allowed, less than a day ago.',
    reply: { code: 421, enhanced: '4.7.1', text: 'Too many unknown recipients, try again later' },
  },
];
