// Requests of Postfix's policy protocol through the same moments as a milter session: which SMTP session asks is worked
// out here, and remembered while it may ask again, so that no session, message or recipient is judged or counted twice.
import type { Connection, EnvelopeAddress } from '../message/envelope.js';
import type { MilterHandler } from '../milter/handler.js';
import type { Clock } from '../outside/clock.js';
import { CONTINUE, type EnvelopeAnswer } from '../pipeline/answer.js';
import type { PolicyHandler } from '../policy/handler.js';
import type { PolicyQuery } from '../policy/query.js';

/** The moments before the content, as the gateway answers them. */
export type EarlyHooks = Required<Pick<MilterHandler, 'onConnect' | 'onHelo' | 'onMail' | 'onRcpt' | 'onEnd'>>;

/** A session that says nothing for so long is forgotten, ms. */
export const SESSION_IDLE_MS = 600_000;
/** The same when its connection to us is gone: Postfix may ask on another one. */
export const SESSION_ORPHAN_MS = 30_000;
/** Recipients remembered of one message; further ones are judged as if they came next. */
export const RECIPIENTS_MAX = 10_000;
/** How often what is idle is looked for, ms. */
const SWEEP_MS = 10_000;

/** One SMTP session, and its message under way. */
interface Session {
  readonly key: string;
  /** What the gateway hangs its memory on. */
  readonly token: object;
  connection: Connection;
  instance: string;
  /** One object per message. */
  mailFrom: EnvelopeAddress | null;
  /** Recipients that were not refused by us, in order. */
  accepted: EnvelopeAddress[];
  readonly peers: Set<object>;
  usedAt: number;
}

export interface PolicyGateway extends PolicyHandler {
  /** Sessions remembered. */
  readonly sessions: number;
  /** Forgets sessions that are idle; runs by itself. */
  sweep(): void;
  /** Forgets all sessions. */
  close(): void;
}

/** `sessionsMax`: sessions remembered at once; over it the one that spoke longest ago is forgotten. */
export function createPolicyGateway(hooks: EarlyHooks, clock: Clock, sessionsMax: number): PolicyGateway {
  const sessions = new Sessions(hooks, clock, sessionsMax);
  return {
    onQuery: (query, peer, signal) => answer(query, sessions.of(query, peer), hooks, signal),
    onGone: (peer) => sessions.leave(peer),
    get sessions() {
      return sessions.size;
    },
    sweep: () => sessions.sweep(),
    close: () => sessions.close(),
  };
}

/** With `smtpd_delay_reject` all steps say RCPT: what came before is made up for by the gateway. */
function answer(query: PolicyQuery, session: Session, hooks: EarlyHooks, signal: AbortSignal) {
  const { connection, token } = session;
  const event = { session: token, connection };
  switch (query.step) {
    case 'CONNECT':
      return hooks.onConnect(event, signal);
    case 'EHLO':
    case 'HELO':
      return hooks.onHelo(event, signal);
    case 'MAIL':
    case 'RCPT':
    case 'DATA':
      return answerEnvelope(query, session, hooks, signal);
    default:
      // What the other steps ask about is the content's business, or nobody's.
      return CONTINUE;
  }
}

function answerEnvelope(query: PolicyQuery, session: Session, hooks: EarlyHooks, signal: AbortSignal) {
  const { connection, token, mailFrom } = session;
  if (mailFrom === null) return CONTINUE;
  const event = { session: token, connection, login: query.login, mailFrom };
  if (query.step === 'MAIL') return hooks.onMail(event, signal);
  return query.rcptTo === null ? CONTINUE : answerRecipient(query.rcptTo, event, session, hooks, signal);
}

/** A recipient asked about again, by another restriction or at DATA, keeps its place. */
async function answerRecipient(
  rcptTo: EnvelopeAddress,
  event: Parameters<EarlyHooks['onMail']>[0],
  session: Session,
  hooks: EarlyHooks,
  signal: AbortSignal,
): Promise<EnvelopeAnswer> {
  const { accepted } = session;
  const place = accepted.findIndex(({ address }) => address === rcptTo.address);
  const before = place < 0 ? accepted.slice() : accepted.slice(0, place);
  const given = await hooks.onRcpt({ ...event, rcptTo: accepted[place] ?? rcptTo, accepted: before }, signal);
  if (given.kind === 'continue' && place < 0 && accepted.length < RECIPIENTS_MAX) accepted.push(rcptTo);
  return given;
}

class Sessions {
  /** Longest unused first. */
  readonly #byKey = new Map<string, Session>();
  readonly #byPeer = new Map<object, Session>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly hooks: EarlyHooks,
    private readonly clock: Clock,
    private readonly sessionsMax: number,
  ) {
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  of(query: PolicyQuery, peer: object): Session {
    const key = keyOf(query);
    const known = this.#byKey.get(key);
    const session = known ?? newSession(key, query);
    this.#take(peer, session);
    session.usedAt = this.clock.monotonicMs();
    this.#byKey.delete(key);
    this.#byKey.set(key, session);
    update(session, query);
    if (known === undefined) this.#makeRoom();
    return session;
  }

  get size(): number {
    return this.#byKey.size;
  }

  leave(peer: object): void {
    const session = this.#byPeer.get(peer);
    this.#byPeer.delete(peer);
    session?.peers.delete(peer);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const session of this.#byKey.values()) this.#end(session);
  }

  /** An smtpd process that asks of another session is through with the one before. */
  #take(peer: object, session: Session): void {
    const before = this.#byPeer.get(peer);
    if (before === session) return;
    this.#byPeer.set(peer, session);
    session.peers.add(peer);
    before?.peers.delete(peer);
    if (before?.peers.size === 0) this.#end(before);
  }

  #makeRoom(): void {
    for (const session of this.#byKey.values()) {
      if (this.#byKey.size <= this.sessionsMax) return;
      this.#end(session);
    }
  }

  sweep(): void {
    const now = this.clock.monotonicMs();
    for (const session of this.#byKey.values()) {
      const idleMs = now - session.usedAt;
      if (idleMs > SESSION_IDLE_MS || (session.peers.size === 0 && idleMs > SESSION_ORPHAN_MS)) this.#end(session);
    }
  }

  #end(session: Session): void {
    if (this.#byKey.get(session.key) !== session) return;
    this.#byKey.delete(session.key);
    for (const peer of session.peers) this.#byPeer.delete(peer);
    this.hooks.onEnd({ session: session.token, connection: session.connection });
  }
}

/** Address and port are one session's while it lasts; without a port the message is all there is to go by. */
function keyOf({ connection, instance }: PolicyQuery): string {
  const { clientAddress, clientPort } = connection;
  return clientPort === 0 ? `instance ${instance}` : `${clientAddress ?? 'unknown'} ${clientPort}`;
}

function newSession(key: string, query: PolicyQuery): Session {
  const { connection, instance } = query;
  return { key, token: {}, connection, instance, mailFrom: null, accepted: [], peers: new Set(), usedAt: 0 };
}

/** Takes in what the request knows; another MAIL begins another message. */
function update(session: Session, query: PolicyQuery): void {
  const { id, startedAt } = session.connection;
  session.connection = { ...query.connection, id, startedAt };
  const { mailFrom, instance } = query;
  if (mailFrom === null) return;
  const isSame = instance === session.instance && mailFrom.address === session.mailFrom?.address;
  session.instance = instance;
  if (isSame) return;
  session.mailFrom = mailFrom;
  session.accepted = [];
}
