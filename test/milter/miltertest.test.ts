// miltertest (OpenDKIM's black-box MTA, Debian package `miltertest`) plays scripts against the server, over both kinds
// of socket. Where it is not installed that is noted with the way to get it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Transaction } from '../../message/envelope.js';
import type { Answer, EnvelopeAnswer } from '../../pipeline/answer.js';
import { findProgram, requirePackage } from '../ground/packages.js';
import { ACCEPT, startServer, until, type TestServer } from './ground.js';

const run = promisify(execFile);
const TIMEOUT_MS = 25_000;

function refuseUnless(accepted: boolean): EnvelopeAnswer {
  if (accepted) return { kind: 'continue' };
  return { kind: 'reject', reply: { code: 550, enhanced: '5.1.1', text: 'No such mailbox' } };
}

/** Answers by the message's own subject. */
function judge({ content, login }: Transaction): Answer {
  const subject = /^Subject: *(\w+)/m.exec(content.toString('latin1'))?.[1];
  switch (subject) {
    case 'reject':
      return { kind: 'reject', reply: { code: 554, enhanced: '5.7.1', text: 'Refused: 100% certain' } };
    case 'tempfail':
      return { kind: 'tempfail', reply: { code: 451, enhanced: '4.7.1', text: 'Try again later' } };
    case 'discard':
      return { kind: 'discard' };
    case 'login':
      return { kind: 'accept', edits: [{ kind: 'add-header', name: 'X-Login', value: login ?? 'nobody' }] };
    case 'edits':
      return {
        kind: 'accept',
        edits: [
          { kind: 'add-header', name: 'X-Spam-Flag', value: 'YES' },
          { kind: 'prepend-header', name: 'X-Top', value: 'first' },
          { kind: 'change-header', name: 'Subject', occurrence: 1, value: '[SPAM] edits' },
          { kind: 'delete-header', name: 'X-Forged', occurrence: 1 },
          { kind: 'add-recipient', address: 'carol@test.example' },
          { kind: 'delete-recipient', given: '<bob@test.example>' },
          { kind: 'replace-body', body: Buffer.from('new body\r\n') },
        ],
      };
    default:
      return ACCEPT;
  }
}

async function play(script: string, server: TestServer): Promise<void> {
  const folder = fileURLToPath(new URL('miltertest/', import.meta.url));
  const address = server.address.replace(/^inet:(.+):(\d+)$/, 'inet:$2@$1');
  const args = ['-D', `address=${address}`, '-D', `prelude=${folder}prelude.lua`, '-s', `${folder}${script}.lua`];
  // Its exit code says nothing of a script's error, its output does.
  const { stdout, stderr } = await run(findProgram('miltertest') ?? 'miltertest', args, { timeout: TIMEOUT_MS });
  expect(stdout + stderr).toBe('');
}

describe.skipIf(!requirePackage('miltertest')).each(['tcp', 'unix'] as const)('miltertest over %s', (kind) => {
  const start = (): Promise<TestServer> =>
    startServer({
      kind,
      judge,
      handler: {
        onMail: ({ mailFrom }) => refuseUnless(!mailFrom.address.startsWith('refused@')),
        onRcpt: async ({ rcptTo }) => refuseUnless(!rcptTo.address.startsWith('unknown@')),
      },
    });

  test.each([
    ['accept', 1],
    ['reject', 3],
    ['edits', 1],
    ['sessions', 11],
  ])('%s', async (script, messages) => {
    const server = await start();
    await play(script, server);
    await until(() => server.server.stats().connections === 0);
    expect(server.seen.transactions).toHaveLength(messages);
    expect(server.seen.handlerErrors).toEqual([]);
    expect(server.server.stats().inFlightBytes).toBe(0);
    for (const { connection } of server.seen.transactions) expect(connection.clientAddress).toBe('192.0.2.25');
  });

  test('a script that expects the wrong thing fails', async () => {
    const server = await startServer({ kind });
    await expect(play('edits', server)).rejects.toThrow();
  });
});
