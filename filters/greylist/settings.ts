// The settings of greylisting (product A3): whom it holds for, how long, and who is spared.
import { Type, type Static } from 'typebox';
import type { AllValues, Objection } from '../../config/section.js';
import { isNetwork } from '../../message/network.js';
import { sourceDomain, type Source } from './sources.js';
import type { Spans } from './triplet.js';

const SOURCES_MAX = 10_000;
const DAY_HOURS = 24;
const names = (description: string, initial: readonly string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
    default: [...initial],
    maxItems: SOURCES_MAX,
    description,
  });

/** Providers whose servers are many and try again from another one: greylisting would only delay them. */
const LARGE_SENDERS = [
  'amazon.com',
  'aol.com',
  'apple.com',
  'fastmail.com',
  'github.com',
  'gmail.com',
  'gmx.de',
  'gmx.net',
  'google.com',
  'googlemail.com',
  'hotmail.com',
  'icloud.com',
  'linkedin.com',
  'live.com',
  'mail.ru',
  'mailbox.org',
  'me.com',
  'microsoft.com',
  'msn.com',
  'outlook.com',
  'paypal.com',
  'posteo.de',
  'proton.me',
  'protonmail.com',
  'qq.com',
  't-online.de',
  'web.de',
  'yahoo.com',
  'ymail.com',
  '126.com',
  '163.com',
];

/** Names of servers that send for many domains. */
const LARGE_HOSTS = [
  'amazonses.com',
  'google.com',
  'mailgun.net',
  'mandrillapp.com',
  'mcsv.net',
  'messagelabs.com',
  'mimecast.com',
  'outbound.protection.outlook.com',
  'pphosted.com',
  'rsgsv.net',
  'sendgrid.net',
];

const action = (description: string) =>
  Type.Union([Type.Literal('allow'), Type.Literal('greylist'), Type.Literal('deny')], { description });

const sourceSchema = Type.Object(
  {
    source: Type.String({
      minLength: 1,
      maxLength: 255,
      examples: ['203.0.113.0/24'],
      description:
        'Address, network, or domain of the client. A domain is the name its address has in reverse DNS, confirmed forward, or one above it; never that of the sender.',
    }),
    action: action('As `defaultAction`, for this source.'),
    note: Type.String({ default: '', maxLength: 1_000, description: 'For whoever reads it.' }),
  },
  { additionalProperties: false },
);

export const greylistSettings = Type.Object({
  defaultAction: Type.Union([Type.Literal('allow'), Type.Literal('greylist'), Type.Literal('deny')], {
    default: 'greylist',
    description:
      'What holds for sources without an entry: `allow` skips greylisting and nothing else, `greylist` lets mail come late, `deny` refuses.',
  }),
  delaySeconds: Type.Integer({
    default: 300,
    minimum: 0,
    maximum: 86_400,
    description: 'How long after the first attempt a retry is let through.',
  }),
  windowHours: Type.Integer({
    default: 2 * DAY_HOURS,
    minimum: 1,
    maximum: 14 * DAY_HOURS,
    description: 'How long after the first attempt a retry still counts; a later one begins anew.',
  }),
  keepDays: Type.Integer({
    default: 35,
    minimum: 1,
    maximum: 400,
    description: 'How long what was let through is remembered after it was last seen.',
  }),
  clientPassAfter: Type.Integer({
    default: 5,
    minimum: 0,
    maximum: 1_000,
    description: 'Sessions with mail that came again in time after which a client waits no more; 0 = never.',
  }),
  ipv4PrefixBits: Type.Integer({
    default: 24,
    minimum: 8,
    maximum: 32,
    description:
      'Bits of an IPv4 address that tell clients apart: a pool of servers that retries from next door is one.',
  }),
  ipv6PrefixBits: Type.Integer({
    default: 64,
    minimum: 16,
    maximum: 128,
    description: 'The same for IPv6.',
  }),
  when: Type.Union([Type.Literal('always'), Type.Literal('suspicious')], {
    default: 'always',
    description:
      '`always` answers each recipient before the content. `suspicious` waits for the content and greylists only mail whose score lies in the range below; then one who waits makes all recipients of that message wait.',
  }),
  suspiciousFrom: Type.Number({
    default: 3,
    minimum: -10_000,
    maximum: 10_000,
    description: 'Lowest score that `suspicious` greylists.',
  }),
  suspiciousBelow: Type.Number({
    default: 10,
    minimum: -10_000,
    maximum: 10_000,
    description: 'Scores from here on are left to their own action.',
  }),
  sources: Type.Array(sourceSchema, {
    default: [],
    maxItems: SOURCES_MAX,
    description: 'What holds for single sources; the most particular entry counts, addresses before names.',
  }),
  exemptNetworks: names(
    'Networks that are neither greylisted nor denied; `directions.trustedRelays` always belong to them.',
    [],
  ),
  largeSenders: names(
    'Sender domains, with all below them, that are spared where SPF passes; SPF is asked for these alone.',
    LARGE_SENDERS,
  ),
  largeHosts: names(
    'Domains of sending servers, with all below them, that are spared by their confirmed name in reverse DNS.',
    LARGE_HOSTS,
  ),
  sparesScreened: Type.Boolean({
    default: true,
    description: 'Whether clients that passed the deep tests of the front listener (`screen`) are spared.',
  }),
});
export type GreylistSettings = Static<typeof greylistSettings>;

const HOUR_MS = 3_600_000;

/** The spans in ms. */
export function spansOf({ delaySeconds, windowHours, keepDays }: GreylistSettings): Spans {
  return { delayMs: delaySeconds * 1_000, windowMs: windowHours * HOUR_MS, keepMs: keepDays * DAY_HOURS * HOUR_MS };
}

/** Trusted relays retry for others, or their senders would: they never wait. */
export function completeGreylist(settings: GreylistSettings, all: AllValues): GreylistSettings {
  const relays = all['directions']?.['trustedRelays'];
  if (!Array.isArray(relays)) return settings;
  return { ...settings, exemptNetworks: [...settings.exemptNetworks, ...(relays as string[])] };
}

/** What the schema cannot say. */
export function checkGreylist(settings: GreylistSettings): readonly Objection[] {
  const objections: Objection[] = [];
  if (settings.delaySeconds * 1_000 >= settings.windowHours * HOUR_MS)
    objections.push({ path: ['delaySeconds'], expected: 'less than `windowHours`, or nothing ever passes' });
  if (settings.suspiciousFrom >= settings.suspiciousBelow)
    objections.push({
      path: ['suspiciousFrom'],
      expected: `a number below suspiciousBelow (${settings.suspiciousBelow})`,
    });
  settings.exemptNetworks.forEach((entry, index) => {
    if (!isNetwork(entry))
      objections.push({ path: ['exemptNetworks', String(index + 1)], expected: 'an address or a network' });
  });
  return [...objections, ...checkSources(settings.sources)];
}

function checkSources(sources: readonly Source[]): readonly Objection[] {
  const seen = new Set<string>();
  return sources.flatMap(({ source }, index) => {
    const path = ['sources', String(index + 1), 'source'];
    const key = isNetwork(source) ? source : sourceDomain(source);
    if (seen.has(key)) return [{ path, expected: 'a source of its own (this one stands there twice)' }];
    seen.add(key);
    const isName = /^[0-9a-z_-]+(\.[0-9a-z_-]+)*$/.test(key) && !/^[0-9.]+$/.test(key);
    if (isNetwork(source) || isName) return [];
    return [{ path, expected: 'an address, a network or a domain' }];
  });
}
