// `weir access list` and `show`: rules of the store and of the settings file alike, with how often they held.
import { appendFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { addHits, HITS_TABLE } from '../../filters/access/hits.js';
import { makePlace, type Place } from './store-commands.js';

const PINNED = `access:
  rules:
    - { name: partner, kind: network, value: 192.0.2.0/24, effect: allow }
    - { name: spammer, kind: sender, value: '*@spam.test', effect: reject, note: since spring }
    - { name: asleep, kind: ip, value: 198.51.100.7, effect: reject, enabled: false }
`;

async function makeRules(): Promise<Place> {
  const place = await makePlace();
  await appendFile(place.config, PINNED);
  const state = await (await place.open()).state();
  await state.update(HITS_TABLE, 'pinned:spammer', (old) => ({
    kind: 'write',
    value: addHits(old, { count: 7, lastAt: Date.UTC(2026, 2, 1, 12) }),
    ttlMs: 86_400_000,
    result: undefined,
  }));
  return place;
}

const rowsOf = (out: string): readonly Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('list shows pinned rules first, with their hits', async () => {
  const { run } = await makeRules();
  await run('access', 'add', 'reject', 'sender', 'ann@away.test', '--name', 'ann');
  const { out, code } = await run('access', 'list');
  expect(code).toBe(0);
  expect(out).toMatch(/pinned:partner +allow .* on +0 /);
  expect(out).toMatch(/pinned:spammer +reject .* on +7 /);
  expect(out).toMatch(/pinned:asleep +reject .* off +0 /);
  const rows = rowsOf((await run('access', 'list', '--json')).out);
  expect(rows.map(({ name, hits }) => [name, hits])).toEqual([
    ['partner', 0],
    ['spammer', 7],
    ['asleep', 0],
    ['ann', 0],
  ]);
});

test('list narrows pinned rules as it does those of the store', async () => {
  const { run } = await makeRules();
  const names = async (...options: readonly string[]): Promise<readonly unknown[]> =>
    rowsOf((await run('access', 'list', '--json', ...options)).out).map(({ name }) => name);
  expect(await names('SPRING')).toEqual(['spammer']);
  expect(await names('--state', 'off')).toEqual(['asleep']);
  expect(await names('--state', 'on', '--effect', 'reject')).toEqual(['spammer']);
  expect(await names('--kind', 'network', '--scope', 'global')).toEqual(['partner']);
  expect(await run('access', 'list', 'nothing like it')).toMatchObject({ out: 'Nothing found.\n', code: 1 });
});

test.each(['spammer', 'pinned:spammer'])('show finds a pinned rule by %s, and what is known of it', async (word) => {
  const { run } = await makeRules();
  const { out, code } = await run('access', 'show', word);
  expect(code).toBe(0);
  for (const line of [
    /^ID +pinned:spammer$/m,
    /^Note +since spring$/m,
    /^Created +in the settings file$/m,
    /^Hits +7$/m,
    /^Last hit +2026-03-01/m,
  ])
    expect(out).toMatch(line);
  expect(rowsOf((await run('access', 'show', word, '--json')).out)).toMatchObject([{ name: 'spammer', hits: 7 }]);
});

test('show wants an id where a pinned rule and one of the store have the same name', async () => {
  const { run } = await makeRules();
  await run('access', 'add', 'reject', 'ip', '203.0.113.9', '--name', 'spammer');
  expect(await run('access', 'show', 'spammer')).toMatchObject({
    err: 'weir access show: spammer: several rules have this name, give the id\n',
    code: 1,
  });
  expect((await run('access', 'show', 'pinned:spammer')).out).toContain('*@spam.test');
  expect((await run('access', 'show', 'nobody')).code).toBe(1);
});
