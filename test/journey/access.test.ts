// Block and allow lists on real servers: a client outside, Postfix with Weir as its milter, and a sink; rules changed by
// the command while mail flows, in force in every worker at the next command.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { deliverMail, type ClientOutcome } from '../ground/smtp-client.js';
import { findLogged, outcomeOf } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const WAIT_MS = 30_000;
/** Against hanging only: each test starts several commands, which take their time on a busy machine. */
const TEST_TIMEOUT_MS = 120_000;

describe.skipIf(!ready)('block and allow rules, by Postfix', { timeout: TEST_TIMEOUT_MS }, () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine({ name: 'access', workers: 2 });
  });
  afterAll(async () => {
    await line?.stop();
  });

  const submit = (mailFrom: string, rcptTo: readonly string[], content = writeMail({ messageId: nextId() })) =>
    deliverMail(line.port, { mailFrom, rcptTo, content }, { localAddress: OUTSIDE });
  const access = async (...args: readonly string[]): Promise<string> => {
    const { status: code, stdout, stderr } = await line.weir.run(['access', ...args]);
    if (code !== 0) throw new Error(`weir access ${args.join(' ')}: ${String(code)} ${stderr}`);
    return stdout;
  };
  const idOf = (printed: string): string => printed.split(' ')[0] ?? '';
  /** The replies of a mail, as a client sees them. */
  const codes = ({ mail, rcpts, last }: ClientOutcome): readonly number[] => [
    mail.code,
    ...rcpts.map(({ code }) => code),
    last.code,
  ];

  it('a blocked sender is refused, and no longer once the rule is gone: at once, in both workers', async () => {
    for (let round = 0; round < 3; round += 1) {
      const sender = `spam${String(round)}@blocked.test`;
      const id = idOf(await access('add', 'reject', 'sender', `*@blocked.test`));
      const refused = await Promise.all(Array.from({ length: 4 }, () => submit(sender, ['bob@house.test'])));
      for (const outcome of refused) {
        expect(outcome.last.code).toBe(550);
        expect(outcome.last.text).toContain('5.7.1');
        // A stranger is not told which rule it was.
        expect(outcome.last.text).not.toContain('blocked.test');
      }
      await access('remove', id);
      const taken = await Promise.all(Array.from({ length: 4 }, () => submit(sender, ['bob@house.test'])));
      for (const outcome of taken) expect(outcome.last.code).toBe(250);
    }
  });

  it('is found in the security log by its recipient, with the rule behind it, although no mail ever came', async () => {
    const id = idOf(await access('add', 'reject', 'sender', 'found@blocked.test', '--name', 'the rule'));
    await submit('found@blocked.test', ['searched@house.test']);
    const rows = await waitUntil('the refusal in the security log', WAIT_MS, async () => {
      const found = await line.weir.rows(['log', 'search', '--security', '--recipient', 'searched@house.test']);
      return found.length > 0 && found;
    });
    expect(rows[0]).toMatchObject({ category: 'block-list' });
    expect(JSON.stringify(rows[0])).toContain('the rule');
    await access('remove', id);
  });

  it('a blocked recipient is refused alone; the others get the mail', async () => {
    const id = idOf(await access('add', 'reject', 'recipient', 'gone@house.test'));
    const outcome = await submit('ann@away.test', ['gone@house.test', 'here@house.test']);
    expect(codes(outcome)).toEqual([250, 550, 250, 250]);
    expect((await line.sink.mailFor('here@house.test')).mailFrom).toBe('ann@away.test');
    await access('remove', id);
  });

  it('what is discarded is taken and never arrives; the log says so', async () => {
    const id = idOf(await access('add', 'discard', 'sender', 'lost@away.test'));
    const messageId = nextId();
    const outcome = await submit('lost@away.test', ['nobody@house.test'], writeMail({ messageId }));
    expect(outcome.last.code).toBe(250);
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'nobody@house.test')).toMatchObject({ action: 'discard' });
    await access('remove', id);
  });

  it('allow beats block, for the recipient it names', async () => {
    const block = idOf(await access('add', 'reject', 'network', '127.0.0.0/8'));
    const allow = idOf(await access('add', 'allow', 'recipient', 'postmaster@house.test'));
    const outcome = await submit('ann@away.test', ['postmaster@house.test', 'other@house.test']);
    expect(codes(outcome)).toEqual([250, 250, 554, 250]);
    await access('off', allow);
    const refused = await submit('ann@away.test', ['postmaster@house.test']).then(
      ({ last }) => last.code,
      (error: unknown) => String(error),
    );
    expect(refused).toBe(554);
    await access('remove', block, allow);
    expect((await submit('ann@away.test', ['other@house.test'])).last.code).toBe(250);
  });

  it("a user's own block list holds that user's mail and nobody else's", async () => {
    const scope = 'user:own@house.test';
    const id = idOf(await access('add', 'reject', 'sender', 'ann@away.test', '--scope', scope));
    const messageId = nextId();
    await submit('ann@away.test', ['own@house.test', 'all@house.test'], writeMail({ messageId }));
    const row = await findLogged(line, messageId);
    expect(outcomeOf(row, 'own@house.test')).toMatchObject({ action: 'quarantine' });
    expect(outcomeOf(row, 'all@house.test')).toMatchObject({ action: 'accept' });
    const hits = await waitUntil('the hit to be counted', WAIT_MS, async () => {
      const [rule] = await line.weir.rows(['access', 'list', '--scope', scope]);
      return rule?.['hits'] === 1 && rule;
    });
    expect(hits['lastHitAt']).toBeGreaterThan(0);
    await access('remove', id);
  });
});
