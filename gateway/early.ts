// Before the content: takes the moments of each SMTP session through the stages, answers them, and remembers what was
// reported for later moments and for the message. A moment that nobody told of in time is made up for at the next.
import type { EnvelopeEvent, MilterHandler, RecipientEvent, SenderEvent } from '../milter/handler.js';
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Clock } from '../outside/clock.js';
import { CONTINUE, type EnvelopeAnswer } from '../pipeline/answer.js';
import { decideEarly, type Refusal } from '../pipeline/decide-early.js';
import { EARLY_MOMENTS, standing, type EarlyResult } from '../pipeline/early.js';
import type { Judgeable } from '../pipeline/decide.js';
import { mergeReports } from '../pipeline/merge.js';
import type { Direction, EarlyMoment } from '../pipeline/stage.js';
import type { InForce } from './in-force.js';
import { securityCategory } from './record.js';
import type { RefusalLog } from './refusal-log.js';
import type { StageWatch } from './stage-watch.js';

export interface EarlyDeps {
  /** The settings in force now; may change between two events. */
  readonly current: () => InForce;
  readonly clock: Clock;
  readonly refusals: RefusalLog;
  readonly watch: StageWatch;
  readonly text: { info(fields: object, text: string): void };
}

/** The hooks before the content, and what the message needs of them. */
export interface Early extends Required<
  Pick<MilterHandler, 'hears' | 'onConnect' | 'onHelo' | 'onMail' | 'onRcpt' | 'onRefusedRcpt' | 'onEnd'>
> {
  /**
   * What was reported before this message, moments made up for that nobody told of. Plain data. Without a session, all of
   * it is made up for now.
   */
  before(transaction: Transaction, session: object | undefined, signal: AbortSignal): Promise<readonly EarlyResult[]>;
}

/** What is remembered of one session and its transaction. */
class Memory {
  connect: EarlyResult[] = [];
  helo: EarlyResult[] = [];
  mail: EarlyResult[] = [];
  /** By the index of the recipient. */
  rcpt = new Map<number, readonly EarlyResult[]>();
  #greeting: string | null = null;
  #mailFrom: EnvelopeAddress | null = null;

  /** A name given anew (after STARTTLS) is judged anew; another MAIL is another transaction. */
  enter(connection: Connection, mailFrom: EnvelopeAddress | null): void {
    if (connection.helo !== this.#greeting) this.helo = [];
    this.#greeting = connection.helo;
    if (mailFrom === null || mailFrom === this.#mailFrom) return;
    this.#mailFrom = mailFrom;
    this.mail = [];
    this.rcpt = new Map();
  }

  of(moment: EarlyMoment, index: number): readonly EarlyResult[] {
    return moment === 'rcpt' ? (this.rcpt.get(index) ?? []) : this[moment];
  }

  /** What bears on one recipient (index), or on the sender alone. */
  upTo(moment: EarlyMoment, index: number): readonly EarlyResult[] {
    const last = EARLY_MOMENTS.indexOf(moment);
    return EARLY_MOMENTS.slice(0, last + 1).flatMap((one) => this.of(one, index));
  }

  keep(result: EarlyResult): void {
    const { moment, recipient } = result;
    if (moment !== 'rcpt') this[moment].push(result);
    else if (recipient !== null) this.rcpt.set(recipient, [...this.of('rcpt', recipient), result]);
  }

  get all(): readonly EarlyResult[] {
    return [...this.connect, ...this.helo, ...this.mail, ...[...this.rcpt.values()].flat()];
  }
}

/** One event, whatever its moment. */
interface Event {
  readonly moment: EarlyMoment;
  readonly connection: Connection;
  readonly login: string | null;
  readonly mailFrom: EnvelopeAddress | null;
  readonly rcptTo: EnvelopeAddress | null;
  readonly accepted: readonly EnvelopeAddress[];
}

interface Run {
  readonly inForce: InForce;
  readonly deadline: number;
  readonly signal: AbortSignal;
}

export function createEarly(deps: EarlyDeps): Early {
  return new SessionGate(deps).hooks;
}

class SessionGate {
  readonly #memories = new WeakMap<object, Memory>();

  readonly hooks: Early = {
    hears: (moment) => isHeard(this.deps.current(), moment),
    onConnect: (event, signal) => this.#answer(this.#event('connect', event), event.session, signal),
    onHelo: (event, signal) => this.#answer(this.#event('helo', event), event.session, signal),
    onMail: (event, signal) => this.#answer(this.#event('mail', event), event.session, signal),
    onRcpt: (event, signal) => this.#answer(this.#event('rcpt', event), event.session, signal),
    onRefusedRcpt: ({ connection, login, mailFrom, rcptTo, status }, signal) =>
      this.#inForce(async (inForce) => {
        const refused = { connection: inForce.clientSoFar(connection), login, mailFrom, rcptTo, status };
        const directions = inForce.directions.possible({ connection, login });
        const broken = await inForce.pipeline.refused(refused, directions, this.#run(inForce, signal));
        this.deps.watch.see('refused', broken, inForce.pipeline.stages);
      }),
    onEnd: ({ session, connection }) => {
      const heard = this.#memories.get(session)?.connect.flatMap(({ ran }) => ran) ?? [];
      this.#memories.delete(session);
      if (heard.length > 0) void this.#end(connection, heard);
    },
    before: (transaction, session, signal) => this.#before(transaction, session ?? transaction.mailFrom, signal),
  };

  constructor(private readonly deps: EarlyDeps) {}

  #event(moment: EarlyMoment, event: EnvelopeEvent & Partial<RecipientEvent & SenderEvent>): Event {
    const { connection, login = null, mailFrom = null, rcptTo = null, accepted = [] } = event;
    return { moment, connection, login, mailFrom, rcptTo, accepted };
  }

