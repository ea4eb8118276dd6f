// The antivirus stage with a real clamd: what is found where, what is not scanned, what is remembered, and what happens
// when the engine is killed, hangs or is not there.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { antivirusFindings } from '../../../filters/antivirus/findings.js';
import { antivirusStage, type AntivirusFacts } from '../../../filters/antivirus/stage.js';
import {
  CLAMD_STREAM_MAX_BYTES,
  EICAR,
  MARK_ANYWHERE,
  MARK_AT_START,
  MARK_SUSPECT,
  SIGNATURE_NAMES,
  startClamd,
  type Clamd,
} from '../../ground/clamd.js';
import { requirePackage } from '../../ground/packages.js';
import { makePlace, waitUntil } from '../../ground/place.js';
import { idsOf, mail, makeJob, makeOutside, makeStage, runStage } from '../message-job.js';
import { startHostileServer } from './hostile-server.js';

const hasClamd = requirePackage('clamav-daemon');
const place = makePlace('antivirus');
afterAll(() => place.remove());

const plain = (text: string) => mail('From: a@outside.test', 'Subject: hello', '', text, '');

const withFile = (content: string | Buffer, name = 'file.bin') =>
  mail(
    'From: a@outside.test',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    '--edge',
    'Content-Type: text/plain',
    '',
    'See the file.',
    '--edge',
    `Content-Type: application/octet-stream; name="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(content).toString('base64'),
    '--edge--',
    '',
  );

describe.skipIf(!hasClamd)('with clamd', () => {
  let clamd: Clamd;
  beforeAll(async () => {
    clamd = await startClamd(`${place.directory}/clamd`);
  });
  afterAll(() => clamd.stop());

  const on = (settings: object = {}, outside = makeOutside()) =>
    makeStage(
      antivirusStage,
      { engine: 'clamd', server: clamd.unixServer, streamMaxBytes: CLAMD_STREAM_MAX_BYTES, ...settings },
      outside,
    );

  it('says nothing of clean mail', async () => {
    const report = await runStage(await on(), makeJob(withFile('harmless')));
    expect(report.findings).toEqual([]);
    expect(report.facts).toMatchObject({ engine: 'clamd', hits: [], unscanned: [], scans: 3 });
  });

  it.each(['unixServer', 'tcpServer'] as const)('finds a virus and says where, over %s', async (kind) => {
    const report = await runStage(await on({ server: clamd[kind] }), makeJob(withFile(MARK_AT_START, 'bill "1".bin')));
    expect(report.findings).toHaveLength(1);
    expect(report.findings[0]).toMatchObject({ id: 'VIRUS_FOUND', category: 'virus', score: 1 });
    expect(report.findings[0]?.evidence).toContain(`${SIGNATURE_NAMES.atStart} in part 2`);
  });

  it('finds the EICAR file as a file, as a body, and in a message within a message', async () => {
    const stage = await on();
    const inner = withFile(EICAR).toString('latin1').split('\r\n');
    const outer = mail('Content-Type: message/rfc822', '', ...inner);
    for (const raw of [withFile(EICAR), plain(EICAR), outer])
      expect(idsOf(await runStage(stage, makeJob(raw)))).toEqual(['VIRUS_FOUND']);
  });

  it('counts a signature of suspicion as one, and a virus beside it as a virus', async () => {
    const stage = await on();
    const suspect = await runStage(stage, makeJob(plain(MARK_SUSPECT)));
    expect(suspect.findings).toMatchObject([{ id: 'VIRUS_SUSPECTED', category: 'spam', group: 'message', score: 5 }]);
    const strict = await runStage(await on({ suspectSignatures: [] }), makeJob(plain(MARK_SUSPECT)));
    expect(idsOf(strict)).toEqual(['VIRUS_FOUND']);
    const both = await runStage(
      stage,
      makeJob(
        mail(
          'Subject: x',
          'Content-Type: multipart/mixed; boundary=b',
          '',
          '--b',
          '',
          MARK_SUSPECT,
          '--b',
          '',
          MARK_AT_START,
          '--b--',
          '',
        ),
      ),
    );
    expect(idsOf(both)).toContain('VIRUS_FOUND');
  });

  it('never calls clean what is one byte over a limit', async () => {
    const ceiling = plain('x').length;
    const stage = await on({ streamMaxBytes: 4_096 });
    const exact = plain('x'.repeat(4_096 - ceiling + 1));
    expect(exact).toHaveLength(4_096);
    expect(idsOf(await runStage(stage, makeJob(exact)))).toEqual([]);
    const over = await runStage(stage, makeJob(plain('x'.repeat(4_096 - ceiling + 2))));
    expect(over.findings).toMatchObject([
      {
        id: 'VIRUS_UNSCANNED',
        category: 'unprocessable',
        score: 1,
        evidence: 'whole message: 4097 bytes, 4096 allowed',
      },
    ]);
    const count = await on({ scansMax: 2 });
    expect(idsOf(await runStage(count, makeJob(withFile('harmless'))))).toEqual(['VIRUS_UNSCANNED']);
    expect(idsOf(await runStage(await on({ scansMax: 3 }), makeJob(withFile('harmless'))))).toEqual([]);
    const raw = plain('y'.repeat(5_000));
    expect(idsOf(await runStage(await on({ scanBytesMax: raw.length }), makeJob(raw)))).toEqual(['VIRUS_UNSCANNED']);
    const cut = makeJob(plain('x'), { transaction: { truncated: true } });
    expect(idsOf(await runStage(await on(), cut))).toEqual(['VIRUS_UNSCANNED']);
  });

  it("does not take clamd's own limit for an answer", async () => {
    const stage = await on({ streamMaxBytes: CLAMD_STREAM_MAX_BYTES * 2 });
    const job = makeJob(plain('x'.repeat(CLAMD_STREAM_MAX_BYTES + 1)));
    const outcome = await runStage(stage, job).catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'EngineError' });
    else expect(outcome).toMatchObject({ findings: [{ id: 'VIRUS_UNSCANNED' }] });
  });

  it("names a limit of the message's own reading", async () => {
    const parts = Array.from({ length: 2_100 }, () => '--b\r\n\r\nx');
    const stage = await on({ scansMax: 10_000 });
    const report = await runStage(
      stage,
      makeJob(mail('Content-Type: multipart/mixed; boundary=b', '', ...parts, '--b--', '')),
    );
    expect(report.findings[0]?.id).toBe('VIRUS_UNSCANNED');
    expect(report.findings[0]?.evidence).toContain('MIME_PARTS_LIMIT');
  });

  it('remembers what was clean until the signatures change', async () => {
    const stage = await on();
    const file = withFile('harmless until tomorrow');
    await runStage(stage, makeJob(plain('warm up, so that the version is known')));
    const scans = async () => {
      const { scans, cached } = (await runStage(stage, makeJob(file))).facts as AntivirusFacts;
      return [scans, cached];
    };
    await waitUntil('the version to be known', 5_000, async () => (await scans())[1] === 3);
    expect(await scans()).toEqual([0, 3]);
    const fresh = await on({ cacheEntriesMax: 0 });
    await runStage(fresh, makeJob(file));
    expect((await runStage(fresh, makeJob(file))).facts).toMatchObject({ scans: 3, cached: 0 });
  });

  it('finds by a new signature what was clean before, once the old results have lapsed', async () => {
    const stage = await on({ cacheTtlMs: 200 });
    const raw = withFile('the outbreak of tomorrow');
    expect(idsOf(await runStage(stage, makeJob(raw)))).toEqual([]);
    await clamd.addSignature('Weir.Test.Outbreak', 'the outbreak of tomorrow');
    await waitUntil('the new signature to be used', 3_000, async () =>
      idsOf(await runStage(stage, makeJob(raw))).includes('VIRUS_FOUND'),
    );
  });

  it.each([2, 200])('scans many messages at once over %i connections', async (connectionsMax) => {
    const stage = await on({ connectionsMax });
    const reports = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        runStage(stage, makeJob(withFile(index % 3 === 0 ? MARK_AT_START : `clean ${index}`))),
      ),
    );
    expect(reports.map((report) => report.findings.length > 0)).toEqual(reports.map((_, index) => index % 3 === 0));
  });

  it('finds a mark in the second half of a large mail', async () => {
    const big = withFile(Buffer.concat([Buffer.alloc(2 * 1024 * 1024, 'filler '), Buffer.from(MARK_ANYWHERE)]));
    expect(idsOf(await runStage(await on(), makeJob(big)))).toEqual(['VIRUS_FOUND']);
  });
});

describe.skipIf(!hasClamd)('when the engine breaks', () => {
  it('killed in mid-file: a typed error, one alert, and cleared when it is back', async () => {
    const dir = `${place.directory}/killed`;
    let clamd = await startClamd(dir);
    const outside = makeOutside();
    // A stopped clamd holds the file for as long as we like.
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: `unix:${dir}/clamd.sock` }, outside);
    clamd.signal('SIGSTOP');
    const scanned = runStage(stage, makeJob(plain('x'.repeat(1_000_000))));
    const outcome = expect(scanned).rejects.toMatchObject({ name: 'EngineError', code: 'closed' });
    setTimeout(() => clamd.signal('SIGKILL'), 200);
    await outcome;
    await expect(runStage(stage, makeJob(plain('x')))).rejects.toMatchObject({ code: 'unreachable' });
    expect(outside.alerts.filter(({ raised }) => raised)).toEqual([
      { code: 'antivirus-unreachable', raised: true, detail: expect.stringContaining('antivirus engine') as string },
    ]);
    await clamd.stop();
    clamd = await startClamd(dir);
    expect(idsOf(await runStage(stage, makeJob(plain(EICAR))))).toEqual(['VIRUS_FOUND']);
    expect(outside.alerts.at(-1)).toMatchObject({ code: 'antivirus-unreachable', raised: false });
    await stage.close?.();
    await clamd.stop();
  });

  it('hung: an error within the time of one scan, and none left behind', async () => {
    const clamd = await startClamd(`${place.directory}/hung`);
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: clamd.tcpServer, scanTimeoutMs: 300 });
    clamd.signal('SIGSTOP');
    const startedMs = performance.now();
    await expect(runStage(stage, makeJob(plain('x')))).rejects.toMatchObject({ code: 'timeout' });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await expect(runStage(stage, makeJob(plain('x'), { timeMs: 150 }))).rejects.toMatchObject({ code: 'timeout' });
    clamd.signal('SIGCONT');
    expect(idsOf(await runStage(stage, makeJob(plain(EICAR))))).toEqual(['VIRUS_FOUND']);
    await clamd.stop();
  });

  it('its own limits exhausted: what clamd reports of them is not a virus and not clean', async () => {
    const clamd = await startClamd(`${place.directory}/limits`, ['AlertExceedsMax yes']);
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: clamd.unixServer });
    let nested = Buffer.from('harmless');
    for (let layer = 0; layer < 40; layer++) nested = gzipSync(nested);
    const report = await runStage(stage, makeJob(withFile(nested, 'deep.gz')));
    expect(report.findings).toMatchObject([{ id: 'VIRUS_UNSCANNED', category: 'unprocessable' }]);
    await clamd.stop();
  });
});

describe('without a sane engine', () => {
  it('a virus found counts although another scan fails', async () => {
    const hostile = await startHostileServer((socket) => {
      socket.once('data', (bytes) => {
        if (bytes.includes('Subject')) socket.end('stream: Evil.One FOUND\0');
        else setTimeout(() => socket.destroy(), 200);
      });
    });
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: hostile.server });
    const report = await runStage(stage, makeJob(plain('x')));
    expect(report.findings).toMatchObject([{ id: 'VIRUS_FOUND', evidence: 'Evil.One in whole message' }]);
    await hostile.close();
  });

  it('a suspicion does not outweigh a scan that failed', async () => {
    const hostile = await startHostileServer((socket) => {
      socket.once('data', (bytes) => {
        if (bytes.includes('Subject')) socket.end('stream: Heuristics.Phishing.X FOUND\0');
        else setTimeout(() => socket.destroy(), 50);
      });
    });
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: hostile.server });
    await expect(runStage(stage, makeJob(plain('x')))).rejects.toMatchObject({ code: 'closed' });
    await hostile.close();
  });

  it('a garbled answer is an error, never clean', async () => {
    const hostile = await startHostileServer(
      (socket) => void socket.once('data', () => socket.end('everything: OK\0')),
    );
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: hostile.server });
    await expect(runStage(stage, makeJob(plain('x')))).rejects.toMatchObject({ name: 'EngineError', code: 'garbage' });
    await hostile.close();
  });

  it('called off: no alert, since that says nothing of the engine', async () => {
    const hostile = await startHostileServer(() => undefined);
    const outside = makeOutside();
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: hostile.server }, outside);
    const controller = new AbortController();
    const scanned = runStage(stage, makeJob(plain('x'), { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    await expect(scanned).rejects.toMatchObject({ code: 'aborted' });
    expect(outside.alerts).toEqual([]);
    await stage.close?.();
    await hostile.close();
  });

  it('old signatures raise an alert', async () => {
    const hostile = await startHostileServer((socket) => {
      socket.once('data', (bytes) =>
        socket.end(bytes.includes('VERSION') ? 'ClamAV 1.4.6/27000/Mon Jan  6 09:00:00 2020\0' : 'stream: OK\0'),
      );
    });
    const outside = makeOutside();
    const stage = await makeStage(antivirusStage, { engine: 'clamd', server: hostile.server }, outside);
    await runStage(stage, makeJob(plain('x')));
    await waitUntil('the alert', 2_000, () =>
      outside.alerts.some(({ code, raised }) => code === 'antivirus-signatures-old' && raised),
    );
    await hostile.close();
  });

  it('none set: nothing is scanned, and the health check says so', async () => {
    const stage = await makeStage(antivirusStage);
    expect(await runStage(stage, makeJob(plain(EICAR)))).toMatchObject({ findings: [], facts: { engine: 'none' } });
    const [line] = (await stage.check?.(new AbortController().signal)) ?? [];
    expect(line).toMatchObject({ state: 'warn', detail: expect.stringContaining('no mail is scanned') as string });
  });
});

it('declares every finding it can report', () => {
  expect(antivirusStage.spec.findings).toBe(antivirusFindings);
});
