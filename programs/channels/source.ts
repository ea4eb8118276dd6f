// Where and how one channel's releases are fetched under the settings: mirrors, keys that count, addresses that may be
// reached. Reads the keyring; fetches nothing by itself.
import { readFileSync } from 'node:fs';
import type { ChannelSettings, UpdateSettings } from '../../filters/rules/update-settings.js';
import { NetworkSet } from '../../message/network.js';
import { httpGet } from '../../outside/http-get.js';
import { isPublicAddress } from '../../outside/public-address.js';
import type { Resolver } from '../../outside/resolver.js';
import { findMirrorLists } from '../../rules/channel/channel.js';
import type { DownloadOptions, Trust } from '../../rules/channel/download.js';
import { readKeyring } from '../../rules/channel/keyring.js';
import { PROJECT_CHANNEL, PROJECT_FINGERPRINTS, PROJECT_KEYRING } from '../../rules/channel/project-key.js';
import { VERSION } from '../version.js';

/** The channel's source, or why there is none. */
export function openSource(
  channel: ChannelSettings,
  { allowPrivate, timeoutMs }: UpdateSettings,
  lastList: string | null,
  resolver: Resolver,
  signal: AbortSignal,
): DownloadOptions | string {
  const trust = trustOf(channel);
  if (typeof trust === 'string') return trust;
  const allowed = new NetworkSet(allowPrivate);
  return {
    mirrors: channel.mirrors ?? [],
    findLists: () => findMirrorLists(channel.name, resolver, signal),
    lastList,
    trust,
    random: Math.random,
    get: (url, sizeMaxBytes) =>
      httpGet(url, {
        resolver,
        mayReach: (address) => isPublicAddress(address) || allowed.has(address),
        sizeMaxBytes,
        timeoutMs,
        userAgent: `weir/${VERSION}`,
        allowPlain: trust !== null,
        signal,
      }),
  };
}

/** Whose signatures count; null for a channel that is not signed; why it cannot be said, as text. */
export function trustOf({ name, signature, keyring, fingerprints }: ChannelSettings): Trust | null | string {
  if (signature === 'none') return null;
  const wanted = fingerprints?.map((text) => text.toUpperCase());
  if (keyring === undefined) {
    if (name === PROJECT_CHANNEL) return { keyring: PROJECT_KEYRING, fingerprints: wanted ?? PROJECT_FINGERPRINTS };
    return 'no keyring is set for it (rules.update.channels[].keyring)';
  }
  try {
    return { keyring: readKeyring(readFileSync(keyring)), fingerprints: wanted ?? [] };
  } catch (error) {
    return `the keyring ${keyring}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
