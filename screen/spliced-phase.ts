// A client joined to the MTA: bytes go both ways as they are, STARTTLS included, until one side ends it. The MTA keeps
// SMTP's times; here there is only the longest a connection may last.
import type { Socket } from 'node:net';
import { splice } from './splice.js';
import type { Phase, Visit, Ways } from './visit.js';

/** Longest one side outlasts the other, ms: time for what was read to be taken. */
export const LEAVING_MS = 60_000;

export class SplicedPhase implements Phase {
  readonly name = 'spliced';
  #until: number;
  #cut: (() => void) | null = null;

  constructor(
    private readonly visit: Visit,
    private readonly ways: Ways,
    private readonly mta: Socket,
    private readonly greeting: Buffer,
  ) {
    this.#until = visit.hall.now() + visit.terms.settings.splicedMaxMs;
  }

  deadline(): number {
    return this.#until;
  }

  start(): void {
    const { hall, socket } = this.visit;
    hall.tally.spliced += 1;
    this.visit.held = Buffer.alloc(0);
    socket.write(this.greeting);
    const leaving = (): void => void (this.#until = Math.min(this.#until, hall.now() + LEAVING_MS));
    this.#cut = splice(socket, this.mta, leaving, () => void (hall.tally.spliced -= 1));
  }

  late(): void {
    this.ways.destroy();
    this.#cut?.();
  }

  cutOff(): void {
    this.late();
  }

  /** The client is gone: what it sent still reaches the MTA. */
  end(): void {
    this.#cut = null;
  }
}
