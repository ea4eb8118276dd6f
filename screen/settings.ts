// The `screen` section of the configuration: what the front listener tests, what follows, and every limit and wait of it.
// Data only; what goes beyond the schema is held against the values here.
import { hostname } from 'node:os';
import { Type, type Static } from 'typebox';
import type { AttachedFiles } from '../config/attached.js';
import type { Objection, Section, SectionFile } from '../config/section.js';
import { keyFileOf, readKey } from '../lists/list.js';
import { KEY_MARK, parseSite, SITE_MAX_CHARS } from '../lists/site.js';
import { isNetwork } from '../message/network.js';
import { tlsContext, tlsFiles } from './certificate.js';

const MS_MAX = 86_400_000;
const DAYS_MAX = 365;
const NETWORKS_MAX = 1_000;
const COUNT_MAX = 1_000_000;

/** What follows when a client fails a test: nothing, a refusal of every recipient, or a refusal at once. */
export type TestAction = 'ignore' | 'enforce' | 'drop';

const action = (value: TestAction, of: string) =>
  Type.Union([Type.Literal('ignore'), Type.Literal('enforce'), Type.Literal('drop')], {
    default: value,
    description: `What follows for ${of}: \`ignore\` (log only), \`enforce\` (550 at RCPT, so that sender and recipient are logged) or \`drop\` (521 at once).`,
  });

const integer = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });

const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });

const networks = (value: string[], description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { default: value, maxItems: NETWORKS_MAX, description });

const LISTEN = '^(inet:.+:[0-9]+|fd:[0-9]+)$';

const listen = (value: string[], description: string) =>
  Type.Array(Type.String({ pattern: LISTEN, maxLength: 300 }), { default: value, maxItems: 16, description });

const file = (description: string) => Type.String({ default: '', maxLength: 4_096, description });

const site = Type.Object(
  {
    list: Type.String({
      minLength: 1,
      maxLength: SITE_MAX_CHARS,
      description:
        'The list as Postfix writes it, `domain[=filter][*weight]`, such as `zen.example=127.0.0.[2..11]*3`; a negative weight makes it an allow list.',
    }),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        pattern: '^[ -~]+$',
        description: 'What clients and logs are told in place of the domain; absent = the domain without its key.',
      }),
    ),
    keyFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4_096,
        description: 'File whose first line stands for `{key}` in the domain, so that the key is in no log.',
      }),
    ),
  },
  { additionalProperties: false },
);

