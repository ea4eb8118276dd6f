// Evals on lists of addresses that a rule set brings (welcome and block lists, `enlist_addrlist`), of SpamAssassin's
// plugins WLBLEval and WelcomeListSubject.
import { AddressList, addressListOf, globFits } from '../mail/address-list.js';
import { isIp } from '../mail/ip.js';
import { RuleNetworks } from '../mail/networks.js';
import { trimDomain } from '../mail/registry.js';
import type { PlacedRelay } from '../mail/relays.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, NO, type Eval, type EvalResult } from './eval.js';
import { allRecipients, allSenders } from './senders.js';

/** Longest subject that is compared with a list. */
const SUBJECT_MAX = 1_000;

/** Whether one of the addresses is on the list; they are not asked for where the list is empty. */
function isOn(mail: RuleMail, list: string, addressesOf: (mail: RuleMail) => readonly string[]): boolean {
  const globs = mail.settings.addressLists.get(list);
  if (globs === undefined || globs.size === 0) return false;
  const asked = addressListOf(globs);
  return addressesOf(mail).some((address) => asked.has(address));
}

/** Relays that handed the message to ours: the newest untrusted one, else the trusted ones. */
function lastRelays({ relays }: RuleMail): readonly PlacedRelay[] {
  return relays.untrusted.length > 0 ? relays.untrusted.slice(0, 1) : relays.trusted;
}

type Standing = 'listed' | 'forged' | 'unlisted';

type Entries = ReadonlyMap<string, { readonly glob: string }>;

const GLOBS = new WeakMap<Entries, AddressList>();

/** All addresses of a list with domains, to be asked first. */
function globsOf(entries: Entries): AddressList {
  let globs = GLOBS.get(entries);
  if (globs === undefined) {
    globs = new AddressList([...entries.values()].map(({ glob }) => glob));
    GLOBS.set(entries, globs);
  }
  return globs;
}

/** Whether an address is on a list of addresses with the relays they come through. */
function standingOf(mail: RuleMail, list: string, address: string): Standing {
  const relays = lastRelays(mail);
  const entries = mail.settings.domainLists.get(list);
  if (relays.length === 0 || entries === undefined) return 'unlisted';
  const text = address.toLowerCase();
  if (!globsOf(entries).has(text)) return 'unlisted';
  let forged = false;
  for (const { glob, domains } of entries.values()) {
    if (domains.length === 0 || !globFits(glob, text)) continue;
    if (domains.some((domain) => relays.some((relay) => isOf(relay, domain)))) return 'listed';
    forged = true;
  }
  return forged && !isOn(mail, 'welcomelist_allows_relays', () => [address]) ? 'forged' : 'unlisted';
}

/** Whether a relay is in a domain, or in a network where one is written in brackets. */
function isOf({ ip, rdns }: PlacedRelay, domain: string): boolean {
  const literal = /^\[([^\]]*)\](\/\d{1,3})?$/.exec(domain);
  if (literal === null) {
    const [name, end] = [rdns.toLowerCase(), domain.toLowerCase()];
    return name === end || name.endsWith(`.${end}`);
  }
  const network = `${literal[1]}${literal[2] ?? ''}`;
  return isIp(ip) && new RuleNetworks([network], false).has(ip);
}

/** The standing of all senders: listed if one is, forged if one is and none is listed. */
function standing(mail: RuleMail, list: 'welcomelist_from_rcvd' | 'def_welcomelist_from_rcvd'): Standing {
  if (list === 'welcomelist_from_rcvd' && isOn(mail, 'welcomelist_from', allSenders)) return 'listed';
  if ((mail.settings.domainLists.get(list)?.size ?? 0) === 0) return 'unlisted';
  const found = allSenders(mail).map((sender) => standingOf(mail, list, sender));
  return found.includes('listed') ? 'listed' : found.includes('forged') ? 'forged' : 'unlisted';
}

function mailfromMatchesRelay(mail: RuleMail): EvalResult {
  const host = /@([^@]+\.[^@]+)$/.exec(mail.headers.text('EnvelopeFrom:addr'))?.[1];
  if (host === undefined) return NO;
  const domain = trimDomain(host, mail.settings);
  return holds(lastRelays(mail).some(({ rdns }) => rdns !== '' && trimDomain(rdns, mail.settings) === domain));
}

