// `weir log search`: one line per recipient, fields, pages, JSON; mail cannot forge a line (threat class 18).
import { expect, test } from 'vitest';
import { messageEvent, sessionEvent, START_MS } from '../logs/fixtures.js';
import { makePlace } from './store-commands.js';

test('mail log: a line per recipient; search by text and by field', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const [first] = messageEvent().recipients;
  if (first === undefined) throw new Error('no recipient');
  const event = messageEvent({
    subject: 'line one\r\n2026-01-01 forged\u001b[1m',
    recipients: [first, { ...first, address: 'carol@here.example', action: 'quarantine', score: 12, category: 'spam' }],
    security: { category: 'spam', event: 'held' },
  });
  await stores.log.write(event);
  await stores.log.write(messageEvent({ time: START_MS + 60_000, mailFrom: '' }));
  const all = await place.run('log', 'search');
  expect(all.out.trimEnd().split('\n').length).toBe(4);
  expect(all.out).toContain('line one\\u{d}\\u{a}2026-01-01 forged\\u{1b}[1m');
  expect(all.out).toContain('<>');
  const found = await place.run('log', 'search', 'CAROL@here');
  expect(found.out.trimEnd().split('\n').length).toBe(3);
  const json = await place.run('log', 'search', '--action', 'quarantine', '--subject', 'forged', '--json');
  expect(JSON.parse(json.out)).toEqual(event);
  expect(json.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  expect(await place.run('log', 'search', 'nothing-like-it')).toMatchObject({ out: 'Nothing found.\n', code: 1 });
  expect(
    (await place.run('log', 'search', '--since', '2026-03-01T00:00:30Z', '--json')).out.trimEnd().split('\n').length,
  ).toBe(1);
});

test('security log, page by page', async () => {
  const place = await makePlace();
  const stores = await place.open();
  for (let n = 0; n < 3; n += 1)
    await stores.log.write(sessionEvent({ time: START_MS + n, event: `refused ${String(n)}` }));
  const first = await place.run('log', 'search', '--security', '--category', 'policy', '--limit', '2');
  expect(first.out).toContain('refused 2');
  expect(first.out).not.toContain('refused 0');
  const cursor = /--cursor ([0-9]+)/.exec(first.err)?.[1] ?? '';
  const second = await place.run('log', 'search', '--security', '--limit', '2', '--cursor', cursor);
  expect(second.out).toContain('refused 0');
  expect(second.err).toBe('');
  expect((await place.run('log', 'search', '--security', '--category', 'virus')).code).toBe(1);
});
