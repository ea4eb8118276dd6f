// The findings of the block and allow lists. An allow rule makes none: what it spares is told with the message.
import type { FindingSpec } from '../../pipeline/finding.js';
import type { AccessRule, RuleKind } from './rule.js';

const CLIENT_REPLY = { code: 554, enhanced: '5.7.1', text: 'Client host blocked' };
const SENDER_REPLY = { code: 550, enhanced: '5.7.1', text: 'Sender address blocked' };
const RECIPIENT_REPLY = { code: 550, enhanced: '5.7.1', text: 'Recipient address blocked' };

export const accessFindings = [
  {
    id: 'BLOCKED_CLIENT',
    category: 'blocked',
    // Spared by whoever is allowed, and so said at RCPT, where the recipient is known to the log.
    check: 'restriction',
    score: 1,
    meaning: 'A rule of your own blocks the address or network of the client.',
    reply: CLIENT_REPLY,
  },
  {
    id: 'BLOCKED_SENDER',
    category: 'blocked',
    check: 'restriction',
    score: 1,
    meaning: 'A rule of your own blocks the envelope sender.',
    reply: SENDER_REPLY,
  },
  {
    id: 'BLOCKED_RECIPIENT',
    category: 'blocked',
    check: 'restriction',
    score: 1,
    meaning: 'A rule of your own blocks the recipient.',
    reply: RECIPIENT_REPLY,
  },
  {
    id: 'BLOCKED_CLIENT_DISCARD',
    category: 'blocked',
    check: 'restriction',
    score: 1,
    meaning: 'A rule of your own discards what comes from the address or network of the client.',
    action: 'discard',
  },
  {
    id: 'BLOCKED_SENDER_DISCARD',
    category: 'blocked',
    check: 'restriction',
    score: 1,
    meaning: 'A rule of your own discards what comes from the envelope sender.',
    action: 'discard',
  },
  {
    id: 'BLOCKED_RECIPIENT_DISCARD',
    category: 'blocked',
    check: 'restriction',
    score: 1,
    meaning: 'A rule of your own discards what goes to the recipient.',
    action: 'discard',
  },
  {
    id: 'BLOCKED_FOR_DOMAIN',
    category: 'spam',
    group: 'lists',
    score: 10,
    meaning: "The block list of the recipient's domain names the client or sender; it adds `access.blockPoints`.",
  },
  {
    id: 'BLOCKED_FOR_USER',
    category: 'spam',
    group: 'lists',
    score: 10,
    meaning: "The recipient's own block list names the client or sender; it adds `access.blockPoints`.",
  },
] as const satisfies readonly FindingSpec[];

type Id = (typeof accessFindings)[number]['id'];

const IDS: Readonly<Record<Exclude<RuleKind, 'domain'>, 'BLOCKED_CLIENT' | 'BLOCKED_SENDER' | 'BLOCKED_RECIPIENT'>> = {
  ip: 'BLOCKED_CLIENT',
  network: 'BLOCKED_CLIENT',
  sender: 'BLOCKED_SENDER',
  recipient: 'BLOCKED_RECIPIENT',
};

/** The finding that a block rule for everybody makes. */
export function blockFindingId({ kind, effect }: Pick<AccessRule, 'kind' | 'effect'>): Id {
  const id = kind === 'domain' ? 'BLOCKED_SENDER' : IDS[kind];
  return effect === 'discard' ? `${id}_DISCARD` : id;
}
