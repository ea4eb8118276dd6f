// A client on its way to the MTA: waits unread until the MTA has greeted it, or is told to come again.
import { ALERT_UPSTREAM } from './hall.js';
import type { Phase, Visit, Ways } from './visit.js';

const UNAVAILABLE = '421 4.3.2 Service currently unavailable';

export class HandoffPhase implements Phase {
  readonly name = 'handoff';
  readonly #until: number;
  #callOff: (() => void) | null = null;

  constructor(
    private readonly visit: Visit,
    private readonly ways: Ways,
  ) {
    this.#until = visit.hall.now() + visit.terms.settings.upstreamTimeoutMs;
  }

  deadline(): number {
    return this.#until;
  }

  start(): void {
    const { hall, terms, ends, held } = this.visit;
    this.#callOff = hall.handoffs.start({
      upstream: terms.upstream,
      version: terms.settings.proxyVersion,
      ends,
      early: held,
      taken: (mta, greeting) => {
        this.#callOff = null;
        hall.alert(ALERT_UPSTREAM, false, '');
        this.ways.joined(mta, greeting);
      },
      failed: (detail) => this.#fail(detail),
    });
  }

  late(): void {
    this.#fail('no greeting in time');
  }

  cutOff(): void {
    this.ways.farewell(UNAVAILABLE);
  }

  end(): void {
    this.#callOff?.();
    this.#callOff = null;
  }

  #fail(detail: string): void {
    this.visit.hall.alert(ALERT_UPSTREAM, true, detail);
    this.visit.tell({ kind: 'upstream', detail, reply: UNAVAILABLE });
    this.ways.farewell(UNAVAILABLE);
  }
}
