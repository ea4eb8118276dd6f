// The database thread: what was answered is on disk, jobs fail alone, several processes share a file, versions are minded.
import { spawn } from 'node:child_process';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { change, changesOf, openDatabase, openDatabaseLater, rowsOf, select } from '../../outside/database.js';
import { openLeases } from '../../outside/lease.js';
import { makeDir } from '../logs/fixtures.js';

const TABLE = ['CREATE TABLE item (name TEXT PRIMARY KEY, size INTEGER)'];

async function count(path: string): Promise<number> {
  const database = await openDatabase({ path });
  const [rows] = await database.read([select('SELECT count(*) AS n FROM item')]);
  await database.close();
  return rowsOf(rows)[0]?.['n'] as number;
}

test('writes that share a commit fail alone', async () => {
  const path = join(await makeDir(), 'a.db');
  const database = await openDatabase({ path });
  await database.migrate('test', TABLE);
  const add = (name: string) => database.write([change('INSERT INTO item VALUES (?, 1)', name)]);
  const outcomes = await Promise.allSettled([add('a'), add('b'), add('a'), add('c')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[2]).toMatchObject({ reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' } });
  const [changed] = await database.write([change('UPDATE item SET size = 2')]);
  expect(changesOf(changed)).toBe(3);
  await database.close();
  await expect(database.read([])).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
});

test('all steps of a write or none', async () => {
  const path = join(await makeDir(), 'a.db');
  const database = await openDatabase({ path });
  await database.migrate('test', TABLE);
  const both = [change(`INSERT INTO item VALUES ('x', 1)`), change(`INSERT INTO item VALUES ('x', 2)`)];
  await expect(database.write(both)).rejects.toThrow();
  await database.close();
  expect(await count(path)).toBe(0);
});

test('migrations go forward, keep what is there, and refuse a newer file', async () => {
  const path = join(await makeDir(), 'a.db');
  const database = await openDatabase({ path });
  expect(await database.migrate('test', TABLE)).toBe(0);
  await database.write([change(`INSERT INTO item VALUES ('kept', 1)`)]);
  const next = [...TABLE, `ALTER TABLE item ADD COLUMN colour TEXT DEFAULT 'grey'`];
  expect(await database.migrate('test', next)).toBe(1);
  expect(await database.migrate('test', next)).toBe(2);
  const [rows] = await database.read([select('SELECT * FROM item')]);
  expect(rowsOf(rows)).toEqual([{ name: 'kept', size: 1, colour: 'grey' }]);
  await expect(database.migrate('test', TABLE)).rejects.toMatchObject({ code: 'SCHEMA_NEWER' });
  await expect(database.migrate('test', [...next, 'CREATE TABLE broken (', 'SELECT 1'])).rejects.toThrow();
  expect(await database.migrate('test', next)).toBe(2);
  await database.close();
});

test('files are 0600 from the first moment, side files too', async () => {
  const dir = await makeDir();
  const database = await openDatabase({ path: join(dir, 'a.db') });
  await database.migrate('test', TABLE);
  for (const name of ['a.db', 'a.db-wal', 'a.db-shm']) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
  await database.close();
});

test('a file that cannot be opened fails its jobs and is tried again', async () => {
  const dir = await makeDir();
  const path = join(dir, 'a.db');
  await mkdir(path);
  await expect(openDatabase({ path })).rejects.toThrow();
  const later = openDatabaseLater({ path });
  await expect(later.migrate('test', TABLE)).rejects.toThrow();
  await rm(path, { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(await later.migrate('test', TABLE)).toBe(0);
  await later.close();
});

const CHILD = `
import { openDatabase, change } from ${JSON.stringify(new URL('../../dist/outside/database.js', import.meta.url).href)};
const [path, prefix] = process.argv.slice(2);
const database = await openDatabase({ path });
let n = 0;
await Promise.all(Array.from({ length: 8 }, async () => {
  for (;;) {
    const name = prefix + (n += 1);
    await database.write([change('INSERT INTO item VALUES (?, 1)', name)]);
    process.stdout.write(name + '\\n');
  }
}));`;

test('two processes killed amid writes: whatever was acknowledged is there', { timeout: 60_000 }, async () => {
  const dir = await makeDir();
  const path = join(dir, 'a.db');
  const script = join(dir, 'child.mjs');
  await writeFile(script, CHILD);
  const database = await openDatabase({ path });
  await database.migrate('test', TABLE);
  const acknowledged: string[] = [];
  const children = ['a', 'b'].map((prefix) => {
    const child = spawn(process.execPath, [script, path, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => acknowledged.push(line));
    return child;
  });
  const until = Date.now() + 30_000;
  const isBusy = (): boolean =>
    ['a', 'b'].every((prefix) => acknowledged.filter((name) => name.startsWith(prefix)).length > 100);
  while (!isBusy() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const child of children) {
    child.kill('SIGKILL');
    while (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(isBusy()).toBe(true);
  const [rows] = await database.read([select('SELECT name FROM item')]);
  const stored = new Set(rowsOf(rows).map((row) => row['name']));

  expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
  await database.close();
});

test('a lease has one holder, ends by itself, and is given back', async () => {
  const database = await openDatabase({ path: join(await makeDir(), 'a.db') });
  const leases = await openLeases(database);
  expect(await leases.take('work', 'one', 1_000, 500)).toBe(true);
  expect(await leases.take('work', 'two', 1_400, 500)).toBe(false);
  expect(await leases.take('work', 'one', 1_400, 500)).toBe(true);
  expect(await leases.take('work', 'two', 1_899, 500)).toBe(false);
  expect(await leases.take('work', 'two', 1_900, 500)).toBe(true);
  await leases.drop('work', 'one');
  expect(await leases.take('work', 'one', 2_000, 500)).toBe(false);
  await leases.drop('work', 'two');
  expect(await leases.take('work', 'one', 2_000, 500)).toBe(true);
  await database.close();
});
