// Keeping the logs: bounds by number and age, sub-rule hits, the index rebuilt, one keeper at a time, alerts, text log.
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ALERTS, openAlerts } from '../../logs/alerts.js';
import { createTextLog, GATHERED_MAX_BYTES, GATHERED_MAX_MS, GatheringOutput } from '../../logs/text-log.js';
import { openDatabase, rowsOf, select } from '../../outside/database.js';
import { makeDir, messageEvent, openTestLogs, sessionEvent, START_MS } from './fixtures.js';

const DAY_MS = 86_400_000;

test('beyond the number set the oldest rows go, from log and index', async () => {
  const dir = await makeDir();
  const limits = { mailRowsMax: 1_000, securityRowsMax: 5, keepDays: 0, subRuleDays: 36_500 };
  const { store } = await openTestLogs(dir, { limits });
  const events = Array.from({ length: 1_620 }, (_, n) =>
    messageEvent({ time: START_MS + n, subject: `number ${String(n)}` }),
  );
  await Promise.all(events.map((event) => store.writer.write(event)));
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      store.writer.write(sessionEvent({ time: START_MS + n, event: `step ${String(n)}` })),
    ),
  );
  const keeper = await store.keeper();
  await keeper.indexNow();
  expect(await keeper.trimNow()).toBe(620 + 3);
  expect(await keeper.trimNow()).toBe(0);
  const search = await store.search();
  expect((await search.mail({ subject: 'number 619', limit: 5 })).entries).toEqual([]);
  expect((await search.mail({ subject: 'number 620', limit: 5 })).entries.length).toBe(1);
  expect((await search.security({ limit: 10 })).entries.map(({ event }) => event)).toEqual(
    [7, 6, 5, 4, 3].map((n) => `step ${String(n)}`),
  );
  const index = await openDatabase({ path: join(dir, 'search.db'), readOnly: true });
  const [rows] = await index.read([select('SELECT count(*) AS n, min(rowid) AS oldest FROM mail_words')]);
  expect(rowsOf(rows)).toEqual([{ n: 1_000, oldest: (START_MS + 620) * 1_000 }]);
  await index.close();
});

test('after their days rows go, and sub-rule hits before them', async () => {
  const now = START_MS + 100 * DAY_MS;
  const clock = { now: () => now, monotonicMs: () => 0 };
  const limits = { mailRowsMax: 1_000, securityRowsMax: 1_000, keepDays: 60, subRuleDays: 30 };
  const { store } = await openTestLogs(await makeDir(), { limits, clock });
  for (const days of [10, 45, 70]) await store.writer.write(messageEvent({ time: now - days * DAY_MS }));
  const keeper = await store.keeper();
  await keeper.indexNow();
  expect(await keeper.trimNow()).toBe(1);
  const { entries } = await (await store.search()).mail({ limit: 5 });
  expect(entries.map(({ time, subRules }) => [(now - time) / DAY_MS, subRules.length])).toEqual([
    [10, 2],
    [45, 0],
  ]);
});

test('an index that is lost or damaged is filled anew', async () => {
  const dir = await makeDir();
  const fill = async (): Promise<void> => {
    const { store } = await openTestLogs(dir);
    await (await store.keeper()).indexNow();
    expect((await (await store.search()).mail({ subject: 'tuesday', limit: 5 })).entries.length).toBe(1);
    await store.close();
  };
  const { store } = await openTestLogs(dir);
  await store.writer.write(messageEvent());
  await store.close();
  await fill();
  for (const suffix of ['', '-wal', '-shm']) await rm(join(dir, `search.db${suffix}`), { force: true });
  await fill();
  await writeFile(
    join(dir, 'search.db'),
    'no database at all, but long enough to be taken for the header of one '.repeat(10),
  );
  await fill();
});

test('of two keepers one works, and the other takes over when it stops', async () => {
  const dir = await makeDir();
  const one = await openTestLogs(dir, { holder: 'one' });
  const two = await openTestLogs(dir, { holder: 'two' });
  const keeper = await one.store.keeper();
  expect(await keeper.indexNow()).toBe(true);
  expect(await (await two.store.keeper()).indexNow()).toBe(false);
  await keeper.stop();
  expect(await (await two.store.keeper()).indexNow()).toBe(true);
});

