// The greeting: its first half at once, then a wait in which a good client keeps silent, while the DNS lists are asked
// about it. Reads no more than shows that the client spoke; what it said is kept for whoever speaks with it next.
import type { DnsblSeat } from './dnsbl.js';
import { judgeEarly, type EarlyVerdict } from './early.js';
import { showBytes } from './event.js';
import type { Phase, Visit, Ways } from './visit.js';

/** Most bytes kept of a client that talks too early. */
export const EARLY_MAX_BYTES = 4_096;

export class GreetingPhase implements Phase {
  readonly name = 'greeting';
  readonly #until: number;
  readonly #hear = (bytes: Buffer): void => this.#take(bytes);
  readonly #leave = (): void => this.#hangUp();
  readonly #isDenied: boolean;
  #seat: DnsblSeat | null = null;
  #isTimeUp = false;
  #isOver = false;

  constructor(
    private readonly visit: Visit,
    private readonly ways: Ways,
  ) {
    const { settings } = visit.terms;
    const waitMs = visit.hall.crowd.isStressed ? settings.greetWaitStressMs : settings.greetWaitMs;
    this.#until = visit.hall.now() + waitMs;
    this.#isDenied = visit.charges.length > 0;
  }

  deadline(): number {
    return this.#until;
  }

  start(): void {
    const { socket, terms, address, due, held } = this.visit;
    if (terms.settings.teaser) socket.write(`220-${terms.hostName} ${terms.settings.banner}\r\n`);
    socket.on('data', this.#hear);
    socket.once('end', this.#leave);
    // A client that is refused anyway is not worth a question to others.
    if (due.has('dnsbl') && !this.#isDenied) this.#seat = terms.desk.join(address, () => this.#judge());
    if (held.length === 0) socket.resume();
    else this.#note(held);
    this.#judge();
  }

  late(): void {
    this.#isTimeUp = true;
    this.#judge();
  }

  cutOff(): void {
    this.ways.farewell(`421 4.3.2 ${this.visit.terms.hostName} Service shutting down`);
  }

  end(): void {
    this.#isOver = true;
    const { socket } = this.visit;
    socket.off('data', this.#hear);
    socket.off('end', this.#leave);
    socket.pause();
    this.#seat?.leave();
  }

  /** Read no further: what is left waits in the kernel. */
  #take(bytes: Buffer): void {
    this.visit.socket.pause();
    // A copy: what came may lie in a far larger piece of memory.
    this.visit.held = Buffer.from(bytes);
    this.#note(bytes);
    this.#judge();
  }

  #note(bytes: Buffer): void {
    const { visit } = this;
    if (visit.due.has('pregreet'))
      visit.tell({ kind: 'pregreet', bytes: bytes.length, afterMs: visit.ageMs, text: showBytes(bytes) });
    if (bytes.length <= EARLY_MAX_BYTES) return;
    const detail = `${bytes.length} bytes before the greeting ended`;
    this.ways.conclude([{ test: 'pregreet', action: 'drop', detail, text: '5.5.1 Protocol error' }]);
  }

  #hangUp(): void {
    this.visit.tell({ kind: 'hangup', afterMs: this.visit.ageMs, during: 'greeting' });
    this.ways.destroy();
  }

  #judge(): void {
    if (this.#isOver) return;
    const { visit } = this;
    const verdict = judgeEarly(visit.terms.settings, {
      due: visit.due,
      hasSpoken: visit.held.length > 0,
      isTimeUp: this.#isTimeUp,
      isDenied: this.#isDenied,
      score: this.#seat?.score() ?? null,
      clientAddress: visit.address,
    });
    if (verdict.kind !== 'wait') this.#settle(verdict);
  }

  #settle(verdict: Exclude<EarlyVerdict, { kind: 'wait' }>): void {
    const { visit } = this;
    const score = this.#seat?.score() ?? null;
    if (verdict.kind === 'allowed') {
      // The lists vouch for the client: everything counts as passed for as long as they say.
      visit.remember(new Map(visit.terms.inForce.map((test) => [test, verdict.passMs])));
      return this.ways.pass('allowed');
    }
    if (score !== null && verdict.charges.some(({ test }) => test === 'dnsbl'))
      visit.tell({ kind: 'dnsbl', rank: score.rank, hits: score.hits, silent: score.silent });
    visit.remember(verdict.passes);
    this.ways.conclude(verdict.charges);
  }
}
