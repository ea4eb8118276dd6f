// The quarantine: merged repeats, a state per recipient, release and deletion, search, expiry by class.
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import type { OutboxStore } from '../../outbox/queue.js';
import { openOutboxStore } from '../../outbox/store.js';
import { BLOB_GRACE_MS, openBlobs, type Blobs } from '../../outside/blobs.js';
import { openDatabase } from '../../outside/database.js';
import { CATEGORIES, type Category } from '../../pipeline/finding.js';
import type { ExpiredCounts, NewQuarantineEntry, Retention } from '../../quarantine/quarantine.js';
import { openQuarantineStore, type QuarantineStore } from '../../quarantine/store.js';
import { makeDir, START_MS } from '../logs/fixtures.js';

const DAY_MS = 86_400_000;
const NONE = Object.fromEntries(CATEGORIES.map((category) => [category, 0])) as ExpiredCounts;

/** Thirty days and a thousand entries, but where given otherwise. */
function retention(fields: Partial<Record<Category, Partial<Retention[Category]>>>): Retention {
  const entries = CATEGORIES.map((category) => [category, { days: 30, entriesMax: 1_000, ...fields[category] }]);
  return Object.fromEntries(entries) as Retention;
}

class MovedClock {
  aheadMs = 0;
  now = (): number => Date.now() + this.aheadMs;
  monotonicMs = (): number => performance.now() + this.aheadMs;
}

function heldMail(fields: Partial<NewQuarantineEntry> = {}): NewQuarantineEntry {
  return {
    time: START_MS,
    category: 'virus',
    mailFrom: 'alice@sender.example',
    headerFrom: 'Alice <alice@sender.example>',
    subject: 'Rechnung 发票',
    messageId: '<one@sender.example>',
    reason: 'Test-Signature in invoice.exe',
    score: 1,
    logId: 'log1',
    rcptTo: ['bob@here.example', 'Carol@here.example'],
    content: Buffer.from('Subject: Rechnung\r\n\r\nbody\r\n'),
    ...fields,
  };
}

interface Opened {
  readonly quarantine: QuarantineStore;
  readonly outbox: OutboxStore;
  readonly blobs: Blobs;
  readonly clock: MovedClock;
}

async function open(dir?: string): Promise<Opened> {
  const place = dir ?? (await makeDir());
  const clock = new MovedClock();
  const database = await openDatabase({ path: join(place, 'state.db') });
  onTestFinished(() => database.close());
  const blobs = await openBlobs(join(place, 'content'), clock);
  const outbox = await openOutboxStore({ database, blobs, clock, expireHours: 1 });
  return { quarantine: await openQuarantineStore({ database, blobs, outbox, clock }), outbox, blobs, clock };
}

test('keeps the entry and the exact content', async () => {
  const { quarantine } = await open();
  const mail = heldMail();
  const id = await quarantine.add(mail);
  const { rcptTo, content, ...rest } = mail;
  expect(await quarantine.get(id)).toEqual({
    ...rest,
    id,
    sizeBytes: content.length,
    contentSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    recipients: rcptTo.map((address) => ({ address, state: 'held' })),
  });
  expect(await quarantine.content(id)).toEqual(content);
  expect(await quarantine.get('nothing')).toBeNull();
  expect(await quarantine.content('nothing')).toBeNull();
  await expect(quarantine.add(heldMail({ rcptTo: [] }))).rejects.toThrow();
});

test('the same content and envelope still held is one entry, from several processes at once too', async () => {
  const dir = await makeDir();
  const [first, second] = [await open(dir), await open(dir)];
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? first : second).quarantine.add(heldMail({ time: START_MS + n })),
    ),
  );
  expect(new Set(ids).size).toBe(1);
  expect((await first.quarantine.list({}, 10)).length).toBe(1);
  const others = [
    { mailFrom: '' },
    { rcptTo: ['bob@here.example'] },
    { content: Buffer.from('other') },
    { category: 'spam' as const },
  ];
  for (const fields of others) await first.quarantine.add(heldMail(fields));
  expect((await first.quarantine.list({}, 10)).length).toBe(1 + others.length);
  expect(await first.quarantine.add(heldMail({ rcptTo: ['Carol@here.example', 'bob@here.example'] }))).toBe(ids[0]);
});

