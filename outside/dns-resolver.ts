// The resolver: cache, questions shared and capped, several servers. Takes a type and a name, gives one answer that says
// which of the things that can happen did. Never throws for what mail or servers hold, and never outlasts its limit.
import { watchAbort } from './abort-watch.js';
import type { Clock } from './clock.js';
import { formatServerAddress, readServers } from './dns-address.js';
import { DnsCache } from './dns-cache.js';
import { inquire, type Outcome } from './dns-inquiry.js';
import { ALIASES_MAX } from './dns-message.js';
import { normaliseName } from './dns-name.js';
import { DnsServers, type ServerState } from './dns-servers.js';
import { QuestionSlots } from './dns-slots.js';
import type { ServerAddress } from './dns-transport.js';
import {
  isFailure,
  type AbsentAnswer,
  type DnsAnswer,
  type FailedAnswer,
  type FoundAnswer,
  type LookupOptions,
  type RecordType,
  type Resolver,
} from './resolver.js';
import { startTimeLimit } from './time-limit.js';

/** How long a look-up waits before it takes a stale answer while the question goes on, ms (RFC 8767 §5). */
export const STALE_WAIT_MS = 1_800;

export interface ResolverOptions {
  /** `address[:port]` or `[address]:port`; none: those of /etc/resolv.conf. Unreadable ones are an error. */
  readonly servers: readonly string[];
  /** Longest time of one look-up, ms. */
  readonly timeoutMs: number;
  /** How often a question is sent at most, over all servers. */
  readonly tries: number;
  /** Most questions that are out at once, and most that wait for their turn. */
  readonly inFlightMax: number;
  readonly waitingMax: number;
  readonly cacheEntriesMax: number;
  readonly cacheSizeMaxBytes: number;
  /** Bounds of how long an answer is kept, whatever its TTL, seconds. */
  readonly ttlMinS: number;
  readonly ttlMaxS: number;
  readonly negativeTtlMaxS: number;
  /** How long a failure is kept, seconds (RFC 9520). */
  readonly failureTtlS: number;
  /** How long after its time an answer may stand in for one when the servers fail, seconds; 0: never (RFC 8767). */
  readonly staleOnFailureS: number;
}

/** What a resolver is without other word. */
export const RESOLVER_DEFAULTS: ResolverOptions = {
  servers: [],
  timeoutMs: 5_000,
  tries: 3,
  inFlightMax: 256,
  waitingMax: 1_024,
  cacheEntriesMax: 50_000,
  cacheSizeMaxBytes: 32 * 1_048_576,
  ttlMinS: 5,
  ttlMaxS: 86_400,
  negativeTtlMaxS: 3_600,
  failureTtlS: 5,
  staleOnFailureS: 0,
};

/** What the resolver takes from and tells the world. */
export interface ResolverWorld {
  readonly clock: Clock;
  /** Called when no server answers any more, and when one does again (or for the first time). */
  onSilent?(silent: boolean, detail: string): void;
}

export interface ResolverState {
  readonly servers: readonly ServerState[];
  /** No server answers: look-ups that the cache cannot answer fail at once. */
  readonly silent: boolean;
  readonly inFlight: number;
  readonly waiting: number;
  readonly cacheEntries: number;
  readonly cacheSizeBytes: number;
}

export interface DnsResolver extends Resolver {
  state(): ResolverState;
  /** Takes other settings for what comes; the cache stays while the servers are the same. Throws on unreadable servers. */
  take(options: ResolverOptions): void;
  /** Ends every question, each with `timeout`; later look-ups get the same. */
  close(): void;
}

/** Throws when a server cannot be read. To be closed: its sockets and probes keep a process alive. */
export function createResolver(options: Partial<ResolverOptions>, world: ResolverWorld): DnsResolver {
  return new CachingResolver({ ...RESOLVER_DEFAULTS, ...options }, world);
}

type Waiter = (answer: DnsAnswer) => void;

/** A question that is out, or waits for its turn. */
interface Flight {
  readonly waiters: Set<Waiter>;
  /** Nobody wants the answer any more. */
  isOff: boolean;
  /** Ends what is out at this moment. */
  callOff(): void;
}

class CachingResolver implements DnsResolver {
  private readonly cache: DnsCache;
  private readonly slots: QuestionSlots;
  /** Who waits for the answer to a question that is out. */
  private readonly flights = new Map<string, Flight>();
  private readonly calledOff = new Set<() => void>();
  private servers: DnsServers;
  private isClosed = false;

