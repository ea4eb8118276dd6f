// The control socket: who may reach it, what it answers, and what it does with hostile or absent callers.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  CONTROL_CONNECTIONS_MAX,
  CONTROL_REQUEST_MAX_BYTES,
  callControl,
  serveControl,
  type ControlError,
  type ControlServer,
} from '../../programs/control.js';

let dir: string;
let path: string;
const servers: ControlServer[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-control-'));
  path = join(dir, 'control.sock');
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(dir, { recursive: true, force: true });
});

async function serve(methods: Parameters<typeof serveControl>[1]): Promise<void> {
  servers.push(await serveControl(path, methods));
}

/** Writes `text` and gives back everything the server says until it closes. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    let said = '';
    socket.on('data', (chunk) => (said += chunk.toString()));
    socket.on('close', () => resolve(said));
    socket.on('error', reject);
    socket.write(text);
  });
}

test('a call reaches its method and brings its result back', async () => {
  await serve({ add: async (params) => (params as { a: number; b: number }).a + (params as { b: number }).b });
  expect(await callControl(path, 'add', { a: 2, b: 3 })).toEqual({ running: true, result: 5 });
});

test('the socket is readable and writable by its owner alone', async () => {
  await serve({});
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('no server is an answer, not an error', async () => {
  expect(await callControl(path, 'status', {})).toEqual({ running: false });
});

test('a socket left by a dead server is replaced; its file alone reads as not running', async () => {
  const dead = net.createServer();
  await new Promise<void>((resolve) => dead.listen(join(dir, 'x'), resolve));
  const { linkSync } = await import('node:fs');
  linkSync(join(dir, 'x'), path);
  await new Promise((resolve) => dead.close(resolve));
  expect(await callControl(path, 'status', {})).toEqual({ running: false });
  await serve({ status: async () => 'up' });
  expect(await callControl(path, 'status', {})).toEqual({ running: true, result: 'up' });
});

test('a second server on a live socket is refused, and a plain file is never removed', async () => {
  await serve({ status: async () => 'first' });
  await expect(serveControl(path, {})).rejects.toThrow(/in use/);
  expect(await callControl(path, 'status', {})).toEqual({ running: true, result: 'first' });
  const file = join(dir, 'file');
  writeFileSync(file, 'mine');
  await expect(serveControl(file, {})).rejects.toThrow(/not a socket/);
  expect(statSync(file).size).toBe(4);
});

test("a method's failure, an unknown method and a name off the prototype are typed errors", async () => {
  await serve({
    fail: async () => {
      throw new Error('entry is gone');
    },
  });
  const codeOf = (method: string): Promise<string> =>
    callControl(path, method, null).then(
      () => 'none',
      (error: ControlError) => `${error.code}: ${error.message}`,
    );
  expect(await codeOf('fail')).toBe('failed: entry is gone');
  expect(await codeOf('nope')).toBe('unknown-method: no method nope');
  expect(await codeOf('constructor')).toBe('unknown-method: no method constructor');
  expect(await codeOf('__proto__')).toBe('unknown-method: no method __proto__');
});

test('a result that JSON cannot hold is a failure of that call alone', async () => {
  await serve({ big: async () => 1n, fine: async () => 1 });
  await expect(callControl(path, 'big', null)).rejects.toThrow(/BigInt/);
  expect(await callControl(path, 'fine', null)).toEqual({ running: true, result: 1 });
});

test('lines that are no request, and one too long, are answered and closed', async () => {
  await serve({});
  expect(await raw('garbage\n')).toContain('"bad-request"');
  expect(await raw('null\n')).toContain('"bad-request"');
  expect(await raw('{"method":5}\n')).toContain('"bad-request"');
  expect(await raw('x'.repeat(CONTROL_REQUEST_MAX_BYTES + 1))).toContain('"too-large"');
  await expect(callControl(path, 'x', 'y'.repeat(CONTROL_REQUEST_MAX_BYTES))).rejects.toThrow(/too large/);
});

test('a caller over the cap is refused, and served once others have gone', async () => {
  await serve({ status: async () => 'up' });
  const idle = Array.from({ length: CONTROL_CONNECTIONS_MAX }, () => net.connect(path));
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  await expect(callControl(path, 'status', null)).rejects.toMatchObject({ code: 'busy' });
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())));
  await expect.poll(() => callControl(path, 'status', null).catch(() => null)).toEqual({ running: true, result: 'up' });
});

test('a method that never answers times out at the caller', async () => {
  await serve({ hang: () => new Promise(() => undefined) });
  await expect(callControl(path, 'hang', null, 50)).rejects.toMatchObject({ code: 'timeout' });
});

test('a path longer than a socket address is refused in words', async () => {
  await expect(serveControl(join(dir, 'x'.repeat(120)), {})).rejects.toThrow(/too long/);
});
