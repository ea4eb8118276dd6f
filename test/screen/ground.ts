// A world for the front listener: a clock that tests move, a real MTA's stand-in that records its bytes, raw clients,
// events and alerts kept. Everything opened is closed after the tests of the file.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll } from 'vitest';
import { Value } from 'typebox/value';
import { FILES_ON_DISK } from '../../config/attached.js';
import type { Clock } from '../../outside/clock.js';
import type { Resolver } from '../../outside/resolver.js';
import type { ScreenEvent } from '../../screen/event.js';
import { createScreen, type AccessWord, type Screen } from '../../screen/screen.js';
import { SCREEN_SECTION, type ScreenSettings } from '../../screen/settings.js';
import { StateUnavailable, type Change, type State, type StateEntry, type StateTable } from '../../state/state.js';
import { waitUntil } from '../ground/place.js';

/** Longest wait for what must happen, ms: against hanging only. */
export const WAIT_MS = 20_000;

/** A clock that stands until it is moved. */
export class StoppedClock implements Clock {
  #ms = 1_000_000;

  now(): number {
    return 1_750_000_000_000 + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  move(ms: number): void {
    this.#ms += ms;
  }
}

/** A store of one process, that can be told to fail. */
export class KeptState implements State {
  readonly entries = new Map<string, { value: unknown; endsAt: number }>();
  isDown = false;

  constructor(private readonly clock: Clock) {}

  async read<Value>(table: StateTable<Value>, key: string): Promise<StateEntry<Value> | null> {
    if (this.isDown) throw new StateUnavailable('told to be down');
    const entry = this.entries.get(`${table.name}/${key}`);
    if (entry === undefined || entry.endsAt <= this.clock.now()) return null;
    const value = table.read(entry.value);
    return value === null ? null : { key, value, endsAt: entry.endsAt };
  }

  async update<Value, Result>(
    table: StateTable<Value>,
    key: string,
    change: (old: Value | null, nowMs: number) => Change<Value, Result>,
  ): Promise<Result> {
    const old = await this.read(table, key);
    const made = change(old?.value ?? null, this.clock.now());
    if (made.kind === 'write')
      this.entries.set(`${table.name}/${key}`, {
        value: JSON.parse(JSON.stringify(made.value)) as unknown,
        endsAt: this.clock.now() + made.ttlMs,
      });
    if (made.kind === 'remove') this.entries.delete(`${table.name}/${key}`);
    return made.result;
  }

  async remove(table: StateTable<unknown>, key: string): Promise<boolean> {
    return this.entries.delete(`${table.name}/${key}`);
  }

  async list(): Promise<readonly never[]> {
    return [];
  }

  async count(): Promise<number> {
    return this.entries.size;
  }

