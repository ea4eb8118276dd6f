// The first phase of taking new settings, in every process: what it made ready, until it is told to take it or to drop it.

export class Prepared<Made> {
  readonly #ready = new Map<number, Made>();

  /** Makes it ready under that id. Gives why that could not be done, or null. */
  async prepare(id: number, make: () => Promise<Made> | Made): Promise<string | null> {
    try {
      this.#ready.set(id, await make());
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Hands it over; nothing where it was never ready. */
  take(id: number): Made | undefined {
    const made = this.#ready.get(id);
    this.#ready.delete(id);
    return made;
  }
}