  /** At once where nobody must be told yet. Mail handed in by a program has nobody to be told: it is judged with its message. */
  #answer(event: Event, session: object, signal: AbortSignal): Promise<EnvelopeAnswer> | EnvelopeAnswer {
    const inForce = this.deps.current();
    if (!event.connection.smtp || !isConcerned(inForce, event.moment)) return CONTINUE;
    return this.#inForce(() => this.#judge(event, session, this.#run(inForce, signal)));
  }

  async #judge(event: Event, session: object, run: Run): Promise<EnvelopeAnswer> {
    const { inForce, signal } = run;
    const { moment, accepted } = event;
    const memory = this.#memory(session, event);
    const fresh = await this.#hear(event, memory, run);
    // Whoever asked has been answered without us.
    if (signal.aborted) return CONTINUE;
    const index = accepted.length;
    const found = foundIn([...memory.upTo(moment, index), ...fresh], directionsAt(moment, event, inForce));
    const scope = moment === 'rcpt' || !inForce.early.refuseAtRcpt ? 'all' : 'unsparable';
    const recipient = moment === 'rcpt' ? index : null;
    const refusal = decideEarly(found, recipient, scope, inForce.verdict, inForce.specs);
    if (refusal === null) {
      for (const result of fresh) memory.keep(result);
      return CONTINUE;
    }
    this.#record(event, refusal, found, inForce);
    return { kind: refusal.kind, reply: refusal.reply };
  }

  /**
   * Runs what is due up to the event's moment. What is heard of sessions and senders is kept at once; what is heard of a
   * recipient is given back, since it counts only if the recipient is accepted.
   */
  async #hear(event: Event, memory: Memory, run: Run): Promise<readonly EarlyResult[]> {
    const last = EARLY_MOMENTS.indexOf(event.moment);
    const fresh: EarlyResult[] = [];
    for (const moment of EARLY_MOMENTS.slice(0, last + 1)) {
      const result = await this.#runAt(moment, event, memory, run);
      if (result === null) continue;
      const broken = result.broken.map(({ breakage }) => breakage);
      if (!run.signal.aborted) this.deps.watch.see(moment, broken, result.ran);
      if (moment === 'rcpt') fresh.push(result);
      else memory.keep(result);
    }
    return fresh;
  }

  #runAt(moment: EarlyMoment, event: Event, memory: Memory, { inForce, deadline, signal }: Run) {
    const { connection, login, mailFrom, rcptTo, accepted } = event;
    if (inForce.pipeline.hearing(moment) === null || (moment === 'helo' && connection.helo === null)) return null;
    const hasSender = moment === 'mail' || moment === 'rcpt';
    const recipient = moment === 'rcpt' ? rcptTo : null;
    const index = accepted.length;
    return inForce.pipeline.early({
      moment,
      connection: inForce.clientSoFar(connection),
      login: hasSender ? login : null,
      mailFrom: hasSender ? mailFrom : null,
      rcptTo: recipient === null ? null : (inForce.directions.underMainNames([recipient])[0] ?? recipient),
      accepted: moment === 'rcpt' ? inForce.directions.underMainNames(accepted) : [],
      directions: directionsAt(moment, event, inForce),
      recipientIsOurs: recipient === null ? null : isOurs(recipient.address, inForce),
      isOwnDomain: (address) => inForce.directions.isOwnDomain(address),
      underMainName: (address) => inForce.directions.underMainName(address),
      before: memory.upTo(moment, index),
      ran: memory.of(moment, index).flatMap(({ ran }) => ran),
      ...{ deadline, signal },
    });
  }

  async #before(transaction: Transaction, session: object, signal: AbortSignal): Promise<readonly EarlyResult[]> {
    const inForce = this.deps.current();
    if (EARLY_MOMENTS.every((moment) => inForce.pipeline.hearing(moment) === null))
      return this.#memories.get(session)?.all ?? [];
    return this.#inForce(async () => {
      const run = this.#run(inForce, signal);
      const { connection, login, mailFrom, rcptTo: recipients } = transaction;
      const memory = this.#memory(session, transaction);
      const common = { connection, login, mailFrom };
      await this.#hear({ ...common, moment: 'mail', rcptTo: null, accepted: [] }, memory, run);
      const accepted: EnvelopeAddress[] = [];
      for (const rcptTo of recipients) {
        for (const result of await this.#hear({ ...common, moment: 'rcpt', rcptTo, accepted }, memory, run))
          memory.keep(result);
        accepted.push(rcptTo);
      }
      return memory.all;
    });
  }

  #memory(session: object, { connection, mailFrom }: Pick<Event, 'connection' | 'mailFrom'>): Memory {
    const memory = this.#memories.get(session) ?? new Memory();
    this.#memories.set(session, memory);
    memory.enter(connection, mailFrom);
    return memory;
  }

  #run(inForce: InForce, signal: AbortSignal): Run {
    return { inForce, deadline: this.deps.clock.monotonicMs() + inForce.early.earlyTimeLimitMs, signal };
  }

  /** The settings stay whole while they are used. */
  async #inForce<T>(work: (inForce: InForce) => Promise<T>): Promise<T> {
    const inForce = this.deps.current();
    const leave = inForce.enter();
    try {
      return await work(inForce);
    } finally {
      leave();
    }
  }

  async #end(connection: Connection, heard: readonly string[]): Promise<void> {
    await this.#inForce(async (inForce) => {
      const broken = await inForce.pipeline.ended(inForce.clientSoFar(connection), heard);
      this.deps.watch.see('end', broken, heard);
    });
  }

  #record(event: Event, { kind, category, reason, reply }: Refusal, found: Judgeable, inForce: InForce): void {
    const { moment, connection, login, mailFrom, rcptTo } = event;
    const { clientAddress, clientName, helo, id } = connection;
    const written = this.deps.refusals.note({
      sessionId: id,
      step: moment,
      ...{ clientAddress, clientName, helo: cut(helo), login: cut(login) },
      mailFrom: cut(mailFrom?.address ?? null),
      rcptTo: cut(rcptTo?.address ?? null),
      category: securityCategory(category, kind),
      event: `${kind}: ${reason}`.slice(0, FIELD_MAX_CHARS),
      findings: found.findings,
    });
    if (written)
      this.deps.text.info(
        { session: id, step: moment, action: kind, category, reason, code: reply.code, settings: inForce.version },
        'refused',
      );
  }
}

