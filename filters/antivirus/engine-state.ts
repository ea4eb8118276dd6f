// What is known of the engine between messages: which signatures it has, whether it answers. Raises and clears the
// operator's alerts on each change, not on each message.
import type { Outside } from '../../pipeline/stage.js';
import { askVersion, type AskLimits } from './clamd-client.js';
import { asEngineError, type EngineError } from './engine-error.js';
import type { EngineVersion } from './reply.js';
import type { ServerAddress } from './server-address.js';

/** No clear answer comes from the engine. */
export const ALERT_UNREACHABLE = 'antivirus-unreachable';
/** The signatures are older than `signatureAgeMaxDays`. */
export const ALERT_SIGNATURES_OLD = 'antivirus-signatures-old';

/** How long a version holds before the engine is asked again, ms: the longest a result of older signatures is reused. */
export const VERSION_MAX_AGE_MS = 15_000;

export const DAY_MS = 86_400_000;

export class EngineState {
  #version: EngineVersion | null = null;
  #askedMs = -Infinity;
  #asking = false;
  /** Null until something is known, so that an alert left from an earlier run is cleared by the first answer. */
  #answers: boolean | null = null;
  #old: boolean | null = null;
  readonly #closed = new AbortController();

  constructor(
    private readonly server: ServerAddress,
    private readonly limits: Omit<AskLimits, 'signal'>,
    private readonly signatureAgeMaxDays: number,
    private readonly outside: Outside,
  ) {}

  /** The version in force, or null while it is not known; asks anew in the background when the answer has grown old. */
  version(): EngineVersion | null {
    const fresh = this.outside.clock.monotonicMs() - this.#askedMs < VERSION_MAX_AGE_MS;
    if (fresh) return this.#version;
    if (!this.#asking) void this.#ask();
    return null;
  }

  /** The engine gave a clear answer. */
  answered(): void {
    if (this.#answers !== true) this.outside.alert(ALERT_UNREACHABLE, false, '');
    this.#answers = true;
  }

  /** The engine failed. A scan that was called off says nothing of the engine. */
  failed(error: EngineError): void {
    if (error.code === 'aborted') return;
    if (this.#answers !== false) this.outside.alert(ALERT_UNREACHABLE, true, error.message);
    this.#answers = false;
  }

  close(): void {
    this.#closed.abort();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      this.#version = await askVersion(this.server, { ...this.limits, signal: this.#closed.signal });
      this.answered();
      this.#judgeAge(this.#version);
    } catch (error) {
      this.#version = null;
      this.failed(asEngineError(error));
    } finally {
      this.#asking = false;
      this.#askedMs = this.outside.clock.monotonicMs();
    }
  }

  #judgeAge({ signaturesTime }: EngineVersion): void {
    if (signaturesTime === null) return;
    const days = (this.outside.clock.now() - signaturesTime) / DAY_MS;
    const old = days > this.signatureAgeMaxDays;
    if (old !== this.#old) this.outside.alert(ALERT_SIGNATURES_OLD, old, old ? `${Math.floor(days)} days old` : '');
    this.#old = old;
  }
}
