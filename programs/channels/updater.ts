// Updates rule channels: asks DNS, fetches, verifies, checks the rules as the server would take them, puts them in force
// and takes them back when the server refuses them. Whatever goes wrong leaves what was there; one update at a time.
import { join } from 'node:path';
import type { Configuration } from '../../config/load.js';
import type { ChannelSettings } from '../../filters/rules/update-settings.js';
import { systemClock } from '../../outside/clock.js';
import { createResolver } from '../../outside/dns-resolver.js';
import { makeDirectory, giveTo, ownerAbove } from '../../outside/ownership.js';
import { takeLock } from '../../outside/process-lock.js';
import { findVersion } from '../../rules/channel/channel.js';
import { downloadRelease, type Release } from '../../rules/channel/download.js';
import { ChannelReleases, channelsDirectory } from '../../rules/channel/releases.js';
import type { ReloadResult } from '../process-messages.js';
import { resolverOptions, resolverSection } from '../resolver-settings.js';
import { ruleSettingsOf } from '../rules/in-force.js';
import { readRelease } from '../rules/release-rules.js';
import { RuleStore } from '../rules/store.js';
import { openSource } from './source.js';
import { reportOf, type ChannelReport, type UpdateOrder } from './report.js';

const LOCK_FILE = 'lock';

/** What an update needs of the process it runs in. */
export interface UpdateWorld {
  /** The settings as the files have them now. */
  readonly read: () => Configuration;
  /** Has a running server read its settings again; null when none runs. */
  readonly reload: () => Promise<ReloadResult | null>;
  readonly signal: AbortSignal;
}

/** Somebody else is at it. */
export class UpdateBusyError extends Error {
  override readonly name = 'UpdateBusyError';
  constructor() {
    super('another update of rules is under way');
  }
}

/** Carries out an order, channel by channel. Rejects with `UpdateBusyError`, and for settings or files that are no good. */
export async function updateRules(order: UpdateOrder, world: UpdateWorld): Promise<readonly ChannelReport[]> {
  const settings = ruleSettingsOf(world.read());
  const dir = new RuleStore(world.read()).dir;
  const channels = chooseChannels(order.channels, settings.update.channels);
  const unlock = order.deed === 'check' ? () => undefined : lock(dir);
  try {
    const reports: ChannelReport[] = [];
    for (const channel of channels) reports.push(await updateChannel(channel, order, world));
    return reports;
  } finally {
    unlock();
  }
}

function chooseChannels(names: readonly string[], known: readonly ChannelSettings[]): readonly ChannelSettings[] {
  const unknown = names.find((name) => !known.some((one) => one.name === name));
  if (unknown !== undefined) {
    const there = known.map(({ name }) => name).join(', ');
    throw new Error(`${unknown} is not in rules.update.channels${there === '' ? '' : `; there are: ${there}`}`);
  }
  return names.length === 0 ? known : known.filter(({ name }) => names.includes(name));
}

function lock(rulesDir: string): () => void {
  const directory = channelsDirectory(rulesDir);
  const owner = ownerAbove(directory);
  makeDirectory(owner, directory);
  const path = join(directory, LOCK_FILE);
  const unlock = takeLock(path);
  if (unlock === null) throw new UpdateBusyError();
  giveTo(owner, path);
  return unlock;
}

/** One channel; what the system does not let us do is its failure, and the others go on. */
async function updateChannel(channel: ChannelSettings, order: UpdateOrder, world: UpdateWorld): Promise<ChannelReport> {
  const configuration = world.read();
  const store = new RuleStore(configuration);
  const releases = new ChannelReleases(store.dir, channel.name);
  const place = { configuration, store, releases, world };
  const report = await (order.deed === 'back' ? goBack(channel, place) : look(channel, order, place)).catch(
    (error: unknown) =>
      reportOf(channel.name, 'failed', { reason: error instanceof Error ? error.message : String(error) }),
  );
  if (order.deed === 'check') return report;
  const trouble = keepBooks(releases, order, report);
  return trouble === null ? report : { ...report, notes: [...report.notes, trouble] };
}

/** What is kept beside the releases does not undo what became of them: gives what went wrong, or null. */
function keepBooks(releases: ChannelReleases, { deed }: UpdateOrder, report: ChannelReport): string | null {
  try {
    if (deed === 'fetch') noteLook(releases, report);
    else if (report.outcome === 'taken') releases.note({ passedOver: report.before });
    releases.tidy();
    return null;
  } catch (error) {
    return `what became of it could not be noted: ${error instanceof Error ? error.message : String(error)}`;
  }
}

interface Place {
  readonly configuration: Configuration;
  readonly store: RuleStore;
  readonly releases: ChannelReleases;
  readonly world: UpdateWorld;
}

function noteLook(releases: ChannelReleases, report: ChannelReport): void {
  const now = systemClock.now();
  const failure = report.outcome === 'refused' || report.outcome === 'failed' ? report.reason : '';
  releases.note({ lookedAt: now, failure, ...(failure === '' && { succeededAt: now }) });
}

