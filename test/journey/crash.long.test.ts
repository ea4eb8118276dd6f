// Death in the middle: kill -9 of one scan worker, then of the whole house, amid 200 mails; and mails that kill the
// process that looks at them. Nothing is lost, nothing is delivered unscanned, neighbours arrive.
import { afterEach, describe, expect, it } from 'vitest';
import type { ServerStatus } from '../../programs/process-messages.js';
import { IN_PARSER, IN_STAGE, writeCrashPreload } from '../ground/crash-preload.js';
import { startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { deliverMany } from '../ground/senders.js';
import { ask, findLogged, outcomeOf } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const MAILS = 200;
const AT_ONCE = 20;
const MARKER = 'WEIR-TEST-KILLS-ITS-WORKER';
const SETTLE_TIMEOUT_MS = 240_000;

describe.skipIf(!ready)('death in the middle', () => {
  let line: Line;
  afterEach(() => line?.stop());

  const status = async (): Promise<ServerStatus> => (await ask(line, 'status', {})) as ServerStatus;

  it('kill -9 of one worker, then of all, amid 200 mails', async () => {
    line = await startLine({ name: 'kill' });
    const recipients = Array.from({ length: MAILS }, (_, index) => `u${index}@house.test`);
    const filler = 'the quick brown fox jumps over the lazy dog\r\n'.repeat(400);
    const mails = recipients.map((to) => ({
      mailFrom: 'bulk@away.test',
      rcptTo: [to],
      content: writeMail({ to, body: filler }),
    }));
    const sending = deliverMany(line.senderPort, mails, AT_ONCE);

    await waitUntil('the first 20 to arrive', 60_000, () => line.sink.mails.length >= 20);
    const worker = (await status()).processes.find((process) => process.role === 'worker');
    process.kill(worker?.pid ?? 0, 'SIGKILL');

    await waitUntil('60 to arrive', 120_000, () => line.sink.mails.length >= 60);
    const before = line.sink.mails.length;
    for (const pid of [line.weir.pid, ...line.weir.children()]) process.kill(pid, 'SIGKILL');
    expect(before).toBeLessThan(MAILS);
    await sending;
    await line.restartWeir();
    await line.settle(SETTLE_TIMEOUT_MS);

    const arrived = recipients.map((address) => line.sink.mailsFor(address).length);
    expect(arrived.filter((count) => count === 0)).toHaveLength(0);
    for (const mail of line.sink.mails) expect(fieldsNamed(mail.content, 'X-Spam-Status')).toHaveLength(1);
    process.stdout.write(
      `killed: ${MAILS} sent, ${line.sink.mails.length} arrived, ${line.sink.mails.length - MAILS} twice\n`,
    );
    expect(line.sink.mails.length - MAILS).toBeLessThanOrEqual(AT_ONCE);
  });

  it.each([
    ['a stage', IN_STAGE],
    ['the parser', IN_PARSER],
  ])('a mail that kills its worker in %s is set aside, its neighbours arrive', async (_where, point) => {
    line = await startLine({
      name: 'poison',
      workers: 1,
      prepare: (directory) => ({ weirEnv: writeCrashPreload(directory, point, MARKER) }),
    });
    const messageId = nextId();
    const neighbours = Array.from({ length: 20 }, (_, index) => `n${index}@house.test`);
    const poison = {
      mailFrom: 'bulk@away.test',
      rcptTo: ['poison@house.test'],
      content: writeMail({ messageId, body: `${MARKER}\r\n` }),
    };
    const mails = neighbours.map((to) => ({ mailFrom: 'bulk@away.test', rcptTo: [to], content: writeMail({ to }) }));
    await deliverMany(line.senderPort, [...mails.slice(0, 10), poison, ...mails.slice(10)], 10);
    await line.settle(SETTLE_TIMEOUT_MS);

    for (const address of neighbours) expect(line.sink.mailsFor(address).length).toBeGreaterThanOrEqual(1);
    for (const mail of line.sink.mails) expect(fieldsNamed(mail.content, 'X-Spam-Status')).toHaveLength(1);
    expect(line.sink.mailsFor('poison@house.test')).toEqual([]);
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'poison@house.test')).toMatchObject({ action: 'quarantine', category: 'unprocessable' });
    const doctor = await line.weir.run(['doctor']);
    expect(doctor.stdout).toMatch(/unprocessable/i);
  });
});
