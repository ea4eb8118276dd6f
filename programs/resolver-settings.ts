// The `resolver` section: which DNS servers are asked, how long and how much, and how long answers are kept.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';
import type { Configuration } from '../config/load.js';
import { formatServerAddress, parseServerAddress, readResolvConf, SERVERS_MAX } from '../outside/dns-address.js';
import { RESOLVER_DEFAULTS, type ResolverOptions } from '../outside/dns-resolver.js';

const MEBIBYTE = 1_048_576;

const whole = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });

export const resolverSection = section(
  'resolver',
  'How names are looked up in DNS: servers, time limits, and how long answers are kept.',
  {
    enabled: Type.Boolean({
      default: true,
      description: 'Whether anything is looked up; without it stages report what they know without DNS.',
    }),
    servers: Type.Array(Type.String({ minLength: 2, maxLength: 80 }), {
      default: [...RESOLVER_DEFAULTS.servers],
      maxItems: SERVERS_MAX,
      examples: [['127.0.0.1', '192.0.2.53:5353', '[2001:db8::53]:53']],
      description:
        'DNS servers that resolve for others, in their order, as address or address:port; empty takes those of /etc/resolv.conf.',
    }),
    timeoutMs: whole(
      RESOLVER_DEFAULTS.timeoutMs,
      100,
      60_000,
      'Longest time of one look-up; an answer that is later counts as none.',
    ),
    tries: whole(
      RESOLVER_DEFAULTS.tries,
      1,
      10,
      'How often a question is sent at most, over all servers, spread over the time limit.',
    ),
    inFlightMax: whole(RESOLVER_DEFAULTS.inFlightMax, 1, 10_000, 'Most questions of one worker that are out at once.'),
    waitingMax: whole(
      RESOLVER_DEFAULTS.waitingMax,
      0,
      100_000,
      'Most questions of one worker that wait for their turn; beyond that a look-up fails.',
    ),
    cacheEntriesMax: whole(RESOLVER_DEFAULTS.cacheEntriesMax, 0, 10_000_000, 'Most answers one worker keeps.'),
    cacheSizeMaxMb: whole(
      RESOLVER_DEFAULTS.cacheSizeMaxBytes / MEBIBYTE,
      1,
      4_096,
      'Most memory the answers of one worker take, in megabytes.',
    ),
    ttlMinS: whole(RESOLVER_DEFAULTS.ttlMinS, 0, 3_600, 'An answer is kept at least so many seconds.'),
    ttlMaxS: whole(RESOLVER_DEFAULTS.ttlMaxS, 1, 604_800, 'An answer is kept at most so many seconds.'),
    negativeTtlMaxS: whole(
      RESOLVER_DEFAULTS.negativeTtlMaxS,
      0,
      86_400,
      'That a name or a record does not exist is kept at most so many seconds.',
    ),
    failureTtlS: whole(
      RESOLVER_DEFAULTS.failureTtlS,
      1,
      300,
      'A look-up that failed is not tried again for so many seconds.',
    ),
    staleOnFailureS: whole(
      RESOLVER_DEFAULTS.staleOnFailureS,
      0,
      604_800,
      'When the servers fail, an answer whose time is over may stand in for so many seconds more; 0 never takes one.',
    ),
  },
  (settings) => [
    ...settings.servers.flatMap((text, at) =>
      parseServerAddress(text) === null
        ? [{ path: ['servers', String(at + 1)], expected: 'address, address:port or [address]:port, no name' }]
        : [],
    ),
    ...(settings.ttlMinS > settings.ttlMaxS
      ? [{ path: ['ttlMinS'], expected: `at most ttlMaxS (${String(settings.ttlMaxS)})` }]
      : []),
  ],
);

export type ResolverSettings = Static<typeof resolverSection.schema>;

/** The settings as the resolver takes them. */
export function resolverOptions({ enabled: _enabled, cacheSizeMaxMb, ...options }: ResolverSettings): ResolverOptions {
  return { ...options, cacheSizeMaxBytes: cacheSizeMaxMb * MEBIBYTE };
}

/** The servers that are asked, as address:port: those of the settings, else those of the host. */
export function dnsServersOf(configuration: Configuration): readonly string[] {
  const { servers } = configuration.section(resolverSection);
  return servers.length > 0 ? servers : readResolvConf().map(formatServerAddress);
}
