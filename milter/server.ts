// The milter server: listens, keeps the sessions within their caps and deadlines, and goes in good order. Works alone and
// in node:cluster workers, which share the listeners. Knows nothing of verdicts: those come from the handler.
import { createServer, type Socket } from 'node:net';
import type { Connection } from '../message/envelope.js';
import { systemClock, type Clock } from '../outside/clock.js';
import { parseListenAddress, type ListenAddress } from '../outside/listen-address.js';
import { ListenerSet } from '../outside/listener-set.js';
import { openFilesLimit } from '../outside/open-files.js';
import type { MilterHandler } from './handler.js';
import { InFlight } from './in-flight.js';
import { Negotiator, type Silence } from './negotiate.js';
import { Session, type SessionContext } from './session.js';
import type { MilterSettings } from './settings.js';

/** Optional ears and a clock for tests. */
export interface MilterHooks {
  readonly clock?: Clock;
  /** The handler threw, was late, or asked for the impossible: the message got a temporary failure. */
  onHandlerError?(connection: Connection | null, error: unknown): void;
  /** A listener broke after it was up. */
  onListenerError?(address: string, error: Error): void;
  /** A connection was closed at once because a cap was reached. */
  onRefused?(reason: 'connections' | 'source'): void;
}

/** Counters since the start, and the state now. */
export interface MilterStats {
  readonly connections: number;
  readonly connectionsMax: number;
  readonly accepted: number;
  readonly refused: number;
  readonly messages: number;
  readonly protocolErrors: number;
  readonly handlerErrors: number;
  readonly inFlightBytes: number;
  readonly waiting: number;
}

export interface MilterServer {
  /** Opens all listeners; rejects when one cannot be opened (those already open are closed again). */
  listen(): Promise<void>;
  /** The addresses really listened on, in the form of the `listen` setting. */
  readonly addresses: readonly string[];
  /** No new connections; messages on their way get their answer; whatever is left after `graceMs` is cut off. */
  close(graceMs: number): Promise<void>;
  /** No new connections; those that are open go on until the MTA ends them, at most `graceMs`, and then as `close(0)`. */
  drain(graceMs: number): Promise<void>;
  stats(): MilterStats;
}

/** Descriptors kept free for everything that is not a milter connection. */
export const DESCRIPTORS_RESERVED = 128;
const CONNECTIONS_MIN = 8;
const SWEEP_MAX_MS = 1_000;
const SWEEP_MIN_MS = 10;
const BACKLOG = 1_024;

/** Makes a server; nothing is opened before `listen`. */
export function createMilterServer(
  settings: MilterSettings,
  handler: MilterHandler,
  hooks: MilterHooks = {},
): MilterServer {
  return new Listeners(settings, handler, hooks);
}

class Listeners implements MilterServer {
  readonly #settings: MilterSettings;
  readonly #hooks: MilterHooks;
  readonly #context: SessionContext;
  readonly #inFlight: InFlight;
  readonly #clock: Clock;
  readonly #connectionsMax: number;
  readonly #sessions = new Set<Session>();
  readonly #perSource = new Map<string, number>();
  readonly #listeners = new ListenerSet();
  #sweep: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #accepted = 0;
  #refused = 0;
  #messages = 0;
  #protocolErrors = 0;
  #handlerErrors = 0;

