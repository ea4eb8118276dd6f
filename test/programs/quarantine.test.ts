// `weir quarantine`: what is held is listed, shown, released and deleted; hostile text is harmless; both ways to the stores.
import { expect, onTestFinished, test } from 'vitest';
import { controlSocketPath, serveControl } from '../../programs/control.js';
import { storeControlMethods } from '../../programs/store-methods.js';
import type { NewQuarantineEntry, QuarantineEntry } from '../../quarantine/quarantine.js';
import { START_MS } from '../logs/fixtures.js';
import { asBytes, makePlace } from './store-commands.js';

const HOSTILE = '=HYPERLINK("x")\r\nFake: line\u001b[31mred\u009b2J\u202egnp.exe\u2028end 发票';

function heldMail(fields: Partial<NewQuarantineEntry> = {}): NewQuarantineEntry {
  return {
    time: START_MS,
    category: 'spam',
    mailFrom: 'alice@sender.example',
    headerFrom: 'alice@sender.example',
    subject: HOSTILE,
    messageId: '<one@sender.example>',
    reason: 'score 11.2',
    score: 11.2,
    logId: 'log1',
    rcptTo: ['bob@here.example', 'carol@here.example'],
    content: Buffer.from('Subject: x\r\n\r\nbin \xff\u001b[31m\r\n', 'latin1'),
    ...fields,
  };
}

test('lists, pages and filters; hostile text cannot steer the terminal', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const id = await stores.quarantine.add(heldMail());
  const second = await stores.quarantine.add(
    heldMail({ time: START_MS + 1, category: 'virus', subject: null, mailFrom: '' }),
  );
  const listed = await place.run('quarantine', 'list');
  expect(listed.code).toBe(0);
  const lines = listed.out.split('\n');
  expect(lines.length).toBe(4);
  expect(lines[0]).toMatch(/^ID +TIME +CLASS +SENDER +RECIPIENTS +SIZE +REASON +SUBJECT$/);
  expect(lines[1]).toContain(second);
  expect(lines[1]).toContain('<>');
  expect(lines[2]).toContain('=HYPERLINK("x")\\u{d}\\u{a}Fake: line\\u{1b}[31m');
  expect(listed.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  expect((await place.run('quarantine', 'list', '--category', 'virus')).out).not.toContain(id);
  expect((await place.run('quarantine', 'list', '--subject', '发票')).out).toContain(id);
  expect(await place.run('quarantine', 'list', '--sender', 'nobody')).toMatchObject({
    out: 'Nothing found.\n',
    code: 1,
  });
  const page = await place.run('quarantine', 'list', '--limit', '1');
  expect(page.out).toContain(`--before ${second}`);
  expect((await place.run('quarantine', 'list', '--limit', '1', '--before', second)).out).toContain(id);
  expect((await place.run('quarantine', 'list', '--since', '2026-03-02')).code).toBe(1);
});

test('JSON: one entry a line, whole, with nothing a terminal acts on', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const id = await stores.quarantine.add(heldMail());
  const { out } = await place.run('quarantine', 'list', '--json');
  expect(out.trimEnd().split('\n').length).toBe(1);
  expect(JSON.parse(Buffer.from(out, 'latin1').toString())).toEqual(await stores.quarantine.get(id));
  expect(Buffer.from(out, 'latin1').toString()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
});

test('shows one entry and its exact source', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const mail = heldMail();
  const id = await stores.quarantine.add(mail);
  const shown = await place.run('quarantine', 'show', id);
  expect(shown.out).toMatch(/^Reason +score 11.2$/m);
  expect(shown.out).toMatch(/^Recipient +carol@here.example \(held\)$/m);
  expect(shown.out).not.toContain('\u001b');
  expect((await place.run('quarantine', 'show', id, '--source')).out).toBe(mail.content.toString('latin1'));
  const missing = await place.run('quarantine', 'show', 'no\u001bthing');
  expect(missing).toMatchObject({ code: 1, out: '' });
  expect(missing.err).toContain('no\\u{1b}thing');
});

