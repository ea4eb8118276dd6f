// The settings of rule updates: which channels, whose signatures count, when, and what may be reached for it.
import { Type, type Static } from 'typebox';
import type { Objection } from '../../config/section.js';
import { isNetwork } from '../../message/network.js';
import { CHANNEL_NAME } from '../../rules/channel/channel.js';
import { PROJECT_CHANNEL } from '../../rules/channel/project-key.js';

const CHANNELS_MAX = 20;
const MIRRORS_MAX = 20;
const FINGERPRINTS_MAX = 50;
const NETWORKS_MAX = 100;

const channel = Type.Object(
  {
    name: Type.String({
      maxLength: 253,
      pattern: CHANNEL_NAME,
      examples: [PROJECT_CHANNEL],
      description: 'Name of the channel in DNS, lower case.',
    }),
    signature: Type.Optional(
      Type.Union([Type.Literal('openpgp'), Type.Literal('none')], {
        description:
          'Whether an OpenPGP signature is demanded; with `none` everything must come by HTTPS and fit a checksum; absent = `openpgp`.',
      }),
    ),
    keyring: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4_096,
        pattern: '^/[^\\0]*$',
        description: `File with the public keys that may sign, armoured or binary, an absolute path; absent = the project's own key for ${PROJECT_CHANNEL}.`,
      }),
    ),
    fingerprints: Type.Optional(
      Type.Array(Type.String({ maxLength: 64, pattern: '^[0-9A-Fa-f]{40,64}$' }), {
        maxItems: FINGERPRINTS_MAX,
        description: 'Fingerprints of the keys that count, without blanks; absent = every key of the keyring.',
      }),
    ),
    mirrors: Type.Optional(
      Type.Array(Type.String({ maxLength: 1_000, pattern: '^https?://[!-~]+$' }), {
        maxItems: MIRRORS_MAX,
        description: 'Base addresses to fetch from in place of the mirrors that the channel names.',
      }),
    ),
    wrongLines: Type.Optional(
      Type.Union([Type.Literal('refuse'), Type.Literal('leaveOut')], {
        description:
          'What becomes of a release in which a line is wrong: it is refused, or taken without such lines; absent = `refuse`.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const updateSettings = Type.Object(
  {
    daily: Type.Union([Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', examples: ['03:30'] }), Type.Null()], {
      default: null,
      description:
        'Time of day, in local time, at which `weir serve` looks for new releases, within some minutes after it; null = only `weir rules update` does.',
    }),
    channels: Type.Array(channel, {
      default: [{ name: PROJECT_CHANNEL }],
      maxItems: CHANNELS_MAX,
      description:
        'Update channels in the order their rules are read, before imported ones; what was installed of a channel is in force while it stands here.',
    }),
    allowPrivate: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
      default: [],
      maxItems: NETWORKS_MAX,
      examples: [['10.1.2.3', 'fd00:1::/32']],
      description:
        'Addresses and networks that mirrors may have although they are not public; all others of that kind are refused.',
    }),
    timeoutMs: Type.Integer({
      default: 120_000,
      minimum: 1_000,
      maximum: 3_600_000,
      description: 'Longest time of one fetch, redirects included, ms.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'Rules from update channels, as `sa-update` fetches them.' },
);

export type UpdateSettings = Static<typeof updateSettings>;
export type ChannelSettings = UpdateSettings['channels'][number];

/** What is wrong with values that fit the schema; paths within the section `rules`. */
export function checkUpdateSettings({ channels, allowPrivate }: UpdateSettings): readonly Objection[] {
  return [
    ...channels.flatMap((one, index) =>
      checkChannel(one, channels.slice(0, index)).map(({ path, expected }) => ({
        path: ['update', 'channels', String(index + 1), ...path],
        expected,
      })),
    ),
    ...allowPrivate.flatMap((text, index) =>
      isNetwork(text)
        ? []
        : [
            {
              path: ['update', 'allowPrivate', String(index + 1)],
              expected: 'an address or a network such as 10.1.0.0/16',
            },
          ],
    ),
  ];
}

function checkChannel(one: ChannelSettings, before: readonly ChannelSettings[]): readonly Objection[] {
  const objections: Objection[] = [];
  const isSigned = one.signature !== 'none';
  if (before.some(({ name }) => name === one.name))
    objections.push({ path: ['name'], expected: 'a channel only once' });
  if (isSigned && one.keyring === undefined && one.name !== PROJECT_CHANNEL)
    objections.push({ path: ['name'], expected: 'a channel with a `keyring`, or with `signature: none`' });
  if (!isSigned && (one.keyring !== undefined || one.fingerprints !== undefined))
    objections.push({ path: ['signature'], expected: '`openpgp` where keys are named' });
  if (!isSigned && one.mirrors?.some((url) => !url.startsWith('https://')) === true)
    objections.push({ path: ['mirrors'], expected: 'https:// addresses where no signature is demanded' });
  return objections;
}
