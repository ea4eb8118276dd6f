// What `weir doctor` says of rule updates: which release of each channel is in force, how old, whether the daily look
// works, and whether signatures can be checked. Looks nothing up. Never throws.
import type { Configuration } from '../../config/load.js';
import { systemClock } from '../../outside/clock.js';
import { findGpgv } from '../../outside/gpgv.js';
import type { ChannelState, ReleaseFacts } from '../../rules/channel/releases.js';
import { line, reasonOf, type DoctorLine } from '../doctor-checks.js';
import { installedChannels } from '../rules/installed.js';
import { ruleSettingsOf } from '../rules/in-force.js';
import { daysBetween, statusLine } from './report.js';
import { trustOf } from './source.js';

const AREA = 'rule updates';
/** Daily looks that fail for longer are worth a word. */
const STALE_DAYS = 3;

/** One line a channel, and what keeps updates from working. */
export function checkUpdates(configuration: Configuration): readonly DoctorLine[] {
  try {
    const { daily, channels } = ruleSettingsOf(configuration).update;
    const installed = installedChannels(configuration);
    const used = installed.filter(({ release }) => daily !== null || release !== null);
    if (used.length === 0) return [line(AREA, 'ok', 'none: no channel is installed, and no time of day is set')];
    const hindrances = channels.filter(({ name }) => used.some(({ channel }) => channel === name)).flatMap(hindranceOf);
    return [...used.map((one) => describe(one, daily)), ...new Set(hindrances)].map((one) =>
      typeof one === 'string' ? line(AREA, 'warn', one, 'until then no new release is taken') : one,
    );
  } catch (error) {
    return [line(AREA, 'warn', reasonOf(error), 'run the doctor as root or as the user of weir')];
  }
}

function describe(
  { channel, release, state }: { channel: string; release: ReleaseFacts | null; state: ChannelState },
  daily: string | null,
): DoctorLine {
  const now = systemClock.now();
  const text = statusLine(channel, release, state, now);
  const isStale =
    daily !== null &&
    state.lookedAt !== null &&
    (state.succeededAt === null || daysBetween(state.succeededAt, now) >= STALE_DAYS);
  const bad = state.failure !== '' || isStale;
  return line(AREA, bad ? 'warn' : 'ok', text, 'weir rules update tries again and says what is wrong');
}

function hindranceOf(channel: Parameters<typeof trustOf>[0]): readonly string[] {
  const trust = trustOf(channel);
  if (typeof trust === 'string') return [`${channel.name}: ${trust}`];
  return trust !== null && findGpgv() === null
    ? ['gpgv is not there to check signatures: install the package gpgv']
    : [];
}
