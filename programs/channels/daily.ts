// Updates of rule channels as the admin process carries them out: daily at a set time, and when a command asks. Failures
// of the daily one raise an alert, which the next success clears; every update that changes something is audited.
import { Value } from 'typebox/value';
import type { Configuration } from '../../config/load.js';
import type { AlertCode } from '../../logs/alerts.js';
import type { TextLog } from '../../logs/text-log.js';
import { systemClock, type Clock } from '../../outside/clock.js';
import { ChannelReleases } from '../../rules/channel/releases.js';
import type { ReloadResult } from '../process-messages.js';
import { ruleSettingsOf } from '../rules/in-force.js';
import { updateOrder, wentWell, type ChannelReport, type UpdateOrder } from './report.js';
import { updateInChild } from './child.js';
import type { Alert } from '../world.js';

const ALERT: AlertCode = 'rules-update-failed';
/** How often it is looked whether the time has come, ms: short, since clocks are set and machines sleep. */
export const UPDATE_LOOK_MS = 15_000;
/** Installations do not all ask at the same second: so much later at most, ms. */
export const UPDATE_SPREAD_MS = 10 * 60_000;
/** After a failure, ms, and how often before the next day. */
const RETRY_MS = 60 * 60_000;
const RETRIES_MAX = 3;
/** A look that is older has missed its day, ms: it is made up for soon after the start. */
const MISSED_MS = 25 * 60 * 60_000;
const MAKE_UP_MS = 60_000;
/** Longest time of one round, ms. */
const ROUND_MAX_MS = 3_600_000;

export interface RuleUpdatesOptions {
  readonly configuration: Configuration;
  readonly alert: Alert;
  readonly log: Pick<TextLog, 'info' | 'error' | 'warn'>;
  /** Has all processes read their settings again. */
  readonly reload: () => Promise<ReloadResult>;
  /** What carries an order out; a process of its own unless told otherwise. */
  readonly run?: typeof updateInChild;
  readonly clock?: Clock;
  /** Numbers from 0 up to 1. */
  readonly random?: () => number;
  readonly lookMs?: number;
}

export interface RuleUpdates {
  /** Carries out what a command asks for; parameters come from outside. Rejects as `updateInChild` does. */
  order(params: unknown): Promise<readonly ChannelReport[]>;
  /** The settings in force from now on. */
  take(configuration: Configuration): void;
  /** When the next daily look is due, ms since the epoch; null for none. */
  dueAt(): number | null;
  stop(): Promise<void>;
}

/** Begins to look at the clock. */
export function startRuleUpdates(options: RuleUpdatesOptions): RuleUpdates {
  return new DailyUpdates(options);
}

/** The next time that the clock of this host shows `HH:MM`, ms since the epoch. */
export function nextTimeOfDay(now: number, daily: string): number {
  const [hours = 0, minutes = 0] = daily.split(':').map(Number);
  const at = new Date(now);
  at.setHours(hours, minutes, 0, 0);
  if (at.getTime() <= now) {
    at.setDate(at.getDate() + 1);
    at.setHours(hours, minutes, 0, 0);
  }
  return at.getTime();
}

class DailyUpdates implements RuleUpdates {
  private configuration: Configuration;
  private due: number | null = null;
  private retries = 0;
  private round: Promise<void> | null = null;
  private readonly stopped = new AbortController();
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: RuleUpdatesOptions) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.configuration = options.configuration;
    this.plan(true);
    this.timer = setInterval(() => this.look(), options.lookMs ?? UPDATE_LOOK_MS).unref();
  }

  async order(params: unknown): Promise<readonly ChannelReport[]> {
    if (!Value.Check(updateOrder, params)) throw new Error('bad parameters');
    return this.carryOut(params, 'command');
  }

  take(configuration: Configuration): void {
    const { daily } = ruleSettingsOf(this.configuration).update;
    this.configuration = configuration;
    if (ruleSettingsOf(configuration).update.daily !== daily) this.plan(true);
  }

  dueAt(): number | null {
    return this.due;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopped.abort();
    await this.round;
  }

  private look(): void {
    if (this.due === null || this.round !== null || this.clock.now() < this.due) return;
    this.round = this.runDaily().finally(() => (this.round = null));
  }

  /** The next daily look; at the start one that was missed is made up for. */
  private plan(atStart: boolean): void {
    const { daily } = ruleSettingsOf(this.configuration).update;
    if (daily === null) {
      this.due = null;
      this.options.alert(ALERT, false, 'no daily update is set');
      return;
    }
    const now = this.clock.now();
    const spread = this.random() * UPDATE_SPREAD_MS;
    const lookedAt = atStart ? this.lastLook() : null;
    this.due = lookedAt !== null && now - lookedAt > MISSED_MS ? now + MAKE_UP_MS : nextTimeOfDay(now, daily) + spread;
  }

  private lastLook(): number | null {
    const { dir, update } = ruleSettingsOf(this.configuration);
    if (dir === null) return null;
    const times = update.channels.flatMap(({ name }) => new ChannelReleases(dir, name).state().lookedAt ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Never rejects. */
  private async runDaily(): Promise<void> {
    this.due = null;
    const failure = await this.carryOut({ channels: [], deed: 'fetch', leaveOut: false }, 'daily').then(
      (reports) => describeFailures(reports),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (this.stopped.signal.aborted) return;
    if (failure !== '') this.options.alert(ALERT, true, failure);
    this.retries = failure === '' ? 0 : this.retries + 1;
    if (failure !== '' && this.retries <= RETRIES_MAX) this.due = this.clock.now() + RETRY_MS;
    else {
      this.retries = 0;
      this.plan(false);
    }
  }

  private async carryOut(order: UpdateOrder, by: 'command' | 'daily'): Promise<readonly ChannelReport[]> {
    const { configuration, options, stopped } = this;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(ROUND_MAX_MS)]);
    const reports = await (options.run ?? updateInChild)(order, configuration.file, options.reload, signal);
    for (const report of reports) this.record(order, by, report);
    const isWhole = order.deed === 'fetch' && order.channels.length === 0;
    if (isWhole && reports.every(wentWell)) options.alert(ALERT, false, 'the newest update went well');
    return reports;
  }

  private record({ deed }: UpdateOrder, by: string, report: ChannelReport): void {
    const { channel, outcome, version, before, reason, release, wrong, notes } = report;
    const fields = { channel, by, outcome, version, before, reason, signer: release?.signer ?? null, notes };
    if (outcome === 'taken')
      this.options.log.info({ audit: `rules.update.${deed}`, ...fields, leftOut: wrong }, 'audit');
    else if (wentWell(report)) this.options.log.info(fields, 'rules: nothing to take');
    else this.options.log.error({ ...fields, wrong }, 'rules: update not taken');
  }
}

function describeFailures(reports: readonly ChannelReport[]): string {
  return reports
    .filter((report) => !wentWell(report))
    .map(({ channel, reason }) => `${channel}: ${reason}`)
    .join('; ');
}
