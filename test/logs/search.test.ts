// Search: every field of the mail and security log finds what it should and nothing else, indexed or not yet, page by page.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MessageEvent } from '../../logs/event.js';
import type { LogQuery, LogSearch } from '../../logs/search.js';
import { makeDir, messageEvent, openTestLogs, sessionEvent, START_MS } from './fixtures.js';

const TARGET = messageEvent({
  time: START_MS + 5_050,
  messageId: '<Needle-77@post.example>',
  mailFrom: 'Carol+Tag@Post.example',
  headerFrom: 'carol@shop.example',
  subject: '电子发票已开具 – Rechnung Nº 12',
  queueId: 'QQ77',
  login: 'carol',
  clientAddress: '2001:db8::77',
  clientName: 'out.post.example',
  helo: 'helo.post.example',
  recipients: [
    {
      address: 'dora@here.example',
      direction: 'internal',
      action: 'quarantine',
      score: 11,
      category: 'spam',
      thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: null },
      quarantineId: 'q1',
    },
    {
      address: 'emil@here.example',
      direction: 'received',
      action: 'accept',
      score: 1,
      category: null,
      thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: null },
      quarantineId: null,
    },
  ],
  security: { category: 'spam', event: 'held: score 11' },
});

const FOUND_BY: readonly Partial<LogQuery>[] = [
  { text: 'needle-77' },
  { text: '发票' },
  { text: '电子发票' },
  { text: 'rechnung nº' },
  { text: 'EMIL@' },
  { messageId: 'Needle-77@post' },
  { messageId: '<needle-77@post.example>' },
  { sender: 'carol+tag' },
  { sender: 'shop.example' },
  { recipient: 'dora' },
  { subject: 'Rechnung' },
  { subject: '已' },
  { subject: 'nº' },
  { source: '2001:db8::77' },
  { source: 'out.post' },
  { queueId: 'qq77' },
  { login: 'carol' },
  { helo: 'helo.post' },
  { event: 'held' },
  { action: 'quarantine' },
  { direction: 'internal' },
  { category: 'spam' },
  { id: TARGET.id },
  { action: 'quarantine', direction: 'internal', category: 'spam', subject: '发票', recipient: 'emil' },
  { sinceTime: START_MS + 5_050, untilTime: START_MS + 5_050 },
];

const MISSED_BY: readonly Partial<LogQuery>[] = [
  { text: 'needle-78' },
  { text: '票电' },
  { messageId: 'carol' },
  { sender: 'dora' },
  { recipient: 'carol' },
  { subject: 'needle' },
  { action: 'discard' },
  { direction: 'sent' },
  { category: 'virus' },
  { action: 'quarantine', subject: 'Minutes' },
  { id: 'nothing' },
  { untilTime: START_MS - 1 },
  { sinceTime: START_MS + 100_000 },
  { subject: '" OR "a' },
  { text: '%' },
];

function fill(): readonly MessageEvent[] {
  const others = Array.from({ length: 60 }, (_, n) =>
    messageEvent({ time: START_MS + n * 100, messageId: `<other-${String(n)}@sender.example>` }),
  );
  return [...others, TARGET];
}

describe.each(['not yet indexed', 'indexed'] as const)('mail log, %s', (state) => {
  async function open(): Promise<LogSearch> {
    const { store } = await openTestLogs(await makeDir());
    await Promise.all(fill().map((event) => store.writer.write(event)));
    if (state === 'indexed') expect(await (await store.keeper()).indexNow()).toBe(true);
    return store.search();
  }

  test('finds by every field, and gives the event back whole', async () => {
    const search = await open();
    for (const query of FOUND_BY) {
      const page = await search.mail({ ...query, limit: 10 });
      expect(page, JSON.stringify(query)).toEqual({ entries: [TARGET], next: null, isCutShort: false });
    }
  });

  test('finds nothing by what is not there', async () => {
    const search = await open();
    for (const query of MISSED_BY) {
      const page = await search.mail({ ...query, limit: 10 });
      expect(
        page.entries.map(({ id }) => id),
        JSON.stringify(query),
      ).toEqual([]);
    }
  });

  test('pages newest first, each row once', async () => {
    const search = await open();
    const times: number[] = [];
    let cursor: string | null = null;
    do {
      const page = await search.mail({ sender: 'alice', limit: 7, ...(cursor === null ? {} : { cursor }) });
      times.push(...page.entries.map(({ time }) => time));
      cursor = page.next;
    } while (cursor !== null && times.length < 1_000);
    expect(times).toEqual(Array.from({ length: 60 }, (_, n) => START_MS + (59 - n) * 100));
  });
});

