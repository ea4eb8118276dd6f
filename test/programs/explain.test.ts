// `weir explain`: a file judged now, a logged message by any of its names, the same as JSON; mail cannot steer the terminal.
import { appendFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Explanation } from '../../gateway/explanation.js';
import { messageEvent } from '../logs/fixtures.js';
import { makePlace } from './store-commands.js';

const GTUBE = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('');
const mail = (body: string): string =>
  'From: Anna <anna@outside.test>\r\nTo: b@house.test\r\nSubject: Lunch\r\nMessage-ID: <1@outside.test>\r\n' +
  'Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n' +
  `${body}\r\n`;

test('a file, as it would be judged now', async () => {
  const place = await makePlace();
  const file = join(dirname(place.config), 'mail.eml');
  await writeFile(file, mail(GTUBE));
  const told = await place.run('explain', file, '--rcpt-to', 'b@house.test', '--ip', '203.0.113.9');
  expect(told).toMatchObject({ code: 0, err: '' });
  expect(told.out).toContain('The message from anna@outside.test was refused: the sender was told.');
  expect(told.out).toContain('It came from 203.0.113.9');
  expect(told.out).toContain('For b@house.test (received)');
  expect(told.out).toMatch(/Without GTUBE \(\+1000 points\) it would have been delivered unmarked/);
});

test('a logged message by id, queue id and Message-ID, and the same as JSON', async () => {
  const place = await makePlace();
  const stores = await place.open();
  const event = messageEvent({
    queueId: '4bXYZ1234z',
    messageId: 'one@away.test',
    findings: [
      { stage: 'rules', id: 'SITE_RULE', category: 'spam', group: 'rules', score: 6, evidence: 'seen \u001b[31mred' },
    ],
  });
  await stores.log.write(event);
  await stores.log.write(messageEvent({ queueId: '4bXYZ1234zz', messageId: 'another-one@away.test' }));
  for (const name of [event.id, '4bXYZ1234z', 'one@away.test', '<one@away.test>']) {
    const { out, code } = await place.run('explain', name, '--json');
    expect(code, name).toBe(0);
    expect((JSON.parse(out) as Explanation).id, name).toBe(event.id);
  }
  const { out } = await place.run('explain', event.id);
  expect(out).toContain('SITE_RULE');
  expect(out).toContain('seen \\u{1b}[31mred');
  expect(out).toContain('Reported by rules.');
});

test('a rule of the site by its description', async () => {
  const place = await makePlace();
  const [file, rules] = [join(dirname(place.config), 'mail.eml'), join(dirname(place.config), 'site.cf')];
  await writeFile(
    rules,
    'body SITE_LUNCH /lunch/i\nscore SITE_LUNCH 2\ndescribe SITE_LUNCH Speaks of \u001b[31mlunch\n',
  );
  await appendFile(place.config, `rules: { files: ['${rules}'] }\n`);
  await writeFile(file, mail('Lunch?'));
  const { out } = await place.run('explain', file);
  expect(out).toMatch(/\+2\.0 {2}SITE_LUNCH\n +Speaks of \\u\{1b\}\[31mlunch\. Seen: /);
});

test('what is neither file nor message is said so', async () => {
  const place = await makePlace();
  await place.open();
  const { code, err } = await place.run('explain', 'no-such-thing');
  expect(code).toBe(1);
  expect(err).toBe('weir explain: no-such-thing is neither a file nor a message in the log\n');
  expect((await place.run('explain', 'x', '--ip', 'nonsense')).code).toBe(64);
});
