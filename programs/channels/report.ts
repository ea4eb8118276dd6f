// What an update of rule channels reports, one entry a channel, and how it is told: a line for people, JSON for programs.
// Plain data: it also crosses the control socket.
import { Type, type Static } from 'typebox';
import { CHANNEL_NAME } from '../../rules/channel/channel.js';
import type { ChannelState, ReleaseFacts } from '../../rules/channel/releases.js';
import { showTime } from '../table.js';

const CHANNELS_MAX = 100;

/** What is asked of an update, as the control socket takes it. */
export const updateOrder = Type.Object(
  {
    /** Names of channels; none: all of the settings. */
    channels: Type.Array(Type.String({ maxLength: 253, pattern: CHANNEL_NAME }), { maxItems: CHANNELS_MAX }),
    /** `fetch`: the newest release. `check`: everything but putting it in force. `back`: the release before. */
    deed: Type.Enum(['fetch', 'check', 'back']),
    /** Take a release without its wrong lines, whatever the settings say. */
    leaveOut: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type UpdateOrder = Static<typeof updateOrder>;

/**
 * `taken`: in force. `checked`: would be taken. `newest`: nothing newer. `none`: nothing for this version of the rule
 * language. `refused`: there is a release and it is not taken. `failed`: it cannot be known or fetched. The last two
 * change nothing.
 */
export type UpdateOutcome = 'taken' | 'checked' | 'newest' | 'none' | 'refused' | 'failed';

/** One channel after an update. */
export interface ChannelReport {
  readonly channel: string;
  readonly outcome: UpdateOutcome;
  /** Version that this is about; null where none is known. */
  readonly version: number | null;
  /** Version in force before; null for none. */
  readonly before: number | null;
  /** Why, where nothing was taken; '' otherwise. */
  readonly reason: string;
  /** Of the release; null where there is none at hand. */
  readonly release: ReleaseFacts | null;
  /** Whether a running server has it in force; null where nothing changed. */
  readonly running: boolean | null;
  /** Lines that are wrong, or that were left out, as `file:line: reason`. */
  readonly wrong: readonly string[];
  readonly notes: readonly string[];
}

/** Whether what was asked for came about. */
export function wentWell({ outcome }: ChannelReport): boolean {
  return outcome !== 'refused' && outcome !== 'failed';
}

/** The report of a channel with what differs from nothing. */
export function reportOf(channel: string, outcome: UpdateOutcome, more: Partial<ChannelReport> = {}): ChannelReport {
  const nothing = { version: null, before: null, reason: '', release: null, running: null, wrong: [], notes: [] };
  return { channel, outcome, ...nothing, ...more };
}

/** One line. */
export function reportLine(report: ChannelReport): string {
  const { channel, outcome, version, before, reason, release, running } = report;
  const which = version === null ? '' : ` version ${version}`;
  switch (outcome) {
    case 'taken':
      return `${channel}:${which} ${describeRelease(release)}${before === null ? '' : `, in place of ${before}`}; ${
        running === true ? 'in force' : 'in force when the server starts'
      }`;
    case 'checked':
      return `${channel}:${which} ${describeRelease(release)} would be taken${before === null ? '' : ` in place of ${before}`}`;
    case 'newest':
      return `${channel}:${which} is the newest${reason === '' ? '' : ` (${reason})`}`;
    case 'none':
      return `${channel}: has nothing for this version of the rule language`;
    default:
      return `${channel}:${which} ${outcome === 'refused' ? 'not taken' : 'cannot be had'}: ${reason}`;
  }
}

function describeRelease(release: ReleaseFacts | null): string {
  if (release === null) return '';
  const { files, rules, leftOut, signer } = release;
  const signed = signer === null ? 'not signed' : `signed by ${signer}`;
  return `(${files} files, ${rules} rules${leftOut > 0 ? `, ${leftOut} lines left out` : ''}, ${signed})`;
}

const MS_PER_DAY = 86_400_000;
/** Whole days from one time to another, ms since the epoch. */
export const daysBetween = (from: number, to: number): number => Math.floor((to - from) / MS_PER_DAY);

/** What is in force of a channel, how old that is, and when it was last looked for, one line; `now` in ms since the epoch. */
export function statusLine(channel: string, release: ReleaseFacts | null, state: ChannelState, now: number): string {
  const what =
    release === null
      ? 'nothing installed'
      : `version ${release.version}, ${release.rules} rules, installed ${showTime(release.installedAt)} (${daysBetween(release.installedAt, now)} days ago)`;
  const looked = state.lookedAt === null ? 'never looked for' : `last looked for ${showTime(state.lookedAt)}`;
  return `${channel}: ${what}; ${looked}${state.failure === '' ? '' : `: ${state.failure}`}`;
}
