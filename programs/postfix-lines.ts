// What Postfix must be told in main.cf so that Weir stands in front of it: every setting with the reason and the cost of
// doing without. Takes where Weir listens and sends, gives lines; reads and changes nothing.
import { conductLines } from './postfix-conduct.js';
import { nameListen } from './postfix-names.js';
import { policyLines } from './postfix-policy.js';
import { readSeconds, splitList } from './postfix-values.js';

/** What the lines depend on, all of it from Weir's own settings. */
export interface PostfixSite {
  /** Where Weir's milter listens: `unix:/path` or `inet:host:port`. */
  readonly milter: string;
  /** Where Weir sends what it releases. */
  readonly releaseHost: string;
  readonly releasePort: number;
  /** Postfix's queue_directory, which is also the root its chrooted programs see. */
  readonly queueDirectory: string;
  /** Group of the milter socket, '' where none is set. */
  readonly socketGroup: string;
  /** Largest mail Weir takes whole, bytes. */
  readonly messageMaxBytes: number;
  /** Most milter connections Weir takes at once. */
  readonly connectionsMax: number;
  /** Weir's front listener; null where it is off. */
  readonly front: FrontSite | null;
  /** Where the policy server listens, `unix:/path` or `inet:host:port`; null where it is off. */
  readonly policy: string | null;
}

/** Weir's listener before Postfix. */
export interface FrontSite {
  /** Where clients connect: `inet:host:port`. */
  readonly listen: readonly string[];
  /** The smtpd that takes them with a PROXY header: `inet:host:port` or `unix:/path`. */
  readonly upstream: string;
  /** Connections that Weir opens there and that wait for the greeting at once. */
  readonly handoffsMax: number;
}

/** One setting: `accepts` tells whether a value found serves as well as the one wanted. */
export interface PostfixLine {
  readonly name: string;
  readonly value: string;
  readonly why: string;
  /** What it costs to leave it out or set it otherwise. */
  readonly cost: string;
  readonly accepts: (found: string) => boolean;
  /** First Postfix versions that know it, where not all do. */
  readonly since?: string;
}

/** Debian's queue_directory: the root of Postfix's chroot. */
export const QUEUE_DIRECTORY = '/var/spool/postfix';
/** Milter time limits that Postfix should not fall below, seconds; Weir reports progress every few seconds meanwhile. */
export const MILTER_TIMES_S = { connect: 30, command: 30, content: 300 } as const;

/** The milter as smtpd_milters names it: a socket below the queue directory is named from there, which holds in and out of the chroot. */
export function nameMilter(site: Pick<PostfixSite, 'milter' | 'queueDirectory'>): string {
  return nameListen(site.milter, site.queueDirectory);
}

/** The lines for main.cf. */
export function mainLines(site: PostfixSite): readonly PostfixLine[] {
  return [...milterLines(site), ...failureLines(), ...smugglingLines(), ...conductLines(), ...policyLines(site)];
}

function milterLines(site: PostfixSite): PostfixLine[] {
  const milter = nameMilter(site);
  const includes = (found: string): boolean =>
    found === '$smtpd_milters' || splitList(found).some((entry) => sameMilter(entry, milter, site.queueDirectory));
  return [
    {
      name: 'smtpd_milters',
      value: milter,
      why: 'every mail that comes by SMTP is shown to Weir before it is taken',
      cost: 'mail that comes by SMTP is delivered unfiltered',
      accepts: includes,
    },
    {
      name: 'non_smtpd_milters',
      value: '$smtpd_milters',
      why: 'mail handed in by local programs (sendmail, cron, web scripts) is shown to Weir too',
      cost: 'mail from local programs leaves unfiltered, which is how a broken-in web server sends its spam',
      accepts: includes,
    },
    {
      name: 'milter_protocol',
      value: '6',
      why: 'the newest protocol: Weir chooses its macros, gets exact header bytes and can skip what it need not see',
      cost: 'older protocols hide facts from Weir and cost speed',
      accepts: (found) => found === '6',
    },
  ];
}

function failureLines(): PostfixLine[] {
  const time = (stage: keyof typeof MILTER_TIMES_S, why: string): PostfixLine => ({
    name: `milter_${stage}_timeout`,
    value: `${MILTER_TIMES_S[stage]}s`,
    why,
    cost: 'a busy Weir is taken for dead: mail is put off that would have been judged',
    accepts: (found) => (readSeconds(found) ?? 0) >= MILTER_TIMES_S[stage],
  });
  return [
    {
      name: 'milter_default_action',
      value: 'tempfail',
      why: 'while Weir does not answer, senders are told to try again later: nothing is lost and nothing passes unfiltered',
      cost: 'with accept, mail passes unfiltered while Weir is down; with reject, good mail is lost; with quarantine, it waits on hold',
      accepts: (found) => found === 'tempfail',
    },
    time('connect', 'how long Postfix waits for a connection to Weir'),
    time('command', 'how long Postfix waits for the answer to a command'),
    time(
      'content',
      'how long Postfix waits for the verdict; Weir reports progress meanwhile, which starts the time anew',
    ),
  ];
}

function smugglingLines(): PostfixLine[] {
  return [
    {
      name: 'smtpd_forbid_bare_newline',
      value: 'normalize',
      why: 'a line ended by a bare newline is repaired, so that no second mail can be smuggled inside a first (CVE-2023-51764)',
      cost: 'a sender can hide a second mail with a forged sender inside one that was filtered',
      accepts: (found) => found === 'normalize' || found === 'yes' || found === 'reject',
      since: '3.5.24, 3.6.14, 3.7.10, 3.8.5, 3.9',
    },
    {
      name: 'smtpd_forbid_unauth_pipelining',
      value: 'yes',
      why: 'a client that talks before it is asked is cut off, which stops another way to smuggle',
      cost: 'clients may send commands ahead of their turn, as smuggled mails and spam robots do',
      accepts: (found) => found === 'yes',
      since: '3.5.20, 3.6.10, 3.7.6, 3.8.1',
    },
  ];
}

/** Whether one entry of smtpd_milters is ours, and nothing in braces lets mail pass while Weir is down. */
function sameMilter(entry: string, milter: string, queueDirectory: string): boolean {
  const parts = entry.startsWith('{') ? splitList(entry.slice(1, -1)) : [entry];
  const address = (parts[0] ?? '').replace(/^local:/, 'unix:');
  const named = nameMilter({ milter: address, queueDirectory });
  const action = parts
    .slice(1)
    .join(' ')
    .replaceAll(' = ', '=')
    .split(' ')
    .find((part) => part.startsWith('default_action='));
  return named === milter && (action === undefined || action === 'default_action=tempfail');
}
