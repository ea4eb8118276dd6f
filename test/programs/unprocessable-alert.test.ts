// The alert on unprocessable mail: it stands as long as such mail is held, and ends with the last of it, each way out.
import { expect, test } from 'vitest';
import { storeControlMethods } from '../../programs/store-methods.js';
import type { Stores } from '../../programs/stores.js';
import { UNPROCESSABLE_ALERT } from '../../programs/unprocessable-alert.js';
import { makeDir } from '../logs/fixtures.js';
import { open, settings } from './stores-ground.js';

const DAY_MS = 86_400_000;

function hold(stores: Stores, subject: string, ageDays = 0): Promise<string> {
  return stores.quarantine.add({
    time: Date.now() - ageDays * DAY_MS,
    category: 'unprocessable',
    mailFrom: 'alice@sender.example',
    headerFrom: 'alice@sender.example',
    subject,
    messageId: null,
    reason: 'killed a worker',
    score: 0,
    logId: 'log',
    rcptTo: ['bob@here.example', 'carol@here.example'],
    content: Buffer.from(`Subject: ${subject}\r\n\r\n`),
  });
}

async function isRaised(stores: Stores): Promise<boolean> {
  await stores.alerts.settled();
  return (await stores.alerts.list()).some(({ code }) => code === UNPROCESSABLE_ALERT);
}

async function raise(stores: Stores): Promise<void> {
  stores.alerts.alert(UNPROCESSABLE_ALERT, true, 'queue id 1: ended by SIGKILL');
  await stores.alerts.settled();
}

test('stands while one is held for anybody, ends with the last, and comes again with the next', async () => {
  const stores = await open(settings(await makeDir(), 9));
  const call = (method: string, params: object): Promise<unknown> =>
    storeControlMethods(stores)[`quarantine.${method}`]?.(params) ?? Promise.reject(new Error('no such method'));
  const [one, two] = [await hold(stores, 'one'), await hold(stores, 'two')];
  await raise(stores);
  await call('delete', { id: one });
  expect(await isRaised(stores)).toBe(true);
  await call('release', { id: two, rcptTo: ['bob@here.example'] });
  expect(await isRaised(stores)).toBe(true);
  await call('release', { id: two });
  expect(await isRaised(stores)).toBe(false);

  const three = await hold(stores, 'three');
  await raise(stores);
  expect(await isRaised(stores)).toBe(true);
  await call('delete', { id: three });
  expect(await isRaised(stores)).toBe(false);
});

test('ends when the last one expires', async () => {
  const stores = await open(settings(await makeDir(), 9));
  await hold(stores, 'old', 91);
  const young = await hold(stores, 'young');
  await raise(stores);
  expect((await stores.clearOut())?.entries.unprocessable).toBe(1);
  expect(await isRaised(stores)).toBe(true);
  await stores.quarantine.delete(young);
  await stores.clearOut();
  expect(await isRaised(stores)).toBe(false);
});
