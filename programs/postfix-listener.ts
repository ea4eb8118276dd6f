// The re-injection listener in master.cf: where Weir hands in what it releases. Every option with its reason and cost;
// the listener is filtered by nothing and open to this machine alone.
import type { PostfixSite } from './postfix-lines.js';
import { isLoopbackList, splitList } from './postfix-values.js';

/** One `-o` option of the re-injection listener. */
export interface ListenerOption {
  readonly name: string;
  readonly value: string;
  readonly why: string;
  readonly cost: string;
  /** Whether that value, given here or inherited from main.cf, serves as well. */
  readonly accepts: (found: string) => boolean;
  readonly since?: string;
}

/** The options of the listener that takes released mail: filtered by nothing, open to this machine alone. */
export function releaseOptions(): readonly ListenerOption[] {
  const empty = (name: string, why: string, cost: string): ListenerOption => ({
    name,
    value: '',
    why,
    cost,
    accepts: (found) => found === '',
  });
  return [
    {
      name: 'syslog_name',
      value: 'postfix/weir-release',
      why: 'released mail can be told apart in the log',
      cost: 'released mail looks like any other in the log',
      accepts: () => true,
    },
    empty(
      'smtpd_milters',
      'what Weir releases is not shown to Weir again',
      'released mail is quarantined again, for ever',
    ),
    {
      name: 'receive_override_options',
      value: 'no_milters,no_header_body_checks,no_unknown_recipient_checks',
      why: 'released mail goes through as it is; its recipient was checked when it first came',
      cost: 'released mail is filtered or refused a second time',
      accepts: (found) => splitList(found).includes('no_milters'),
    },
    empty('content_filter', 'no other filter takes released mail', 'another filter may hold released mail again'),
    empty('smtpd_proxy_filter', 'nor a filter in between', 'another filter may hold released mail again'),
    {
      name: 'mynetworks',
      value: '127.0.0.0/8,[::1]/128',
      why: 'only this machine counts as known here, whatever main.cf says',
      cost: 'every network in mynetworks of main.cf may hand in unfiltered mail',
      accepts: isLoopbackList,
    },
    ...['smtpd_client_restrictions', 'smtpd_relay_restrictions', 'smtpd_recipient_restrictions'].map(onlyKnown),
    ...[
      'smtpd_helo_restrictions',
      'smtpd_sender_restrictions',
      'smtpd_data_restrictions',
      'smtpd_end_of_data_restrictions',
    ].map((name) =>
      empty(name, 'what was accepted once is not judged again by rules for strangers', 'a release may be refused'),
    ),
    empty(
      'smtpd_authorized_xclient_hosts',
      'nobody may claim to be another client',
      'whoever may use XCLIENT passes for this machine',
    ),
    empty(
      'smtpd_upstream_proxy_protocol',
      'nor by a PROXY header',
      'Weir cannot hand mail in, or clients name their own address',
    ),
    {
      name: 'smtpd_sasl_auth_enable',
      value: 'no',
      why: 'a stolen password is of no use here',
      cost: 'a login may be tried here without the limits of the submission port',
      accepts: (found) => found === 'no',
    },
    {
      name: 'smtpd_forbid_bare_newline',
      value: 'normalize',
      why: 'a quarantined mail may hold the very lines that smuggle',
      cost: 'a smuggled mail could come out at the release',
      accepts: (found) => found === 'normalize' || found === 'yes' || found === 'reject',
      since: '3.5.24, 3.6.14, 3.7.10, 3.8.5, 3.9',
    },
    empty(
      'smtpd_forbid_bare_newline_exclusions',
      'and this machine is no exception here',
      'this machine is excepted, and so is every release',
    ),
    empty(
      'local_header_rewrite_clients',
      'addresses in its header stay as they were',
      'Postfix completes addresses in the header of released mail',
    ),
  ];
}

function onlyKnown(name: string): ListenerOption {
  return {
    name,
    value: 'permit_mynetworks,reject',
    why: 'whoever is not this machine is refused',
    cost: 'restrictions of main.cf apply, which may refuse a release or let others in',
    accepts: (found) => splitList(found).join(',') === 'permit_mynetworks,reject',
  };
}

/** The listener as `postconf -M` names it. */
export function nameListener(site: Pick<PostfixSite, 'releaseHost' | 'releasePort'>): string {
  const host = site.releaseHost.includes(':') ? `[${site.releaseHost}]` : site.releaseHost;
  return `${host}:${site.releasePort}`;
}