  async close(): Promise<void> {
    this.entries.clear();
  }
}

const closers: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes something after the tests of the file, last opened first. */
export const closeLater = (close: () => Promise<void> | void): void => void closers.push(close);

/** One connection that the stand-in of an MTA took. */
export interface MtaConnection {
  readonly socket: Socket;
  received: Buffer;
  hasEnded: boolean;
}

export interface FakeMta {
  /** As the settings name it. */
  readonly upstream: string;
  /** Oldest first. */
  readonly connections: readonly MtaConnection[];
  /** What the newest has received, as latin1. */
  received(): string;
}

/** A server that greets and records; '' keeps silent. `isPaused`: it reads nothing. `isHalf`: it outlasts a half-close. */
export async function startMta(
  greeting = '220 mta.test ESMTP\r\n',
  options: { readonly isPaused?: boolean; readonly isHalf?: boolean } = {},
): Promise<FakeMta> {
  const connections: MtaConnection[] = [];
  const own = { allowHalfOpen: options.isHalf === true, pauseOnConnect: options.isPaused === true };
  const server = createServer(own, (socket) => {
    const one: MtaConnection = { socket, received: Buffer.alloc(0), hasEnded: false };
    connections.push(one);
    socket.on('error', () => socket.destroy());
    if (greeting !== '') socket.write(greeting);
    if (options.isPaused === true) return;
    socket.on('data', (bytes: Buffer) => (one.received = Buffer.concat([one.received, bytes])));
    socket.once('end', () => (one.hasEnded = true));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(async () => {
    for (const { socket } of connections) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return {
    upstream: `inet:127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    received: () => connections.at(-1)?.received.toString('latin1') ?? '',
  };
}

/** A raw client. */
export class RawClient {
  text = '';
  bytes = 0;
  hasEnded = false;
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (this.text.length < 100_000) this.text += chunk.toString('latin1');
    });
    socket.once('end', () => (this.hasEnded = true));
    socket.once('close', () => (this.isClosed = true));
    socket.on('error', () => socket.destroy());
    closeLater(() => void socket.destroy());
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Waits until what came ends with, or holds, that text. */
  async sees(part: string | RegExp): Promise<string> {
    return waitUntil(`${String(part)} at the client, held: ${JSON.stringify(this.text)}`, WAIT_MS, () =>
      (typeof part === 'string' ? this.text.includes(part) : part.test(this.text)) ? this.text : null,
    );
  }

  async closes(): Promise<string> {
    await waitUntil(
      `the end of a connection, held: ${JSON.stringify(this.text)}`,
      WAIT_MS,
      () => this.hasEnded || this.isClosed || null,
    );
    return this.text;
  }
}

export async function openClient(port: number, localAddress = '127.0.0.1', host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, localAddress, allowHalfOpen: true });
  const client = new RawClient(socket);
  await once(socket, 'connect');
  return client;
}

/** No server answers: for tests without lists. */
export const SILENT_RESOLVER: Resolver = {
  lookup: async () => ({ status: 'timeout', detail: 'nobody there' }),
};

export interface ScreenWorld {
  readonly screen: Screen;
  readonly clock: StoppedClock;
  readonly state: KeptState;
  readonly events: ScreenEvent[];
  readonly alerts: { code: string; raised: boolean; detail: string }[];
  /** Of the first listener. */
  readonly port: number;
  /** Of the listener for balancers, or 0. */
  readonly proxiedPort: number;
  readonly access: Map<string, AccessWord>;
  client(localAddress?: string): Promise<RawClient>;
  /** A client whose address a balancer tells. */
  from(clientAddress: string, serverAddress?: string): Promise<RawClient>;
  /** The first event of that kind from now or before. */
  event<Kind extends ScreenEvent['kind']>(kind: Kind): Promise<Extract<ScreenEvent, { kind: Kind }>>;
  kinds(): readonly string[];
}

export function makeSettings(values: Partial<ScreenSettings> = {}): ScreenSettings {
  const defaults = Value.Default(SCREEN_SECTION.schema, {}) as ScreenSettings;
  return {
    ...defaults,
    enabled: true,
    listen: ['inet:127.0.0.1:0'],
    hostName: 'front.test',
    permitNetworks: [],
    ...values,
  };
}

/** Starts a listener with these settings; a stopped clock unless another is given. */
export async function startScreen(
  values: Partial<ScreenSettings> = {},
  more: { readonly resolver?: Resolver; readonly state?: State | null } = {},
): Promise<ScreenWorld> {
  const clock = new StoppedClock();
  const state = new KeptState(clock);
  const events: ScreenEvent[] = [];
  const alerts: ScreenWorld['alerts'] = [];
  const access = new Map<string, AccessWord>();
  const screen = createScreen(
    makeSettings({ listenProxied: ['inet:127.0.0.1:0'], balancers: ['127.0.0.0/8'], ...values }),
    {
      clock,
      resolver: more.resolver ?? SILENT_RESOLVER,
      state: more.state === undefined ? state : more.state,
      files: FILES_ON_DISK,
      access: (address) => access.get(address) ?? null,
      log: (event) => void events.push(event),
      alert: (code, raised, detail) => void alerts.push({ code, raised, detail }),
    },
  );
  await screen.listen();
  closeLater(() => screen.close(0));
  const [port = 0, proxiedPort = 0] = screen.addresses.map((address) => Number(/:(\d+)$/.exec(address)?.[1]));
  const find = (kind: string): ScreenEvent | null => events.find((event) => event.kind === kind) ?? null;
  return {
    screen,
    clock,
    state,
    events,
    alerts,
    port,
    proxiedPort,
    access,
    client: (localAddress) => openClient(port, localAddress),
    from: async (clientAddress, serverAddress = clientAddress.includes(':') ? '2001:db8::25' : '192.0.2.25') => {
      const client = await openClient(proxiedPort);
      client.send(`PROXY TCP${clientAddress.includes(':') ? 6 : 4} ${clientAddress} ${serverAddress} 40000 25\r\n`);
      return client;
    },
    event: async (kind) =>
      (await waitUntil(`the event ${kind}`, WAIT_MS, () => find(kind))) as Extract<ScreenEvent, { kind: typeof kind }>,
    kinds: () => events.map((event) => event.kind),
  };
}

/** Waits for something to be true. */
export const until = (what: string, holds: () => boolean): Promise<true> =>
  waitUntil(what, WAIT_MS, () => (holds() ? true : null));
