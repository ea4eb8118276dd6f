// All stores together: a disk that is full, private files, free-space marks, clearing out.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Stores } from '../../programs/stores.js';
import { makeDir } from '../logs/fixtures.js';
import { open, runAndKill, securityIds, settings } from './stores-ground.js';

test('files that cannot grow: what was acknowledged is kept, the rest was refused', { timeout: 60_000 }, async () => {
  const dir = await makeDir();
  const given = settings(dir, 9);
  // A bound on the size of any file (setrlimit(2) RLIMIT_FSIZE) fails writes as a full disk does.
  const told = await runAndKill(given, ['f'], (so) => (so.get('refused')?.length ?? 0) > 20, [
    'prlimit',
    '--fsize=400000',
  ]);
  expect(told.get('refused')?.length).toBeGreaterThan(20);
  expect((await readdir(join(dir, 'spool'))).length).toBeGreaterThan(0);
  const stores = await open(given);
  const log = stores.log as Stores['log'] & { drain(): Promise<number> };
  expect(await log.drain()).toBeGreaterThan(0);
  const logged = await securityIds(stores);
  expect(told.get('log')?.length).toBeGreaterThan(20);
  expect(told.get('log')?.filter((id) => !logged.has(id))).toEqual([]);
  for (const id of told.get('held') ?? []) expect(await stores.quarantine.content(id), id).not.toBeNull();
});

test('everything is private', async () => {
  const dir = await makeDir();
  const stores = await open(settings(join(dir, 'deep', 'weir'), 9));
  await stores.startWork();
  for (const name of await readdir(join(dir, 'deep', 'weir'))) {
    const { mode } = await stat(join(dir, 'deep', 'weir', name));
    expect([name, mode & 0o077]).toEqual([name, 0]);
  }
});

test('below the marks: alerts are raised, and cleared above them', async () => {
  const dir = await makeDir();
  const tight = settings(dir, 9);
  const stores = await open({ ...tight, storage: { dir, freeAlertBytes: 2 ** 50, freeTempfailBytes: 1 } });
  expect(stores.space.state()).toBe('low');
  await stores.alerts.settled();
  expect((await stores.alerts.list()).map(({ code }) => code)).toEqual(['disk-space-low']);
  const later = await open(tight);
  await later.alerts.settled();
  expect(await later.alerts.list()).toEqual([]);
  const full = await open({ ...tight, storage: { dir, freeAlertBytes: 2 ** 50, freeTempfailBytes: 2 ** 50 } });
  expect(full.space.state()).toBe('out');
});

test('clearing out removes expired entries and unused contents', async () => {
  const dir = await makeDir();
  const stores = await open(settings(dir, 9));
  const old = {
    time: Date.now() - 31 * 86_400_000,
    category: 'spam',
    mailFrom: '',
    headerFrom: '',
    subject: null,
    messageId: null,
  } as const;
  await stores.quarantine.add({
    ...old,
    reason: '',
    score: 9,
    logId: '',
    rcptTo: ['a@x.example'],
    content: Buffer.from('old'),
  });
  expect(await stores.clearOut()).toMatchObject({ entries: { spam: 1, virus: 0 }, contents: 0 });
});
