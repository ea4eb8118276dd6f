// The health check with a real clamd under various settings: each line says what is true, and what to do.
import { afterAll, describe, expect, it } from 'vitest';
import { antivirusStage } from '../../../filters/antivirus/stage.js';
import type { Check } from '../../../pipeline/stage.js';
import { CLAMD_STREAM_MAX_BYTES, startClamd } from '../../ground/clamd.js';
import { requirePackage } from '../../ground/packages.js';
import { makePlace } from '../../ground/place.js';
import { makeStage } from '../message-job.js';
import { startHostileServer } from './hostile-server.js';

const place = makePlace('self-check');
afterAll(() => place.remove());

async function check(settings: object): Promise<ReadonlyMap<string, Check>> {
  const stage = await makeStage(antivirusStage, { engine: 'clamd', ...settings });
  const lines = (await stage.check?.(new AbortController().signal)) ?? [];
  await stage.close?.();
  return new Map(lines.map((line) => [line.name, line]));
}

describe.skipIf(!requirePackage('clamav-daemon'))('with clamd', () => {
  it('well set: everything is ok but for signatures of the makers, which tests have none of', async () => {
    const clamd = await startClamd(`${place.directory}/well`, ['AlertExceedsMax yes']);
    const lines = await check({ server: clamd.unixServer, streamMaxBytes: CLAMD_STREAM_MAX_BYTES });
    expect([...lines.values()].map(({ name, state }) => `${name}: ${state}`)).toEqual([
      'engine: ok',
      'signatures: warn',
      'test file: ok',
      'size limit: ok',
      'engine limits: ok',
    ]);
    expect(lines.get('engine')?.detail).toMatch(/ ms$/);
    await clamd.stop();
  });

  it('limits of clamd that let mail through unscanned are named', async () => {
    const clamd = await startClamd(`${place.directory}/badly`, ['StreamMaxLength 20M']);
    const taken = await check({ server: clamd.tcpServer, streamMaxBytes: 2 * CLAMD_STREAM_MAX_BYTES });
    expect(taken.get('size limit')).toMatchObject({
      state: 'fail',
      detail: expect.stringContaining('MaxFileSize') as string,
    });
    expect(taken.get('engine limits')).toMatchObject({
      state: 'warn',
      detail: expect.stringContaining('AlertExceedsMax') as string,
    });
    const refused = await check({ server: clamd.tcpServer, streamMaxBytes: 25 * 1024 * 1024 });
    expect(refused.get('size limit')?.state).toBe('fail');
    await clamd.stop();
  });
});

it('no engine there: one line that says so', async () => {
  const lines = await check({ server: `unix:${place.directory}/nothing.sock` });
  expect([...lines.values()]).toMatchObject([
    { name: 'engine', state: 'fail', detail: expect.stringContaining('does not answer') as string },
  ]);
});

it('an engine that calls everything clean is not taken for one', async () => {
  const hostile = await startHostileServer((socket) => {
    socket.once('data', (bytes) => {
      const command = bytes.toString('latin1', 0, 9);
      if (command.includes('PING')) socket.end('PONG\0');
      else socket.end(command.includes('VERSION') ? 'ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2020\n' : 'stream: OK\0');
    });
  });
  const lines = await check({ server: hostile.server, streamMaxBytes: 1_048_576 });
  expect(lines.get('signatures')).toMatchObject({
    state: 'warn',
    detail: expect.stringContaining('freshclam') as string,
  });
  expect(lines.get('test file')).toMatchObject({
    state: 'fail',
    detail: expect.stringContaining('freshclam') as string,
  });
  expect(lines.get('size limit')?.state).toBe('fail');
  await hostile.close();
});
