// The policy server: listens for Postfix's smtpd processes and keeps their connections within caps and waits. Knows
// nothing of verdicts: those come from the handler.
import { createServer, type Socket } from 'node:net';
import { systemClock, type Clock } from '../outside/clock.js';
import { parseListenAddress, type ListenAddress } from '../outside/listen-address.js';
import { ListenerSet } from '../outside/listener-set.js';
import type { PolicyHandler } from './handler.js';
import { PolicySession, type SessionContext } from './session.js';
import type { PolicySettings } from './settings.js';

/** Optional ears, and a clock for tests. */
export interface PolicyHooks {
  readonly clock?: Clock;
  onListenerError?(address: string, error: Error): void;
  /** A connection ended because it did not speak the protocol. */
  onProtocolError?(reason: string): void;
  /** No answer could be had: `onTrouble` of the settings applied. */
  onTrouble?(error: unknown): void;
  /** A connection was closed at once, over the cap. */
  onRefused?(): void;
}

/** Counters since the start, and connections now. */
export interface PolicyStats {
  readonly connections: number;
  readonly accepted: number;
  readonly refused: number;
  readonly answers: number;
  readonly troubles: number;
  readonly protocolErrors: number;
}

export interface PolicyServer {
  /** Opens all listeners; rejects when one cannot be opened (those already open are closed again). */
  listen(): Promise<void>;
  /** The addresses really listened on. */
  readonly addresses: readonly string[];
  /** No new connections; answers that are owed are given, and whatever is left after `graceMs` is cut off. */
  close(graceMs: number): Promise<void>;
  stats(): PolicyStats;
}

const BACKLOG = 1_024;
const SWEEP_MAX_MS = 1_000;
const SWEEP_MIN_MS = 10;

/** Makes a server; nothing is opened before `listen`. */
export function createPolicyServer(
  settings: PolicySettings,
  handler: PolicyHandler,
  hooks: PolicyHooks = {},
): PolicyServer {
  return new Listeners(settings, handler, hooks);
}

class Listeners implements PolicyServer {
  readonly #sessions = new Set<PolicySession>();
  readonly #clock: Clock;
  readonly #context: SessionContext;
  readonly #counts = { accepted: 0, refused: 0, answers: 0, troubles: 0, protocolErrors: 0 };
  readonly #listeners = new ListenerSet();
  #sweep: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    private readonly settings: PolicySettings,
    handler: PolicyHandler,
    private readonly hooks: PolicyHooks,
  ) {
    this.#clock = hooks.clock ?? systemClock;
    this.#context = {
      settings,
      handler,
      clock: this.#clock,
      closed: (session) => void this.#sessions.delete(session),
      answered: () => void (this.#counts.answers += 1),
      protocolError: (reason) => {
        this.#counts.protocolErrors += 1;
        hooks.onProtocolError?.(reason);
      },
      trouble: (error) => {
        this.#counts.troubles += 1;
        hooks.onTrouble?.(error);
      },
    };
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  async listen(): Promise<void> {
    try {
      for (const text of this.settings.listen) await this.#listenOn(parseListenAddress(text));
    } catch (error) {
      await this.close(0);
      throw error;
    }
    const { requestTimeoutMs, idleTimeoutMs } = this.settings;
    const everyMs = Math.floor(Math.min(requestTimeoutMs, idleTimeoutMs) / 4);
    this.#sweep = setInterval(() => this.#tick(), Math.max(SWEEP_MIN_MS, Math.min(SWEEP_MAX_MS, everyMs)));
    this.#sweep.unref();
  }

  close(graceMs: number): Promise<void> {
    for (const session of this.#sessions) session.leave();
    setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, graceMs).unref();
    this.#closing ??= this.#closeListeners();
    return this.#closing;
  }

  stats(): PolicyStats {
    return { connections: this.#sessions.size, ...this.#counts };
  }

  async #listenOn(address: ListenAddress): Promise<void> {
    // Peers that half-close after their last request still get its answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
      this.#onConnection(socket),
    );
    const { socketMode, socketGroup } = this.settings;
    await this.#listeners.open(server, address, { backlog: BACKLOG, socketMode, socketGroup }, (text, error) =>
      this.hooks.onListenerError?.(text, error),
    );
  }

  #onConnection(socket: Socket): void {
    if (this.#closing !== null || this.#sessions.size >= this.settings.connectionsMax) {
      this.#counts.refused += 1;
      this.hooks.onRefused?.();
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return;
    }
    this.#counts.accepted += 1;
    this.#sessions.add(new PolicySession(socket, this.#context));
  }

  #tick(): void {
    const now = this.#clock.monotonicMs();
    for (const session of this.#sessions) session.tick(now);
  }

  async #closeListeners(): Promise<void> {
    await this.#listeners.close();
    if (this.#sweep !== null) clearInterval(this.#sweep);
  }
}