test('alerts are raised once, cleared once, counted, and shared by processes', async () => {
  const path = join(await makeDir(), 'state.db');
  const lines: string[] = [];
  const note = (_: object, text: string): void => void lines.push(text);
  const log = { warn: note, error: note, info: note };
  const databases = [await openDatabase({ path }), await openDatabase({ path })];
  onTestFinished(async () => void (await Promise.all(databases.map((database) => database.close()))));
  let nowMs = START_MS;
  const clock = { now: () => nowMs, monotonicMs: () => nowMs };
  const [here, there] = await Promise.all(databases.map((database) => openAlerts(database, clock, log)));
  if (here === undefined || there === undefined) throw new Error('not opened');
  for (let time = 0; time < 3; time += 1) here.alert('log-unwritable', true, `disk ${String(time)}`);
  await here.settled();
  expect(await there.list()).toEqual([
    { code: 'log-unwritable', detail: 'disk 0', raisedAt: START_MS, clearedAt: null, count: 1 },
  ]);
  nowMs += 1_000;
  there.alert('log-unwritable', false, '');
  await there.settled();
  expect(await here.list()).toEqual([]);
  here.alert('log-unwritable', false, '');
  here.alert('log-unwritable', true, 'again');
  here.alert('never-heard-of', true, '');
  await here.settled();
  expect((await here.list(true)).map(({ code, count, clearedAt }) => [code, count, clearedAt])).toEqual([
    ['log-unwritable', 2, null],
    ['never-heard-of', 1, null],
  ]);
  expect(lines).toContain('alert is not in the catalogue');
  expect(lines.filter((line) => line === 'alert raised').length).toBe(3);
});

test('an alert that could not be stored is stored with the next call', async () => {
  const path = join(await makeDir(), 'state.db');
  const database = await openDatabase({ path });
  const errors: string[] = [];
  const log = {
    warn: () => undefined,
    info: () => undefined,
    error: (_: object, text: string) => void errors.push(text),
  };
  const alerts = await openAlerts(database, { now: () => START_MS, monotonicMs: () => 0 }, log);
  await database.write([{ sql: 'ALTER TABLE alert RENAME TO gone', params: [], rows: false }]);
  alerts.alert('disk-space-low', true, '');
  await alerts.settled();
  expect(errors).toEqual(['alert could not be stored']);
  await database.write([{ sql: 'ALTER TABLE gone RENAME TO alert', params: [], rows: false }]);
  alerts.alert('disk-space-low', true, '');
  await alerts.settled();
  expect((await alerts.list()).length).toBe(1);
  await database.close();
});

test('every alert says what it means and what to do', () => {
  for (const [code, { meaning, action }] of Object.entries(ALERTS)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(meaning).toMatch(/\.$/);
    expect(action).toMatch(/\.$/);
  }
});

test('text log: one event one line, no character of a mail steers a terminal', () => {
  const lines: string[] = [];
  const log = createTextLog('test', 'info', { write: (line: string) => void lines.push(line) });
  const hostile = 'a\r\nb\u001b[31mc\u009b31md\u2028e\u202ef\u0000g\u007fh';
  log.info({ subject: hostile }, hostile);
  log.debug('not told');
  expect(lines.length).toBe(1);
  expect(lines[0]).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]*\n$/);
  expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
  const parsed = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  expect(parsed).toMatchObject({ level: 'info', name: 'test', subject: hostile, msg: hostile });
  expect(parsed['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('text log: plain lines gather for a moment, a warning is there at once with what came before it', async () => {
  const file = join(await makeDir(), 'text.log');
  const descriptor = openSync(file, 'w');
  onTestFinished(() => closeSync(descriptor));
  const log = createTextLog('test', 'info', new GatheringOutput(descriptor));
  const lines = (): readonly string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const texts = (): unknown[] => lines().map((line) => (JSON.parse(line) as { msg: unknown }).msg);
  log.info('one');
  expect(texts()).toEqual([]);
  log.warn('two');
  expect(texts()).toEqual(['one', 'two']);
  log.info('three');
  await expect.poll(texts, { timeout: 20 * GATHERED_MAX_MS }).toEqual(['one', 'two', 'three']);
  const many = Math.ceil(GATHERED_MAX_BYTES / 10);
  for (let count = 0; count < many; count += 1) log.info('many');
  expect(statSync(file).size).toBeGreaterThan(GATHERED_MAX_BYTES);
  log.error('last');
  expect(texts().length).toBe(3 + many + 1);
});
