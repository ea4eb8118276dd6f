// What a real Postfix makes of the answers: edits as delivered, replies as the client sees them, no reply lost or left in
// the stream, over both kinds of socket. The verdicts are a test's own; the journeys of the whole product are elsewhere.
import { mkdirSync, mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transaction } from '../../message/envelope.js';
import { createMilterServer, type MilterServer } from '../../milter/server.js';
import { MILTER_SECTION } from '../../milter/settings.js';
import type { Answer, Edit } from '../../pipeline/answer.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { findPorts } from '../ground/place.js';
import { startPostfix, type Postfix } from '../ground/postfix.js';
import { startSink, type Sink } from '../ground/sink.js';
import { SmtpClient, deliverMail } from '../ground/smtp-client.js';

const ready = requirePackage('postfix') && requireRoot();

/** The answer for the next message, and what was judged. */
let answer: Answer = { kind: 'accept', edits: [] };
const judged: Transaction[] = [];
const complaints: string[] = [];
let sink: Sink;
let postfix: Postfix;
let servers: MilterServer[] = [];
let ports: readonly number[] = [];
let directory = '';

const CONTENT = [
  'From: Alice <alice@away.test>',
  'To:two@house.test',
  'X-Spam-Flag: NO',
  'Subject:  spaced',
  'X-Spam-Flag: forged',
  'X-Fold: one',
  '\ttwo',
  'X-Spam-Flag: third',
  'Message-Id: <1@away.test>',
  'Date: Mon, 2 Mar 2026 10:00:00 +0000',
  '',
  'body',
  '.dot',
  '',
].join('\r\n');

