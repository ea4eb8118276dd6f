// The listeners of one server: opened one after the other, their addresses with the ports really taken, closed together.
// A UNIX socket is made without access for others from its first moment. Takes connections for nobody by itself.
import cluster from 'node:cluster';
import type { Server } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { clearStaleSocket, formatListenAddress, settleSocket, type ListenAddress } from './listen-address.js';

/** How a listener is opened. */
export interface ListenerOptions {
  readonly backlog: number;
  /** Octal permissions, and group by name or number ('' leaves it), of a UNIX socket. */
  readonly socketMode?: string;
  readonly socketGroup?: string;
  /** `[::]` takes no IPv4. */
  readonly ipv6Only?: boolean;
}

/** Permissions taken away while a UNIX socket is made, before its mode and group are settled. */
const CLOSED_UMASK = 0o177;
const CLOSED_MODE = '0600';

export class ListenerSet {
  #open: { readonly server: Server; readonly address: ListenAddress }[] = [];

  /** The addresses really listened on, in the form of the `listen` settings. */
  get addresses(): readonly string[] {
    return this.#open.map(({ server, address }) => formatListenAddress(boundAddress(server, address)));
  }

  /** Rejects when the address cannot be listened on; of a breakdown after that `onError` hears. */
  async open(
    server: Server,
    address: ListenAddress,
    options: ListenerOptions,
    onError: (address: string, error: Error) => void,
  ): Promise<void> {
    // In a cluster the primary owns the socket file and has cleared the way.
    if (address.kind === 'unix' && !cluster.isWorker) await clearStaleSocket(address.path);
    await bind(server, address, options);
    this.#open.push({ server, address });
    server.on('error', (error) => onError(formatListenAddress(address), error));
    if (address.kind === 'unix')
      await settleSocket(address.path, options.socketMode ?? CLOSED_MODE, options.socketGroup ?? '');
  }

  /** Takes no more connections; resolves when the last one is gone. */
  async close(): Promise<void> {
    await Promise.all(this.#open.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve()))));
    this.#open = [];
  }
}

function bind(server: Server, address: ListenAddress, { backlog, ipv6Only = false }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => {
      server.off('error', reject);
      resolve();
    };
    if (address.kind === 'unix') {
      // Only the main thread may set it; a worker of the cluster binds in the primary, which does the same.
      const before = isMainThread ? process.umask(CLOSED_UMASK) : null;
      server.listen({ path: address.path, backlog }, listening);
      if (before !== null) process.umask(before);
    } else if (address.kind === 'fd') server.listen({ fd: address.fd }, listening);
    else server.listen({ host: address.host, port: address.port, backlog, ipv6Only }, listening);
  });
}

function boundAddress(server: Server, asked: ListenAddress): ListenAddress {
  const bound = server.address();
  return asked.kind === 'inet' && bound !== null && typeof bound === 'object' ? { ...asked, port: bound.port } : asked;
}
