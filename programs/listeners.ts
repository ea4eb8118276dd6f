// The listening sockets, made once by the supervisor and handed to every worker as open descriptors: they outlive the
// workers, so that connections wait in the kernel while a worker is replaced, and they are made before rights are given up.
import { chmodSync, chownSync, lstatSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { removeStaleSocket, SOCKET_PATH_MAX_BYTES } from './control.js';

/** What the sockets of one configuration look like. */
export interface ListenerSettings {
  /** `unix:/path`, `inet:host:port`, `inet:[v6]:port` or `fd:number`. */
  readonly listen: readonly string[];
  /** Octal permissions of a UNIX socket. */
  readonly socketMode: string;
  /** Group name or number of a UNIX socket; empty leaves it. */
  readonly socketGroup: string;
}

/** One open socket. */
export interface Listener {
  /** As configured. */
  readonly address: string;
  readonly descriptor: number;
  /** Closes it here and removes a UNIX socket's file. Descriptors handed in from outside stay open. */
  close(): void;
}

/** A bound socket of Node's, with the descriptor that `child_process` can hand on. */
interface BoundHandle {
  readonly fd: number;
  close(): void;
}

/**
 * Binds without accepting. Node offers no documented way to do that; `cluster` itself uses this function in its primary
 * process, in every release since 0.6. Returns a system error number when it fails.
 */
type CreateServerHandle = (address: string, port: number, family: number) => BoundHandle | number;

/** Opens all sockets, or none: what was opened is closed again when a later one fails. Throws with the address named. */
export async function openListeners(settings: ListenerSettings): Promise<readonly Listener[]> {
  const open: Listener[] = [];
  try {
    for (const address of settings.listen) open.push(await openListener(address, settings));
  } catch (error) {
    for (const listener of open) listener.close();
    throw error;
  }
  return open;
}

async function openListener(address: string, settings: ListenerSettings): Promise<Listener> {
  const colon = address.indexOf(':');
  const rest = address.slice(colon + 1);
  try {
    if (address.startsWith('unix:')) return await openUnix(address, rest, settings);
    if (address.startsWith('fd:')) return { address, descriptor: Number(rest), close: () => undefined };
    return openInet(address, rest);
  } catch (error) {
    throw new Error(`cannot listen on ${address}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function openUnix(address: string, path: string, settings: ListenerSettings): Promise<Listener> {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX_BYTES) {
    throw new Error(`the path is longer than the ${SOCKET_PATH_MAX_BYTES} bytes a socket address holds`);
  }
  await removeStaleSocket(path);
  // Closed to everybody until mode and group are right.
  const before = process.umask(0o177);
  let handle: BoundHandle;
  try {
    handle = bind(path, -1, -1);
  } finally {
    process.umask(before);
  }
  const made = lstatSync(path);
  try {
    if (settings.socketGroup !== '') chownSync(path, made.uid, findGroup(settings.socketGroup));
    chmodSync(path, Number.parseInt(settings.socketMode, 8));
  } catch (error) {
    handle.close();
    throw error;
  }
  return { address, descriptor: handle.fd, close: () => closeUnix(handle, path, made.ino) };
}

/** Closing removes the file by itself where rights allow it; a socket that somebody else put there meanwhile is left. */
function closeUnix(handle: BoundHandle, path: string, inode: number): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) handle.close();
}

function openInet(address: string, rest: string): Listener {
  const colon = rest.lastIndexOf(':');
  const host = rest.slice(0, colon).replace(/^\[|\]$/g, '');
  const family = net.isIP(host);
  if (family === 0 && host !== 'localhost') throw new Error('the host must be an address');
  const handle = bind(family === 0 ? '127.0.0.1' : host, Number(rest.slice(colon + 1)), family === 6 ? 6 : 4);
  return { address, descriptor: handle.fd, close: () => handle.close() };
}

function bind(address: string, port: number, family: number): BoundHandle {
  const create = (net as unknown as { _createServerHandle?: CreateServerHandle })._createServerHandle;
  if (create === undefined) throw new Error('this version of Node cannot bind a socket for other processes');
  const handle = create(address, port, family);
  if (typeof handle !== 'number') return handle;
  throw new Error(describeSystemError(handle));
}

function describeSystemError(code: number): string {
  const [name, words] = getSystemErrorMap().get(code) ?? [String(code), 'system error'];
  // Node reports a directory that is missing as a lack of permission.
  return name === 'EACCES' ? 'no permission, or no such directory (EACCES)' : `${words} (${name})`;
}

/** Number of a group by name or number. Throws when there is none of that name. */
export function findGroup(name: string): number {
  return findEntry('/etc/group', name) ?? fail(`there is no group ${name}`);
}

function findEntry(file: string, name: string): number | null {
  if (/^[0-9]{1,9}$/.test(name)) return Number(name);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const fields = line.split(':');
    if (fields[0] === name) return Number(fields[2]);
  }
  return null;
}

function fail(message: string): never {
  throw new Error(message);
}