describe.skipIf(!ready)('a real Postfix', () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'weir-milter-postfix-'));
    chmodSync(directory, 0o755);
    mkdirSync(join(directory, 'sockets'));
    chmodSync(join(directory, 'sockets'), 0o755);
    sink = await startSink();
    const found = await findPorts(3);
    const addresses = [`unix:${join(directory, 'sockets', 'm.sock')}`, `inet:127.0.0.1:${found[2]}`];
    ports = found.slice(0, 2);
    servers = addresses.map((listen) => {
      const settings = Value.Default(MILTER_SECTION.schema, { listen: [listen], socketMode: '0666' });
      Value.Assert(MILTER_SECTION.schema, settings);
      return createMilterServer(settings, {
        onMessage: async (transaction) => {
          judged.push(transaction);
          return { answer };
        },
        onRcpt: ({ rcptTo }) =>
          rcptTo.address.startsWith('refused')
            ? { kind: 'reject', reply: { code: 550, enhanced: '5.1.1', text: '100% unknown' } }
            : { kind: 'continue' },
        onProtocolError: (_connection, reason) => void complaints.push(reason),
      });
    });
    for (const server of servers) await server.listen();
    postfix = await startPostfix({
      name: 'edits',
      directory,
      listeners: addresses.map((address, i) => ({
        address: `127.0.0.1:${ports[i]}`,
        options: { smtpd_milters: address },
      })),
      main: { default_transport: `smtp:[127.0.0.1]:${sink.port}`, relay_transport: `smtp:[127.0.0.1]:${sink.port}` },
    });
  });

  afterAll(async () => {
    await postfix.stop();
    for (const server of servers) await server.close(0);
    await sink.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Sends the mail with an answer prepared; gives what was delivered to `recipient`. */
  async function delivered(port: number, edits: readonly Edit[], recipient: string): Promise<string> {
    answer = { kind: 'accept', edits };
    sink.clear();
    const outcome = await deliverMail(port, {
      mailFrom: 'alice@away.test',
      rcptTo: ['One@House.test', 'two@house.test'],
      content: CONTENT,
    });
    expect(outcome.last.code).toBe(250);
    return (await sink.mailFor(recipient)).content.toString('latin1');
  }

  describe.each([
    ['UNIX', 0],
    ['TCP', 1],
  ])('over a %s socket', (_kind, index) => {
    test('gives the content byte for byte', async () => {
      const arrived = await delivered(ports[index] ?? 0, [], 'two@house.test');
      expect(judged.at(-1)?.content.toString('latin1')).toBe(CONTENT);
      expect(arrived.endsWith(CONTENT)).toBe(true);
      expect(judged.at(-1)?.connection.daemonName).not.toBeNull();
      expect(judged.at(-1)?.queueId).toMatch(/^[0-9A-Za-z]+$/);
    });

    test('makes the edits as they were meant', async () => {
      const arrived = await delivered(
        ports[index] ?? 0,
        [
          { kind: 'delete-header', name: 'x-spam-flag', occurrence: 1 },
          { kind: 'delete-header', name: 'X-Spam-Flag', occurrence: 3 },
          { kind: 'change-header', name: 'X-Spam-Flag', occurrence: 2, value: 'YES' },
          { kind: 'change-header', name: 'Subject', occurrence: 1, value: '[SPAM] spaced' },
          { kind: 'prepend-header', name: 'X-Top', value: 'first' },
          { kind: 'prepend-header', name: 'X-Next', value: 'second' },
          { kind: 'add-header', name: 'X-Report', value: 'one\ntwo\r\n\r\nEvil: yes\0\rhidden' },
          { kind: 'delete-recipient', given: '<One@House.test>' },
          { kind: 'add-recipient', address: 'three@house.test' },
          { kind: 'change-sender', address: 'bounce@house.test' },
          { kind: 'replace-body', body: Buffer.from('new body\r\n.\r\nend\r\n') },
        ],
        'three@house.test',
      );
      const [head = '', ...rest] = arrived.split('\r\n\r\n');
      expect(rest.join('\r\n\r\n')).toBe('new body\r\n.\r\nend\r\n');
      const fields = head.split(/\r\n(?![ \t])/);
      const top = fields.findIndex((field) => field.startsWith('X-Top'));
      expect(fields.slice(top, top + 2)).toEqual(['X-Top: first', 'X-Next: second']);
      expect(fields[top + 2]).toMatch(/^Received:/);
      expect(fields.slice(top + 3)).toEqual([
        'From: Alice <alice@away.test>',
        'To:two@house.test',
        'Subject: [SPAM] spaced',
        'X-Spam-Flag: YES',
        'X-Fold: one\r\n\ttwo',
        'Message-Id: <1@away.test>',
        'Date: Mon, 2 Mar 2026 10:00:00 +0000',
        'X-Report: one\r\n\ttwo\r\n\tEvil: yes  hidden',
      ]);
      const mail = await sink.mailFor('three@house.test');
      expect(mail.mailFrom).toBe('bounce@house.test');
      expect(sink.mailsFor('One@House.test')).toEqual([]);
      expect(sink.mailsFor('two@house.test').length).toBeGreaterThan(0);
    });

    test('takes an empty body', async () => {
      const arrived = await delivered(
        ports[index] ?? 0,
        [{ kind: 'replace-body', body: Buffer.alloc(0) }],
        'two@house.test',
      );
      expect(arrived.endsWith('10:00:00 +0000\r\n\r\n')).toBe(true);
    });

    test('tells the client each verdict in its own words, several messages to a session', async () => {
      const client = await SmtpClient.open(ports[index] ?? 0);
      const send = (rcptTo: readonly string[]): ReturnType<SmtpClient['deliver']> =>
        client.deliver({ mailFrom: 'alice@away.test', rcptTo, content: CONTENT });
      answer = { kind: 'reject', reply: { code: 554, enhanced: '5.7.1', text: `100% spam\r\n${'long '.repeat(200)}` } };
      const refused = await send(['two@house.test']);
      expect(refused.last.code).toBe(554);
      expect(refused.last.lines[0]).toBe('554-5.7.1 100% spam');
      expect(refused.last.lines.length).toBe(4);
      answer = { kind: 'tempfail', reply: { code: 451, enhanced: '4.7.1', text: 'Later' } };
      expect((await send(['two@house.test'])).last.text).toContain('4.7.1 Later');
      answer = { kind: 'discard' };
      sink.clear();
      expect((await send(['two@house.test'])).last.code).toBe(250);
      answer = { kind: 'accept', edits: [] };
      const mixed = await send(['refused@house.test', 'two@house.test']);
      expect(mixed.rcpts.map((reply) => reply.code)).toEqual([550, 250]);
      expect(mixed.rcpts[0]?.text).toContain('5.1.1 100% unknown');
      expect(mixed.last.code).toBe(250);
      await client.quit();
      await sink.mailFor('two@house.test');
      expect(sink.mails).toHaveLength(1);
      expect(judged.at(-1)?.rcptTo.map(({ address }) => address)).toEqual(['two@house.test']);
    });
  });

  test('had nothing to complain of, nor had we', () => {
    expect(complaints).toEqual([]);
    expect(postfix.log()).not.toMatch(/warning: .*milter/i);
  });
});