const properties = {
  enabled: flag(false, 'Whether the front listener runs: it takes connections from the Internet in place of Postfix.'),
  listen: listen(
    ['inet:0.0.0.0:25', 'inet:[::]:25'],
    'Addresses that clients connect to: `inet:host:port`, `inet:[::1]:port`, or `fd:number` for a socket handed in. Never a port for submission or AUTH.',
  ),
  listenProxied: listen(
    [],
    'Addresses that balancers connect to: every connection there must begin with a PROXY header, version 1 or 2.',
  ),
  balancers: networks([], 'Addresses or networks whose PROXY headers are believed; others are hung up on there.'),
  proxyHeaderTimeoutMs: integer(5_000, 3_000, MS_MAX, 'Longest wait for the PROXY header of a balancer, ms.'),
  upstream: Type.String({
    default: 'inet:127.0.0.1:10025',
    pattern: '^(unix:/.+|inet:.+:[0-9]+)$',
    maxLength: 300,
    description:
      'The smtpd that clients are handed to, with `smtpd_upstream_proxy_protocol=haproxy`: `inet:host:port` on loopback, or `unix:/path`. Nobody else may reach it.',
  }),
  upstreamTimeoutMs: integer(60_000, 1_000, MS_MAX, "Longest wait for the MTA's greeting, ms; then 421 4.3.2."),
  proxyVersion: Type.Union([Type.Literal('v1'), Type.Literal('v2')], {
    default: 'v2',
    description: 'PROXY protocol towards the MTA.',
  }),
  hostName: Type.String({
    default: '',
    maxLength: 255,
    pattern: '^[A-Za-z0-9.-]*$',
    description: "Host name in greeting and replies, as Postfix's `myhostname`; empty = that of this system.",
  }),
  banner: Type.String({
    default: 'ESMTP',
    maxLength: 200,
    pattern: '^[ -~]*$',
    description: 'What follows the host name in the greeting.',
  }),
  teaser: flag(true, 'Whether the first half of the greeting (`220-`) is sent at once, for zombies to fall for.'),
  primaryAddresses: networks(
    [],
    'Own addresses on which a client may pass for the first time, those of the primary MX; on others it gets 450 until it has. Empty = all.',
  ),

  greetWaitMs: integer(6_000, 0, 60_000, 'How long a client must keep silent before the greeting ends, ms.'),
  greetWaitStressMs: integer(2_000, 0, 60_000, 'The same under stress, ms.'),
  pregreetTest: flag(true, 'Whether it is tested that a client waits for the whole greeting.'),
  pregreetAction: action('enforce', 'a client that talks before the greeting ends'),
  pregreetPassHours: integer(24, 1, 24 * DAYS_MAX, 'How long having passed that test holds, hours.'),

  dnsblSites: Type.Array(site, {
    default: [],
    maxItems: 100,
    description:
      'DNS lists asked about every client during the wait; the weights of all that fit add up. None by default, since each has terms of use (`weir check-ip --known`).',
  }),
  dnsblThreshold: Type.Number({
    default: 1,
    minimum: 0.001,
    maximum: 10_000,
    description: 'Sum of the weights at or over which a client is refused.',
  }),
  dnsblAction: action('enforce', 'a client whose sum reaches the threshold'),
  dnsblAllowThreshold: Type.Number({
    default: 0,
    minimum: -10_000,
    maximum: 0,
    description:
      'Sum at or below which a client is let through without the rest of the wait and without deep tests; 0 = off.',
  }),
  dnsblTimeoutMs: integer(10_000, 100, 60_000, 'Longest wait for one list, ms; silence counts nothing.'),
  dnsblPassMinS: integer(
    60,
    1,
    86_400,
    'A pass holds as long as the answers of the lists, at least this long, seconds.',
  ),
  dnsblPassMaxS: integer(3_600, 1, 86_400, 'And at most this long, seconds.'),
  dnsblTestMinutes: integer(15, 1, 10_080, "How often a list's test entries are asked while it works, minutes."),
  dnsblRetestMs: integer(60_000, 100, MS_MAX, 'How soon a suspended list is tested again, ms.'),

  pipeliningTest: flag(false, 'Deep test: commands sent before the reply. Clients that pass must connect again.'),
  pipeliningAction: action('enforce', 'a client that sends commands in one go'),
  pipeliningPassDays: integer(30, 1, DAYS_MAX, 'How long having passed that test holds, days.'),
  nonSmtpTest: flag(false, 'Deep test: commands of other protocols. Clients that pass must connect again.'),
  nonSmtpAction: action('drop', 'a client that speaks another protocol'),
  nonSmtpPassDays: integer(30, 1, DAYS_MAX, 'How long having passed that test holds, days.'),
  nonSmtpCommands: Type.Array(Type.String({ minLength: 1, maxLength: 40, pattern: '^[A-Za-z0-9]+$' }), {
    default: ['CONNECT', 'GET', 'POST'],
    maxItems: 100,
    description: 'Words that begin lines of other protocols.',
  }),
  bareNewlineTest: flag(false, 'Deep test: lines that end in LF alone. Clients that pass must connect again.'),
  bareNewlineAction: action('ignore', 'a client that ends lines in LF alone'),
  bareNewlinePassDays: integer(30, 1, DAYS_MAX, 'How long having passed that test holds, days.'),

  tlsCertificateFile: file(
    "The MTA's certificate with its chain, PEM: deep tests need it, since clients bound by MTA-STS or DANE would not go on without STARTTLS. Without it deep tests stay off.",
  ),
  tlsKeyFile: file('Its private key, PEM.'),

  permitNetworks: networks(
    ['127.0.0.0/8', '::1'],
    'Networks handed to the MTA at once, without any test: own ones, monitors. They come before `denyNetworks`.',
  ),
  denyNetworks: networks([], 'Networks that are refused.'),
  denyAction: action('enforce', 'a client of a refused network'),

  connectionsMax: integer(20_000, 1, COUNT_MAX, 'Most connections at once, those handed to the MTA included.'),
  connectionsPerAddressMax: integer(50, 1, COUNT_MAX, 'Most connections of one address at once; over it 421.'),
  connectionsPerNetworkMax: integer(
    100,
    1,
    COUNT_MAX,
    'Most connections of one IPv6 network /64 at once; over it 421.',
  ),
  screenedMax: integer(
    10_000,
    1,
    COUNT_MAX,
    'Most clients under test at once; over it 421. Stress begins at 90 % of it and ends at 70 %.',
  ),
  handoffsMax: integer(
    100,
    1,
    COUNT_MAX,
    "Most connections that wait for the MTA's greeting at once: no more than the processes it may start. Others stand in line.",
  ),
  handoffsWaitingMax: integer(
    1_000,
    0,
    COUNT_MAX,
    'Most clients that stand in line for the MTA, while it starts processes; over it 421 to whoever comes. The wait counts towards `upstreamTimeoutMs`.',
  ),
  commandTimeoutMs: integer(
    300_000,
    100,
    MS_MAX,
    'Longest wait for a command in the deep tests and of refused clients, ms.',
  ),
  commandTimeoutStressMs: integer(10_000, 100, MS_MAX, 'The same under stress, ms.'),
  commandsMax: integer(20, 1, 10_000, 'Most commands of a client that is not handed on; over it 421.'),
  lineMaxBytes: integer(2_048, 512, 65_536, 'Longest line of such a client, bytes; over it 421.'),
  sizeOfferedMaxBytes: integer(
    10_240_000,
    0,
    Number.MAX_SAFE_INTEGER,
    "Message size offered to such a client, bytes: Postfix's `message_size_limit`; 0 = any.",
  ),
  splicedMaxMs: integer(3_600_000, 1_000, MS_MAX, 'Longest a connection to the MTA may last, ms.'),
} as const;

