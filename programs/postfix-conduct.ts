// What Postfix must do by itself for the policies on clients' conduct: after STARTTLS nobody else sees junk commands and
// pipelining, and only its anvil counts connections of all its processes.
import type { PostfixLine } from './postfix-lines.js';
import { readSeconds, splitList } from './postfix-values.js';

/** Connections one client may have open at once (product A4). */
export const CLIENT_CONNECTIONS_MAX = 50;
/** Junk commands (NOOP, VRFY, ETRN, RSET) of one session before each costs it a delay (product A5). */
export const JUNK_COMMANDS_MAX = 100;

/** The lines for main.cf that hold clients to good conduct. */
export function conductLines(): readonly PostfixLine[] {
  return [
    number('smtpd_client_connection_count_limit', CLIENT_CONNECTIONS_MAX, {
      why: 'one client has no more connections open at once; own networks are excepted (smtpd_client_event_limit_exceptions)',
      cost: 'one client can take every smtpd process',
    }),
    {
      name: 'smtpd_data_restrictions',
      value: 'reject_unauth_pipelining',
      why: 'a client that sends ahead what it was not told it may is refused, also inside TLS',
      cost: 'spam robots that send everything in one go are served',
      accepts: (found) => splitList(found).includes('reject_unauth_pipelining'),
    },
    number('smtpd_junk_command_limit', JUNK_COMMANDS_MAX, {
      why: 'of NOOP, VRFY, ETRN and RSET so many are free in one session; each further one counts as an error',
      cost: 'a client can keep a process busy with commands that lead nowhere',
    }),
    number('smtpd_soft_error_limit', 10, {
      why: 'from that many errors on each further one costs the client a delay of smtpd_error_sleep_time',
      cost: 'robots that guess recipients are not slowed down',
    }),
    {
      name: 'smtpd_error_sleep_time',
      value: '1s',
      why: 'that delay',
      cost: 'errors cost a client nothing',
      accepts: (found) => (readSeconds(found) ?? 0) >= 1,
    },
    number('smtpd_hard_error_limit', 20, {
      why: 'and after that many errors the connection is ended',
      cost: 'a client may err for ever',
    }),
    yes('smtpd_helo_required', {
      why: 'a client says who it is, so that rules on HELO names have something to judge',
      cost: 'a client that leaves HELO out escapes every rule on it',
    }),
    yes('smtpd_reject_unlisted_recipient', {
      why: 'recipients that do not exist are refused, and Weir is told: it counts them to find address harvesters',
      cost: 'mail to nobody is taken and bounced to forged senders, and harvesters go unseen',
    }),
  ];
}

function number(name: string, value: number, words: { readonly why: string; readonly cost: string }): PostfixLine {
  const accepts = (found: string): boolean => /^\d+$/.test(found) && Number(found) > 0 && Number(found) <= value;
  return { name, value: String(value), ...words, accepts };
}

function yes(name: string, words: { readonly why: string; readonly cost: string }): PostfixLine {
  return { name, value: 'yes', ...words, accepts: (found) => found === 'yes' };
}
