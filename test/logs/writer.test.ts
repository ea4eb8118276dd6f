// Durability of the log: store, spool, refusal; nothing lost, nothing twice, nothing of a subject that was to be left out.
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../outside/database.js';
import { makeDir, messageEvent, openTestLogs, sessionEvent, START_MS } from './fixtures.js';

async function ids(dir: string): Promise<readonly string[]> {
  const { store } = await openTestLogs(dir);
  const search = await store.search();
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await search.mail({ limit: 1_000, ...(cursor === null ? {} : { cursor }) });
    found.push(...page.entries.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

test('an event is written once, however often it comes', async () => {
  const dir = await makeDir();
  const { store } = await openTestLogs(dir);
  const event = messageEvent();
  await Promise.all([store.writer.write(event), store.writer.write(event)]);
  await store.writer.write(event);
  expect(await ids(dir)).toEqual([event.id]);
});

test('more events within one millisecond than it has places', async () => {
  const dir = await makeDir();
  const { store } = await openTestLogs(dir);
  const events = Array.from({ length: 1_100 }, () => messageEvent());
  const later = messageEvent({ time: START_MS + 1 });
  await store.writer.write(later);
  await Promise.all(events.map((event) => store.writer.write(event)));
  expect(new Set(await ids(dir))).toEqual(new Set([...events, later].map(({ id }) => id)));
});

test('files are private', async () => {
  const dir = await makeDir();
  const { store } = await openTestLogs(dir, { subjects: 'hash' });
  await store.writer.write(messageEvent());
  await (await store.keeper()).indexNow();
  const names = await readdir(dir);
  expect(names).toEqual(expect.arrayContaining(['log.db', 'log.db-wal', 'search.db', 'state.db', 'subject.key']));
  for (const name of names) expect([name, (await stat(join(dir, name))).mode & 0o077]).toEqual([name, 0]);
});

test('a store that fails sends events to the spool, with an alert, and takes them over later', async () => {
  const dir = await makeDir();
  await writeFile(
    join(dir, 'log.db'),
    'this is no database, but it is long enough to be looked at as one, page by page',
  );
  const { store, alerts } = await openTestLogs(dir);
  const message = messageEvent();
  const step = sessionEvent();
  await store.writer.write(message);
  await store.writer.write(step);
  expect(alerts).toContain('+log-unwritable');
  const [spooled = ''] = await readdir(join(dir, 'spool'));
  expect((await stat(join(dir, 'spool', spooled))).mode & 0o077).toBe(0);
  expect((await readFile(join(dir, 'spool', spooled), 'utf8')).split('\n').length).toBe(3);
  await expect(store.writer.drain()).rejects.toThrow();
  expect((await readdir(join(dir, 'spool'))).length).toBe(1);

  const repaired = await makeDir();
  const { store: second, alerts: cleared } = await openTestLogs(repaired, { spoolDir: join(dir, 'spool') });
  await store.writer.close();
  // The spool's owner is this very process: another writer of it takes closed files over.
  expect(await second.writer.drain()).toBe(2);
  expect(cleared).toEqual(['-log-unwritable']);
  expect(await readdir(join(dir, 'spool'))).toEqual([]);
  const search = await second.search();
  expect((await search.mail({ limit: 5 })).entries).toEqual([message]);
  expect((await search.security({ limit: 5 })).entries.map(({ id }) => id)).toEqual([step.id]);
});

test('where neither store nor spool takes an event the write is refused', async () => {
  const dir = await makeDir();
  await mkdir(join(dir, 'log.db'));
  await writeFile(join(dir, 'spool'), 'a file where a folder should be');
  const { store, alerts } = await openTestLogs(dir);
  await expect(store.writer.write(messageEvent())).rejects.toThrow();
  expect(alerts).toEqual(expect.arrayContaining(['+log-unwritable', '+spool-unwritable']));
});

test('a spooled line that cannot be read is put aside, the others are taken over', async () => {
  const dir = await makeDir();
  const spool = join(dir, 'spool');
  await mkdir(spool);
  const good = messageEvent();
  await writeFile(join(spool, '1-1-1-000001.jsonl'), `{"broken\n${JSON.stringify(good)}\n{"cut off`);
  const { store, alerts } = await openTestLogs(dir);
  expect(await store.writer.drain()).toBe(2);
  expect(await readdir(spool)).toEqual(['1-1-1-000001.jsonl.damaged']);
  expect(alerts).toContain('+log-unwritable');
  expect(await ids(dir)).toEqual([good.id]);
});

test('a log of a newer program is refused by name and version', async () => {
  const dir = await makeDir();
  const database = await openDatabase({ path: join(dir, 'log.db') });
  await database.migrate('log', ['SELECT 1', 'SELECT 1', 'SELECT 1']);
  await database.close();
  await expect(openTestLogs(dir)).rejects.toMatchObject({
    code: 'SCHEMA_NEWER',
    message: expect.stringContaining('version 3') as string,
  });
});

test('subjects are hashed or left out, in the spool too', async () => {
  const dir = await makeDir();
  const { store } = await openTestLogs(dir, { subjects: 'hash' });
  const event = messageEvent({ subject: 'Very Private', security: { category: 'spam', event: 'held' } });
  await store.writer.write(event);
  const search = await store.search();
  const [entry] = (await search.mail({ subject: 'very private', limit: 5 })).entries;
  expect(entry?.id).toBe(event.id);
  expect(entry?.subject).toMatch(/^hash:[0-9a-f]{32}$/);
  expect((await search.mail({ subject: 'private', limit: 5 })).entries).toEqual([]);
  expect((await search.security({ limit: 5 })).entries[0]?.subject).toBe(entry?.subject);

  const blocked = await makeDir();
  await mkdir(join(blocked, 'log.db'));
  const { store: spooling } = await openTestLogs(blocked, { subjects: 'omit' });
  await spooling.writer.write(event);
  const [name = ''] = await readdir(join(blocked, 'spool'));
  expect(await readFile(join(blocked, 'spool', name), 'utf8')).not.toContain('Private');
});

test('hostile texts neither break rows nor pollute prototypes', async () => {
  const dir = await makeDir();
  const { store } = await openTestLogs(dir);
  const event = messageEvent({
    subject: "a\r\nb\u001b[31m\u0000c'); DROP TABLE mail; --",
    helo: '__proto__',
    stageMs: JSON.parse('{"__proto__": 1, "rules": 2}') as Record<string, number>,
    recipients: [
      {
        address: 'x\ny@here.example',
        direction: 'received',
        action: 'accept',
        score: 0,
        category: null,
        thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: null },
        quarantineId: null,
      },
    ],
    mailFrom: 'm'.repeat(10_000),
  });
  await store.writer.write(event);
  const [entry] = (await (await store.search()).mail({ subject: 'drop table', limit: 5 })).entries;
  expect(entry).toEqual({ ...event, mailFrom: 'm'.repeat(4_095) + '…' });
  expect(({} as Record<string, unknown>)['rules']).toBeUndefined();
});
