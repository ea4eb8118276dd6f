// Daily updates of rule channels in the admin process: at the set time, made up for after a missed day, tried again after a
// failure, with an alert that stands until all is well; one at a time, and taken back when the server refuses.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Configuration } from '../../config/load.js';
import { ruleSettingsOf } from '../../programs/rules/in-force.js';
import { installedChannels } from '../../programs/rules/installed.js';
import {
  nextTimeOfDay,
  startRuleUpdates,
  type RuleUpdates,
  type RuleUpdatesOptions,
} from '../../programs/channels/daily.js';
import type { ReloadResult } from '../../programs/process-messages.js';
import { updateRules } from '../../programs/channels/updater.js';
import { readSettings } from '../../programs/settings.js';
import { CHANNEL, startChannel, type Channel } from '../ground/channel.js';
import { requirePackage } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { makeDir } from '../logs/fixtures.js';

const HOUR_MS = 3_600_000;
const WAIT_MS = 20_000;
const RULES = 'body CHANNEL_WORD /xylophone/\n';
const ORDER = { channels: [], deed: 'fetch', leaveOut: false };
/** In this process: the built program has one of its own for it. */
const run: Required<RuleUpdatesOptions>['run'] = (order, file, reload, signal) =>
  updateRules(order, { read: () => readSettings(file ?? undefined), reload, signal });
const TAKEN: ReloadResult = { time: 0, taken: true, version: 'x', lines: [] };

let channel: Channel;

interface Bench {
  readonly updates: RuleUpdates;
  readonly alerts: { readonly raised: boolean; readonly detail: string }[];
  readonly audits: Record<string, unknown>[];
  readonly configuration: Configuration;
  /** The file, written anew. */
  write(update: string): Configuration;
  /** ms since the epoch, as the updates see it. */
  at: number;
  reload: () => Promise<ReloadResult>;
  version(): number | null;
}

async function open(update: string, at = Date.now(), before?: (bench: Bench) => void): Promise<Bench> {
  const dir = await makeDir();
  const file = join(dir, 'weir.yaml');
  mkdirSync(join(dir, 'store'));
  const write = (text: string): Configuration => {
    writeFileSync(file, `storage: { dir: ${dir}/store }\n${channel.settings('', text)}`);
    return readSettings(file);
  };
  const configuration = write(update);
  const alerts: { raised: boolean; detail: string }[] = [];
  const audits: Record<string, unknown>[] = [];
  const log = {
    info: (fields: object) => void audits.push({ ...fields }),
    warn: () => undefined,
    error: () => undefined,
  };
  const bench: Partial<Bench> & { at: number; reload: () => Promise<ReloadResult> } = {
    alerts,
    audits,
    configuration,
    write,
    at,
    reload: () => Promise.resolve(TAKEN),
    version: () => installedChannels(configuration)[0]?.release?.version ?? null,
  };
  before?.(bench as Bench);
  const updates = startRuleUpdates({
    configuration,
    alert: (_code, raised, detail) => void alerts.push({ raised, detail }),
    log,
    reload: () => bench.reload(),
    run,
    clock: { now: () => bench.at, monotonicMs: () => performance.now() },
    random: () => 0.5,
    lookMs: 5,
  });
  onTestFinished(() => updates.stop());
  return Object.assign(bench, { updates }) as Bench;
}

describe('a time of day', () => {
  it('is the next one by the clock of this host', () => {
    const noon = new Date(2026, 5, 1, 12, 0, 0).getTime();
    expect(nextTimeOfDay(noon, '12:30')).toBe(noon + HOUR_MS / 2);
    expect(nextTimeOfDay(noon, '12:00')).toBe(noon + 24 * HOUR_MS);
    expect(nextTimeOfDay(noon, '03:30')).toBe(noon + 15.5 * HOUR_MS);
  });
});

