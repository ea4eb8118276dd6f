// Settings and findings of the connection policy (product A4).
import { Type, type Static } from 'typebox';
import type { Objection } from '../../config/section.js';
import { isNetwork } from '../../message/network.js';
import type { FindingSpec } from '../../pipeline/finding.js';
import { restriction, restrictionMode, unsureRestriction } from '../restriction.js';

const NETWORKS_MAX = 10_000;
const RATE_MAX = 1_000_000;

const rate = (description: string) => Type.Integer({ default: 0, minimum: 0, maximum: RATE_MAX, description });

export const clientSettings = Type.Object({
  noReverseName: restrictionMode(
    'note',
    'Clients whose address has no reverse DNS name: `off`, `note` in the log, or `refuse`.',
  ),
  nameUnresolved: restrictionMode('note', 'Clients whose reverse DNS name has no address.'),
  nameMismatch: restrictionMode('note', 'Clients whose reverse DNS name leads to other addresses.'),
  connectionsPerMinute: rate(
    'Most connections of one address (IPv6: /64) in one minute; over it new ones are refused for one minute. 0 = no cap.',
  ),
  messagesPerMinute: rate(
    'Most messages of one address (IPv6: /64) in one minute; over it its mail is refused for one minute. 0 = no cap.',
  ),
  exemptNetworks: Type.Array(Type.String({ minLength: 2, maxLength: 80 }), {
    default: [],
    maxItems: NETWORKS_MAX,
    examples: [['192.0.2.0/24']],
    description: 'Networks to which neither checks nor caps of this section apply.',
  }),
});
export type ClientSettings = Static<typeof clientSettings>;

/** What the schema cannot say. */
export function checkNetworks({
  exemptNetworks,
}: {
  readonly exemptNetworks: readonly string[];
}): readonly Objection[] {
  return exemptNetworks.flatMap((entry, index) =>
    isNetwork(entry)
      ? []
      : [{ path: ['exemptNetworks', String(index + 1)], expected: 'an address or a network such as 192.0.2.0/24' }],
  );
}

export const clientFindings: readonly FindingSpec[] = [
  restriction('CLIENT_NO_REVERSE_NAME', 'The client address has no reverse DNS name.', {
    code: 550,
    enhanced: '5.7.25',
    text: 'Client refused: its address has no reverse DNS name',
  }),
  restriction('CLIENT_NAME_UNRESOLVED', 'The reverse DNS name of the client has no address.', {
    code: 550,
    enhanced: '5.7.25',
    text: 'Client refused: its reverse DNS name does not resolve',
  }),
  restriction('CLIENT_NAME_MISMATCH', 'The reverse DNS name of the client leads to other addresses.', {
    code: 550,
    enhanced: '5.7.25',
    text: 'Client refused: its reverse DNS name does not resolve back to it',
  }),
  unsureRestriction('CLIENT_NAME_UNSURE', 'The reverse DNS name of the client could not be looked up.', {
    code: 450,
    enhanced: '4.7.25',
    text: 'Cannot look up the reverse DNS name of the client, try again later',
  }),
  {
    id: 'CLIENT_CONNECTIONS_OVER_CAP',
    category: 'policy',
    score: 1,
    action: 'tempfail',
    meaning: 'The client opened more connections in a minute than allowed, or did so less than a minute ago.',
    reply: { code: 421, enhanced: '4.7.0', text: 'Too many connections in a short time, try again later' },
  },
  {
    id: 'CLIENT_MESSAGES_OVER_CAP',
    category: 'policy',
    score: 1,
    action: 'tempfail',
    meaning: 'The client sent more messages in a minute than allowed, or did so less than a minute ago.',
    reply: { code: 450, enhanced: '4.7.1', text: 'Too many messages in a short time, try again later' },
  },
];
