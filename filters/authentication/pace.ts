// How long one message may hold the event loop: work is counted in bytes, and after every share of it other messages get
// their turn. Takes the signal that ends the message's time.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes hashed or rewritten between two turns of the event loop: some milliseconds. */
export const SHARE_BYTES = 1_048_576;

export class Pace {
  #spent = 0;
  constructor(private readonly signal: AbortSignal) {}

  /** Counts work done, and waits for the next turn when a share is used up. False when the time is over. */
  async spend(bytes: number): Promise<boolean> {
    this.#spent += bytes;
    if (this.#spent >= SHARE_BYTES) {
      this.#spent = 0;
      await nextTurn();
    }
    return !this.signal.aborted;
  }
}
