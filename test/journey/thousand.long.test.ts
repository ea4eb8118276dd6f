// A thousand real mails, twenty at a time, from a sender with its own queue through the MTA: each ends in exactly one of
// delivered, quarantined, refused, discarded, and Postfix's log, Weir's log and the sink say the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageEvent } from '../../logs/event.js';
import { startLine, type Line } from '../ground/line.js';
import { fieldsNamed, writeAttachment } from '../ground/mail.js';
import { findData, requirePackage, requireRoot } from '../ground/packages.js';
import { deliverMany } from '../ground/senders.js';
import { findAllHeld, findAllLogged } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const data = findData();
const MAILS = 1_000;
const AT_ONCE = 20;
const SETTLE_TIMEOUT_MS = 400_000;

/** So that every end occurs: refused attachments are dropped here, and some mails of our own have one. */
const CONFIG = 'verdict:\n  attachment: discard\n';

const OWN_MAILS = 20;

type End = 'delivered' | 'quarantined' | 'refused' | 'discarded';

/** The same thousand in every run: evenly spread over the whole list, so over all sources, years and both labels. */
function readSample(folder: string): readonly Buffer[] {
  const [head = '', ...rows] = readFileSync(join(folder, 'mail', 'manifest.tsv'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const column = head.split('\t').indexOf('path');
  const step = rows.length / MAILS;
  return Array.from({ length: MAILS }, (_, index) => {
    const path = rows[Math.floor(index * step)]?.split('\t')[column] ?? '';
    return readFileSync(join(folder, 'mail', path));
  });
}

/** SMTP knows CRLF only. */
function toSmtp(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
}

describe.skipIf(!ready || data === null)('a thousand mails', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine({ name: 'thousand', config: CONFIG });
  });
  afterAll(() => line?.stop());

  it('end in exactly one place each, and all accounts agree', async () => {
    const own = Array.from({ length: OWN_MAILS }, () =>
      Buffer.from(writeAttachment({}, 'setup.exe', 'application/octet-stream', 'MZ')),
    );
    const sample = [...readSample(data ?? ''), ...own];
    const recipients = sample.map((_, index) => `u${index}@house.test`);
    const mails = sample.map((raw, index) => ({
      mailFrom: 'bulk@away.test',
      rcptTo: [recipients[index] ?? ''],
      content: toSmtp(raw),
    }));
    const begun = performance.now();
    const replies = await deliverMany(line.senderPort, mails, AT_ONCE);
    expect(replies.filter((reply) => reply.code !== 250)).toEqual([]);
    await line.settle(SETTLE_TIMEOUT_MS);
    const seconds = (performance.now() - begun) / 1000;

    const [logged, held] = [await findAllLogged(line), await findAllHeld(line)];
    const bounced = new Set(
      [...line.sender.log().matchAll(/to=<([^>]+)>, .*status=bounced/g)].map((match) => match[1]),
    );
    const sentBySender = new Set(
      [...line.sender.log().matchAll(/to=<([^>]+)>, .*status=sent/g)].map((match) => match[1]),
    );
    const sentByMta = new Set([...line.mta.log().matchAll(/to=<([^>]+)>, .*status=sent/g)].map((match) => match[1]));
    const counts = { delivered: 0, quarantined: 0, refused: 0, discarded: 0 };
    for (const address of recipients) {
      const ends = endsOf(address, line, logged, held);
      expect([address, ends]).toEqual([address, [ends[0]]]);
      const [end = 'discarded'] = ends;
      counts[end] += 1;
      expect([address, end, bounced.has(address)]).toEqual([address, end, end === 'refused']);
      expect([address, end, sentBySender.has(address)]).toEqual([address, end, end !== 'refused']);
      expect([address, end, sentByMta.has(address)]).toEqual([address, end, end === 'delivered']);
    }
    for (const mail of line.sink.mails) expect(fieldsNamed(mail.content, 'X-Spam-Status')).toHaveLength(1);
    const sizes = sample.map((raw) => raw.length).sort((a, b) => a - b);
    process.stdout.write(`sizes: ${sizes[0]} to ${sizes.at(-1)} bytes, median ${sizes[sizes.length >> 1]}\n`);
    process.stdout.write(
      `thousand: ${JSON.stringify(counts)} in ${seconds.toFixed(0)} s, ${(MAILS / seconds).toFixed(0)} a second\n`,
    );
    expect(Math.min(counts.delivered, counts.quarantined, counts.refused, counts.discarded)).toBeGreaterThan(0);
  });
});

/** Every end that any account tells of for that recipient. */
function endsOf(
  address: string,
  line: Line,
  logged: ReadonlyMap<string, MessageEvent[]>,
  held: ReadonlySet<string>,
): readonly End[] {
  const ends: End[] = [];
  const final = (logged.get(address) ?? []).flatMap((row) =>
    row.recipients.filter((recipient) => recipient.address === address && recipient.action !== 'tempfail'),
  );
  const actions = final.map((recipient) => recipient.action);
  line.sink.mailsFor(address).forEach(() => ends.push('delivered'));
  if (held.has(address)) ends.push('quarantined');
  if (actions.includes('reject')) ends.push('refused');
  if (actions.includes('discard')) ends.push('discarded');
  const byLog: Record<string, End> = {
    accept: 'delivered',
    tag: 'delivered',
    quarantine: 'quarantined',
    reject: 'refused',
    discard: 'discarded',
  };
  expect([address, actions.map((action) => byLog[action])]).toEqual([address, ends]);
  return ends;
}