test('release for one leaves the others; a second release finds nothing', async () => {
  const { quarantine, outbox } = await open();
  const id = await quarantine.add(heldMail());
  expect(await quarantine.release(id, ['Carol@here.example', 'stranger@here.example'])).toEqual(['Carol@here.example']);
  expect((await quarantine.get(id))?.recipients).toEqual([
    { address: 'bob@here.example', state: 'held' },
    { address: 'Carol@here.example', state: 'released' },
  ]);
  expect(await quarantine.release(id, ['Carol@here.example'])).toEqual([]);
  expect(await quarantine.release(id)).toEqual(['bob@here.example']);
  expect(await quarantine.release(id)).toEqual([]);
  expect(await quarantine.release('nothing')).toEqual([]);
  const items = await outbox.list(10);
  expect(items.map(({ kind, state, rcptTo, mailFrom, about }) => ({ kind, state, rcptTo, mailFrom, about }))).toEqual([
    { kind: 'release', state: 'queued', rcptTo: ['Carol@here.example'], mailFrom: 'alice@sender.example', about: id },
    { kind: 'release', state: 'queued', rcptTo: ['bob@here.example'], mailFrom: 'alice@sender.example', about: id },
  ]);
  const again = await quarantine.add(heldMail());
  expect(again).not.toBe(id);
});

test('releases at once from two processes send one item per recipient', async () => {
  const dir = await makeDir();
  const [first, second] = [await open(dir), await open(dir)];
  const id = await first.quarantine.add(heldMail());
  const released = await Promise.all([first, second, first, second].map(({ quarantine }) => quarantine.release(id)));
  expect(released.flat().sort()).toEqual(['Carol@here.example', 'bob@here.example']);
  expect((await first.outbox.list(10)).length).toBe(1);
});

test('delete takes recipients out, and entry and content with the last, but never what is being sent', async () => {
  const { quarantine, outbox, blobs, clock } = await open();
  const id = await quarantine.add(heldMail());
  const sha256 = (await quarantine.get(id))?.contentSha256 ?? '';
  expect(await quarantine.release(id, ['bob@here.example'])).toEqual(['bob@here.example']);
  expect(await quarantine.delete(id, ['Carol@here.example'])).toEqual(['Carol@here.example']);
  expect((await quarantine.get(id))?.recipients.map(({ state }) => state)).toEqual(['released', 'deleted']);
  clock.aheadMs = BLOB_GRACE_MS + 60_000;
  expect(await quarantine.delete(id)).toEqual(['bob@here.example']);
  expect(await quarantine.get(id)).toBeNull();
  expect(await quarantine.delete(id)).toEqual([]);
  expect(await blobs.get(sha256)).not.toBeNull();
  const [item] = await outbox.list(1);
  await outbox.remove([item?.id ?? '']);
  const other = await quarantine.add(heldMail({ content: Buffer.from('another') }));
  clock.aheadMs += BLOB_GRACE_MS + 60_000;
  const otherSha256 = (await quarantine.get(other))?.contentSha256 ?? '';
  expect(await quarantine.delete(other)).toEqual(['bob@here.example', 'Carol@here.example']);
  expect(await blobs.get(otherSha256)).toBeNull();
});

test('lists newest first, page by page, by any filter', async () => {
  const { quarantine } = await open();
  const ids: string[] = [];
  for (let n = 0; n < 9; n += 1)
    ids.unshift(
      await quarantine.add(
        heldMail({
          time: START_MS + n * 1_000,
          category: n % 2 === 0 ? 'spam' : 'virus',
          content: Buffer.from(`mail ${String(n)}`),
          ...(n === 4
            ? {
                mailFrom: 'Unique@Odd.example',
                subject: 'Ünïque 会议通知',
                reason: 'Eicar-Signature',
                rcptTo: ['dora@here.example'],
              }
            : {}),
        }),
      ),
    );
  const special = ids[4];
  const listed = async (...args: Parameters<QuarantineStore['list']>) =>
    (await quarantine.list(...args)).map(({ id }) => id);
  const first = await listed({}, 4);
  expect([...first, ...(await listed({}, 100, first.at(-1)))]).toEqual(ids);
  expect((await listed({ category: 'spam' }, 100)).length).toBe(5);
  for (const filter of [
    { sender: 'unique@odd' },
    { recipient: 'DORA' },
    { subject: 'ünÏque' },
    { subject: '议通' },
    { reason: 'eicar' },
    { sinceTime: START_MS + 4_000, untilTime: START_MS + 4_999 },
    {
      sender: 'odd',
      recipient: 'dora',
      subject: '会议',
      reason: 'sig',
      category: 'spam' as const,
      state: 'held' as const,
    },
  ])
    expect(await listed(filter, 100), JSON.stringify(filter)).toEqual([special]);
  await quarantine.release(special ?? '');
  expect(await listed({ state: 'released' }, 100)).toEqual([special]);
  expect((await listed({ state: 'held' }, 100)).length).toBe(8);
  expect(await listed({ state: 'held', recipient: 'dora' }, 100)).toEqual([]);
  expect(await listed({ sender: `%' OR 1=1 --` }, 100)).toEqual([]);
});

