// Clients on their way to the MTA: a connection with the PROXY header in one write, and the wait for the greeting. No
// more wait at once than the MTA has processes; the others stand in line. The bytes that a client sent too early follow
// the header in the same write, since Postfix reads a header in one piece.
import { connect, type Socket } from 'node:net';
import { writeProxyV1, writeProxyV2, type ProxyEnds } from '../outside/proxy-header.js';
import { showBytes } from './event.js';

/** Where the MTA listens. */
export type Upstream =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number };

export interface HandoffOrder {
  readonly upstream: Upstream;
  readonly version: 'v1' | 'v2';
  readonly ends: ProxyEnds;
  /** What the client said too early. */
  readonly early: Buffer;
  /** The MTA greets: its socket, paused, and the bytes that came. */
  taken(mta: Socket, greeting: Buffer): void;
  /** It does not; why, in words. */
  failed(detail: string): void;
}

/** The bounds, as the settings name them. */
export interface HandoffLimits {
  /** At the MTA at once, and in line for it. */
  readonly handoffsMax: number;
  readonly handoffsWaitingMax: number;
}

/** Silence after which TCP asks whether the other side is alive, ms. */
export const KEEPALIVE_MS = 120_000;
const DIGIT_TWO = 0x32;

export class Handoffs {
  readonly #line: Handoff[] = [];
  #running = 0;

  constructor(private limits: HandoffLimits) {}

  /** Connections that wait for the MTA, those in line included. */
  get size(): number {
    return this.#running + this.#line.length;
  }

  /** Whether the line is as long as it may be: whoever comes now is better off elsewhere. */
  get isFull(): boolean {
    const { handoffsMax, handoffsWaitingMax } = this.limits;
    return this.#running >= handoffsMax && this.#line.length >= handoffsWaitingMax;
  }

  setLimits(limits: HandoffLimits): void {
    this.limits = limits;
    this.#next();
  }

  /** Begins as soon as there is room. The function given back calls it off; nothing is called afterwards. */
  start(order: HandoffOrder): () => void {
    const handoff = new Handoff(order, () => this.#leave(handoff));
    this.#line.push(handoff);
    this.#next();
    return () => handoff.end();
  }

  #next(): void {
    while (this.#running < this.limits.handoffsMax) {
      const handoff = this.#line.shift();
      if (handoff === undefined) return;
      this.#running += 1;
      handoff.run();
    }
  }

  #leave(handoff: Handoff): void {
    const at = this.#line.indexOf(handoff);
    if (at !== -1) this.#line.splice(at, 1);
    else {
      this.#running -= 1;
      this.#next();
    }
  }
}

class Handoff {
  #socket: Socket | null = null;
  #isOver = false;

  constructor(
    private readonly order: HandoffOrder,
    private readonly left: () => void,
  ) {}

  run(): void {
    const { upstream, version, ends, early } = this.order;
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS };
    const socket = connect(
      upstream.kind === 'unix'
        ? { path: upstream.path, ...options }
        : { host: upstream.host, port: upstream.port, ...options },
    );
    this.#socket = socket;
    const header = version === 'v1' ? writeProxyV1(ends) : writeProxyV2(ends);
    socket.once('connect', () => socket.write(early.length === 0 ? header : Buffer.concat([header, early])));
    socket.once('data', (bytes) => this.#greeted(socket, bytes));
    socket.once('end', () => this.#fail('hung up without a greeting'));
    // Stays for good: who takes the socket over listens for its close.
    socket.on('error', (error) => this.#fail(error.message));
    socket.once('close', () => this.#fail('closed'));
  }

  /** Stops whatever goes on; the socket of a handoff that is over belongs to somebody else. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket?.destroy();
    this.left();
  }

  #greeted(socket: Socket, bytes: Buffer): void {
    if (this.#isOver) return;
    if (bytes[0] !== DIGIT_TWO) return this.#fail(`greets with ${showBytes(bytes)}`);
    socket.pause();
    this.#isOver = true;
    this.left();
    this.order.taken(socket, bytes);
  }

  #fail(detail: string): void {
    if (this.#isOver) return;
    this.end();
    this.order.failed(detail);
  }
}
