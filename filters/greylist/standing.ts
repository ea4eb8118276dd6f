// Whether greylisting holds for a client and sender at all: by the administrator's entries, by who the client proved to
// be, by what it did before. Takes the world, gives a reason or the keys under which its mail is remembered.
import type { Connection } from '../../message/envelope.js';
import { NetworkSet, networkOf } from '../../message/network.js';
import { domainKey } from '../../message/sender-key.js';
import type { Outside } from '../../pipeline/stage.js';
import type { State } from '../../state/state.js';
import { PASS_TABLE } from '../../screen/passes.js';
import { DEEP_TESTS } from '../../screen/settings.js';
import { checkSpf } from '../authentication/spf.js';
import { useClient } from './client-standing.js';
import type { GreylistSettings } from './settings.js';
import { longestSuffix, sourceDomain, Sources } from './sources.js';
import { CLIENTS } from './tables.js';
import { spansOf } from './settings.js';

/** Longest wait for SPF of a large sender, ms; without an answer the mail is greylisted. */
export const SPF_WAIT_MS = 5_000;

/** How a client stands, for one sender. */
export type Standing =
  /** Nothing is to be said of it: not a client by network, or one of our own. */
  | { readonly kind: 'apart' }
  | { readonly kind: 'spared'; readonly why: string }
  | { readonly kind: 'denied'; readonly source: string }
  | { readonly kind: 'judged'; readonly keys: ClientKeys };

export interface ClientKeys {
  /** Network under which triplets are kept. */
  readonly network: string;
  /** The client itself, for its own standing: an IPv4 address, an IPv6 /64. */
  readonly host: string;
  readonly session: string;
}

export interface StandingQuestion {
  readonly connection: Connection;
  readonly mailFrom: string;
  readonly signal: AbortSignal;
  /** ms on the monotonic clock. */
  readonly deadline: number;
}

/** What a client is by itself: an IPv4 address, an IPv6 /64. */
export const HOST_BITS = { ipv4: 32, ipv6: 64 } as const;

/** Answers under one settings version. */
export class Standings {
  readonly #exempt: NetworkSet;
  readonly #sources: Sources;
  readonly #senders: ReadonlyMap<string, string>;
  readonly #hosts: ReadonlyMap<string, string>;

  constructor(
    private readonly settings: GreylistSettings,
    private readonly outside: Outside,
  ) {
    this.#exempt = new NetworkSet(settings.exemptNetworks);
    this.#sources = new Sources(settings.sources);
    this.#senders = domains(settings.largeSenders);
    this.#hosts = domains(settings.largeHosts);
  }

  /** Rejects with StateUnavailable when the store fails. */
  async of(question: StandingQuestion, state: State): Promise<Standing> {
    const { connection } = question;
    const address = connection.clientAddress;
    const keys = this.#keysOf(connection);
    if (keys === null || this.#exempt.has(address)) return { kind: 'apart' };
    const name = confirmedName(connection);
    const entry = this.#sources.find(address, name);
    const action = entry?.action ?? this.settings.defaultAction;
    const source = entry === null ? 'by default' : `source ${entry.source}`;
    if (action === 'deny') return { kind: 'denied', source };
    if (action === 'allow') return { kind: 'spared', why: source };
    // Who is named as a source to be greylisted is asked for no other proof than its own retries.
    const proof = entry === null ? await this.#proof(question, name, state) : null;
    const why = proof ?? (await this.#record(keys, state));
    return why === null ? { kind: 'judged', keys } : { kind: 'spared', why };
  }

  #keysOf({ clientAddress, clientPort, id }: Connection): ClientKeys | null {
    const { ipv4PrefixBits: ipv4, ipv6PrefixBits: ipv6 } = this.settings;
    const network = networkOf(clientAddress, { ipv4, ipv6 });
    const host = networkOf(clientAddress, HOST_BITS);
    if (network === null || host === null || clientAddress === null) return null;
    // Milter and policy server name a session differently; address and port are the same in both.
    return { network, host, session: clientPort === 0 ? id : `${clientAddress}:${clientPort}` };
  }

  /** That it needs no greylisting by who it is. */
  async #proof(question: StandingQuestion, name: string | null, state: State): Promise<string | null> {
    const host = name === null ? null : longestSuffix(this.#hosts, domainKey(name));
    if (host !== null) return `server of ${host}`;
    const domain = domainKey(question.mailFrom.slice(question.mailFrom.lastIndexOf('@') + 1));
    const sender = domain === '' ? null : longestSuffix(this.#senders, domain);
    if (sender !== null && (await this.#spfPasses(question))) return `SPF passes for ${sender}`;
    return (await this.#isScreened(question.connection, state)) ? 'passed the deep tests at the door' : null;
  }

  /** Who passed them was turned away then, and came again: that is what greylisting asks for. */
  async #isScreened({ clientAddress }: Connection, state: State): Promise<boolean> {
    if (!this.settings.sparesScreened || clientAddress === null) return false;
    const passes = (await state.read(PASS_TABLE, clientAddress))?.value;
    return passes !== undefined && DEEP_TESTS.some((test) => passes[test] > this.outside.clock.now());
  }

  async #spfPasses({ connection, mailFrom, signal, deadline }: StandingQuestion): Promise<boolean> {
    const { resolver, clock } = this.outside;
    const { clientAddress, helo } = connection;
    if (resolver === null || clientAddress === null) return false;
    const until = Math.min(deadline, clock.monotonicMs() + SPF_WAIT_MS);
    const facts = await checkSpf({
      resolver,
      clock,
      signal,
      deadline: until,
      clientAddress,
      helo,
      mailFrom,
      scope: 'mfrom',
    });
    return facts.result === 'pass';
  }

  /** That its mail went through often enough. */
  async #record({ host }: ClientKeys, state: State): Promise<string | null> {
    const { clientPassAfter } = this.settings;
    if (clientPassAfter === 0) return null;
    const { keepMs } = spansOf(this.settings);
    const good = await state.update(CLIENTS, host, (old, nowMs) => useClient(old, nowMs, clientPassAfter, keepMs));
    return good === null ? null : `client proved itself in ${good} sessions`;
  }
}

function domains(entries: readonly string[]): ReadonlyMap<string, string> {
  return new Map(entries.map((entry) => [sourceDomain(entry), entry]));
}

/** The client's name where it resolves back to the client. */
function confirmedName({ clientName, clientResolve }: Connection): string | null {
  return clientResolve === 'ok' ? clientName : null;
}
