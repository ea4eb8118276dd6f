// Answers kept as long as they may be: found, absent and failed ones, bounded in number and size, the least used dropped
// first. Takes and gives answers by key; asks nobody.
import type { Clock } from './clock.js';
import type { AbsentAnswer, DnsAnswer, FailedAnswer, FoundAnswer, RecordType } from './resolver.js';

/** A stale answer may be kept so long by who gets it, seconds (RFC 8767 §4). */
export const STALE_TTL_S = 30;
/** What an entry costs beside its texts, bytes, about. */
const ENTRY_BYTES = 300;
const RECORD_BYTES = 60;

export interface CacheLimits {
  readonly entriesMax: number;
  readonly sizeMaxBytes: number;
  /** How long after its time a found answer is kept for when the servers fail, ms. */
  readonly staleMs: number;
}

interface Entry {
  readonly answer: DnsAnswer;
  /** Monotonic, ms. */
  readonly expiresAt: number;
  readonly sizeBytes: number;
  /** Failures hold within the generation they happened in. */
  generation: number;
  /** Until then a stale answer is given without asking again (RFC 8767 §5). Monotonic, ms. */
  staleUntil: number;
}

export class DnsCache {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  private generation = 0;

  constructor(
    private limits: CacheLimits,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  get sizeBytes(): number {
    return this.bytes;
  }

  /** Null when nothing is kept or its time is over. */
  get(key: string): DnsAnswer | null {
    const entry = this.entries.get(key);
    if (entry === undefined) return null;
    const now = this.clock.monotonicMs();
    if (entry.expiresAt <= now) return this.isWaitedOut(entry, now) ? null : this.getStale(key);
    if (!('ttlS' in entry.answer)) return entry.generation === this.generation ? entry.answer : null;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return { ...entry.answer, ttlS: Math.ceil((entry.expiresAt - now) / 1_000) };
  }

  /** A found answer whose time is over, but not by more than is allowed. */
  getStale(key: string): FoundAnswer<RecordType> | null {
    const entry = this.entries.get(key);
    if (entry?.answer.status !== 'found') return null;
    if (this.clock.monotonicMs() - entry.expiresAt > this.limits.staleMs || this.limits.staleMs === 0) return null;
    return { ...entry.answer, ttlS: STALE_TTL_S, stale: true };
  }

  putAnswer(key: string, answer: FoundAnswer<RecordType> | AbsentAnswer): void {
    this.put(key, answer, answer.ttlS * 1_000);
  }

  /** Kept for so long; where a stale answer stands, that is given for so long instead. An answer in its time stays. */
  putFailure(key: string, answer: FailedAnswer, keptMs: number): void {
    const entry = this.entries.get(key);
    if (entry !== undefined && 'ttlS' in entry.answer && entry.expiresAt > this.clock.monotonicMs()) return;
    if (entry === undefined || this.getStale(key) === null) return this.put(key, answer, keptMs);
    entry.staleUntil = this.clock.monotonicMs() + keptMs;
    entry.generation = this.generation;
  }

  /** Failures of before are forgotten: something is better now. */
  forgetFailures(): void {
    this.generation += 1;
  }

  clear(): void {
    this.entries.clear();
    this.bytes = 0;
  }

  setLimits(limits: CacheLimits): void {
    this.limits = limits;
    this.shrink();
  }

  /** Whether it is time to ask again though a stale answer stands there. */
  private isWaitedOut(entry: Entry, now: number): boolean {
    return entry.staleUntil <= now || entry.generation !== this.generation;
  }

  private put(key: string, answer: DnsAnswer, keptMs: number): void {
    this.drop(key);
    if (keptMs <= 0) return;
    const sizeBytes = ENTRY_BYTES + 2 * key.length + sizeOf(answer);
    this.entries.set(key, {
      answer,
      expiresAt: this.clock.monotonicMs() + keptMs,
      sizeBytes,
      generation: this.generation,
      staleUntil: Number.NEGATIVE_INFINITY,
    });
    this.bytes += sizeBytes;
    this.shrink();
  }

  private shrink(): void {
    for (const key of this.entries.keys()) {
      if (this.entries.size <= this.limits.entriesMax && this.bytes <= this.limits.sizeMaxBytes) return;
      this.drop(key);
    }
  }

  private drop(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.bytes -= entry.sizeBytes;
  }
}

function sizeOf(answer: DnsAnswer): number {
  if (answer.status !== 'found') return 'detail' in answer ? answer.detail.length : 0;
  return answer.records.reduce((sum, record) => sum + RECORD_BYTES + lengthOf(record), 0);
}

function lengthOf(record: FoundAnswer<RecordType>['records'][number]): number {
  if (typeof record === 'string') return record.length;
  if ('exchange' in record) return record.exchange.length;
  return record.reduce((sum, part) => sum + RECORD_BYTES + part.length, 0);
}
