// SMTP smuggling (CVE-2023-51764 and its kin): false ends of data with a second envelope behind them, on the way in
// through the MTA and on the way back out of the quarantine. Exactly one message arrives each time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { SmtpClient } from '../ground/smtp-client.js';
import { findLogged, outcomeOf } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const QUIET_MS = 1_500;

/** Ends of data that some server takes for one, and RFC 5321 does not. */
const FALSE_ENDS = ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r.\r', '\r\n.\r', '\n\0.\r\n', '\r\n\0.\r\n'];

const CONFIG = `verdict:
  recipients:
    - { recipient: 'hold@*', tagAt: null, quarantineAt: -100, rejectAt: null }
`;

describe.skipIf(!ready)('smuggling', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine({ name: 'smuggling', config: CONFIG });
  });
  afterAll(() => line?.stop());

  /** A mail that holds a whole second transaction behind a false end. */
  const content = (end: string, messageId: string): string =>
    `${writeMail({ messageId, body: 'first' })}${end}MAIL FROM:<forged@house.test>\r\nRCPT TO:<victim@house.test>\r\nDATA\r\n` +
    `Subject: smuggled\r\nMessage-ID: <smuggled-${messageId}>\r\n\r\nsecond\r\n.\r\n`;

  const send = async (recipient: string, bytes: string): Promise<number> => {
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    await client.command('MAIL FROM:<anna@away.test>');
    await client.command(`RCPT TO:<${recipient}>`);
    await client.command('DATA');
    client.send(Buffer.from(bytes, 'latin1'));
    const { code } = await client.reply();
    client.abort();
    return code;
  };

  it.each(FALSE_ENDS.map((end, index) => [JSON.stringify(end), end, index] as const))(
    '%s on the way in: one message',
    async (_shown, end, index) => {
      const messageId = nextId();
      line.sink.clear();
      expect(await send(`in${index}@house.test`, content(end, messageId))).toBe(250);
      const sunk = await line.sink.mailFor(`in${index}@house.test`);
      await new Promise((done) => setTimeout(done, QUIET_MS));
      expect(line.sink.mails).toHaveLength(1);
      expect(line.sink.mailsFor('victim@house.test')).toEqual([]);
      expect(sunk.content.toString('latin1')).toContain('MAIL FROM:<forged@house.test>');
      expect(fieldsNamed(sunk.content, 'X-Spam-Status')).toHaveLength(1);
      expect(await line.weir.rows(['log', 'search', `smuggled-${messageId}`])).toEqual([]);
    },
  );

  it.each(FALSE_ENDS.map((end) => [JSON.stringify(end), end] as const))(
    '%s out of the quarantine: one message',
    async (_shown, end) => {
      const messageId = nextId();
      line.sink.clear();
      expect(await send('hold@house.test', content(end, messageId))).toBe(250);
      const id = outcomeOf(await findLogged(line, messageId), 'hold@house.test')?.quarantineId ?? '';
      expect(await line.weir.run(['quarantine', 'release', id])).toMatchObject({ status: 0 });
      const sunk = await line.sink.mailFor('hold@house.test');
      await new Promise((done) => setTimeout(done, QUIET_MS));
      expect(line.sink.mails).toHaveLength(1);
      expect(sunk.content.toString('latin1')).toContain('MAIL FROM:<forged@house.test>');
    },
  );
});
