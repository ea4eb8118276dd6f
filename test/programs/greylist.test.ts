// `weir greylist`: what waits is listed, one is let through now, and forgotten; what is shown was made harmless.
import { expect, test } from 'vitest';
import { creditClient } from '../../filters/greylist/client-standing.js';
import { seeTriplet } from '../../filters/greylist/passage.js';
import { CLIENTS, PASSED, tripletId, WAITING } from '../../filters/greylist/tables.js';
import type { State } from '../../state/state.js';
import { makePlace } from './store-commands.js';

const SPANS = { delayMs: 300_000, windowMs: 86_400_000, keepMs: 864_000_000 };

async function see(state: State, sender: string, recipient: string, client = '192.0.2.0/24'): Promise<string> {
  const sight = { client, sender, recipient, session: `${client}:1` };
  const id = tripletId(sight);
  await seeTriplet(state, id, sight, SPANS);
  return id;
}

test('lists who waits and who went through, and lets one through now', async () => {
  const { run, open } = await makePlace();
  const state = await (await open()).state();
  expect(await run('greylist', 'list')).toMatchObject({ out: 'Nothing waits.\n', code: 1 });
  const id = await see(state, 'ann@away.test', 'bob@here.test');
  await see(state, '', 'eve@here.test', '2001:db8::/64');
  const list = await run('greylist', 'list');
  expect(list.code).toBe(0);
  expect(list.out.split('\n')[0]).toMatch(/^ID +FIRST SEEN +PASSES +TRIES +CLIENT +SENDER +RECIPIENT$/);
  expect(list.out).toMatch(new RegExp(`${id} .* from .* 1 +192\\.0\\.2\\.0/24 +ann@away\\.test +bob@here\\.test`));
  expect(list.out).toMatch(/2001:db8::\/64 +<> +eve@here\.test/);
  expect(await run('greylist', 'pass', id, 'nothing')).toMatchObject({
    out: `${id}: passes from now on\nnothing: not waiting\n`,
    code: 1,
  });
  expect((await run('greylist', 'list')).out).not.toContain(id);
  const [passed] = (await run('greylist', 'list', '--passed', '--json')).out.trim().split('\n');
  expect(JSON.parse(passed ?? '')).toMatchObject({ id, attempts: 1, passedAt: expect.any(Number) });
  expect((await run('greylist', 'list', '--all', '--json')).out.trim().split('\n')).toHaveLength(2);
  expect([await state.read(WAITING, id), (await state.read(PASSED, id))?.value.attempts]).toEqual([null, 1]);
});

test('narrows a list by client, sender, recipient and number', async () => {
  const { run, open } = await makePlace();
  const state = await (await open()).state();
  for (let number = 0; number < 5; number += 1) await see(state, `s${number}@away.test`, 'bob@here.test');
  await see(state, 'ann@other.test', 'eve@here.test', '198.51.100.0/24');
  const rows = async (...options: readonly string[]): Promise<number> =>
    (await run('greylist', 'list', '--json', ...options)).out.split('\n').length - 1;
  expect(await rows()).toBe(6);
  expect(await rows('--client', '192.0.2.200')).toBe(5);
  expect(await rows('--client', '198.51')).toBe(1);
  expect(await rows('--sender', 'OTHER')).toBe(1);
  expect(await rows('--recipient', 'bob@')).toBe(5);
  expect(await rows('--limit', '2')).toBe(2);
  expect((await run('greylist', 'list', '--limit', '2')).out).toContain('4 more: narrow the list');
});

test('lets one through that was never seen, by its three parts as they are kept', async () => {
  const { run, open } = await makePlace();
  const state = await (await open()).state();
  const parts = ['--client', '192.0.2.7', '--sender', 'prvs=0000000001=Ann@away.test', '--recipient', 'Bob@here.test'];
  const id = tripletId({ client: '192.0.2.0/24', sender: 'ann@away.test', recipient: 'bob@here.test' });
  expect(await run('greylist', 'pass', ...parts)).toMatchObject({ out: `${id}: passes from now on\n`, code: 0 });
  expect(await run('greylist', 'pass', ...parts)).toMatchObject({ out: `${id}: passed before\n`, code: 1 });
  const sight = { client: '192.0.2.0/24', sender: 'ann@away.test', recipient: 'bob@here.test', session: 's' };
  expect((await seeTriplet(state, id, sight, SPANS)).kind).toBe('known');
});

test('forgets triplets, and that a client proved itself', async () => {
  const { run, open } = await makePlace();
  const state = await (await open()).state();
  const id = await see(state, 'ann@away.test', 'bob@here.test');
  await state.update(CLIENTS, '192.0.2.7/32', (old, nowMs) => creditClient(old, nowMs, 's', SPANS.keepMs));
  expect(await run('greylist', 'forget', id, '--client', '192.0.2.7')).toMatchObject({
    out: `${id}: forgotten\n192.0.2.7: forgotten\n`,
    code: 0,
  });
  expect((await run('greylist', 'forget', id)).code).toBe(1);
  await run('greylist', 'pass', await see(state, 'ann@away.test', 'bob@here.test'));
  expect((await run('greylist', 'forget', id)).code).toBe(0);
  expect([await state.count(WAITING), await state.count(PASSED)]).toEqual([0, 0]);
  expect(await state.count(CLIENTS)).toBe(0);
});

test.each([
  [['pass']],
  [['pass', '--client', '192.0.2.7']],
  [['pass', 'id', '--client', '192.0.2.7', '--sender', 'a@b', '--recipient', 'c@d']],
  [['pass', '--client', 'mx.away.test', '--sender', 'a@b', '--recipient', 'c@d']],
  [['forget']],
])('says how it is used: %j', async (args) => {
  const { run, open } = await makePlace();
  await open();
  const { code, err } = await run('greylist', ...args);
  expect(code).toBe(64);
  expect(err).toMatch(/^weir: /);
});

test('shows nothing that steers a terminal', async () => {
  const { run, open } = await makePlace();
  await see(await (await open()).state(), 'a\u001b[2Jb@away.test', 'x\ny@here.test');
  const { out } = await run('greylist', 'list');
  expect(out).not.toContain('\u001b');
  expect(out.trimEnd().split('\n')).toHaveLength(2);
});
