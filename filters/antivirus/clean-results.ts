// Contents lately found clean, by SHA-256, so that a logo seen a thousand times is scanned once. Holds for one version
// of the signatures and a limited time; only clean results are kept.

export interface CleanResultsLimits {
  readonly entriesMax: number;
  readonly ttlMs: number;
}

export class CleanResults {
  /** SHA-256 to the time it was scanned, ms of the monotonic clock; oldest first. */
  readonly #times = new Map<string, number>();
  #version: string | null = null;

  constructor(
    private readonly limits: CleanResultsLimits,
    private readonly monotonicMs: () => number,
  ) {}

  get size(): number {
    return this.#times.size;
  }

  /** Tells which signatures the engine has now; forgets everything when they are others than before. */
  useVersion(version: string): void {
    if (version === this.#version) return;
    this.#times.clear();
    this.#version = version;
  }

  has(sha256: string): boolean {
    const time = this.#times.get(sha256);
    if (time === undefined) return false;
    if (this.monotonicMs() - time < this.limits.ttlMs) return true;
    this.#times.delete(sha256);
    return false;
  }

  /** Keeps a result made while `version` was in use; a result of older signatures is dropped. */
  add(sha256: string, version: string): void {
    if (version !== this.#version || this.limits.entriesMax === 0) return;
    this.#times.delete(sha256);
    this.#times.set(sha256, this.monotonicMs());
    if (this.#times.size <= this.limits.entriesMax) return;
    const [oldest] = this.#times.keys();
    if (oldest !== undefined) this.#times.delete(oldest);
  }
}
