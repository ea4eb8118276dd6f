// The DNS servers and their health: which to ask next, which are late, which are silent, and a probe that finds out when a
// silent one is back. Knows nothing of what is asked of them.
import type { Clock } from './clock.js';
import { formatServerAddress } from './dns-address.js';
import { ask, type ServerAddress } from './dns-transport.js';
import { startTimeLimit } from './time-limit.js';

/** A server that is late or silent is asked so often whether it is back, ms. */
export const PROBE_EVERY_MS = 1_000;
/** Timers are not exact: so much of a time limit is a whole one. */
const WHOLE = 0.95;
/** What a probe asks: every resolver has the answer at hand. Any answer will do. */
const PROBE_QUESTION = { type: 'NS', name: '' } as const;

/** `late`: the last question waited longer than it should, others go first. `silent`: nothing came within a whole time limit. */
export type ServerHealth = 'good' | 'late' | 'silent';

export interface ServerState {
  /** Address and port. */
  readonly address: string;
  readonly health: ServerHealth;
  /** How long the last answer took, ms; null before the first. */
  readonly answeredMs: number | null;
}

export interface DnsServer {
  readonly address: ServerAddress;
  readonly name: string;
}

interface Known extends DnsServer {
  health: ServerHealth;
  answeredMs: number | null;
  /** Monotonic; -Infinity before the first answer. */
  answeredAt: number;
  /** Ends of the probes that are out, and the timer of the next one. */
  readonly probes: Set<() => void>;
  nextProbe: NodeJS.Timeout | null;
}

export interface ServersOptions {
  readonly addresses: readonly ServerAddress[];
  /** How long an answer is waited for, ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called when the last server fell silent, when one is back, and with the first answer of all. */
  onSilent(silent: boolean, detail: string): void;
}

/** Servers in the order of the settings. `close` ends every probe. */
export class DnsServers {
  private readonly all: readonly Known[];
  /** Null until the first answer or silence. */
  private wasSilent: boolean | null = null;
  private isClosed = false;

  constructor(private readonly options: ServersOptions) {
    this.all = options.addresses.map((address) => ({
      address,
      name: formatServerAddress(address),
      health: 'good',
      answeredMs: null,
      answeredAt: Number.NEGATIVE_INFINITY,
      probes: new Set(),
      nextProbe: null,
    }));
  }

  /** Whether none of them answers. */
  get areSilent(): boolean {
    return this.all.every(({ health }) => health === 'silent');
  }

  states(): readonly ServerState[] {
    return this.all.map(({ name, health, answeredMs }) => ({ address: name, health, answeredMs }));
  }

  /** The healthiest of those asked least in this matter, by order; `sound` leaves out the silent ones. */
  choose(asked: readonly DnsServer[], sound: boolean): DnsServer | null {
    const rank = (server: Known): number =>
      asked.filter((one) => one === server).length * 3 + ['good', 'late', 'silent'].indexOf(server.health);
    const open = this.all.filter((server) => !sound || (server.health !== 'silent' && !asked.includes(server)));
    return open.reduce<Known | null>((best, one) => (best === null || rank(one) < rank(best) ? one : best), null);
  }

  /** It answered, whatever it said, a question sent at `sentAt`. */
  answered(server: DnsServer, sentAt: number): void {
    const known = this.known(server);
    if (known === undefined) return;
    known.answeredAt = this.options.clock.monotonicMs();
    known.answeredMs = Math.round(known.answeredAt - sentAt);
    known.health = 'good';
    this.stopProbing(known);
    this.tell();
  }

  /** A question sent at `sentAt` waits longer than it should: the next go elsewhere first, and a probe asks what is up. */
  late(server: DnsServer, sentAt: number): void {
    const known = this.known(server);
    if (known === undefined || known.answeredAt >= sentAt) return;
    if (known.health === 'good') known.health = 'late';
    this.probe(known);
  }

  /** A question sent at `sentAt` was given up. It fell silent if that was a whole time limit without any answer of it. */
  unanswered(server: DnsServer, sentAt: number): void {
    const known = this.known(server);
    if (known === undefined || known.answeredAt >= sentAt) return;
    if (this.options.clock.monotonicMs() - sentAt < this.options.timeoutMs * WHOLE) return this.late(server, sentAt);
    known.health = 'silent';
    this.probe(known);
    this.tell();
  }

  close(): void {
    this.isClosed = true;
    for (const known of this.all) this.stopProbing(known);
  }

  private known(server: DnsServer): Known | undefined {
    return this.all.find((known) => known === server);
  }

  private tell(): void {
    const silent = this.areSilent;
    if (silent === this.wasSilent) return;
    this.wasSilent = silent;
    const names = this.all.map(({ name }) => name).join(', ');
    this.options.onSilent(silent, silent ? `no answer from ${names}` : `answers again: ${names}`);
  }

  /** Asks every while until something comes; a probe waits on while the next is sent, for a slow answer is one too. */
  private probe(known: Known): void {
    if (known.nextProbe !== null || this.isClosed) return;
    const sentAt = this.options.clock.monotonicMs();
    const end = ask(known.address, PROBE_QUESTION, (heard) => {
      if (heard.kind !== 'unreachable') this.answered(known, sentAt);
    });
    const endLimit = startTimeLimit(this.options.timeoutMs, () => {
      endProbe();
      this.unanswered(known, sentAt);
    });
    const endProbe = (): void => {
      endLimit();
      end();
      known.probes.delete(endProbe);
    };
    known.probes.add(endProbe);
    known.nextProbe = setTimeout(() => {
      known.nextProbe = null;
      this.probe(known);
    }, PROBE_EVERY_MS).unref();
  }

  private stopProbing(known: Known): void {
    if (known.nextProbe !== null) clearTimeout(known.nextProbe);
    known.nextProbe = null;
    for (const end of known.probes) end();
  }
}