test('half indexed: rows of both halves are found once each', async () => {
  const { store } = await openTestLogs(await makeDir());
  const events = fill();
  for (const event of events.slice(0, 30)) await store.writer.write(event);
  await (await store.keeper()).indexNow();
  for (const event of events.slice(30)) await store.writer.write(event);
  const page = await (await store.search()).mail({ text: 'sender.example', limit: 100 });
  expect(page.entries.length).toBe(60);
  expect(new Set(page.entries.map(({ id }) => id)).size).toBe(60);
});

test('the security log holds messages in the category that decided, and session steps', async () => {
  const { store } = await openTestLogs(await makeDir());
  const step = sessionEvent({
    time: START_MS + 9_000,
    findings: [{ id: 'NO_PTR', stage: 'policy', category: 'policy', score: 1, evidence: '198.51.100.9' }],
  });
  await store.writer.write(TARGET);
  await store.writer.write(messageEvent());
  await store.writer.write(step);
  await (await store.keeper()).indexNow();
  const search = await store.search();
  const all = await search.security({ limit: 10 });
  expect(all.entries.map(({ id, kind, category }) => [id, kind, category])).toEqual([
    [step.id, 'session', 'policy'],
    [TARGET.id, 'message', 'spam'],
  ]);
  expect(all.entries[0]?.findings).toEqual(step.findings);
  expect(all.entries[1]?.recipients).toEqual(['dora@here.example', 'emil@here.example']);
  for (const query of [
    { source: '198.51' },
    { sender: 'mallory' },
    { event: 'no such user' },
    { category: 'policy' as const },
  ])
    expect((await search.security({ ...query, limit: 10 })).entries.map(({ id }) => id)).toEqual([step.id]);
  expect((await search.security({ subject: '发票', limit: 10 })).entries.map(({ id }) => id)).toEqual([TARGET.id]);
});

test('any subject is found by any part of it', { timeout: 60_000 }, async () => {
  const { store } = await openTestLogs(await makeDir());
  const subjects = fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), { numRuns: 120, seed: 7 });
  const events = subjects.map((subject, n) => messageEvent({ time: START_MS + n, subject }));
  await Promise.all(events.map((event) => store.writer.write(event)));
  await (await store.keeper()).indexNow();
  const search = await store.search();
  for (const event of events) {
    const characters = [...new Intl.Segmenter().segment(event.subject ?? '')].map(({ segment }) => segment);
    const part = characters.slice(Math.floor(characters.length / 3)).join('');
    if (part.trim() === '') continue;
    const page = await search.mail({ subject: part, limit: 200 });
    expect(
      page.entries.map(({ id }) => id),
      JSON.stringify(part),
    ).toContain(event.id);
  }
});

test('a search that runs out of time says so and can be gone on with', async () => {
  const { store } = await openTestLogs(await makeDir());
  const events = Array.from({ length: 1_500 }, (_, n) =>
    messageEvent({ time: START_MS + n, subject: n === 3 ? 'zq' : 'plain' }),
  );
  await Promise.all(events.map((event) => store.writer.write(event)));
  const search = await store.search();
  let cursor: string | undefined;
  const found: string[] = [];
  let pages = 0;
  for (; pages < 100; pages += 1) {
    const page = await search.mail({
      subject: 'zq',
      limit: 5,
      budgetMs: 0,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.entries.map(({ id }) => id));
    if (page.next === null) break;
    expect(page.isCutShort).toBe(true);
    cursor = page.next;
  }
  expect(pages).toBeGreaterThan(2);
  expect(found).toEqual([events[3]?.id]);
});
