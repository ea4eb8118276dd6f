// Greylisting with real servers: a second Postfix whose queue tries again, recipients answered one by one, bounces at the
// end of the message, the commands of an administrator.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { deliverMail } from '../ground/smtp-client.js';
import { GREYLIST, listTriplets, nameRecipients, RETRY_MS, sendThroughQueue } from './greylisting-line.js';

const ready = requirePackage('postfix') && requireRoot();

describe.skipIf(!ready)('greylisting by the milter', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine({ name: 'greylist', config: GREYLIST });
  });
  afterAll(() => line?.stop());

  it('lets a real server in when it tries again: one copy, late', async () => {
    await sendThroughQueue(line, 'queue@house.test');
    await line.sink.mailFor('queue@house.test', RETRY_MS);
    await line.settle();
    expect(line.sink.mailsFor('queue@house.test')).toHaveLength(1);
    expect(line.sender.log()).toMatch(/status=deferred .*451 4\.7\.1 .*Greylisted, please try again in \d seconds?/);
    expect(await listTriplets(line, '--passed', '--recipient', 'queue@')).toMatchObject([
      { client: '127.0.0.0/24', sender: 'ann@away.test', recipient: 'queue@house.test' },
    ]);
  });

  it('leaves a refusal that can be found by its recipient', async () => {
    await nameRecipients(line, 'ann@away.test', ['found@house.test']);
    const rows = await waitUntil('the refusal in the security log', RETRY_MS, async () => {
      const found = await line.weir.rows(['log', 'search', '--security', '--recipient', 'found@house.test']);
      return found.length > 0 ? found : undefined;
    });
    expect(rows[0]).toMatchObject({
      category: 'greylist',
      step: 'rcpt',
      clientAddress: OUTSIDE,
      mailFrom: 'ann@away.test',
    });
  });

  it('answers each recipient by itself; an administrator lets one through now', async () => {
    const [first] = await nameRecipients(line, 'bea@away.test', ['one@house.test']);
    expect(first).toMatchObject({ code: 451 });
    const [row] = await listTriplets(line, '--recipient', 'one@house');
    expect(row).toMatchObject({ sender: 'bea@away.test', attempts: 1, passedAt: null });
    expect((await line.weir.run(['greylist', 'pass', row?.id ?? ''])).stdout).toBe(`${row?.id}: passes from now on\n`);
    const named = ['--client', OUTSIDE, '--sender', 'bea@away.test', '--recipient', 'three@house.test'];
    expect((await line.weir.run(['greylist', 'pass', ...named])).status).toBe(0);
    const replies = await nameRecipients(line, 'bea@away.test', [
      'one@house.test',
      'two@house.test',
      'three@house.test',
    ]);
    expect(replies.map(({ code }) => code)).toEqual([250, 451, 250]);
    expect((await line.weir.run(['greylist', 'forget', row?.id ?? ''])).status).toBe(0);
    expect((await nameRecipients(line, 'bea@away.test', ['one@house.test']))[0]).toMatchObject({ code: 451 });
  });

  it('takes a bounce at RCPT, where callouts ask, and makes it wait at its end', async () => {
    const mail = { mailFrom: '', rcptTo: ['bounce@house.test'], content: writeMail({ messageId: nextId() }) };
    const deliver = () => deliverMail(line.port, mail, { localAddress: OUTSIDE });
    const first = await deliver();
    expect([first.rcpts[0]?.code, first.last.code]).toEqual([250, 451]);
    const last = await waitUntil('the bounce to be taken', RETRY_MS, async () => {
      const outcome = await deliver();
      return outcome.last.code === 250 ? outcome.last : undefined;
    });
    expect(last.code).toBe(250);
  });

  it('never makes anybody inside wait', async () => {
    const content = writeMail({ messageId: nextId() });
    const { last } = await deliverMail(line.port, { mailFrom: 'x@house.test', rcptTo: ['in@house.test'], content });
    expect(last.code).toBe(250);
  });
});
