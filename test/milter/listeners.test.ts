// Listening: addresses, the UNIX socket's file with its mode and group, a stale file, a living neighbour, shared listeners.
import { statSync, writeFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { expect, test } from 'vitest';
import { clearStaleSocket, formatListenAddress, parseListenAddress } from '../../outside/listen-address.js';
import { createMilterServer } from '../../milter/server.js';
import { MILTER_SECTION } from '../../milter/settings.js';
import { later, settings, startServer, tempDir } from './ground.js';
import { Mta, optneg } from './wire.js';

/** Which events an OPTNEG answer promises silence for: NR_HDR and NR_BODY of its protocol word. */
function noReplyBits(answer: Buffer): string {
  const bits = answer.readUInt32BE(8);
  if ((bits & 0x80) === 0) return 'none';
  return (bits & 0x80000) === 0 ? 'header' : 'header and body';
}

const handler = { onMessage: async () => ({ answer: { kind: 'accept', edits: [] } as const }) };

test('addresses are read and written in one form', () => {
  for (const text of ['unix:/run/weir/m.sock', 'inet:127.0.0.1:11332', 'inet:[::1]:0', 'inet:localhost:25', 'fd:3']) {
    expect(formatListenAddress(parseListenAddress(text))).toBe(text);
    expect(Value.Check(MILTER_SECTION.schema.properties.listen, [text])).toBe(true);
  }
  for (const text of ['', 'unix:relative', 'inet:127.0.0.1', 'inet::25', 'tcp:1:2', 'inet:127.0.0.1:70000', 'fd:x']) {
    expect(() => parseListenAddress(text)).toThrow('no listen address');
  }
});

test('every setting has a default within its bounds and a sentence', () => {
  expect(Value.Check(MILTER_SECTION.schema, settings())).toBe(true);
  for (const [key, schema] of Object.entries(MILTER_SECTION.schema.properties)) {
    expect(schema, key).toHaveProperty('default');
    expect(schema, key).toHaveProperty('description', expect.stringMatching(/^[A-Z].{20,}\.$/s));
  }
});

test('a UNIX socket gets its mode and group and goes away at close', async () => {
  const path = join(tempDir(), 'm.sock');
  const listen = [`unix:${path}`];
  const group = String(process.getgid?.() ?? 0);
  const server = createMilterServer(settings({ listen, socketMode: '0620', socketGroup: group }), handler);
  await server.listen();
  later(() => server.close(0));
  expect(statSync(path).mode & 0o777).toBe(0o620);
  expect(statSync(path).gid).toBe(Number(group));
  expect(server.addresses).toEqual(listen);
  await server.close(0);
  expect(() => statSync(path)).toThrow('ENOENT');
});

test('a group that does not exist is an error, and nothing stays open', async () => {
  const path = join(tempDir(), 'm.sock');
  const server = createMilterServer(settings({ listen: [`unix:${path}`], socketGroup: 'no-such-group-here' }), handler);
  await expect(server.listen()).rejects.toThrow('no group named no-such-group-here');
  expect(() => statSync(path)).toThrow('ENOENT');
});

test('a stale socket is replaced, a living one and any other file are left alone', async () => {
  const dir = tempDir();
  const path = join(dir, 'm.sock');
  const first = createServer().listen(path);
  await new Promise((resolve) => first.once('listening', resolve));
  const server = createMilterServer(settings({ listen: [`unix:${path}`] }), handler);
  await expect(server.listen()).rejects.toThrow('in use by a running process');
  expect(statSync(path).isSocket()).toBe(true);
  await new Promise((resolve) => first.close(resolve));
  await clearStaleSocket(path);
  for (const other of ['file', 'folder']) {
    const place = join(dir, other);
    if (other === 'file') writeFileSync(place, 'precious');
    else mkdirSync(place);
    await expect(clearStaleSocket(place)).rejects.toThrow('is not a socket');
    expect(statSync(place).size).toBeGreaterThan(0);
  }
});

test('a port in use is an error, and the listeners opened before are closed again', async () => {
  const taken = await startServer();
  const path = join(tempDir(), 'm.sock');
  const server = createMilterServer(settings({ listen: [`unix:${path}`, taken.address] }), handler);
  await expect(server.listen()).rejects.toThrow('EADDRINUSE');
  expect(() => statSync(path)).toThrow('ENOENT');
});

test('several listeners serve one handler, and silence is chosen by the kind of each', async () => {
  const path = join(tempDir(), 'm.sock');
  const server = createMilterServer(
    settings({ listen: [`unix:${path}`, 'inet:127.0.0.1:0', 'inet:[::1]:0'] }),
    handler,
  );
  await server.listen();
  later(() => server.close(0));
  const silent: string[] = [];
  for (const address of server.addresses) {
    const mta = await Mta.to(address);
    silent.push(noReplyBits((await mta.ask(optneg())).data));
    mta.destroy();
  }
  expect(silent).toEqual(['header and body', 'header', 'header']);
});

test.each([
  ['always', 'tcp', 'header and body'],
  ['never', 'unix', 'none'],
] as const)('noReply %s holds on %s', async (noReply, kind, expected) => {
  const { dial } = await startServer({ kind, settings: { noReply } });
  const mta = await dial();
  expect(noReplyBits((await mta.ask(optneg())).data)).toBe(expected);
});