test('releases for one, deletes for the other; what is not there is told', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const id = await stores.quarantine.add(heldMail());
  expect(await place.run('quarantine', 'release', id, '--to', 'bob@here.example')).toMatchObject({
    out: `${id}: released to bob@here.example\n`,
    code: 0,
  });
  expect(await place.run('quarantine', 'release', id, '--to', 'bob@here.example')).toMatchObject({
    out: `${id}: nothing to do\n`,
    code: 1,
  });
  expect((await stores.outbox.list(5)).map(({ rcptTo }) => rcptTo)).toEqual([['bob@here.example']]);
  expect(JSON.parse((await place.run('quarantine', 'delete', id, '--json')).out)).toEqual({
    id,
    recipients: ['bob@here.example', 'carol@here.example'],
  });
  expect(await stores.quarantine.get(id)).toBeNull();
  expect((await place.run('quarantine', 'delete', 'nothing')).code).toBe(1);
});

test('through a running server the same, and audited there', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const id = await stores.quarantine.add(heldMail());
  const calls: string[] = [];
  const methods = Object.entries(storeControlMethods(stores)).map(([name, run]) => [
    name,
    (params: unknown) => {
      calls.push(name);
      return run(params);
    },
  ]);
  const control = await serveControl(
    controlSocketPath(place.dir),
    Object.fromEntries(methods) as ReturnType<typeof storeControlMethods>,
  );
  onTestFinished(() => control.close());
  const listed = JSON.parse(
    Buffer.from((await place.run('quarantine', 'list', '--json')).out, 'latin1').toString(),
  ) as QuarantineEntry;
  expect(listed).toEqual(await stores.quarantine.get(id));
  expect((await place.run('quarantine', 'show', id, '--source')).out).toBe(heldMail().content.toString('latin1'));
  expect((await place.run('quarantine', 'release', id)).code).toBe(0);
  expect(calls.filter((name) => name !== 'alerts')).toEqual([
    'quarantine.list',
    'quarantine.content',
    'quarantine.release',
  ]);
});

test('parameters from outside are checked', async () => {
  const place = await makePlace();
  const methods = storeControlMethods(await place.open());
  for (const [name, params] of [
    ['quarantine.list', { filter: {}, limit: 1e9 }],
    ['quarantine.list', { filter: { category: 'nonsense' }, limit: 1 }],
    ['quarantine.list', { filter: { __proto__: null, odd: 1 }, limit: 1 }],
    ['quarantine.release', { id: 7 }],
    ['quarantine.show', null],
    ['log.mail', { limit: 5, subject: ['x'] }],
    ['outbox.retry', { ids: 'x' }],
  ] as const)
    await expect(methods[name]?.(params), name).rejects.toThrow('bad parameters');
});

test('wrong use and missing stores have exit codes of their own', async () => {
  const place = await makePlace();
  const missing = await place.run('quarantine', 'list');
  expect(missing).toMatchObject({ code: 66, out: '' });
  expect(missing.err).toContain('does not exist');
  for (const args of [
    ['list', '--limit', '0'],
    ['list', '--since', 'yesterday'],
    ['list', '--category', 'x'],
    ['release'],
  ])
    expect((await place.run('quarantine', ...args)).code, args.join(' ')).not.toBe(0);
  const help = await place.run('quarantine', 'list', '--help');
  expect(help.out).toContain('Examples:');
  expect(help.out).toContain('Exit codes: 0 done;');
  expect(asBytes('é').length).toBe(2);
});

test('purges what is older than its class keeps, and says before how much that is', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const dayMs = 86_400_000;
  const old = (category: NewQuarantineEntry['category'], days: number) =>
    stores.quarantine.add(heldMail({ category, time: Date.now() - days * dayMs }));
  await old('spam', 31);
  await old('mcp', 31);
  await old('dmarc', 31);
  expect(await place.run('quarantine', 'purge', '--dry-run')).toMatchObject({
    out: 'dmarc: 1 would go\nspam: 1 would go\n',
    code: 0,
  });
  expect((await place.run('quarantine', 'list')).out.trim().split('\n')).toHaveLength(4);
  expect(await place.run('quarantine', 'purge')).toMatchObject({ out: 'dmarc: 1 deleted\nspam: 1 deleted\n', code: 0 });
  expect(await place.run('quarantine', 'purge')).toMatchObject({ out: 'Nothing is older than it may be.\n', code: 1 });
  const { out } = await place.run('quarantine', 'purge', '--dry-run', '--json');
  expect(out.split('\n')).toContain('{"category":"mcp","entries":0}');
  expect((await place.run('quarantine', 'list', '--category', 'mcp')).code).toBe(0);
});
