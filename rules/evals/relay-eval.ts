// Evals on the relays a message came through, of SpamAssassin's plugin RelayEval.
import { isIpv4, isPrivateIp } from '../mail/ip.js';
import type { RuleMail } from '../mail/rule-mail.js';
import type { PlacedRelay } from '../mail/relays.js';
import { holds, type Eval, type EvalResult } from './eval.js';

function allTrusted({ relays }: RuleMail): EvalResult {
  return holds(relays.trusted.length > 0 && relays.untrusted.length === 0 && relays.unparseable === 0);
}

function noRelays({ relays }: RuleMail): EvalResult {
  return holds(relays.trusted.length === 0 && relays.untrusted.length === 0 && relays.unparseable === 0);
}

/** The greeting is an address of the Internet, of another network than the client's. */
function heloIpMismatch({ relays }: RuleMail): EvalResult {
  return holds(
    relays.untrusted.some(({ helo, ip }) => {
      if (!isIpv4(helo) || isPrivateIp(helo) || !isIpv4(ip) || isPrivateIp(ip)) return false;
      return !ip.startsWith(helo.slice(0, helo.lastIndexOf('.') + 1));
    }),
  );
}

const NUMERIC_HELO = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/;

function numericHelo({ relays }: RuleMail): EvalResult {
  // Only the first numeric greeting is looked at.
  for (const { helo } of relays.untrusted) {
    const address = NUMERIC_HELO.exec(helo)?.[0];
    if (address !== undefined && isIpv4(address) && /^(?:[,;]|$)/.test(helo.slice(address.length)))
      return holds(!isPrivateIp(address));
  }
  return holds(false);
}

function senderNoReverse({ relays }: RuleMail): EvalResult {
  const oldest = relays.untrusted.at(-1);
  return holds(oldest !== undefined && oldest.rdns.includes('.') && !oldest.ipPrivate);
}

const LARGE_SERVICES =
  /(?:\.|^)(?:lycos\.com|lycos\.co\.uk|hotmail\.com|localhost\.com|excite\.com|caramail\.com|cs\.com|aol\.com|msn\.com|yahoo\.com|drizzle\.com)$/i;

/** The last relay over the Internet that says anything decides. */
function noRdnsDotcomHelo({ relays }: RuleMail): EvalResult {
  const oldest = relays.untrusted.filter(({ ipPrivate }) => !ipPrivate).at(-1);
  return holds(oldest !== undefined && LARGE_SERVICES.test(oldest.helo) && oldest.noReverseDns);
}

/** The last two or three labels of a name; an address stays whole. */
function shortName(host: string): string {
  if (!/[a-zA-Z]/.test(host)) return host;
  const labels = host.split('.');
  while (labels.length > 1 && labels.at(-1) === '') labels.pop();
  if (labels.length > 1 && /[^ ]{3,}|ie|fr|de/.test(labels.at(-1)!)) return labels.slice(-2).join('.');
  return labels.length > 2 ? labels.slice(-3).join('.') : host;
}

/** A name of at least two labels. */
function isName(text: string): boolean {
  return /^\w[\w.-]+\.\w+$/.test(text);
}

interface ShortRelay {
  readonly ip: string;
  readonly by: string;
  readonly from: string | null;
  readonly helo: string;
}

function shortened({ ip, by, rdns, helo }: PlacedRelay): ShortRelay {
  return {
    ip,
    by: shortName(by.toLowerCase()),
    from: shortName(rdns.toLowerCase()),
    helo: shortName(helo.toLowerCase()),
  };
}

/** A server does not call itself what the next one saw it as. */
function forgedTrail({ relays }: RuleMail): EvalResult {
  let mismatches = 0;
  let previous: string | null = null;
  relays.untrusted.map(shortened).forEach(({ ip, by, from }, index) => {
    const named = isName(by);
    const local = named && /^localhost(?:\.localdomain)?$/.test(from ?? '') && ip === '127.0.0.1';
    if (named && index > 0 && previous !== null && isName(previous) && by !== previous)
      if (by !== 'msn.com' || previous !== 'hotmail.com') mismatches++;
    previous = local ? null : from;
  });
  return holds(mismatches > 1);
}

const QUAD = /^(\d+\.\d+)\.\d+\.\d+$/;

function forgedIpHelo({ relays }: RuleMail): EvalResult {
  return holds(
    relays.untrusted.map(shortened).some(({ ip, by, helo }) => {
      const [said, seen] = [QUAD.exec(helo)?.[1], QUAD.exec(ip)?.[1]];
      return isName(by) && said !== undefined && seen !== undefined && said !== seen && !isPrivateIp(helo);
    }),
  );
}

function fromDomainInReceived(mail: RuleMail, [domain = '', desired = '']: readonly string[]): EvalResult {
  const from = mail.headers.text('From:addr').toLowerCase();
  const name = domain.toLowerCase();
  const at = from.indexOf(name);
  if (at < 0 || (at > 0 && /\w/.test(from[at - 1]!))) return holds(false);
  const belongs = (host: string) => host === domain || host.endsWith(`.${domain}`) || host.endsWith(`-${domain}`);
  const passed = [...mail.relays.trusted, ...mail.relays.untrusted].some(
    ({ rdns, by }) => belongs(rdns) && belongs(by),
  );
  return holds(passed === (desired === 'true'));
}

function simple(summary: string, run: Eval['run']): Eval {
  return { summary, argsMin: 0, argsMax: 0, run };
}

export const RELAY_EVALS: readonly (readonly [string, Eval])[] = [
  ['check_all_trusted', simple('It came through trusted relays only.', allTrusted)],
  ['check_no_relays', simple('It came through no relay at all.', noRelays)],
  [
    'check_relays_unparseable',
    simple('A Received field cannot be read.', ({ relays }) => holds(relays.unparseable > 0)),
  ],
  ['helo_ip_mismatch', simple('A relay greets with the address of another network.', heloIpMismatch)],
  ['check_for_numeric_helo', simple('A relay greets with an address.', numericHelo)],
  ['check_for_illegal_ip', simple('Never holds; kept for old rules.', () => holds(false))],
  ['check_for_sender_no_reverse', simple('The first relay has a name with a dot.', senderNoReverse)],
  [
    'check_for_no_rdns_dotcom_helo',
    simple('A relay without a name greets as one of the large mail services.', noRdnsDotcomHelo),
  ],
  [
    'check_for_forged_received_trail',
    simple('Relays call themselves otherwise than the next ones saw them.', forgedTrail),
  ],
  ['check_for_forged_received_ip_helo', simple('A relay greets with an address far from its own.', forgedIpHelo)],
  [
    'check_for_from_domain_in_received_headers',
    {
      summary: 'From is in the domain, and relays of it handed the message on (`true`) or not (`false`).',
      argsMin: 2,
      argsMax: 2,
      run: fromDomainInReceived,
    },
  ],
];
