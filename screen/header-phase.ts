// A connection from a balancer: nothing is said before its PROXY header is whole. Whoever is no balancer, sends something
// else or is late is hung up on.
import { PROXY_HEADER_MAX_BYTES, readProxyHeader } from '../outside/proxy-header.js';
import type { Phase, Visit, Ways } from './visit.js';

export class HeaderPhase implements Phase {
  readonly name = 'header';
  readonly #hear = (bytes: Buffer): void => this.#take(bytes);
  readonly #leave = (): void => this.#refuse('ended before the header');

  constructor(
    private readonly visit: Visit,
    private readonly ways: Ways,
  ) {}

  deadline(): number {
    return this.visit.startedAt + this.visit.terms.settings.proxyHeaderTimeoutMs;
  }

  start(): void {
    if (!this.visit.terms.believesHeadersOf(this.visit.address)) return this.#refuse('not from one of `balancers`');
    const { socket } = this.visit;
    socket.on('data', this.#hear);
    socket.once('end', this.#leave);
    socket.resume();
  }

  late(): void {
    this.#refuse('late');
  }

  cutOff(): void {
    this.ways.destroy();
  }

  end(): void {
    const { socket } = this.visit;
    socket.off('data', this.#hear);
    socket.off('end', this.#leave);
    socket.pause();
  }

  #take(bytes: Buffer): void {
    const { visit } = this;
    visit.held = Buffer.concat([visit.held, bytes]);
    const header = readProxyHeader(visit.held.subarray(0, PROXY_HEADER_MAX_BYTES));
    if (header.kind === 'more') return;
    if (header.kind === 'bad') return this.#refuse(header.reason);
    visit.held = visit.held.subarray(header.sizeBytes);
    if (header.ends === null) visit.isBalancer = true;
    else visit.ends = header.ends;
    this.ways.receive();
  }

  #refuse(detail: string): void {
    this.visit.tell({ kind: 'bad-header', detail });
    this.ways.destroy();
  }
}
