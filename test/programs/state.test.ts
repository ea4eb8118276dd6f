// The state of a running server: shared with Redis away at the start and gone in the middle, and a file newer than the
// program.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../outside/database.js';
import { FILES_ON_DISK } from '../../config/attached.js';
import { systemClock } from '../../outside/clock.js';
import type { DoctorLine } from '../../programs/doctor-checks.js';
import { openState, STATE_FILE } from '../../state/open.js';
import { redisOptions } from '../../state/settings.js';
import { requirePackage } from '../ground/packages.js';
import { makePlace, waitUntil } from '../ground/place.js';
import { startRedis } from '../ground/redis.js';
import { countTable, more } from '../state/contract.js';
import { openHouse, SETTLE_MS, type House } from './house-of-processes.js';

const PASSWORD = 'a-secret-of-this-test';
const isHere = requirePackage('redis-server');
const open: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function lookAt(house: House): Promise<readonly DoctorLine[]> {
  const { stdout, stderr } = await house.weir.run(['doctor', '--json']);
  if (stdout === '') throw new Error(`the doctor said nothing: ${stderr}`);
  return (JSON.parse(stdout) as { lines: readonly DoctorLine[] }).lines;
}

const stateLine = (lines: readonly DoctorLine[]) => lines.find(({ area }) => area === 'state');
const hasAlert = (lines: readonly DoctorLine[]): boolean =>
  lines.some(({ area, detail }) => area === 'alert' && detail.startsWith('state-unreachable'));

describe('the state of a running server', { timeout: 180_000 }, () => {
  it.skipIf(!isHere)('in a Redis that is away at the start, and comes', async () => {
    const place = makePlace('state-serve');
    open.push(() => place.remove());
    const redis = await startRedis(place.directory, { isDurable: true, password: PASSWORD });
    open.push(() => redis.stop());
    await redis.kill();
    const passwordFile = join(place.directory, 'password');
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    chmodSync(passwordFile, 0o600);
    const settings = `kind: redis, url: '${redis.url}', prefix: live, passwordFile: ${passwordFile}`;
    const house = await openHouse({ workers: 1, more: `state: { ${settings} }` });
    open.push(() => house.end());
    expect((await house.submit('flows all the same')).reply).toBe('SMFIR_ACCEPT');
    const away = await lookAt(house);
    expect(stateLine(away)).toMatchObject({ state: 'fail', detail: expect.stringContaining('ECONNREFUSED') });
    expect(hasAlert(away)).toBe(true);
    await redis.start();
    const back = await waitUntil('the alert to clear', SETTLE_MS, async () => {
      const lines = await lookAt(house);
      return hasAlert(lines) ? null : lines;
    });
    expect(stateLine(back)).toMatchObject({ state: 'ok', detail: expect.stringContaining('takes writes') });
    chmodSync(passwordFile, 0o644);
    const readable = stateLine(await lookAt(house));
    expect(readable).toMatchObject({ state: 'warn', detail: expect.stringContaining('others can read its password') });
    expect(JSON.stringify(await lookAt(house)) + house.weir.log()).not.toContain(PASSWORD);
    expect(Number(await redis.ask('EXISTS', 'live::probe'))).toBe(1);
  });

  it('in a file that others may open beside it', async () => {
    const house = await openHouse({ workers: 1 });
    open.push(() => house.end());
    const path = join(house.directory, 'store', STATE_FILE);
    const options = { path, redis: redisOptions(NONE, FILES_ON_DISK), timeLimitMs: 5_000 };
    const state = await openState(options, { clock: systemClock, alert: () => undefined });
    expect(await state.update(countTable('t'), 'k', more())).toBe(1);
    await state.close();
    expect(stateLine(await lookAt(house))).toMatchObject({ state: 'ok' });
  });

  it('in a file that a newer program wrote: it does not start', async () => {
    const house = await openHouse({ workers: 1 });
    await house.weir.stop();
    const database = await openDatabase({ path: join(house.directory, 'store', STATE_FILE) });
    await database.migrate(
      'state',
      Array.from({ length: 50 }, () => 'SELECT 1'),
    );
    await database.close();
    expect(stateLine(await lookAt(house))).toMatchObject({ state: 'fail', detail: expect.stringContaining('version') });
    await expect(house.reopen()).rejects.toThrow();
    await house.end();
  });
});

const NONE = { kind: 'embedded', url: '', passwordFile: '', authorityFile: '', prefix: 'x', timeLimitMs: 1 } as const;