/** What the `screen` section holds. */
export const SCREEN_SECTION: Section<ReturnType<typeof schemaOf>> = {
  name: 'screen',
  description: 'The front listener before Postfix: tests of clients before they may speak.',
  schema: schemaOf(),
  files: screenFiles,
  check: checkScreenSettings,
};

export type ScreenSettings = Static<typeof SCREEN_SECTION.schema>;

function schemaOf() {
  return Type.Object(properties, { additionalProperties: false });
}

/** Deep tests, in the order of the dialogue. */
export const DEEP_TESTS = ['pipelining', 'nonSmtp', 'bareNewline'] as const;
export type DeepTest = (typeof DEEP_TESTS)[number];

/** Whether a test is asked for. Deep tests need a certificate as well. */
export const isWanted = (settings: ScreenSettings, test: DeepTest): boolean => settings[`${test}Test`];

/** Why deep tests that were asked for stay off, or null. */
export function whyNoDeepTests(settings: ScreenSettings): string | null {
  if (!DEEP_TESTS.some((test) => isWanted(settings, test))) return null;
  if (settings.tlsCertificateFile !== '' && settings.tlsKeyFile !== '') return null;
  return 'deep tests need STARTTLS: set `screen.tlsCertificateFile` and `screen.tlsKeyFile`; until then they stay off';
}

/** The host name of greeting and replies. */
export const hostNameOf = ({ hostName }: ScreenSettings): string => (hostName === '' ? hostname() : hostName);

function screenFiles(settings: ScreenSettings): readonly SectionFile[] {
  const keys = settings.dnsblSites.flatMap(({ keyFile }, index) =>
    keyFile === undefined
      ? []
      : [{ ...keyFileOf(keyFile), key: ['dnsblSites', String(index + 1), 'keyFile'], required: true }],
  );
  return [...keys, ...tlsFiles(settings).map(({ key, named }) => ({ ...named, key: [key], required: true }))];
}

function checkScreenSettings(settings: ScreenSettings, files: AttachedFiles): readonly Objection[] {
  return [
    ...settings.dnsblSites.flatMap((entry, index) =>
      checkSite(entry, files).map(({ path, expected }) => ({
        path: ['dnsblSites', String(index + 1), ...path],
        expected,
      })),
    ),
    ...(['balancers', 'primaryAddresses', 'permitNetworks', 'denyNetworks'] as const).flatMap((key) =>
      settings[key].flatMap((text, index) =>
        isNetwork(text)
          ? []
          : [{ path: [key, String(index + 1)], expected: 'an address or a network such as 192.0.2.0/24' }],
      ),
    ),
    ...checkTogether(settings),
    ...checkCertificate(settings, files),
  ];
}

function checkTogether(settings: ScreenSettings): readonly Objection[] {
  const objections: Objection[] = [];
  if (settings.enabled && settings.listen.length + settings.listenProxied.length === 0)
    objections.push({ path: ['listen'], expected: 'an address, or one in `listenProxied`' });
  if (settings.listenProxied.length > 0 && settings.balancers.length === 0)
    objections.push({ path: ['balancers'], expected: 'the balancers whose headers `listenProxied` believes' });
  if (settings.dnsblPassMinS > settings.dnsblPassMaxS)
    objections.push({ path: ['dnsblPassMinS'], expected: `at most \`dnsblPassMaxS\` (${settings.dnsblPassMaxS})` });
  return objections;
}

function checkSite(entry: ScreenSettings['dnsblSites'][number], files: AttachedFiles): readonly Objection[] {
  const parsed = parseSite(entry.list);
  if (typeof parsed === 'string') return [{ path: ['list'], expected: parsed }];
  if (parsed.zone.includes(KEY_MARK) !== (entry.keyFile !== undefined))
    return [{ path: ['list'], expected: '`{key}` in the domain and `keyFile` together, or neither' }];
  if (entry.keyFile !== undefined && readKey(entry.keyFile, files) === null)
    return [{ path: ['keyFile'], expected: 'a file whose first line is a key of letters, digits and hyphens' }];
  return [];
}

function checkCertificate(settings: ScreenSettings, files: AttachedFiles): readonly Objection[] {
  if ((settings.tlsCertificateFile === '') !== (settings.tlsKeyFile === '')) {
    const path = settings.tlsKeyFile === '' ? 'tlsKeyFile' : 'tlsCertificateFile';
    return [{ path: [path], expected: 'certificate and key together, or neither' }];
  }
  try {
    tlsContext(settings, files);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ path: ['tlsCertificateFile'], expected: `a certificate and its key in PEM (${reason})` }];
  }
}
