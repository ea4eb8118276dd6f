// The outbox's store: nothing leaves before its answer, nothing committed is lost, repeats of a prepared item are one.
import { expect, test } from 'vitest';
import { PREPARED_MAX_MS } from '../../outbox/schema.js';
import { newItem, openOutbox } from './fixtures.js';

test('prepared items wait; commit lets them go, cancel takes them back', async () => {
  const { store } = await openOutbox();
  const [one = '', two = ''] = await store.prepare([
    newItem(),
    newItem({ rcptTo: ['carol@here.example', 'dora@here.example'] }),
  ]);
  expect(await store.take(10)).toEqual([]);
  await store.commit([one]);
  await store.cancel([two, one]);
  expect((await store.list(10)).map(({ id, state }) => [id, state])).toEqual([[one, 'queued']]);
  const [taken] = await store.take(10);
  expect(taken).toMatchObject({
    id: one,
    state: 'sending',
    attempts: 1,
    waiting: [{ place: 0, address: 'bob@here.example' }],
  });
  expect(await store.content(taken ?? ({} as never))).toEqual(newItem().content);
  expect(await store.take(10)).toEqual([]);
});

test('a sender that comes twice prepares one item; one answer lost does not take back the other', async () => {
  const { store } = await openOutbox();
  const [first = ''] = await store.prepare([newItem({ rcptTo: ['b@x.example', 'a@x.example'] })]);
  const [second = ''] = await store.prepare([newItem({ rcptTo: ['a@x.example', 'b@x.example'] })]);
  expect(second).toBe(first);
  await store.cancel([first]);
  await store.commit([second]);
  expect((await store.list(10)).map(({ state, rcptTo }) => [state, rcptTo])).toEqual([
    ['queued', ['b@x.example', 'a@x.example']],
  ]);
  const [third] = await store.prepare([newItem({ rcptTo: ['a@x.example', 'b@x.example'] })]);
  expect(third).not.toBe(first);
});

test('the same item twice in one batch is taken back whole', async () => {
  const { store } = await openOutbox();
  const ids = await store.prepare([newItem(), newItem()]);
  expect(ids[0]).toBe(ids[1]);
  await store.cancel(ids);
  expect(await store.list(10)).toEqual([]);
});

test('what a crash left prepared is sent after its time', async () => {
  const { store, clock } = await openOutbox();
  await store.prepare([newItem()]);
  clock.aheadMs = PREPARED_MAX_MS - 1_000;
  await store.recover([]);
  expect(await store.take(10)).toEqual([]);
  clock.aheadMs = PREPARED_MAX_MS + 1_000;
  await store.recover([]);
  expect((await store.take(10)).length).toBe(1);
});

test('send needs no commit; notBefore holds it; no recipients is no item', async () => {
  const { store, clock } = await openOutbox();
  const ids = await store.send([
    newItem(),
    newItem({ content: Buffer.from('later'), notBefore: clock.now() + 60_000 }),
    newItem({ rcptTo: [] }),
  ]);
  expect(ids.length).toBe(2);
  expect((await store.take(10)).map(({ id }) => id)).toEqual([ids[0]]);
  clock.aheadMs = 61_000;
  expect((await store.take(10)).map(({ id }) => id)).toEqual([ids[1]]);
});

test('each recipient has an outcome of its own; what failed stays and can be tried again', async () => {
  const { store, clock } = await openOutbox();
  await store.send([newItem({ rcptTo: ['ok@x.example', 'later@x.example', 'no@x.example'] })]);
  const [item] = await store.take(1);
  if (item === undefined) throw new Error('nothing due');
  const state = await store.record(
    item,
    [
      { place: 0, outcome: 'sent', reply: '250 ok' },
      { place: 1, outcome: 'retry', reply: '450 later' },
      { place: 2, outcome: 'failed', reply: '550 no' },
    ],
    clock.now() + 1_000,
  );
  expect(state).toBe('queued');
  clock.aheadMs = 2_000;
  const [again] = await store.take(1);
  expect(again?.waiting).toEqual([{ place: 1, address: 'later@x.example' }]);
  expect(await store.record(again ?? item, [{ place: 1, outcome: 'sent', reply: '250' }], 0)).toBe('failed');
  expect(await store.recipients(item.id)).toEqual([{ address: 'no@x.example', state: 'failed', reply: '550 no' }]);
  expect(await store.counts()).toEqual({ prepared: 0, queued: 0, sending: 0, failed: 1 });
  expect(await store.retry([item.id, 'nothing'])).toEqual([item.id]);
  const [third] = await store.take(1);
  expect(await store.record(third ?? item, [{ place: 2, outcome: 'sent', reply: '250' }], 0)).toBe('done');
  expect(await store.list(10)).toEqual([]);
});

test('what cannot be sent in its time is given up', async () => {
  const { store, clock } = await openOutbox();
  await store.send([newItem()]);
  clock.aheadMs = 3_600_001;
  const [item] = await store.take(1);
  if (item === undefined) throw new Error('nothing due');
  expect(await store.record(item, [{ place: 0, outcome: 'retry', reply: 'connection refused' }], clock.now())).toBe(
    'failed',
  );
  expect((await store.list(1))[0]).toMatchObject({ state: 'failed', lastError: 'connection refused', attempts: 1 });
  expect(await store.remove([item.id])).toEqual([item.id]);
});
