// The front listener: takes connections before Postfix does, tests clients before they may speak, and hands those that
// pass to the MTA. Runs in one process; knows nothing of stages or mail. Keeps the sessions within bounds and deadlines.
import { createServer, type Socket } from 'node:net';
import type { AttachedFiles } from '../config/attached.js';
import { parseListenAddress, type ListenAddress } from '../outside/listen-address.js';
import { ListenerSet } from '../outside/listener-set.js';
import { openFilesLimit } from '../outside/open-files.js';
import type { Screen, ScreenDeps, ScreenStats } from './deps.js';
import { Hall } from './hall.js';
import { KEEPALIVE_MS } from './handoff.js';
import { Session } from './session.js';
import type { ScreenSettings } from './settings.js';
import { Terms } from './terms.js';

export type { AccessWord, Screen, ScreenDeps, ScreenStats } from './deps.js';

/** How often deadlines are looked at, ms. */
const SWEEP_MS = 100;
const BACKLOG = 4_096;
/** Descriptors kept for everything else: stores, logs, look-ups. */
const DESCRIPTORS_RESERVED = 512;
const SOCKETS_MIN = 16;
/** Connections over every bound that are told so at once; more are closed without a word. */
const TOLD_MAX = 500;
const BUSY = '421 4.3.2 All screening ports are busy\r\n';
/** Longest such a connection lasts, ms. */
const TOLD_MS = 2_000;
/** Time to read our last words when the listener closes, ms. */
const CUT_OFF_MS = 500;

/** Makes a listener; nothing is opened before `listen`. Throws when a file of the settings is not what it should be. */
export function createScreen(settings: ScreenSettings, deps: ScreenDeps): Screen {
  return new FrontListener(settings, deps);
}

class FrontListener implements Screen {
  readonly #hall: Hall;
  /** Sockets there may be, ours to the MTA included. */
  readonly #socketsMax = socketsPossible();
  readonly #sessions = new Set<Session>();
  readonly #told = new Map<Socket, number>();
  readonly #listeners = new ListenerSet();
  #sweep: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #whenEmpty: (() => void) | null = null;

  constructor(
    private readonly settings: ScreenSettings,
    private readonly deps: ScreenDeps,
  ) {
    this.#hall = new Hall(deps, new Terms(settings, deps.files, deps));
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  async listen(): Promise<void> {
    try {
      for (const text of this.settings.listen) await this.#listenOn(text, false);
      for (const text of this.settings.listenProxied) await this.#listenOn(text, true);
    } catch (error) {
      await this.close(0);
      throw error;
    }
    this.#sweep = setInterval(() => this.#tick(), SWEEP_MS);
  }

  take(settings: ScreenSettings, files: AttachedFiles): void {
    const terms = new Terms(settings, files, this.deps);
    this.#hall.take(terms);
  }

  close(graceMs: number): Promise<void> {
    setTimeout(() => this.#cutOff(), graceMs).unref();
    this.#closing ??= this.#shut();
    return this.#closing;
  }

  stats(): ScreenStats {
    const { crowd, handoffs, tally } = this.#hall;
    return {
      ...tally,
      connections: crowd.open,
      screened: crowd.screened,
      handoffs: handoffs.size,
      stress: crowd.isStressed,
    };
  }

  async #listenOn(text: string, isProxied: boolean): Promise<void> {
    const address = parseListenAddress(text);
    if (address.kind === 'unix') throw new Error('clients come over TCP');
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true };
    const server = createServer({ ...options, keepAliveInitialDelay: KEEPALIVE_MS }, (socket) =>
      this.#take(socket, isProxied),
    );
    const ipv6Only = isIpv6Only(address, [...this.settings.listen, ...this.settings.listenProxied]);
    // A listener that breaks later (out of descriptors) goes on when it can.
    await this.#listeners.open(server, address, { backlog: BACKLOG, ipv6Only }, () => undefined);
  }

  #take(socket: Socket, isProxied: boolean): void {
    if (this.#closing !== null || !this.#hall.crowd.hasRoom() || this.#hall.sockets >= this.#socketsMax)
      return this.#turnAway(socket);
    const session = new Session(socket, this.#hall, (one) => this.#forget(one));
    this.#sessions.add(session);
    session.begin(isProxied);
  }

  /** Over every bound: one line at most, nothing is read into memory or logged by the connection. */
  #turnAway(socket: Socket): void {
    this.#hall.tally.accepted += 1;
    this.#hall.tally.limited += 1;
    socket.on('error', () => socket.destroy());
    if (this.#told.size >= TOLD_MAX) {
      socket.destroy();
      return;
    }
    this.#told.set(socket, this.#hall.now() + TOLD_MS);
    socket.once('close', () => this.#told.delete(socket));
    socket.end(BUSY);
    socket.resume();
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#whenEmpty?.();
  }

  #tick(): void {
    const now = this.#hall.now();
    for (const session of this.#sessions) session.tick(now);
    for (const [socket, until] of this.#told) if (now >= until) socket.destroy();
  }

  #cutOff(): void {
    for (const session of this.#sessions) session.cutOff();
    for (const socket of this.#told.keys()) socket.destroy();
    setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, CUT_OFF_MS).unref();
  }

  /** Resolves when the last connection is gone; those that are told to leave have the sweep for it. */
  async #shut(): Promise<void> {
    await this.#listeners.close();
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => (this.#whenEmpty = resolve));
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#hall.close();
  }
}

/** `[::]` takes IPv4 too, unless that is asked for beside it. */
const isIpv6Only = (address: ListenAddress, others: readonly string[]): boolean =>
  address.kind === 'inet' && address.host.includes(':') && others.includes(`inet:0.0.0.0:${address.port}`);

/** How many sockets the limit of open files leaves room for; without /proc the setting alone counts. */
function socketsPossible(): number {
  const limit = openFilesLimit();
  return limit === null ? Number.MAX_SAFE_INTEGER : Math.max(SOCKETS_MIN, limit - DESCRIPTORS_RESERVED);
}