  constructor(
    private options: ResolverOptions,
    private readonly world: ResolverWorld,
  ) {
    this.servers = this.open(readServers(options.servers));
    this.cache = new DnsCache(cacheLimits(options), world.clock);
    this.slots = new QuestionSlots(options.inFlightMax, options.waitingMax);
  }

  async lookup<Type extends RecordType>(
    type: Type,
    name: string,
    options: LookupOptions = {},
  ): Promise<DnsAnswer<Type>> {
    // Answers are kept by type: what comes back under this key has the records of this type.
    return (await this.find(type, name, options)) as DnsAnswer<Type>;
  }

  state(): ResolverState {
    return {
      servers: this.servers.states(),
      silent: this.servers.areSilent,
      inFlight: this.slots.taken,
      waiting: this.slots.waiting,
      cacheEntries: this.cache.size,
      cacheSizeBytes: this.cache.sizeBytes,
    };
  }

  take(options: ResolverOptions): void {
    const addresses = readServers(options.servers);
    const before = this.servers.states().map(({ address }) => address);
    const isSame = JSON.stringify(before) === JSON.stringify(addresses.map(formatServerAddress));
    if (!isSame || options.timeoutMs !== this.options.timeoutMs) {
      this.servers.close();
      this.options = options;
      this.servers = this.open(addresses);
    }
    this.options = options;
    this.slots.setLimits(options.inFlightMax, options.waitingMax);
    this.cache.setLimits(cacheLimits(options));
    if (isSame) this.cache.forgetFailures();
    else this.cache.clear();
  }

  close(): void {
    this.isClosed = true;
    this.servers.close();
    this.slots.refuseWaiting();
    for (const callOff of this.calledOff) callOff();
  }

  private open(addresses: readonly ServerAddress[]): DnsServers {
    const servers: DnsServers = new DnsServers({
      addresses,
      timeoutMs: this.options.timeoutMs,
      clock: this.world.clock,
      onSilent: (silent, detail) => {
        if (servers === this.servers) this.turned(silent, detail);
      },
    });
    return servers;
  }

  /** All servers are silent: whoever waits for a turn need not. One is back: what failed is worth asking again. */
  private turned(silent: boolean, detail: string): void {
    if (silent) this.slots.refuseWaiting();
    else this.cache.forgetFailures();
    this.world.onSilent?.(silent, detail);
  }

  private find(type: RecordType, given: string, options: LookupOptions): DnsAnswer | Promise<DnsAnswer> {
    const name = normaliseName(given);
    if (name === null) return { status: 'invalid', detail: 'not a name that can be asked for' };
    const key = `${type} ${name}`;
    const fresh = options.fresh === true;
    const kept = fresh ? null : this.cache.get(key);
    if (kept !== null) return kept;
    if (options.signal?.aborted === true) return timedOut('called off');
    const stale = fresh ? null : this.cache.getStale(key);
    if (this.isClosed || this.servers.areSilent) return stale ?? timedOut('no DNS server answers');
    return this.wait(type, name, key, options, stale);
  }

  /** Joins whoever waits for the same answer; gives up by its own time and signal while the question goes on. */
  private wait(
    type: RecordType,
    name: string,
    key: string,
    { signal, timeoutMs, callsOff }: LookupOptions,
    stale: DnsAnswer | null,
  ): Promise<DnsAnswer> {
    return new Promise((resolve) => {
      // The question itself ends within the resolver's limit, and then knows best what to say.
      const limitMs = Math.min(timeoutMs ?? Infinity, stale === null ? Infinity : STALE_WAIT_MS);
      const isShorter = limitMs < this.options.timeoutMs;
      const flight = this.flights.get(key) ?? this.takeOff(type, name, key);
      const { waiters } = flight;
      const settle = (answer: DnsAnswer): void => {
        endLimit?.();
        endWatch?.();
        waiters.delete(settle);
        resolve(stale !== null && isFailure(answer) ? stale : answer);
      };
      const giveUp = (): void => settle(timedOut(`no answer within ${String(limitMs)} ms`));
      const endLimit = isShorter ? startTimeLimit(limitMs, giveUp) : undefined;
      const abort = (): void => {
        settle(timedOut('called off'));
        if (callsOff === true && waiters.size === 0) this.callBack(flight, key);
      };
      const endWatch = signal === undefined ? undefined : watchAbort(signal, abort);
      waiters.add(settle);
    });
  }

