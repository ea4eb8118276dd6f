// An update channel on loopback: a real DNS server that knows its version and mirrors, a real HTTP server that has its
// archives, each made by tar and signed by gpg. A test takes any of it away or puts something bad in its place.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { openKeys, type Keys } from './keys.js';
import { makePlace, mustRun, type Place } from './place.js';
import { startScriptedDns, type ScriptedDns } from './scripted-dns.js';

export const CHANNEL = 'rules.weir.test';
const MIRROR_HOST = 'mirror.weir.test';
/** The version backwards, as rules of 4.0.1 ask for it. */
const VERSION_NAME = `1.0.4.${CHANNEL}`;

/** What stands at a path: bytes, or what a test does with the connection. */
export type Served = Buffer | ((request: IncomingMessage, response: ServerResponse) => void);

export interface Channel {
  readonly place: Place;
  readonly dns: ScriptedDns;
  readonly keys: Keys;
  readonly port: number;
  /** Base address of the mirror. */
  readonly mirror: string;
  readonly files: Map<string, Served>;
  /** Paths asked for since the last `forget`. */
  readonly asked: string[];
  /** Fingerprint of the key `channel`, whose file is `keyring`. */
  readonly fingerprint: string;
  readonly keyring: string;
  /** Packs files as tar does. */
  pack(files: Readonly<Record<string, string>>): Promise<Buffer>;
  /** Puts a version on the mirror with checksums and signature, by default those of the key `channel`; DNS tells of it. */
  publish(version: number, archive: Buffer, options?: PublishOptions): Promise<void>;
  /** What DNS tells, whatever lies on the mirror. */
  tell(version: number): void;
  /** The sections `rules`, without the core rules, and `resolver`, as YAML; `more` beside the channel's name and keyring. */
  settings(more?: string, update?: string): string;
  stop(): Promise<void>;
}

export interface PublishOptions {
  readonly signature?: Buffer | null;
  readonly checksums?: readonly ('sha512' | 'sha256' | 'sha1')[];
}

/** Starts a channel without any version. */
export async function startChannel(): Promise<Channel> {
  const place = makePlace('channel');
  const keys = openKeys(place.directory);
  const fingerprint = await keys.make('channel');
  const keyring = await keys.export('channel.asc', ['channel']);
  const files = new Map<string, Served>();
  const asked: string[] = [];
  const web = await serve(files, asked);
  const mirror = `http://${MIRROR_HOST}:${web.port}`;
  const dns = await startScriptedDns({
    [MIRROR_HOST]: { A: ['127.0.0.1'] },
    [`mirrors.${CHANNEL}`]: { TXT: [`${mirror}/MIRRORED.BY`] },
  });
  files.set('/MIRRORED.BY', Buffer.from(`# mirrors\n${mirror}/pub/ weight=5\n`));
  const tell = (version: number): void => dns.set(VERSION_NAME, { TXT: [String(version)], ttlS: 0 });
  let packed = 0;
  return {
    place,
    dns,
    keys,
    port: web.port,
    mirror,
    files,
    asked,
    fingerprint,
    keyring,
    tell,
    async pack(content) {
      const directory = join(place.directory, `pack-${(packed += 1)}`);
      mkdirSync(directory);
      for (const [name, text] of Object.entries(content)) writeFileSync(join(directory, name), text);
      await mustRun('tar', ['-C', directory, '-czf', `${directory}.tar.gz`, '.']);
      return readFileSync(`${directory}.tar.gz`);
    },
    async publish(version, archive, { signature, checksums = ['sha512', 'sha256'] } = {}) {
      const path = `/pub/${String(version)}.tar.gz`;
      files.set(path, archive);
      const asc = signature === undefined ? await keys.sign('channel', archive) : signature;
      if (asc === null) files.delete(`${path}.asc`);
      else files.set(`${path}.asc`, asc);
      for (const kind of ['sha512', 'sha256', 'sha1'] as const) {
        const text = `${createHash(kind).update(archive).digest('hex')}  ${String(version)}.tar.gz\n`;
        if (checksums.includes(kind)) files.set(`${path}.${kind}`, Buffer.from(text));
        else files.delete(`${path}.${kind}`);
      }
      tell(version);
    },
    settings: (more = '', update = '') => `resolver: { servers: ['${dns.address}'], timeoutMs: 1000, failureTtlS: 1 }
rules:
  core: false
  update:
    allowPrivate: ['127.0.0.1']
    ${update}
    channels:
      - { name: ${CHANNEL}, keyring: ${keyring}${more} }
`,
    stop: async () => {
      await keys.stop();
      await dns.stop();
      await web.stop();
      place.remove();
    },
  };
}

async function serve(files: ReadonlyMap<string, Served>, asked: string[]) {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const served = files.get(path);
    if (served === undefined) response.writeHead(404).end('no such file');
    else if (typeof served === 'function') served(request, response);
    else response.writeHead(200, { 'content-length': served.length }).end(served);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
