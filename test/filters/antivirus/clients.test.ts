// Both clients of clamd, our own and the npm package's behind its adapter, under one contract: with a real clamd they
// agree, and before a server that misbehaves neither ever says clean, waits past its time, or keeps a socket.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askVersion, ping, scanByStream, type AskLimits } from '../../../filters/antivirus/clamd-client.js';
import { EngineError } from '../../../filters/antivirus/engine-error.js';
import { askVersionByPackage, scanByPackage } from '../../../filters/antivirus/package-client.js';
import { parseServerAddress } from '../../../filters/antivirus/server-address.js';
import { CLAMD_STREAM_MAX_BYTES, EICAR, SIGNATURE_NAMES, startClamd, type Clamd } from '../../ground/clamd.js';
import { requirePackage } from '../../ground/packages.js';
import { makePlace, waitUntil } from '../../ground/place.js';
import { MISBEHAVIOURS, startHostileServer } from './hostile-server.js';

const CLIENTS = [
  ['own client', scanByStream, askVersion],
  ['clamscan package', scanByPackage, askVersionByPackage],
] as const;

// The package prints socket errors to the console besides rejecting with them.
beforeAll(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterAll(() => void vi.restoreAllMocks());

const limits = (fields: Partial<AskLimits> = {}): AskLimits => ({
  connectTimeoutMs: 2_000,
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  ...fields,
});

describe.skipIf(!requirePackage('clamav-daemon'))('with a real clamd', () => {
  const place = makePlace('clamd');
  let clamd: Clamd;
  beforeAll(async () => {
    clamd = await startClamd(`${place.directory}/clamd`);
  });
  afterAll(async () => {
    await clamd.stop();
    place.remove();
  });

  describe.each(CLIENTS)('%s', (name, scan, version) => {
    it.each(['unixServer', 'tcpServer'] as const)('tells infected from clean over %s', async (kind) => {
      const server = parseServerAddress(clamd[kind]);
      expect(await scan(server, Buffer.from(EICAR), limits())).toEqual({
        kind: 'infected',
        signature: SIGNATURE_NAMES.eicar,
      });
      expect(await scan(server, Buffer.from('hello'), limits())).toEqual({ kind: 'clean' });
      expect(await version(server, limits())).toMatchObject({ engine: expect.stringMatching(/^ClamAV \d/) as string });
    });

    it('takes a content of exactly the limit, and never calls one byte more clean', async () => {
      const server = parseServerAddress(clamd.unixServer);
      expect(await scan(server, Buffer.alloc(CLAMD_STREAM_MAX_BYTES), limits())).toEqual({ kind: 'clean' });
      const over = scan(server, Buffer.alloc(CLAMD_STREAM_MAX_BYTES + 1), limits());
      // clamd hangs up while we still write: the refusal arrives, or the broken connection does.
      const outcome = await over.catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'EngineError' });
      else expect(outcome).toEqual({ kind: 'over-limit' });
    });

    it('sees a hung clamd as a timeout', async () => {
      clamd.signal('SIGSTOP');
      try {
        const server = parseServerAddress(clamd.unixServer);
        const startedMs = performance.now();
        await expect(scan(server, Buffer.from('hello'), limits({ timeoutMs: 300 }))).rejects.toMatchObject({
          code: name === 'own client' ? 'timeout' : (expect.any(String) as string),
        });
        expect(performance.now() - startedMs).toBeLessThan(10_000);
      } finally {
        clamd.signal('SIGCONT');
      }
    });
  });

  it('PONG comes back', async () => {
    await expect(ping(parseServerAddress(clamd.tcpServer), limits())).resolves.toBeUndefined();
  });
});

describe.each(CLIENTS)('%s before a server that misbehaves', (_, scan) => {
  it.each(Object.entries(MISBEHAVIOURS))('%s', async (_name, behave) => {
    const hostile = await startHostileServer(behave);
    try {
      const server = parseServerAddress(hostile.server);
      const content = Buffer.alloc(4 * 1024 * 1024, 'content ');
      const startedMs = performance.now();
      await expect(scan(server, content, limits({ timeoutMs: 250 }))).rejects.toBeInstanceOf(EngineError);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
      hostile.drain();
      await waitUntil('its socket to be gone', 2_000, () => hostile.open() === 0);
    } finally {
      await hostile.close();
    }
  });

  it('gives up at once when called off, before and during', async () => {
    const hostile = await startHostileServer(() => undefined);
    try {
      const server = parseServerAddress(hostile.server);
      await expect(scan(server, Buffer.from('x'), limits({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
        code: 'aborted',
      });
      const controller = new AbortController();
      const asked = scan(server, Buffer.from('x'), limits({ signal: controller.signal }));
      setTimeout(() => controller.abort(), 50);
      await expect(asked).rejects.toMatchObject({ code: 'aborted' });
    } finally {
      await hostile.close();
    }
  });

  it('says so when nobody listens', async () => {
    const hostile = await startHostileServer(() => undefined);
    await hostile.close();
    await expect(scan(parseServerAddress(hostile.server), Buffer.from('x'), limits())).rejects.toBeInstanceOf(
      EngineError,
    );
    await expect(scan({ path: '/nonexistent/clamd.sock' }, Buffer.from('x'), limits())).rejects.toBeInstanceOf(
      EngineError,
    );
  });
});