function subjectOn(mail: RuleMail, list: string): EvalResult {
  const subject = mail.headers.text('Subject').slice(0, SUBJECT_MAX).toLowerCase();
  const globs = mail.settings.addressLists.get(list);
  if (subject === '' || globs === undefined) return NO;
  return holds([...globs].some((glob) => globFits(`*${glob}*`, subject)));
}

function entry(summary: string, run: Eval['run'], argsMin = 0): Eval {
  return { summary, argsMin, argsMax: argsMin, run };
}

function senderOn(list: string, summary: string): Eval {
  return entry(summary, (mail) => holds(isOn(mail, list, allSenders)));
}

function recipientOn(list: string, summary: string): Eval {
  return entry(summary, (mail) => holds(isOn(mail, list, allRecipients)));
}

function isNow(list: 'welcomelist_from_rcvd' | 'def_welcomelist_from_rcvd', wanted: Standing): Eval['run'] {
  const other = list === 'welcomelist_from_rcvd' ? 'def_welcomelist_from_rcvd' : 'welcomelist_from_rcvd';
  return (mail) =>
    holds(standing(mail, list) === wanted && (wanted === 'listed' || standing(mail, other) === 'unlisted'));
}

const NAMED: readonly (readonly [string, Eval])[] = [
  ['check_from_in_blocklist', senderOn('blocklist_from', 'The sender is on the block list.')],
  ['check_to_in_blocklist', recipientOn('blocklist_to', 'A recipient is on the block list.')],
  ['check_to_in_welcomelist', recipientOn('welcomelist_to', 'A recipient is on the welcome list.')],
  ['check_from_in_welcomelist', entry('The sender is on the welcome list.', isNow('welcomelist_from_rcvd', 'listed'))],
  [
    'check_forged_in_welcomelist',
    entry('The sender is on the welcome list and comes from elsewhere.', isNow('welcomelist_from_rcvd', 'forged')),
  ],
  [
    'check_from_in_default_welcomelist',
    entry('The sender is on the welcome list of the rule set.', isNow('def_welcomelist_from_rcvd', 'listed')),
  ],
  [
    'check_forged_in_default_welcomelist',
    entry(
      'The sender is on the welcome list of the rule set and comes from elsewhere.',
      isNow('def_welcomelist_from_rcvd', 'forged'),
    ),
  ],
  [
    'check_subject_in_welcomelist',
    entry('The subject is on the welcome list.', (mail) => subjectOn(mail, 'welcomelist_subject')),
  ],
  [
    'check_subject_in_blocklist',
    entry('The subject is on the block list.', (mail) => subjectOn(mail, 'blocklist_subject')),
  ],
];

export const WLBL_EVALS: readonly (readonly [string, Eval])[] = [
  ...NAMED,
  // The names these had before 4.0.
  ...NAMED.map(
    ([name, each]) => [name.replace('welcomelist', 'whitelist').replace('blocklist', 'blacklist'), each] as const,
  ),
  ['check_to_in_more_spam', recipientOn('more_spam_to', 'A recipient wants more mail let through.')],
  ['check_to_in_all_spam', recipientOn('all_spam_to', 'A recipient wants all mail let through.')],
  [
    'check_from_in_list',
    entry('The sender is on the list named.', (mail, [list = '']) => holds(isOn(mail, list, allSenders)), 1),
  ],
  [
    'check_to_in_list',
    entry('A recipient is on the list named.', (mail, [list = '']) => holds(isOn(mail, list, allRecipients)), 1),
  ],
  [
    'check_replyto_in_list',
    entry(
      'The address to reply to is on the list named.',
      (mail, [list = '']) => {
        const address = mail.headers.text('Reply-To:addr');
        return holds(address !== '' && isOn(mail, list, () => [address]));
      },
      1,
    ),
  ],
  [
    'check_mailfrom_matches_rcvd',
    entry("The envelope's sender and the relay are in one domain.", mailfromMatchesRelay),
  ],
];
