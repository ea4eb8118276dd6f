// Evals of rules that look things up (DNSEval, URIDNSBL, HashBL). The questions are asked before the rules are run; the
// evals only read which of them hit. Without a resolver nothing was asked and none hits.
import type { RuleMail } from '../mail/rule-mail.js';
import { NO, type Eval, type EvalContext, type EvalResult } from './eval.js';

function asked(mail: RuleMail, _: readonly string[], { rule }: EvalContext): EvalResult {
  const evidence = mail.dnsHits.hits.get(rule);
  return evidence === undefined ? NO : { count: 1, evidence };
}

function lookUp(summary: string, argsMin: number, argsMax: number): Eval {
  return { summary, argsMin, argsMax, run: asked };
}

/** Known, and never asked here: what they would ask. */
const UNASKED: readonly (readonly [name: string, summary: string, argsMax: number])[] = [
  ['check_rbl_ns_from', 'The name servers of the sender are on a list.', 3],
  ['check_rbl_accreditor', 'An accreditor vouches for the sender.', 4],
  ['check_hashbl_emails', 'Hashed mail addresses are on a list.', 10],
  ['check_hashbl_uris', 'Hashed addresses of links are on a list.', 10],
  ['check_hashbl_bodyre', 'Hashed text is on a list.', 10],
  ['check_hashbl_tag', 'A hashed tag is on a list.', 10],
  ['check_razor2', 'Razor knows the mail.', 10],
  ['check_razor2_range', 'Razor knows the mail.', 10],
  ['check_pyzor', 'Pyzor knows the mail.', 10],
];

/** Evals that rules may name and that never hold, for this engine does not ask. */
export const UNASKED_EVALS: ReadonlySet<string> = new Set(UNASKED.map(([name]) => name));

export const DNS_EVALS: ReadonlyMap<string, Eval> = new Map<string, Eval>([
  ['check_rbl', lookUp('A relay is on a list: its set, the zone, maybe what the answer must be.', 2, 3)],
  ['check_rbl_txt', lookUp('The same by TXT records.', 2, 3)],
  ['check_rbl_sub', lookUp('An answer that a rule of the same set got: the set, what the answer must be.', 2, 2)],
  ['check_rbl_from_host', lookUp('The host of a sender is on a list.', 2, 3)],
  ['check_rbl_from_domain', lookUp("A sender's registered domain is on a list.", 2, 3)],
  ['check_rbl_envfrom', lookUp("The host of the envelope's sender is on a list.", 2, 3)],
  ['check_rbl_headers', lookUp('A host named in headers is on a list.', 2, 4)],
  ['check_rbl_rcvd', lookUp('A name or address of the oldest relay is on a list.', 2, 3)],
  ['check_dns_sender', lookUp("The domain of the envelope's sender does not exist.", 0, 0)],
  ['check_uridnsbl', lookUp('A host of an address is on the list set by `urirhssub` and its like.', 0, 1)],
  ...UNASKED.map(([name, summary, argsMax]): [string, Eval] => [
    name,
    { summary: `${summary} Not asked by this engine: never holds.`, argsMin: 0, argsMax, run: () => NO },
  ]),
]);
