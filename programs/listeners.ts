// The listening sockets, made once by the supervisor and handed to every worker as open descriptors: they outlive the
// workers, so that connections wait in the kernel while a worker is replaced, and they are made before rights are given up.
import { lstatSync } from 'node:fs';
import net from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { clearStaleSocket, parseListenAddress, settleSocket } from '../outside/listen-address.js';
import { SOCKET_PATH_MAX_BYTES } from './control.js';
import type { ListenerProtocol } from './process-messages.js';

/** What the sockets of one protocol look like. */
export interface ListenRequest {
  readonly protocol: ListenerProtocol;
  /** `unix:/path`, `inet:host:port`, `inet:[v6]:port` or `fd:number`. */
  readonly listen: readonly string[];
  /** Octal permissions of a UNIX socket. */
  readonly socketMode: string;
  /** Group name or number of a UNIX socket; empty leaves it. */
  readonly socketGroup: string;
}

/** One open socket. */
export interface Listener {
  readonly protocol: ListenerProtocol;
  /** As configured. */
  readonly address: string;
  readonly descriptor: number;
  /** Closes it here and removes a UNIX socket's file. Descriptors handed in from outside stay open. */
  close(): void;
}

/** A bound socket of Node's, with the descriptor that `child_process` can hand on. */
interface BoundHandle {
  readonly fd: number;
  getsockname(into: { port?: number }): number;
  close(): void;
}

/**
 * Binds without accepting. Node offers no documented way to do that; `cluster` itself uses this function in its primary
 * process, in every release since 0.6. Returns a system error number when it fails.
 */
type CreateServerHandle = (
  address: string,
  port: number,
  family: number,
  fd: undefined,
  flags: number,
) => BoundHandle | number;

/** UV_TCP_IPV6ONLY of libuv. */
const IPV6_ONLY = 1;

/** Opens all sockets, or none: what was opened is closed again when a later one fails. Throws with the address named. */
export async function openListeners(requests: readonly ListenRequest[]): Promise<readonly Listener[]> {
  const open: Listener[] = [];
  try {
    for (const request of requests) {
      for (const address of request.listen) {
        open.push({ protocol: request.protocol, ...(await openListener(address, request)) });
      }
    }
  } catch (error) {
    for (const listener of open) listener.close();
    throw error;
  }
  return open;
}

type OpenSocket = Omit<Listener, 'protocol'>;

async function openListener(text: string, settings: ListenRequest): Promise<OpenSocket> {
  try {
    const address = parseListenAddress(text);
    if (address.kind === 'unix') return await openUnix(text, address.path, settings);
    if (address.kind === 'fd') return { address: text, descriptor: address.fd, close: () => undefined };
    return openInet(text, address.host, address.port, settings.listen);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot listen on ${text}: ${reason}`, { cause: error });
  }
}

async function openUnix(address: string, path: string, settings: ListenRequest): Promise<OpenSocket> {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX_BYTES) {
    throw new Error(`the path is longer than the ${SOCKET_PATH_MAX_BYTES} bytes a socket address holds`);
  }
  await clearStaleSocket(path);
  // Closed to everybody until mode and group are right.
  const before = process.umask(0o177);
  let handle: BoundHandle;
  try {
    handle = bind(path, -1, -1);
  } finally {
    process.umask(before);
  }
  const inode = lstatSync(path).ino;
  try {
    await settleSocket(path, settings.socketMode, settings.socketGroup);
  } catch (error) {
    handle.close();
    throw error;
  }
  return { address, descriptor: handle.fd, close: () => closeUnix(handle, path, inode) };
}

/** Closing removes the file by itself where rights allow it; a socket that somebody else put there meanwhile is left. */
function closeUnix(handle: BoundHandle, path: string, inode: number): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) handle.close();
}

function openInet(address: string, host: string, port: number, others: readonly string[]): OpenSocket {
  const family = host === 'localhost' ? 4 : net.isIP(host);
  if (family === 0) throw new Error('the host must be an address or localhost');
  // `[::]` takes IPv4 too, unless it is asked for beside it.
  const alone = family === 6 && others.includes(`inet:0.0.0.0:${port}`);
  const handle = bind(host === 'localhost' ? '127.0.0.1' : host, port, family, alone ? IPV6_ONLY : 0);
  // A port that is taken is not told by the call that binds: the socket is then bound to nothing.
  const bound: { port?: number } = {};
  handle.getsockname(bound);
  if ((bound.port ?? 0) === 0 || (port !== 0 && bound.port !== port)) {
    handle.close();
    throw new Error('the address is in use (EADDRINUSE)');
  }
  return { address, descriptor: handle.fd, close: () => handle.close() };
}

function bind(address: string, port: number, family: number, flags = 0): BoundHandle {
  const create = (net as unknown as { _createServerHandle?: CreateServerHandle })._createServerHandle;
  if (create === undefined) throw new Error('this version of Node cannot bind a socket for other processes');
  const handle = create(address, port, family, undefined, flags);
  if (typeof handle !== 'number') return handle;
  throw new Error(describeSystemError(handle));
}

function describeSystemError(code: number): string {
  const [name, words] = getSystemErrorMap().get(code) ?? [String(code), 'system error'];
  // Node reports a directory that is missing as a lack of permission.
  return name === 'EACCES' ? 'no permission, or no such directory (EACCES)' : `${words} (${name})`;
}
