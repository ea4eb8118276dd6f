// SMTP smuggling (CVE-2023-51764 and its kin): false ends of data with a second envelope behind them, on the way in
// through the MTA and on the way back out of the quarantine. Exactly one message arrives each time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { findPorts } from '../ground/place.js';
import { startPostfix } from '../ground/postfix.js';
import { SmtpClient } from '../ground/smtp-client.js';
import { ask, comeToRest, findLogged, outcomeOf } from './look.js';

const ready = requirePackage('postfix') && requireRoot();

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

  const quiet = (): Promise<void> => comeToRest(line);

  /** A mail that holds a whole second transaction behind a false end. */
  const content = (end: string, messageId: string): string =>
    `${writeMail({ messageId, body: 'first' })}${end}MAIL FROM:<forged@house.test>\r\nRCPT TO:<victim@house.test>\r\nDATA\r\n` +
    `Subject: smuggled\r\nMessage-ID: <smuggled-${messageId}>\r\n\r\nsecond\r\n.\r\n`;

  const send = async (port: number, recipient: string, bytes: string): Promise<number> => {
    const client = await SmtpClient.open(port, { localAddress: OUTSIDE });
    await client.command('MAIL FROM:<anna@away.test>');
    await client.command(`RCPT TO:<${recipient}>`);
    await client.command('DATA');
    client.send(Buffer.from(bytes, 'latin1'));
    const { code } = await client.reply();
    client.abort();
    return code;
  };

  it('on the way in: one message each, whatever the false end', async () => {
    const ids = FALSE_ENDS.map(() => nextId());
    for (const [index, end] of FALSE_ENDS.entries()) {
      expect([end, await send(line.port, `in${index}@house.test`, content(end, ids[index] ?? ''))]).toEqual([end, 250]);
    }
    for (const [index, end] of FALSE_ENDS.entries()) {
      const sunk = await line.sink.mailFor(`in${index}@house.test`);
      expect([end, sunk.content.includes('MAIL FROM:<forged@house.test>')]).toEqual([end, true]);
      expect([end, fieldsNamed(sunk.content, 'X-Spam-Status').length]).toEqual([end, 1]);
    }
    await quiet();
    expect(line.sink.mails).toHaveLength(FALSE_ENDS.length);
    expect(line.sink.mailsFor('victim@house.test')).toEqual([]);
    expect(await line.weir.rows(['log', 'search', 'smuggled-'])).toEqual([]);
  });

  it('out of the quarantine: one message each, whatever the false end', async () => {
    line.sink.clear();
    for (const [index, end] of FALSE_ENDS.entries()) {
      const messageId = nextId();
      expect([end, await send(line.port, `hold@h${index}.house.test`, content(end, messageId))]).toEqual([end, 250]);
      const row = await findLogged(line, messageId);
      const id = outcomeOf(row, `hold@h${index}.house.test`)?.quarantineId ?? '';
      expect(await ask(line, 'quarantine.release', { id })).toHaveLength(1);
    }
    for (const [index, end] of FALSE_ENDS.entries()) {
      const sunk = await line.sink.mailFor(`hold@h${index}.house.test`);
      expect([end, sunk.content.includes('MAIL FROM:<forged@house.test>')]).toEqual([end, true]);
    }
    await quiet();
    expect(line.sink.mails).toHaveLength(FALSE_ENDS.length);
    expect(line.sink.mailsFor('victim@house.test')).toEqual([]);
  });

  it('would be seen: without the line that weir postfix prints, the same bytes are two messages', async () => {
    const [port = 0] = await findPorts(1);
    const open = await startPostfix({
      name: 'open',
      directory: line.directory,
      listeners: [{ address: `127.0.0.1:${port}` }],
      main: {
        relayhost: `[127.0.0.1]:${line.sink.port}`,
        relay_domains: 'house.test',
        smtpd_forbid_bare_newline: 'no',
      },
    });
    try {
      await send(port, 'first@house.test', content('\n.\n', nextId()));
      expect((await line.sink.mailFor('victim@house.test')).mailFrom).toBe('forged@house.test');
    } finally {
      await open.stop();
    }
  });
});
