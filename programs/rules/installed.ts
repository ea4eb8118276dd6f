// What is installed of each update channel of the settings. Reads the disk; looks nothing up.
import type { Configuration } from '../../config/load.js';
import { ChannelReleases, type ChannelState, type ReleaseFacts } from '../../rules/channel/releases.js';
import { ruleSettingsOf } from './in-force.js';

export interface InstalledChannel {
  readonly channel: string;
  /** In force, and before it; null for none. */
  readonly release: ReleaseFacts | null;
  readonly previous: ReleaseFacts | null;
  readonly state: ChannelState;
}

/** One entry a channel, in the order of the settings. */
export function installedChannels(configuration: Configuration): readonly InstalledChannel[] {
  const { dir, update } = ruleSettingsOf(configuration);
  if (dir === null) return [];
  return update.channels.map(({ name }) => {
    const releases = new ChannelReleases(dir, name);
    return { channel: name, release: releases.current(), previous: releases.previous(), state: releases.state() };
  });
}
