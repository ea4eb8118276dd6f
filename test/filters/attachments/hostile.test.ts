// Mail made to exhaust whoever takes it apart: both stages that look at every part answer in bounded time, and never as
// if all were well.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentsOf } from '../../../filters/antivirus/contents.js';
import { attachmentsStage } from '../../../filters/attachments/stage.js';
import { idsOf, makeJob, makeStage, runStage } from '../message-job.js';
import { windowsProgram } from './specimens.js';
import { cpuMsSince } from '../../ground/cpu.js';

/** Far above what they take alone, since other tests share the processors; a quadratic reading takes minutes. */
const TIME_MAX_MS = 8_000;
const LIMITS = { streamMaxBytes: 26_214_400, scansMax: 500, scanBytesMax: 268_435_456 };

const BOMBS: Readonly<Record<string, () => string>> = {
  'a million parts': () =>
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(1_000_000)}--b--\r\n`,
  'ten thousand nested messages': () => 'Content-Type: message/rfc822\r\n\r\n'.repeat(10_000) + 'Subject: x\r\n\r\nx',
  'ten thousand nested multiparts': () =>
    Array.from(
      { length: 10_000 },
      (_, depth) => `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n`,
    ).join(''),
  'five thousand files': () =>
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n'.repeat(5_000)}--b--\r\n`,
};

describe.each(Object.entries(BOMBS))('%s', (_, make) => {
  it('is answered in time, and not as clean', async () => {
    const stage = await makeStage(attachmentsStage);
    const raw = make();
    const started = process.cpuUsage();
    const job = makeJob(raw);
    const ids = idsOf(await runStage(stage, job));
    const { unscanned, toScan } = contentsOf(job.message, false, LIMITS);
    expect(cpuMsSince(started)).toBeLessThan(TIME_MAX_MS);
    expect(ids).toContain('ATTACHMENT_TOO_COMPLEX');
    expect(unscanned.length).toBeGreaterThan(0);
    expect(toScan.length).toBeLessThanOrEqual(LIMITS.scansMax);
  });
});

it('names of headers and parameters that poison objects change nothing', async () => {
  const stage = await makeStage(attachmentsStage);
  const raw = [
    '__proto__: x',
    'constructor: y',
    'Content-Type: multipart/mixed; boundary=b; __proto__=z; toString=w',
    '',
    '--b',
    'Content-Type: application/octet-stream; name=__proto__; constructor=1; __proto__=2',
    'Content-Disposition: attachment; filename=constructor.exe; toString=3',
    '',
    'x',
    '--b--',
    '',
  ].join('\r\n');
  expect(idsOf(await runStage(stage, makeJob(raw)))).toEqual(['ATTACHMENT_REFUSED_NAME']);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

it('a name of a megabyte, a thousand names', async () => {
  const stage = await makeStage(attachmentsStage);
  const names = Array.from({ length: 1_000 }, (_, index) => ` name*${index}="piece ${index} . ";`).join('\r\n');
  const raw = `Content-Type: application/octet-stream;\r\n${names}\r\nContent-Disposition: attachment; filename="${'a. '.repeat(350_000)}.exe"\r\n\r\nx`;
  const started = process.cpuUsage();
  await runStage(stage, makeJob(raw));
  expect(cpuMsSince(started)).toBeLessThan(TIME_MAX_MS);
});

it('any name on a program is held against the message, any header is survived', async () => {
  const stage = await makeStage(attachmentsStage);
  const program = windowsProgram().toString('base64');
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: 'binary', maxLength: 60 }),
      async (type, name) => {
        const raw = Buffer.from(
          `Content-Type: ${type.replace(/[\r\n]/g, '')}\r\nContent-Disposition: attachment; filename*=utf-8''${encodeURIComponent(name.replace(/\p{Cs}/gu, ''))}\r\nContent-Transfer-Encoding: base64\r\n\r\n${program}\r\n`,
        );
        const ids = idsOf(await runStage(stage, makeJob(raw)));
        expect(ids).toContain('ATTACHMENT_TRUE_TYPE');
      },
    ),
    { numRuns: 100 },
  );
});