async function look(channel: ChannelSettings, order: UpdateOrder, place: Place): Promise<ChannelReport> {
  const settings = place.configuration.section(resolverSection);
  if (!settings.enabled)
    return reportOf(channel.name, 'failed', { reason: 'nothing is looked up: resolver.enabled is false' });
  const resolver = createResolver(resolverOptions(settings), { clock: systemClock });
  try {
    const before = place.releases.currentVersion();
    const found = await findVersion(channel.name, resolver, place.world.signal);
    if (found.kind === 'failed') return reportOf(channel.name, 'failed', { before, reason: found.reason });
    if (found.kind === 'none') return reportOf(channel.name, 'none', { before });
    const { version } = found;
    const standing = compareVersions(version, before, place.releases.state().passedOver);
    if (standing !== null)
      return reportOf(channel.name, standing.outcome, { version, before, reason: standing.reason });
    const { update } = ruleSettingsOf(place.configuration);
    const source = openSource(channel, update, place.releases.mirrorList(), resolver, place.world.signal);
    if (typeof source === 'string') return reportOf(channel.name, 'failed', { version, before, reason: source });
    const loaded = await downloadRelease(version, source);
    if (!loaded.ok) return reportOf(channel.name, 'failed', { version, before, reason: loaded.reason });
    return await take(channel, order, loaded.release, place);
  } finally {
    resolver.close();
  }
}

/** Why a version is not fetched, or null when it is newer than all that matters. */
function compareVersions(
  version: number,
  before: number | null,
  passedOver: number | null,
): Pick<ChannelReport, 'outcome' | 'reason'> | null {
  if (before !== null && version < before)
    return { outcome: 'refused', reason: `it is older than version ${before}, which is installed` };
  if (version === before) return { outcome: 'newest', reason: '' };
  if (version === passedOver)
    return {
      outcome: 'newest',
      reason: `it was taken back here; version ${before ?? 0} stays until there is a newer one`,
    };
  return null;
}

/** Checks a verified release as the server would, and puts it in force. */
async function take(
  channel: ChannelSettings,
  order: UpdateOrder,
  release: Release,
  { store, releases, world }: Place,
): Promise<ChannelReport> {
  const current = releases.current();
  const before = releases.currentVersion();
  const { version } = release;
  const notes = [...release.notes];
  if (current === null && before !== null)
    notes.push(`the record of version ${before}, which is installed, is damaged`);
  const signedAt = release.signature?.signedAt ?? null;
  const report = (outcome: ChannelReport['outcome'], more: Partial<ChannelReport>): ChannelReport =>
    reportOf(channel.name, outcome, { version, before, notes, ...more });
  if (signedAt !== null && current !== null && current.signedAt !== null && signedAt < current.signedAt)
    return report('refused', {
      reason: 'its archive was signed before the one installed: it is older than its number',
    });
  const read = readRelease(store, releases, channel.name, release, order.leaveOut || channel.wrongLines === 'leaveOut');
  const { wrong } = read;
  if (read.files === null) return report('refused', { reason: read.reason, wrong });
  const facts = {
    version,
    installedAt: systemClock.now(),
    mirror: release.mirror,
    sha256: release.sha256,
    signer: release.signature?.fingerprint ?? null,
    signedAt,
    files: read.files.length,
    rules: read.rules,
    leftOut: read.leftOut,
  };
  if (order.deed === 'check') return report('checked', { release: facts, wrong });
  if (release.mirrorList !== null) releases.keepMirrorList(release.mirrorList);
  const undo = releases.swap(releases.stage(read.files, facts));
  const outcome = await putInForce(undo, world);
  if (outcome.refusal !== null) return report('refused', { reason: outcome.refusal, wrong });
  return report('taken', { release: facts, wrong, running: outcome.running, notes: [...notes, ...outcome.notes] });
}

interface InForce {
  readonly refusal: string | null;
  readonly running: boolean;
  readonly notes: readonly string[];
}

/** Has a running server take what is on the disk now; what it refuses, or does not answer to, is undone. */
async function putInForce(undo: () => void, { reload }: UpdateWorld): Promise<InForce> {
  try {
    const result = await reload();
    if (result?.taken !== false) return { refusal: null, running: result !== null, notes: result?.lines ?? [] };
    undo();
    return { refusal: `the running server refused it: ${result.lines.join('; ')}`, running: true, notes: [] };
  } catch (error) {
    undo();
    throw error;
  }
}

/** The release before, in force again; the one left is not taken again by itself. */
async function goBack(channel: ChannelSettings, { releases, world }: Place): Promise<ChannelReport> {
  const left = releases.current();
  const release = releases.previous();
  const undo = releases.swapBack();
  if (undo === null || release === null || left === null)
    return reportOf(channel.name, 'failed', { before: left?.version ?? null, reason: 'there is no release before it' });
  const { version } = release;
  const before = left.version;
  const outcome = await putInForce(undo, world);
  if (outcome.refusal !== null) return reportOf(channel.name, 'refused', { version, before, reason: outcome.refusal });
  return reportOf(channel.name, 'taken', { version, before, release, running: outcome.running, notes: outcome.notes });
}
