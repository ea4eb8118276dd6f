// The findings of the stage `lists`: one for each entry of the settings that hits, and what could not be learnt.
import type { FindingSpec } from '../../pipeline/finding.js';
import type { SubjectKind } from '../../lists/known.js';

const hit = <Id extends string>(id: Id, meaning: string) =>
  ({ id, category: 'spam', group: 'lists', score: 1, meaning }) as const;

/** About the client itself: spared by a rule that spares it the block lists. */
const clientHit = <Id extends string>(id: Id, meaning: string) => ({ ...hit(id, meaning), check: 'dnsbl' }) as const;

export const listsFindings = [
  clientHit(
    'LIST_CLIENT',
    "The client's address is on a block list. Scores the weight set for the list, as all of these do.",
  ),
  hit('LIST_RECEIVED', 'An address that a Received field names is on a block list.'),
  clientHit('LIST_HELO', 'The name the client greeted with is on a block list.'),
  hit('LIST_SENDER', 'The domain of MAIL FROM or of the From field is on a block list.'),
  hit('LIST_URL', 'A domain that the message links to is on a block list.'),
  hit('LIST_URL_ADDRESS', 'An address that the message links to is on a block list.'),
  {
    id: 'LIST_ALLOWED',
    category: 'spam',
    group: 'lists',
    score: -1,
    meaning: 'Who or what the message is about is on an allow list. Scores the weight set for the list, below 0.',
  },
  {
    id: 'LIST_UNKNOWN',
    category: 'spam',
    group: 'lists',
    score: 0,
    meaning:
      'A list gave no answer, an error in place of one, or is suspended: whether it lists anything is not known.',
  },
  {
    id: 'LIST_NOT_ASKED',
    category: 'spam',
    group: 'lists',
    score: 0,
    meaning: 'Something was not asked for a limit of `lists`, or because nothing may be looked up.',
  },
  {
    id: 'CLIENT_REFUSED_BY_LISTS',
    category: 'dnsbl',
    score: 1,
    meaning: "The weights of all lists that hit the client's address reach `lists.refuseAt`.",
    reply: { code: 554, enhanced: '5.7.1', text: 'Service unavailable; client address is on block lists' },
  },
] as const satisfies readonly FindingSpec[];

export type ListsFindingId = (typeof listsFindings)[number]['id'];

/** The finding of a hit on a block list, by what was found there. */
export const HIT_IDS: Readonly<Record<SubjectKind, ListsFindingId>> = {
  client: 'LIST_CLIENT',
  received: 'LIST_RECEIVED',
  helo: 'LIST_HELO',
  sender: 'LIST_SENDER',
  url: 'LIST_URL',
  'url-address': 'LIST_URL_ADDRESS',
};
