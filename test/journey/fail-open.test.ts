// Nothing passes because something is broken, full, or too large: Weir stopped, no room on the disk, mails one byte over
// each ceiling, the scanner dead. The stated policy holds each time, and an alert is seen where there is one.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startClamd, type Clamd } from '../ground/clamd.js';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { deliverMail, type ClientOutcome } from '../ground/smtp-client.js';
import { findLogged, outcomeOf } from './look.js';

const ready = requirePackage('postfix', 'clamav-daemon') && requireRoot();
const SIZE_MAX_BYTES = 100_000;
/** What the MTA puts before the content it shows its milters is nothing: its own Received is not counted. */
const lineOf = (bytes: number): string => `${'x'.repeat(70)}\r\n`.repeat(Math.ceil(bytes / 72)).slice(-bytes);

/** A mail of exactly that many bytes. */
function mailOf(bytes: number, messageId: string): string {
  const head = writeMail({ messageId, body: '' });
  return head + lineOf(bytes - head.length);
}

describe.skipIf(!ready)('nothing fails open', () => {
  let line: Line;
  let clamd: Clamd;
  beforeAll(async () => {
    line = await startLine({
      name: 'failopen',
      milter: '  messageSizeMaxBytes: 200000\n',
      prepare: async (directory) => {
        clamd = await startClamd(join(directory, 'clamd'));
        return {
          config: `limits:\n  sizeMaxBytes: ${SIZE_MAX_BYTES}\nantivirus:\n  engine: clamd\n  timeLimitMs: 4000\n  server: ${JSON.stringify(clamd.tcpServer)}\n`,
        };
      },
    });
  });
  afterAll(async () => {
    await line?.stop();
    await clamd?.stop();
  });

  const submit = (to: string, content: string): Promise<ClientOutcome> =>
    deliverMail(line.port, { mailFrom: 'a@away.test', rcptTo: [to], content }, { localAddress: OUTSIDE });

  it('a mail of exactly the largest size is scanned and delivered, one byte more is refused', async () => {
    expect((await submit('exact@house.test', mailOf(SIZE_MAX_BYTES, nextId()))).last.code).toBe(250);
    expect(fieldsNamed((await line.sink.mailFor('exact@house.test')).content, 'X-Spam-Status')).toHaveLength(1);
    const messageId = nextId();
    const over = await submit('over@house.test', mailOf(SIZE_MAX_BYTES + 1, messageId));
    expect(over.last.text).toMatch(/^552 5\.3\.4 /);
    expect(JSON.stringify((await findLogged(line, messageId))['findings'])).toContain('SIZE_OVER_LIMIT');
    expect(line.sink.mailsFor('over@house.test')).toEqual([]);
  });

  it('a mail that Weir cannot keep whole is refused, not passed', async () => {
    const over = await submit('huge@house.test', mailOf(250_000, nextId()));
    expect(over.last.code).toBe(552);
    expect(line.sink.mailsFor('huge@house.test')).toEqual([]);
  });

  it('the scanner dead: a temporary failure and an alert, and mail flows when it is back', async () => {
    const messageId = nextId();
    await clamd.stop();
    expect((await submit('dead@house.test', writeMail({ messageId }))).last.code).toBe(451);
    expect(outcomeOf(await findLogged(line, messageId), 'dead@house.test')).toMatchObject({ action: 'tempfail' });
    await waitUntil('the alert', 20_000, async () => (await line.weir.run(['doctor'])).stdout.includes('antivirus'));
    expect((await line.weir.run(['doctor'])).status).not.toBe(0);
    expect(line.sink.mailsFor('dead@house.test')).toEqual([]);
  }, 90_000);

  it('Weir stopped: the MTA says try again later, and what waits at the sender arrives scanned afterwards', async () => {
    clamd = await startClamd(join(line.directory, 'clamd2'));
    await line.weir.stop();
    expect((await submit('down@house.test', writeMail())).last.code).toBe(451);
    await deliverMail(line.senderPort, { mailFrom: 'a@away.test', rcptTo: ['waits@house.test'], content: writeMail() });
    await waitUntil('the sender to be put off', 30_000, () => /status=deferred/.test(line.sender.log()));
    await line.restartWeir({}, (config) => config.replace(/server: .*/, `server: ${JSON.stringify(clamd.tcpServer)}`));
    const sunk = await line.sink.mailFor('waits@house.test', 60_000);
    expect(fieldsNamed(sunk.content, 'X-Spam-Status')).toHaveLength(1);
    expect(line.sink.mailsFor('down@house.test')).toEqual([]);
  }, 150_000);

  it('no room on the disk: 452 for every mail, and doctor says so', async () => {
    await line.weir.stop();
    await line.restartWeir({}, (config) =>
      config.replace(
        'storage:\n',
        'storage:\n  freeAlertBytes: 1000000000000000\n  freeTempfailBytes: 1000000000000000\n',
      ),
    );
    const outcome = await submit('full@house.test', writeMail());
    expect(outcome.last.code).toBe(452);
    expect(line.sink.mailsFor('full@house.test')).toEqual([]);
    const doctor = await line.weir.run(['doctor']);
    expect(doctor.status).not.toBe(0);
    expect(doctor.stdout).toMatch(/free|room|space/i);
  }, 90_000);
});
