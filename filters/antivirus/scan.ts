// Takes the contents of one message through the engine, several at a time, and gathers what it says. Either every
// content has a clear answer, or a virus was found anyway, or an EngineError is thrown.
import type { Clock } from '../../outside/clock.js';
import type { CleanResults } from './clean-results.js';
import type { ConnectionSlots } from './connection-slots.js';
import type { Content } from './contents.js';
import { asEngineError, type EngineError } from './engine-error.js';
import type { EngineState } from './engine-state.js';
import { findingOfSignature } from './findings.js';
import type { ScanReply } from './reply.js';

/** Most contents of one message at the engine at once, so that one message never takes every connection. */
export const LANES_MAX = 3;

/** One way to have a content scanned. */
export type ScanContent = (
  content: Buffer,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
) => Promise<ScanReply>;

export interface ScanTools {
  readonly scanContent: ScanContent;
  readonly slots: ConnectionSlots;
  readonly clean: CleanResults;
  readonly state: EngineState;
  readonly clock: Clock;
  readonly scanTimeoutMs: number;
  readonly suspectSignatures: readonly string[];
}

export interface Hit {
  readonly signature: string;
  readonly where: string;
}

/** What the engine said of one message. */
export interface ScanOutcome {
  readonly hits: readonly Hit[];
  /** Contents the engine would not take. */
  readonly unscanned: readonly string[];
  /** Contents sent to the engine, and contents known to be clean. */
  readonly scans: number;
  readonly cached: number;
  /** Version of engine and signatures, or null when not known at the start. */
  readonly version: string | null;
}

/** Scans all contents. `deadline` in ms of the monotonic clock. Throws EngineError when an answer is missing and no virus was found. */
export async function scanContents(
  contents: readonly Content[],
  tools: ScanTools,
  deadline: number,
  signal: AbortSignal,
): Promise<ScanOutcome> {
  const version = tools.state.version()?.text ?? null;
  if (version !== null) tools.clean.useVersion(version);
  const work = new ScanWork(contents, tools, deadline, version);
  const stop = AbortSignal.any([signal, work.stop.signal]);
  await Promise.all(Array.from({ length: Math.min(LANES_MAX, contents.length) }, () => work.lane(stop)));
  return work.outcome();
}

class ScanWork {
  readonly stop = new AbortController();
  readonly #hits: Hit[] = [];
  readonly #unscanned: string[] = [];
  #next = 0;
  #scans = 0;
  #cached = 0;
  #virusPlaced = false;
  #failure: EngineError | null = null;

  constructor(
    private readonly contents: readonly Content[],
    private readonly tools: ScanTools,
    private readonly deadline: number,
    private readonly version: string | null,
  ) {}

  /** Takes contents one after another until none is left, one fails, or the virus' place is known. */
  async lane(signal: AbortSignal): Promise<void> {
    while (!this.#failure && !this.#virusPlaced) {
      const content = this.contents[this.#next++];
      if (!content) return;
      if (this.version !== null && this.tools.clean.has(content.sha256)) {
        this.#cached += 1;
        continue;
      }
      try {
        this.#take(content, await this.#ask(content, signal));
      } catch (error) {
        this.#fail(asEngineError(error));
      }
    }
  }

  /** Throws the failure unless a virus was found all the same. */
  outcome(): ScanOutcome {
    if (this.#failure && !this.#hits.some(({ signature }) => this.#isVirus(signature))) throw this.#failure;
    const { version } = this;
    return { hits: this.#hits, unscanned: this.#unscanned, scans: this.#scans, cached: this.#cached, version };
  }

  async #ask(content: Content, signal: AbortSignal): Promise<ScanReply> {
    const { clock, slots, scanTimeoutMs, scanContent } = this.tools;
    const leftMs = () => this.deadline - clock.monotonicMs();
    return slots.run(leftMs(), signal, () => {
      this.#scans += 1;
      return scanContent(content.bytes, { timeoutMs: Math.min(scanTimeoutMs, leftMs()), signal });
    });
  }

  #take(content: Content, reply: ScanReply): void {
    this.tools.state.answered();
    if (reply.kind === 'clean') {
      if (this.version !== null) this.tools.clean.add(content.sha256, this.version);
    } else if (reply.kind === 'over-limit') {
      this.#unscanned.push(`${content.where}: ${content.bytes.length} bytes, over the engine's own limit`);
    } else {
      this.#hits.push({ signature: reply.signature, where: content.where });
      if (!content.whole && this.#isVirus(reply.signature)) this.#virusPlaced = true;
    }
  }

  /** Keeps the first failure and calls off the other lanes. */
  #fail(error: EngineError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.tools.state.failed(error);
    this.stop.abort();
  }

  #isVirus(signature: string): boolean {
    return findingOfSignature(signature, this.tools.suspectSignatures) === 'VIRUS_FOUND';
  }
}