  constructor(settings: MilterSettings, handler: MilterHandler, hooks: MilterHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#clock = hooks.clock ?? systemClock;
    this.#inFlight = new InFlight(settings.inFlightMaxBytes);
    this.#connectionsMax = Math.min(settings.connectionsMax, descriptorsFree());
    this.#context = {
      settings,
      handler,
      clock: this.#clock,
      inFlight: this.#inFlight,
      negotiator: new Negotiator(),
      closed: (session) => void this.#sessions.delete(session),
      answered: () => void (this.#messages += 1),
      protocolError: (connection, reason) => {
        this.#protocolErrors += 1;
        handler.onProtocolError?.(connection, reason);
      },
      handlerFailed: (connection, error) => {
        this.#handlerErrors += 1;
        hooks.onHandlerError?.(connection, error);
      },
    };
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  async listen(): Promise<void> {
    try {
      for (const text of this.#settings.listen) await this.#listenOn(parseListenAddress(text));
    } catch (error) {
      await this.close(0);
      throw error;
    }
    this.#sweep = setInterval(() => this.#tick(), sweepIntervalMs(this.#settings));
    this.#sweep.unref();
  }

  close(graceMs: number): Promise<void> {
    for (const session of this.#sessions) session.leave();
    return this.drain(graceMs);
  }

  drain(graceMs: number): Promise<void> {
    // A shorter grace asked for later holds.
    setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, graceMs).unref();
    this.#closing ??= this.#closeListeners();
    return this.#closing;
  }

  stats(): MilterStats {
    return {
      connections: this.#sessions.size,
      connectionsMax: this.#connectionsMax,
      accepted: this.#accepted,
      refused: this.#refused,
      messages: this.#messages,
      protocolErrors: this.#protocolErrors,
      handlerErrors: this.#handlerErrors,
      inFlightBytes: this.#inFlight.bytes,
      waiting: this.#inFlight.waiting,
    };
  }

  async #listenOn(address: ListenAddress): Promise<void> {
    const server = createServer({ allowHalfOpen: false, noDelay: true, keepAlive: true }, (socket) =>
      this.#onConnection(socket),
    );
    const { socketMode, socketGroup } = this.#settings;
    await this.#listeners.open(server, address, { backlog: BACKLOG, socketMode, socketGroup }, (text, error) =>
      this.#hooks.onListenerError?.(text, error),
    );
  }

  #onConnection(socket: Socket): void {
    const source = socket.remoteAddress ?? null;
    const refusal = this.#refusal(source);
    if (refusal !== null) {
      this.#refused += 1;
      this.#hooks.onRefused?.(refusal);
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return;
    }
    this.#accepted += 1;
    if (source !== null) this.#countSource(source, socket);
    this.#sessions.add(new Session(socket, this.#context, this.#silence(source === null ? 'unix' : 'tcp')));
  }

  #silence(kind: 'unix' | 'tcp'): Silence {
    const { noReply } = this.#settings;
    if (noReply === 'auto') return kind === 'unix' ? 'all' : 'header';
    return noReply === 'always' ? 'all' : 'none';
  }

  #refusal(source: string | null): 'connections' | 'source' | null {
    if (this.#closing !== null || this.#sessions.size >= this.#connectionsMax) return 'connections';
    const ofSource = source === null ? 0 : (this.#perSource.get(source) ?? 0);
    return ofSource >= this.#settings.connectionsPerSourceMax ? 'source' : null;
  }

  #countSource(source: string, socket: Socket): void {
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    socket.once('close', () => {
      const left = (this.#perSource.get(source) ?? 1) - 1;
      if (left > 0) this.#perSource.set(source, left);
      else this.#perSource.delete(source);
    });
  }

  #tick(): void {
    const now = this.#clock.monotonicMs();
    for (const session of this.#sessions) session.tick(now);
  }

  /** Resolves when the last connection is gone. */
  async #closeListeners(): Promise<void> {
    await this.#listeners.close();
    if (this.#sweep !== null) clearInterval(this.#sweep);
  }
}

/** Often enough for the shortest of the deadlines. */
function sweepIntervalMs(settings: MilterSettings): number {
  const shortest = Math.min(
    settings.negotiationTimeoutMs,
    settings.idleTimeoutMs,
    settings.packetTimeoutMs,
    settings.contentTimeoutMs,
    settings.envelopeTimeoutMs,
    settings.verdictTimeoutMs,
    settings.waitTimeoutMs,
    settings.writeTimeoutMs,
    settings.progressIntervalMs,
  );
  return Math.max(SWEEP_MIN_MS, Math.min(SWEEP_MAX_MS, Math.floor(shortest / 4)));
}

/** How many connections the limit of open files leaves room for; without /proc the setting alone counts. */
function descriptorsFree(): number {
  const limit = openFilesLimit();
  return limit === null ? Number.MAX_SAFE_INTEGER : Math.max(CONNECTIONS_MIN, limit - DESCRIPTORS_RESERVED);
}
