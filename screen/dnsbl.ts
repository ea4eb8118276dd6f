// The sum of the DNS lists for a client: one look-up per list and client, shared by the sessions it has open, called off
// with the last of them. A list counts only while it can be believed; silence and errors count nothing.
import { isFailure, type Resolver } from '../outside/resolver.js';
import type { Clock } from '../outside/clock.js';
import { readAnswer } from '../lists/answer.js';
import type { ListHealth } from '../lists/health.js';
import { counts, type List } from '../lists/list.js';
import { isIpv6, questionName, reverseAddress } from '../lists/question.js';
import type { ListHit } from './event.js';

/** What the lists say so far. */
export interface DnsblScore {
  readonly rank: number;
  /** Largest weight first. */
  readonly hits: readonly ListHit[];
  /** Lists that have not answered, or did not in time. */
  readonly silent: readonly string[];
  /** Whether no answer is to come any more. */
  readonly isComplete: boolean;
  /** How long the answers hold, seconds; null when some list was silent. */
  readonly ttlS: number | null;
}

/** One session's place at a client's look-ups. */
export interface DnsblSeat {
  score(): DnsblScore;
  leave(): void;
}

export interface DnsblOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Called when look-ups begin to be left out since too many are out, and when that is over. */
  onBusy(isBusy: boolean): void;
}

/** So long no look-up may be left out for the trouble to count as over, ms. */
const BUSY_OVER_MS = 10_000;

export class DnsblDesk {
  readonly #inquiries = new Map<string, Inquiry>();
  #busyAtMs: number | null = null;

  constructor(
    private readonly healths: readonly ListHealth[],
    private readonly options: DnsblOptions,
  ) {}

  /** Clients that are asked about now. */
  get size(): number {
    return this.#inquiries.size;
  }

  /** Starts the look-ups of a client or joins those under way. `heard` is called whenever a list has answered. */
  join(address: string, heard: () => void): DnsblSeat {
    let inquiry = this.#inquiries.get(address);
    if (inquiry === undefined) {
      inquiry = new Inquiry(address, this.healths, this.options, (isBusy) => this.#noteBusy(isBusy));
      this.#inquiries.set(address, inquiry);
    }
    return this.#sit(address, inquiry, heard);
  }

  #noteBusy(isBusy: boolean): void {
    const now = this.options.clock.monotonicMs();
    if (isBusy) {
      if (this.#busyAtMs === null) this.options.onBusy(true);
      this.#busyAtMs = now;
    } else if (this.#busyAtMs !== null && now - this.#busyAtMs >= BUSY_OVER_MS) {
      this.#busyAtMs = null;
      this.options.onBusy(false);
    }
  }

  #sit(address: string, inquiry: Inquiry, heard: () => void): DnsblSeat {
    inquiry.seats.add(heard);
    return {
      score: () => inquiry.score(),
      leave: () => {
        inquiry.seats.delete(heard);
        if (inquiry.seats.size > 0) return;
        inquiry.callOff();
        if (this.#inquiries.get(address) === inquiry) this.#inquiries.delete(address);
      },
    };
  }
}

/**
 * What one list said: null while it has not. `ttlS` null: nothing that can be relied on. A list that is suspended is not
 * asked, and holds nothing up.
 */
interface Word {
  readonly list: List;
  readonly codes: readonly string[];
  readonly ttlS: number | null;
  readonly isSuspended: boolean;
}

class Inquiry {
  readonly seats = new Set<() => void>();
  readonly #words: (Word | null)[];
  readonly #names: readonly string[];
  readonly #abort = new AbortController();
  #left: number;

  constructor(
    private readonly address: string,
    healths: readonly ListHealth[],
    options: DnsblOptions,
    private readonly noteBusy: (isBusy: boolean) => void,
  ) {
    this.#words = healths.map(() => null);
    this.#names = healths.map(({ list }) => list.name);
    this.#left = healths.length;
    for (const [index, health] of healths.entries()) void this.#ask(index, health, options);
  }

  callOff(): void {
    this.#abort.abort();
  }

  score(): DnsblScore {
    const words = this.#words.filter((word) => word !== null);
    const asked = words.filter(({ isSuspended }) => !isSuspended);
    const hits = words.flatMap((word) => hitsOf(word, this.address)).sort((one, other) => other.points - one.points);
    const times = asked.map(({ ttlS }) => ttlS).filter((ttlS) => ttlS !== null);
    const silent = this.#names.filter((name, index) => isSilent(this.#words[index] ?? null));
    return {
      rank: Math.round(hits.reduce((sum, { points }) => sum + points, 0) * 1_000) / 1_000,
      hits,
      silent,
      isComplete: this.#left === 0,
      ttlS: silent.length === 0 && times.length > 0 ? Math.min(...times) : null,
    };
  }

  async #ask(index: number, health: ListHealth, { resolver, timeoutMs }: DnsblOptions): Promise<void> {
    const word = await this.#wordOf(health, resolver, timeoutMs);
    if (this.#abort.signal.aborted) return;
    this.#words[index] = word;
    this.#left -= 1;
    for (const heard of this.seats) heard();
  }

  async #wordOf(health: ListHealth, resolver: Resolver, timeoutMs: number): Promise<Word> {
    const { list } = health;
    const nothing: Word = { list, codes: [], ttlS: null, isSuspended: false };
    const name = questionName(reverseAddress(this.address), list.zone);
    if (name === null) return nothing;
    if (!health.isWorthAsking()) return { ...nothing, isSuspended: true };
    const { signal } = this.#abort;
    const answer = await resolver.lookup('A', name, { signal, timeoutMs, callsOff: true });
    // A look-up that was called off, or never put, says nothing of the list.
    if (signal.aborted) return nothing;
    this.noteBusy(answer.status === 'busy');
    if (answer.status === 'busy') return nothing;
    const read = readAnswer(list, answer);
    health.note(read);
    if (isFailure(answer) || read.state === 'error') return nothing;
    if (read.state !== 'listed') return { ...nothing, ttlS: answer.ttlS };
    const { state } = await health.belief(signal);
    return state === 'believed' ? { ...nothing, codes: read.codes, ttlS: answer.ttlS } : nothing;
  }
}

const isSilent = (word: Word | null): boolean => word === null || (word.ttlS === null && !word.isSuspended);

/** Each entry of a list counts once, whatever number of its answers fit. */
function hitsOf({ list, codes }: Word, address: string): readonly ListHit[] {
  return list.entries.flatMap((entry) => {
    const fitting = codes.filter((code) => counts(entry, 'client', code));
    const isAsked = isIpv6(address) ? entry.ipv6 : entry.ipv4;
    return fitting.length === 0 || !isAsked ? [] : [{ list: list.name, points: entry.weight, codes: fitting }];
  });
}
