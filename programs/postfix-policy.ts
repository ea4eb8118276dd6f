// Where Postfix asks the policy server: the line for main.cf, and whether a Postfix asks behind its own checks of relaying
// and of recipients. Pure: a site and settings in, lines out.
import type { CheckLine } from './postfix-check.js';
import type { PostfixLine, PostfixSite } from './postfix-lines.js';
import { nameListen } from './postfix-names.js';
import { splitList } from './postfix-values.js';

type PolicySite = Pick<PostfixSite, 'policy' | 'queueDirectory'>;

const ASKS = 'check_policy_service';
const RECIPIENT_RESTRICTIONS = 'smtpd_recipient_restrictions';
const RELAY_RESTRICTIONS = 'smtpd_relay_restrictions';
const RELAY_FIRST = 'smtpd_relay_before_recipient_restrictions';
/** What stands before a restriction that shall only be logged. */
const ONLY_WARNS = 'warn_if_reject';

/** main.cf names beyond the lines themselves that `checkPolicy` reads. */
export const POLICY_NAMES: readonly string[] = [RELAY_RESTRICTIONS, RELAY_FIRST];

/** Checks of Postfix's own that belong before the question: any of `serves`, and what it costs without. */
const BEFORE = [
  {
    name: 'reject_unlisted_recipient',
    serves: ['reject_unlisted_recipient', 'reject_unverified_recipient'],
    cost: 'recipients that do not exist are greylisted before they are refused, since the question comes before what Postfix looks at by itself in the end',
  },
  {
    name: 'reject_unauth_destination',
    serves: ['reject_unauth_destination', 'defer_unauth_destination'],
    cost: 'who may not relay at all is greylisted before that is refused, and fills the record',
  },
] as const;

/** Where the policy server is on: Postfix asks it for every recipient of domains it is responsible for. */
export function policyLines(site: PolicySite): readonly PostfixLine[] {
  if (site.policy === null) return [];
  const service = nameListen(site.policy, site.queueDirectory);
  return [
    {
      name: RECIPIENT_RESTRICTIONS,
      value: `permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, reject_unlisted_recipient, ${ASKS} ${service}`,
      why: "Weir's policy server is asked for every recipient that there is; it stands behind the checks that mail may be relayed at all and that the recipient exists",
      cost: 'greylisting and policies by the policy server do not act',
      accepts: (found) => placeOf(service, splitList(found), site.queueDirectory) >= 0,
    },
  ];
}

/** Whether the question stands behind those checks; nothing where Postfix does not ask, which its line says. */
export function checkPolicy(site: PolicySite, main: ReadonlyMap<string, string>): readonly CheckLine[] {
  if (site.policy === null) return [];
  const entries = splitList(main.get(RECIPIENT_RESTRICTIONS) ?? '');
  const at = placeOf(nameListen(site.policy, site.queueDirectory), entries, site.queueDirectory);
  if (at < 0) return [];
  // Before Postfix 3.6, and with an older compatibility_level, the restrictions on relaying come after all others.
  const relay = main.get(RELAY_FIRST) === 'yes' ? splitList(main.get(RELAY_RESTRICTIONS) ?? '') : [];
  const acting = new Set([...acts(relay), ...acts(entries.slice(0, at))]);
  return BEFORE.map(({ name, serves, cost }) => {
    const isBefore = serves.some((restriction) => acting.has(restriction));
    return {
      state: isBefore ? 'ok' : 'differs',
      subject: `${RECIPIENT_RESTRICTIONS}: ${ASKS} ${isBefore ? 'behind' : 'not behind'} ${name}`,
      cost: isBefore ? '' : `${cost}: put ${name} before ${ASKS}`,
    };
  });
}

/** Where in the list the service is asked first; -1 where it is not. Postfix takes names of restrictions in any case. */
function placeOf(service: string, entries: readonly string[], queueDirectory: string): number {
  return entries.findIndex((entry, at) => {
    if (entry.toLowerCase() !== ASKS) return false;
    const next = entries[at + 1] ?? '';
    const [named = ''] = next.startsWith('{') ? splitList(next.slice(1, -1)) : [next];
    return nameListen(named, queueDirectory) === service;
  });
}

/** The restrictions of a list that are more than logged. */
function acts(entries: readonly string[]): readonly string[] {
  const names = entries.map((entry) => entry.toLowerCase());
  return names.filter((_, at) => names[at - 1] !== ONLY_WARNS);
}
