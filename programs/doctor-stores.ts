// What `weir doctor` looks at inside the stores: whether they open, what waits in the outbox, which alerts are raised.
// Opens the stores as the server does (which takes older ones forward), and only where there are some.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import { ALERTS, type Alert, type AlertSpec } from '../logs/alerts.js';
import { createTextLog } from '../logs/text-log.js';
import type { OutboxItem } from '../outbox/outbox.js';
import { line, reasonOf, type DoctorLine } from './doctor-checks.js';
import { openStoresOf } from './process-stores.js';
import { storageSection } from './storage-settings.js';

/** Outbox items looked at. */
const OUTBOX_ITEMS_MAX = 1_000;
/** An item that waits longer is worth a word, ms. */
const OUTBOX_OLD_MS = 3_600_000;
/** Alerts under which mail is not taken or checked. */
const GRAVE: ReadonlySet<string> = new Set(['spool-unwritable', 'disk-space-out', 'worker-restarting']);

/** Never throws. */
export async function checkStores(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const { dir } = configuration.section(storageSection);
  if (!existsSync(join(dir, 'state.db'))) {
    return [line('stores', 'warn', `there are none in ${dir} yet`, 'weir serve makes them at its first start')];
  }
  try {
    const stores = await openStoresOf(configuration, createTextLog('doctor', 'error', process.stderr));
    try {
      const [items, alerts] = await Promise.all([stores.outbox.list(OUTBOX_ITEMS_MAX), stores.alerts.list()]);
      const log = await stores.search().then(
        () => line('stores', 'ok', `state and log in ${dir} open`),
        (error: unknown) =>
          line('stores', 'fail', `the log does not open: ${reasonOf(error)}`, 'entries go to the spool meanwhile'),
      );
      return [log, describeOutbox(items, Date.now()), ...describeAlerts(alerts)];
    } finally {
      await stores.close();
    }
  } catch (error) {
    return [line('stores', 'fail', reasonOf(error), 'mail gets a temporary failure until they open')];
  }
}

function describeOutbox(items: readonly OutboxItem[], now: number): DoctorLine {
  const failed = items.filter(({ state }) => state === 'failed').length;
  const waiting = items.length - failed;
  const old = items.some(({ state, time }) => state !== 'failed' && now - time > OUTBOX_OLD_MS);
  const more = items.length === OUTBOX_ITEMS_MAX ? ' or more' : '';
  const detail = `${waiting}${more} waiting${old ? ', some for more than an hour' : ''}, ${failed} failed`;
  return line('outbox', failed > 0 || old ? 'warn' : 'ok', detail, 'weir outbox list shows the reasons');
}

function describeAlerts(alerts: readonly Alert[]): readonly DoctorLine[] {
  if (alerts.length === 0) return [line('alerts', 'ok', 'none raised')];
  return alerts.map(({ code, detail, raisedAt }) => {
    const known = Object.hasOwn(ALERTS, code) ? (ALERTS as Record<string, AlertSpec>)[code] : undefined;
    const since = new Date(raisedAt).toISOString();
    const text = `${code} since ${since}: ${known?.meaning ?? ''}${detail === '' ? '' : ` (${detail})`}`;
    return line('alert', GRAVE.has(code) ? 'fail' : 'warn', text, known?.action ?? 'see the log');
  });
}
