// `weir outbox`: what waits and what failed is listed with its reason; failed items can be tried again or dropped.
import { expect, test } from 'vitest';
import type { NewOutboxItem } from '../../outbox/outbox.js';
import { makePlace } from './store-commands.js';

const ITEM: NewOutboxItem = {
  kind: 'notice',
  mailFrom: '',
  rcptTo: ['bob@here.example', 'carol@here.example'],
  content: Buffer.from('Subject: notice\r\n\r\nx\r\n'),
  about: 'log1',
  notBefore: 0,
};

test('lists waiting and failed items; retry and delete say what they did', async () => {
  const place = await makePlace();
  const stores = await place.open();
  expect(await place.run('outbox', 'list')).toMatchObject({ out: 'The outbox is empty.\n', code: 1 });
  const [id = ''] = await stores.outbox.send([ITEM]);
  const [item] = await stores.outbox.take(1);
  if (item === undefined) throw new Error('nothing due');
  const refused = { outcome: 'failed' as const, reply: '550 no \u001b[2J such user' };
  await stores.outbox.record(
    item,
    [
      { place: 0, ...refused },
      { place: 1, outcome: 'sent', reply: '250' },
    ],
    0,
  );
  const listed = await place.run('outbox', 'list');
  expect(listed.code).toBe(0);
  expect(listed.out.split('\n')[0]).toMatch(/^ID +SINCE +KIND +STATE +TRIES +NEXT TRY +RECIPIENTS +SIZE +LAST ERROR$/);
  expect(listed.out).toMatch(/notice +failed +1 +bob@here\.example +22 B +550 no \\u\{1b\}\[2J such user/);
  expect(JSON.parse((await place.run('outbox', 'list', '--json')).out)).toMatchObject({
    id,
    state: 'failed',
    recipients: [{ address: 'bob@here.example', state: 'failed', reply: refused.reply }],
  });
  expect(await place.run('outbox', 'retry', id)).toMatchObject({ out: `${id}: will be tried again\n`, code: 0 });
  expect((await stores.outbox.list(1))[0]?.state).toBe('queued');
  expect(await place.run('outbox', 'delete', id, 'nothing')).toMatchObject({
    out: `${id}: deleted\nnothing: nothing to do\n`,
    code: 1,
  });
  expect(await stores.outbox.list(1)).toEqual([]);
});
