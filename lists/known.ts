// Well-known lists: who runs them, what their answers mean, on which terms they may be asked. Facts alone: none of them is
// on until the administrator sets it. Also what must be known of a list however it is set: which answers are errors, and
// which speak of policy and so never count for addresses of Received fields.

/** What a list is asked about. */
export const SUBJECT_KINDS = ['client', 'received', 'helo', 'sender', 'url', 'url-address'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

export interface KnownList {
  /** The zone, or the end of it where each user has a zone of their own. */
  readonly zone: string;
  /** Further zones of the same meaning. */
  readonly alsoZones?: readonly string[];
  readonly operator: string;
  /** What it lists. */
  readonly about: string;
  readonly ask: readonly SubjectKind[];
  /** How it may be set, as an item of `lists.sites`. The weight is a modest beginning, not advice of the operator. */
  readonly site: string;
  /** Answers, in the form of a filter, and what they mean. */
  readonly codes: readonly (readonly [filter: string, meaning: string])[];
  /** Answers that mean that the list did not answer the question. 127.255.255.0/24 is one everywhere. */
  readonly errors?: readonly string[];
  /** Answers about who should send mail directly, not about who sent spam: never held against a hop further back. */
  readonly policy?: readonly string[];
  /** Entries that must and must not be there, in place of those of RFC 5782 §5. */
  readonly testListed?: string;
  readonly testUnlisted?: string;
  readonly terms: string;
  readonly home: string;
}

const SPAMHAUS_TERMS =
  'Free for small, non-commercial use from your own resolver; never through a public resolver. Otherwise a key for the Data Query Service, free of charge within its limits.';

export const KNOWN_LISTS: readonly KnownList[] = [
  {
    zone: 'zen.spamhaus.org',
    alsoZones: ['zen.dq.spamhaus.net'],
    operator: 'Spamhaus',
    about:
      'Addresses that send spam (SBL, CSS), hijacked machines (XBL), stolen networks (DROP), and addresses that should not send mail directly (PBL).',
    ask: ['client'],
    site: 'zen.spamhaus.org=127.0.0.[2..11]*4',
    codes: [
      ['127.0.0.2', 'SBL: spam source'],
      ['127.0.0.3', 'CSS: spam source, found automatically'],
      ['127.0.0.[4..7]', 'XBL: hijacked or infected machine'],
      ['127.0.0.9', 'DROP: network in the hands of criminals'],
      ['127.0.0.10', 'PBL: should not send mail directly, says its provider'],
      ['127.0.0.11', 'PBL: should not send mail directly, says Spamhaus'],
      ['127.0.0.30', 'BCL: controls infected machines'],
    ],
    policy: ['127.0.0.[10..11]'],
    terms: SPAMHAUS_TERMS,
    home: 'https://www.spamhaus.org/',
  },
  {
    zone: 'pbl.spamhaus.org',
    alsoZones: ['pbl.dq.spamhaus.net'],
    operator: 'Spamhaus',
    about: 'Addresses that should not send mail directly. A policy list: contained in zen.',
    ask: ['client'],
    site: 'pbl.spamhaus.org=127.0.0.[10..11]*3',
    codes: [['127.0.0.[10..11]', 'PBL: should not send mail directly']],
    policy: ['127.0.0.[0..255]'],
    terms: SPAMHAUS_TERMS,
    home: 'https://www.spamhaus.org/',
  },
  {
    zone: 'dbl.spamhaus.org',
    alsoZones: ['dbl.dq.spamhaus.net'],
    operator: 'Spamhaus',
    about: 'Domains found in spam. Takes domains only: an address asked for gives an error.',
    ask: ['url', 'sender', 'helo'],
    site: 'dbl.spamhaus.org=127.0.1.[2..99]*4',
    codes: [
      ['127.0.1.2', 'domain of low reputation'],
      ['127.0.1.4', 'phishing'],
      ['127.0.1.5', 'malware'],
      ['127.0.1.6', 'controls infected machines'],
      ['127.0.1.[102..106]', 'honest domain that is abused'],
    ],
    errors: ['127.0.1.255'],
    testListed: 'dbltest.com',
    terms: SPAMHAUS_TERMS,
    home: 'https://www.spamhaus.org/',
  },
  {
    zone: 'bl.spamcop.net',
    operator: 'SpamCop',
    about: 'Addresses that sent mail which users of SpamCop reported. Goes off by itself when reports stop.',
    ask: ['client', 'received'],
    site: 'bl.spamcop.net=127.0.0.2*2',
    codes: [['127.0.0.2', 'reported']],
    terms: 'Free, as it is, without warranty; the operator advises to mark and divert rather than to refuse.',
    home: 'https://www.spamcop.net/',
  },
  {
    zone: 'b.barracudacentral.org',
    operator: 'Barracuda Networks',
    about: 'Addresses that sent spam or viruses to its detectors.',
    ask: ['client'],
    site: 'b.barracudacentral.org=127.0.0.2*2',
    codes: [['127.0.0.2', 'spam source']],
    terms: 'Free, after registering the address of your resolver with the operator.',
    home: 'https://www.barracudacentral.org/rbl',
  },
  {
    zone: 'psbl.surriel.com',
    operator: 'PSBL (Passive Spam Block List)',
    about: 'Addresses that sent mail to spam traps and are no known mail servers. Anybody may take an address off.',
    ask: ['client', 'received'],
    site: 'psbl.surriel.com=127.0.0.2*2',
    codes: [['127.0.0.2', 'sent to a spam trap']],
    terms: 'Free for anybody.',
    home: 'https://psbl.org/',
  },
  {
    zone: 'list.dnswl.org',
    operator: 'dnswl.org',
    about:
      'An allow list: mail servers known to be honest. The third octet is a kind of business, the fourth the trust.',
    ask: ['client'],
    site: 'list.dnswl.org=127.0.[2..20].[2..3]*-3',
    codes: [
      ['127.0.[2..20].0', 'known, no trust: do not refuse outright'],
      ['127.0.[2..20].1', 'low trust'],
      ['127.0.[2..20].2', 'medium trust'],
      ['127.0.[2..20].3', 'high trust'],
    ],
    errors: ['127.0.0.255'],
    terms: 'Free for non-commercial use below 100,000 look-ups a day; others subscribe.',
    home: 'https://www.dnswl.org/',
  },
  {
    zone: 'multi.surbl.org',
    operator: 'SURBL',
    about: 'Domains and addresses of sites found in unsolicited mail. The fourth octet is a sum of bits.',
    ask: ['url', 'url-address'],
    site: 'multi.surbl.org=127.0.0.[2..254]*4',
    codes: [
      ['127.0.0.8', 'phishing (bit 8)'],
      ['127.0.0.16', 'malware (bit 16)'],
      ['127.0.0.64', 'abuse (bit 64)'],
      ['127.0.0.128', 'cracked site (bit 128)'],
    ],
    errors: ['127.0.0.1'],
    testListed: 'surbl-org-permanent-test-point.com',
    terms:
      'Free below 1,000 users and 250,000 messages a day, not within products that are paid for; others subscribe.',
    home: 'https://www.surbl.org/',
  },
  {
    zone: 'multi.uribl.com',
    operator: 'URIBL',
    about: 'Registered domains found in spam. The fourth octet is a sum of bits: black 2, grey 4, red 8.',
    ask: ['url'],
    site: 'multi.uribl.com=127.0.0.[2..3;6..7;10..11;14..15]*3',
    codes: [
      ['127.0.0.2', 'black: used by spammers'],
      ['127.0.0.4', 'grey: bulk mail, may be wanted'],
      ['127.0.0.8', 'red: new or hidden owner, automatic'],
    ],
    errors: ['127.0.0.1'],
    testListed: '2.0.0.127',
    terms: 'Free at low volume from your own resolver; heavy users are refused with 127.0.0.1 and may subscribe.',
    home: 'https://uribl.com/',
  },
  {
    zone: 'hostkarma.junkemailfilter.com',
    operator: 'Junk Email Filter',
    about:
      'Block and allow list in one: 127.0.0.1 means good here. Said by some to be given up: see that its test entries pass.',
    ask: ['client'],
    site: 'hostkarma.junkemailfilter.com=127.0.0.2*2',
    codes: [
      ['127.0.0.1', 'white: sends no spam'],
      ['127.0.0.2', 'black: spam source'],
      ['127.0.0.3', 'yellow: sends both'],
      ['127.0.0.4', 'brown: spam, not yet black'],
      ['127.0.0.5', 'not to be put on block lists'],
    ],
    testUnlisted: '',
    terms: 'Free.',
    home: 'https://wiki.junkemailfilter.com/index.php/Spam_DNS_Lists',
  },
];

/** What is known of a zone, one with a key before it too; null for others. */
export function knownList(zone: string): KnownList | null {
  const fits = (name: string): boolean => zone === name || zone.endsWith(`.${name}`);
  return KNOWN_LISTS.find((known) => [known.zone, ...(known.alsoZones ?? [])].some(fits)) ?? null;
}

/** The one name for zones of the same content: that of a known list, or the zone itself. */
export const contentZone = (zone: string): string => knownList(zone)?.zone ?? zone;

/** What an answer of a known list means, or ''. */
export function meaningOf(zone: string, code: string, matches: (filter: string, code: string) => boolean): string {
  return knownList(zone)?.codes.find(([filter]) => matches(filter, code))?.[1] ?? '';
}