  private takeOff(type: RecordType, name: string, key: string): Flight {
    const flight: Flight = { waiters: new Set(), isOff: false, callOff: () => undefined };
    this.flights.set(key, flight);
    void this.fly(type, name, key, flight).then((answer) => {
      if (this.flights.get(key) === flight) this.flights.delete(key);
      for (const waiter of [...flight.waiters]) waiter(answer);
    });
    return flight;
  }

  private callBack(flight: Flight, key: string): void {
    if (this.flights.get(key) === flight) this.flights.delete(key);
    flight.isOff = true;
    flight.callOff();
  }

  /** Waits for a turn, asks, keeps what came; all within the time limit. */
  private async fly(type: RecordType, name: string, key: string, flight: Flight): Promise<DnsAnswer> {
    const deadline = this.world.clock.monotonicMs() + this.options.timeoutMs;
    if (!(await this.slots.take(this.options.timeoutMs)))
      return this.servers.areSilent || this.isClosed
        ? timedOut('no DNS server answers')
        : { status: 'busy', detail: 'too many questions are out' };
    try {
      const answer = this.clamp(await this.chase(type, name, deadline, flight));
      if (flight.isOff) return answer;
      if (!isFailure(answer)) this.cache.putAnswer(key, answer);
      else if (!this.isClosed) this.cache.putFailure(key, answer, this.options.failureTtlS * 1_000);
      return answer;
    } finally {
      this.slots.give();
    }
  }

  /** Asks; where the answer ends in an alias whose records the server left out, asks for those. */
  private async chase(type: RecordType, name: string, deadline: number, flight: Flight): Promise<DnsAnswer> {
    let current = name;
    let ttlS = Number.POSITIVE_INFINITY;
    for (let aliases = 0; aliases <= ALIASES_MAX;) {
      if (flight.isOff) return timedOut('called off');
      const outcome = await this.put(type, current, deadline - this.world.clock.monotonicMs(), flight);
      if (outcome.kind !== 'alias') return toAnswer(outcome, ttlS);
      aliases += outcome.aliases;
      ttlS = Math.min(ttlS, outcome.ttlS);
      const target = normaliseName(outcome.target);
      if (target === null) return { status: 'malformed', detail: 'an alias of what is no name' };
      current = target;
    }
    return { status: 'malformed', detail: 'aliases in a circle, or too many' };
  }

  private put(type: RecordType, name: string, leftMs: number, flight: Flight): Promise<Outcome> {
    const timeoutMs = Math.max(1, leftMs);
    if (this.isClosed) return Promise.resolve({ kind: 'timeout', detail: 'the resolver is closed' });
    return new Promise((resolve) => {
      const limits = { timeoutMs, tries: this.options.tries, clock: this.world.clock };
      const callOff = inquire(this.servers, { type, name }, limits, (outcome) => {
        this.calledOff.delete(callOff);
        resolve(outcome);
      });
      this.calledOff.add(callOff);
      flight.callOff = callOff;
    });
  }

  private clamp(answer: DnsAnswer): DnsAnswer {
    if (isFailure(answer)) return answer;
    const { ttlMinS, ttlMaxS, negativeTtlMaxS } = this.options;
    const mostS = answer.status === 'found' ? ttlMaxS : Math.min(ttlMaxS, negativeTtlMaxS);
    return { ...answer, ttlS: Math.min(Math.max(answer.ttlS, ttlMinS), mostS) };
  }
}

/** `ttlS`: that of the aliases on the way, which the answer cannot outlast. */
function toAnswer(
  outcome: Exclude<Outcome, { readonly kind: 'alias' }>,
  ttlS: number,
): FoundAnswer<RecordType> | AbsentAnswer | FailedAnswer {
  switch (outcome.kind) {
    case 'found':
      return { status: 'found', records: outcome.records, ttlS: Math.min(ttlS, outcome.ttlS), stale: false };
    case 'nxdomain':
    case 'nodata':
      return { status: outcome.kind, ttlS: Math.min(ttlS, outcome.ttlS) };
    default:
      return { status: outcome.kind, detail: outcome.detail };
  }
}

function timedOut(detail: string): FailedAnswer {
  return { status: 'timeout', detail };
}

function cacheLimits(options: ResolverOptions) {
  const { cacheEntriesMax, cacheSizeMaxBytes, staleOnFailureS } = options;
  return { entriesMax: cacheEntriesMax, sizeMaxBytes: cacheSizeMaxBytes, staleMs: staleOnFailureS * 1_000 };
}