/** Bounds of what an event takes from a session. */
const FIELD_MAX_CHARS = 1_000;

const cut = (text: string | null): string | null => (text === null ? null : text.slice(0, FIELD_MAX_CHARS));

/** Where a verdict may be given: where stages must be told, and at RCPT, where what was found before is said. */
function isHeard({ pipeline, early }: InForce, moment: EarlyMoment): boolean {
  const isLast = moment === 'rcpt';
  return (isLast ? EARLY_MOMENTS : [moment]).some((one) => {
    const hearing = pipeline.hearing(one);
    return hearing === 'now' || (hearing === 'by-rcpt' && (isLast || !early.refuseAtRcpt));
  });
}

/** Whether somebody must be told then, or had to be before and may have to be made up for. */
function isConcerned(inForce: InForce, moment: EarlyMoment): boolean {
  return EARLY_MOMENTS.slice(0, EARLY_MOMENTS.indexOf(moment) + 1).some((one) => isHeard(inForce, one));
}

/** Behind a trusted relay nobody knows the client while it connects and greets: then there is nothing to judge. */
function directionsAt(moment: EarlyMoment, event: Event, { directions }: InForce): readonly Direction[] {
  if (moment === 'rcpt') return [directions.one(event, event.rcptTo?.address ?? '')];
  const isUnknown = (moment === 'connect' || moment === 'helo') && directions.isRelayed(event.connection);
  return isUnknown ? [] : directions.possible(event);
}

function isOurs(address: string, { directions }: InForce): boolean {
  return !address.includes('@') || directions.isOwnDomain(address);
}

function foundIn(results: readonly EarlyResult[], directions: readonly Direction[]): Judgeable {
  const { reports, broken } = standing(results, directions);
  return { ...mergeReports(reports.map((report) => ({ stage: report.stage, report }))), broken };
}