test('each class is kept for its own days', async () => {
  const { quarantine, clock, blobs } = await open();
  const now = clock.now();
  const ids = new Map<string, string>();
  for (const category of ['spam', 'virus'] as const)
    for (const days of [5, 20, 40]) {
      const content = Buffer.from(`${category} ${String(days)}`);
      ids.set(content.toString(), await quarantine.add(heldMail({ category, time: now - days * DAY_MS, content })));
    }
  const gone = (await quarantine.get(ids.get('spam 40') ?? ''))?.contentSha256 ?? '';
  const keep = retention({ spam: { days: 10 } });
  const counts = { ...NONE, spam: 2, virus: 1 };
  expect(await quarantine.countExpired(now, keep)).toEqual(counts);
  clock.aheadMs = BLOB_GRACE_MS + 60_000;
  expect(await quarantine.expire(now, keep)).toEqual(counts);
  expect(await quarantine.countExpired(now, keep)).toEqual(NONE);
  const left = (await quarantine.list({}, 10)).map(({ id }) => id);
  expect(left.sort()).toEqual(['spam 5', 'virus 5', 'virus 20'].map((key) => ids.get(key) ?? '').sort());
  expect(await blobs.get(gone)).toBeNull();
});

test.each(CATEGORIES)(
  'the class %s has an age and a number of its own, and they go with the days that pass',
  async (category) => {
    const { quarantine, clock, blobs } = await open();
    const other = category === 'spam' ? 'virus' : 'spam';
    const start = clock.now();
    const hold = (of: Category, n: number): Promise<string> =>
      quarantine.add(heldMail({ category: of, time: start + n, content: Buffer.from(`${of} ${String(n)}`) }));
    const mine = [await hold(category, 0), await hold(category, 1), await hold(category, 2)];
    const others = [await hold(other, 0), await hold(other, 1), await hold(other, 2)];
    const hashes = await Promise.all(mine.map(async (id) => (await quarantine.get(id))?.contentSha256 ?? ''));
    const listed = async (): Promise<readonly string[]> => (await quarantine.list({}, 10)).map(({ id }) => id).sort();

    clock.aheadMs = BLOB_GRACE_MS + 60_000;
    expect(await quarantine.expire(clock.now(), retention({ [category]: { entriesMax: 2 } }))).toEqual({
      ...NONE,
      [category]: 1,
    });
    expect(await listed()).toEqual([...mine.slice(1), ...others].sort());
    expect(await blobs.get(hashes[0] ?? '')).toBeNull();

    clock.aheadMs = 9 * DAY_MS;
    const keep = retention({ [category]: { days: 10, entriesMax: 2 } });
    expect(await quarantine.expire(clock.now(), keep)).toEqual(NONE);
    clock.aheadMs = 10 * DAY_MS + 60_000;
    expect(await quarantine.expire(clock.now(), keep)).toEqual({ ...NONE, [category]: 2 });
    expect(await listed()).toEqual([...others].sort());
    for (const hash of hashes) expect(await blobs.get(hash)).toBeNull();
  },
);

test('a content that another entry or the outbox still needs stays when one entry goes', async () => {
  const { quarantine, outbox, clock, blobs } = await open();
  const now = clock.now();
  const old = await quarantine.add(heldMail({ time: now - 40 * DAY_MS }));
  const young = await quarantine.add(heldMail({ time: now, category: 'spam' }));
  const hash = (await quarantine.get(old))?.contentSha256 ?? '';
  clock.aheadMs = BLOB_GRACE_MS + 60_000;
  expect((await quarantine.expire(now, retention({}))).virus).toBe(1);
  expect(await blobs.get(hash)).not.toBeNull();
  await quarantine.release(young);
  expect((await quarantine.expire(now + 31 * DAY_MS, retention({}))).spam).toBe(1);
  expect(await blobs.get(hash)).not.toBeNull();
  await outbox.remove((await outbox.list(10)).map(({ id }) => id));
  await blobs.sweep(async (sha256) => (await quarantine.isReferenced(sha256)) || outbox.isReferenced(sha256));
  expect(await blobs.get(hash)).toBeNull();
});
