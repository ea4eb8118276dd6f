// The control socket: how commands talk to a running `weir serve`. JSON lines over a UNIX socket of mode 0600, one
// request and one reply per connection. It must never be reachable by another user, nor keep what it was not asked to.
import { chmod } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { clearStaleSocket } from '../outside/listen-address.js';

/** Longest request line, bytes. */
export const CONTROL_REQUEST_MAX_BYTES = 1024 * 1024;
/** Longest reply line a caller takes, bytes. */
export const CONTROL_REPLY_MAX_BYTES = 64 * 1024 * 1024;
/** Open connections at once; further ones are refused. */
export const CONTROL_CONNECTIONS_MAX = 32;
/** How long a caller may take to send its request, ms. */
export const CONTROL_REQUEST_MS = 10_000;
/** How long a caller waits for its reply, ms. */
export const CONTROL_CALL_MS = 120_000;
/** Longest path a UNIX socket address holds on Linux, bytes. */
export const SOCKET_PATH_MAX_BYTES = 107;

/** What can go wrong with a call; `failed` carries the method's own message. */
export type ControlErrorCode =
  'bad-request' | 'unknown-method' | 'too-large' | 'busy' | 'timeout' | 'denied' | 'failed' | 'closed';

export class ControlError extends Error {
  constructor(
    readonly code: ControlErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'ControlError';
  }
}

/** Method name to what it does. A rejection reaches the caller as `ControlError('failed', message)`. */
export type ControlMethods = Record<string, (params: unknown) => Promise<unknown>>;

export interface ControlServer {
  /** Stops listening, cuts open connections and removes the socket file. */
  close(): Promise<void>;
}

/** Where the control socket of a storage directory lies. */
export function controlSocketPath(storageDir: string): string {
  return join(storageDir, 'control.sock');
}

/**
 * Listens on `path` (mode 0600) and answers `methods`. A stale socket file is replaced; one that answers is an error,
 * as is anything else lying there. Rejects when the path is too long or cannot be bound.
 */
export async function serveControl(path: string, methods: ControlMethods): Promise<ControlServer> {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX_BYTES)
    throw new ControlError('failed', `socket path too long: ${path}`);
  await clearStaleSocket(path);
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A caller that goes away needs no answer; its socket is closed here and nothing else is affected.
    socket.on('error', () => socket.destroy());
    if (open.size <= CONTROL_CONNECTIONS_MAX) {
      serveConnection(socket, methods);
      return;
    }
    socket.resume();
    socket.end(errorLine('busy', 'too many control connections'), () => socket.destroy());
  });
  await listenPrivate(server, path);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/**
 * Calls a method of the running server. `running: false` when no server listens there. Throws `ControlError` for
 * everything else that goes wrong.
 */
export async function callControl(
  socketPath: string,
  method: string,
  params: unknown,
  timeoutMs = CONTROL_CALL_MS,
): Promise<{ running: false } | { running: true; result: unknown }> {
  const request = `${JSON.stringify({ method, params })}\n`;
  if (Buffer.byteLength(request) > CONTROL_REQUEST_MAX_BYTES) throw new ControlError('too-large', 'request too large');
  const line = await exchange(socketPath, request, timeoutMs);
  if (line === null) return { running: false };
  const reply = parseObject(line);
  if (reply?.['ok'] === true) return { running: true, result: reply['result'] };
  throw new ControlError(errorCodeOf(reply?.['code']), errorTextOf(reply?.['error']));
}

async function listenPrivate(server: net.Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
}

function serveConnection(socket: net.Socket, methods: ControlMethods): void {
  const finish = (line: string): void => {
    clearTimeout(timer);
    if (!socket.destroyed) socket.end(line);
  };
  const timer = setTimeout(() => finish(errorLine('timeout', 'no request in time')), CONTROL_REQUEST_MS);
  socket.once('close', () => clearTimeout(timer));
  readLine(socket, CONTROL_REQUEST_MAX_BYTES, (line) => {
    clearTimeout(timer);
    if (line === null) finish(errorLine('too-large', 'request too large'));
    else void answerRequest(line, methods).then(finish);
  });
}

/** The reply line to one request line; never throws. */
async function answerRequest(line: string, methods: ControlMethods): Promise<string> {
  const request = parseObject(line);
  const name = request?.['method'];
  if (typeof name !== 'string') return errorLine('bad-request', 'not a request');
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined) return errorLine('unknown-method', `no method ${name.slice(0, 64)}`);
  try {
    return `${JSON.stringify({ ok: true, result: (await method(request?.['params'])) ?? null })}\n`;
  } catch (error) {
    return errorLine('failed', error instanceof Error ? error.message : String(error));
  }
}

function errorLine(code: ControlErrorCode, message: string): string {
  return `${JSON.stringify({ ok: false, code, error: message })}\n`;
}

/** Calls `done` once: with the first line, or null when it grew over `maxBytes`. */
function readLine(socket: net.Socket, maxBytes: number, done: (line: string | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer): void => {
    const end = chunk.indexOf(10);
    const part = end === -1 ? chunk : chunk.subarray(0, end);
    size += part.length;
    if (size <= maxBytes && end === -1) {
      chunks.push(part);
      return;
    }
    socket.removeListener('data', onData);
    socket.resume();
    done(size > maxBytes ? null : Buffer.concat([...chunks, part]).toString('utf8'));
  };
  socket.on('data', onData);
}

/** The reply line, or null when nobody listens at `socketPath`. */
function exchange(socketPath: string, request: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const timer = setTimeout(() => settle(() => reject(new ControlError('timeout', 'no answer in time'))), timeoutMs);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? '';
      if (code === 'ENOENT' || code === 'ECONNREFUSED') settle(() => resolve(null));
      else settle(() => reject(new ControlError(code === 'EACCES' ? 'denied' : 'closed', error.message)));
    });
    readLine(socket, CONTROL_REPLY_MAX_BYTES, (line) =>
      settle(() => (line === null ? reject(new ControlError('too-large', 'reply too large')) : resolve(line))),
    );
    socket.once('end', () => settle(() => reject(new ControlError('closed', 'the server closed the connection'))));
    socket.write(request);
  });
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    // Both sides answer what is no object with an error.
    return null;
  }
}

const ERROR_CODES: readonly ControlErrorCode[] = [
  'bad-request',
  'unknown-method',
  'too-large',
  'busy',
  'timeout',
  'denied',
  'failed',
  'closed',
];

function errorCodeOf(value: unknown): ControlErrorCode {
  return ERROR_CODES.find((code) => code === value) ?? 'failed';
}

function errorTextOf(value: unknown): string {
  return typeof value === 'string' ? value : 'the server sent no readable reply';
}