describe.skipIf(!requirePackage('gpgv', 'gpg', 'gpg-agent'))('daily updates', () => {
  beforeAll(async () => {
    channel = await startChannel();
    await channel.publish(1, await channel.pack({ '1.cf': RULES }));
  }, 60_000);
  afterAll(() => channel?.stop());

  it('do nothing without a time of day', async () => {
    const bench = await open('');
    expect(bench.updates.dueAt()).toBeNull();
    expect(bench.alerts).toEqual([{ raised: false, detail: 'no daily update is set' }]);
  });

  it('come at the set time or some minutes later, day after day, and are audited', async () => {
    channel.tell(1);
    const morning = new Date(2026, 5, 1, 3, 0, 0).getTime();
    const bench = await open("daily: '03:30'", morning);
    expect(bench.updates.dueAt()).toBe(morning + HOUR_MS / 2 + 5 * 60_000);
    bench.at = morning + HOUR_MS / 2 + 4 * 60_000;
    await new Promise((done) => setTimeout(done, 50));
    expect(bench.version()).toBeNull();
    bench.at += 60_000;
    await waitUntil('the update', WAIT_MS, () => bench.version() === 1);
    await waitUntil('the next day', WAIT_MS, () => bench.updates.dueAt() === morning + 24.5 * HOUR_MS + 5 * 60_000);
    expect(bench.audits).toMatchObject([{ audit: 'rules.update.fetch', by: 'daily', channel: CHANNEL, version: 1 }]);
    expect(bench.alerts).toEqual([{ raised: false, detail: 'the newest update went well' }]);
  });

  it('that fail raise an alert, are tried again in an hour, and the alert ends with success', async () => {
    const morning = new Date(2026, 5, 1, 3, 0, 0).getTime();
    const bench = await open("daily: '03:30'", morning);
    channel.dns.set(`1.0.4.${CHANNEL}`, { behaviour: 'servfail' });
    bench.at = morning + HOUR_MS;
    await waitUntil('the failure', WAIT_MS, () => bench.alerts.length > 0);
    expect(bench.alerts).toMatchObject([{ raised: true }]);
    expect(bench.alerts[0]?.detail).toBe(`${CHANNEL}: DNS: 1.0.4.${CHANNEL}: servfail`);
    expect(bench.updates.dueAt()).toBe(bench.at + HOUR_MS);
    expect(installedChannels(bench.configuration)[0]?.state).toMatchObject({ succeededAt: null, passedOver: null });
    channel.tell(1);
    bench.at += HOUR_MS;
    await waitUntil('the success', WAIT_MS, () => bench.alerts.at(-1)?.raised === false);
    expect(bench.version()).toBe(1);
    expect(installedChannels(bench.configuration)[0]?.state.failure).toBe('');
  });

  it('make up soon for a day that was missed', async () => {
    channel.tell(1);
    const first = await open('');
    await first.updates.order(ORDER);
    const { dir } = ruleSettingsOf(first.configuration);
    const later = Date.now() + 26 * HOUR_MS;
    const updates = startRuleUpdates({
      configuration: first.write(`daily: '03:30'`),
      alert: () => undefined,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      reload: () => Promise.resolve(TAKEN),
      run,
      clock: { now: () => later, monotonicMs: () => 0 },
    });
    expect(dir).not.toBeNull();
    expect(updates.dueAt()).toBe(later + 60_000);
    await updates.stop();
  });

  it('take a new time of day with the settings', async () => {
    const noon = new Date(2026, 5, 1, 12, 0, 0).getTime();
    const bench = await open("daily: '03:30'", noon);
    bench.updates.take(bench.write("daily: '13:00'"));
    expect(bench.updates.dueAt()).toBe(noon + HOUR_MS + 5 * 60_000);
    bench.updates.take(bench.write(''));
    expect(bench.updates.dueAt()).toBeNull();
  });

  it('are taken back when the server refuses them, or does not say', async () => {
    channel.tell(1);
    const bench = await open('');
    bench.reload = () => Promise.resolve({ ...TAKEN, taken: false, lines: ['no thanks'] });
    expect(await bench.updates.order(ORDER)).toMatchObject([
      { outcome: 'refused', reason: 'the running server refused it: no thanks' },
    ]);
    expect(bench.version()).toBeNull();
    bench.reload = () => Promise.reject(new Error('the supervisor does not answer'));
    expect(await bench.updates.order(ORDER)).toMatchObject([
      { outcome: 'failed', reason: 'the supervisor does not answer' },
    ]);
    expect(bench.version()).toBeNull();
    bench.reload = () => Promise.resolve(TAKEN);
    expect(await bench.updates.order(ORDER)).toMatchObject([{ outcome: 'taken', running: true }]);
    await channel.publish(2, await channel.pack({ '2.cf': RULES }));
    bench.reload = () => Promise.resolve({ ...TAKEN, taken: false, lines: ['no thanks'] });
    expect(await bench.updates.order(ORDER)).toMatchObject([{ outcome: 'refused', before: 1 }]);
    expect(bench.version()).toBe(1);
  });

  it('run one at a time', async () => {
    channel.tell(1);
    const bench = await open('');
    const both = await Promise.allSettled([bench.updates.order(ORDER), bench.updates.order(ORDER)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { message: 'another update of rules is under way' },
    });
    expect(bench.version()).toBe(1);
  });

  it('take no order that is none', async () => {
    const bench = await open('');
    for (const bad of [
      null,
      {},
      { ...ORDER, deed: 'destroy' },
      { ...ORDER, channels: ['../x'] },
      { ...ORDER, more: 1 },
    ])
      await expect(bench.updates.order(bad)).rejects.toThrow('bad parameters');
    await expect(bench.updates.order({ ...ORDER, channels: ['other.test'] })).rejects.toThrow(
      'other.test is not in rules.update.channels',
    );
  });
});
