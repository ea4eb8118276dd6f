// clamd through the npm package clamscan, as a second witness beside our own client: the health check asks both. The
// package takes silence, closed sockets and garbage for `isInfected: null`, accepts any `…: OK`, and leaves sockets
// open; so only its raw reply is believed, read three ways, and its sockets are ours to destroy.
import NodeClam from 'clamscan';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { AskLimits } from './clamd-client.js';
import { asEngineError, EngineError } from './engine-error.js';
import { readScanReply, readVersion, type EngineVersion, type ScanReply } from './reply.js';
import type { ServerAddress } from './server-address.js';

/** The package with its sockets in hand. */
class HeldClam extends NodeClam {
  readonly #sockets = new Set<Socket>();
  #released = false;

  override async _initSocket(label?: string): Promise<Socket> {
    const socket = await super._initSocket(label);
    if (this.#released) socket.destroy();
    this.#sockets.add(socket);
    return socket;
  }

  release(): void {
    this.#released = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Scans one content. Throws EngineError when there is no clear answer. */
export async function scanByPackage(server: ServerAddress, content: Buffer, limits: AskLimits): Promise<ScanReply> {
  // The package sends no command at all for an empty stream, and then waits for ever.
  if (content.length === 0) return { kind: 'clean' };
  const result = await within(server, limits, (clam) =>
    clam.scanStream(Readable.from([content], { objectMode: false })),
  );
  return readScanReply(withoutEnd(result.resultString, '\0'));
}

/** Engine and signatures. Throws EngineError. */
export async function askVersionByPackage(server: ServerAddress, limits: AskLimits): Promise<EngineVersion> {
  return readVersion(withoutEnd(await within(server, limits, (clam) => clam.getVersion()), '\n'));
}

/** Runs one call of the package under a deadline of ours; its sockets are gone afterwards, whatever happened. */
async function within<T>(server: ServerAddress, limits: AskLimits, call: (clam: HeldClam) => Promise<T>): Promise<T> {
  if (limits.signal.aborted) throw new EngineError('aborted', 'called off');
  const clam = new HeldClam();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new EngineError('timeout', `no answer within ${limits.timeoutMs} ms`)),
      limits.timeoutMs,
    );
    onAbort = () => reject(new EngineError('aborted', 'called off'));
    limits.signal.addEventListener('abort', onAbort);
  });
  try {
    await clam.init(packageOptions(server, limits));
    return await Promise.race([call(clam), givenUp]);
  } catch (error) {
    throw asEngineError(error);
  } finally {
    clearTimeout(timer);
    if (onAbort) limits.signal.removeEventListener('abort', onAbort);
    clam.release();
  }
}

/** No local programs, no test of its own, no fall-back: only the socket. */
function packageOptions(server: ServerAddress, limits: AskLimits): object {
  const where = 'path' in server ? { socket: server.path } : { host: server.host, port: server.port };
  return {
    clamscan: { path: null, active: false },
    clamdscan: {
      ...where,
      path: null,
      active: true,
      localFallback: false,
      bypassTest: true,
      timeout: limits.timeoutMs,
    },
    preference: 'clamdscan',
  };
}

/** The reply without its terminator. Throws EngineError `closed` where it has none: it is not whole then. */
function withoutEnd(reply: string, terminator: string): string {
  if (!reply.endsWith(terminator)) throw new EngineError('closed', 'connection closed before the end of the answer');
  return reply.slice(0, -terminator.length);
}
