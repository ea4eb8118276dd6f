// The conversation of one milter connection without its socket: packets in, steps out. Holds the state machine, the
// envelope and the content so far; calls the handler. Never throws on what a peer sends and never answers an event for
// which silence was agreed, since a stale answer would be read as the answer to a later one.
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Clock } from '../outside/clock.js';
import type { Answer, EnvelopeAnswer } from '../pipeline/answer.js';
import { EARLY_MOMENTS } from '../pipeline/early.js';
import type { EarlyMoment } from '../pipeline/stage.js';
import { SMFIC, SMFIR, commandName } from './codes.js';
import { describeConnection, parseConnect, withHelo } from './connect.js';
import { Content } from './content.js';
import { encodeEdits } from './edits.js';
import { parseArgument, type Argument } from './envelope-argument.js';
import type { AnswerFate, EnvelopeEvent, MilterHandler, RecipientEvent } from './handler.js';
import { Macros } from './macros.js';
import type { Agreement, Negotiator, Silence } from './negotiate.js';
import { packet, strings } from './packet.js';
import { ask, onePacket } from './question.js';
import {
  CONTINUE_PACKET,
  DISCARD_PACKET,
  NO_RECIPIENTS,
  SKIP_PACKET,
  TOO_MANY_RECIPIENTS,
  UNAVAILABLE,
  encodeSmtpReply,
} from './reply.js';
import type { MilterSettings } from './settings.js';
import { isLegal, type State } from './state.js';
import { Close, Pending, type Conclusion, type Reply, type Step } from './step.js';
import { decodeText } from './text.js';

/** What a conversation needs of its server. */
export interface DialogueContext {
  readonly settings: MilterSettings;
  readonly handler: MilterHandler;
  readonly clock: Clock;
  readonly negotiator: Negotiator;
  /** The handler threw or broke its contract. */
  handlerFailed(connection: Connection | null, error: unknown): void;
}

const ACCEPT_PACKET = packet(SMFIR.ACCEPT);

/** RFC 3463 §2. */
const ENHANCED_STATUS = /^[245]\.\d{1,3}\.\d{1,3}$/;

/** Where verdicts may be given before the content. */
const VERDICTS = {
  connect: { hook: 'onConnect', command: SMFIC.CONNECT },
  helo: { hook: 'onHelo', command: SMFIC.HELO },
  mail: { hook: 'onMail', command: SMFIC.MAIL },
  rcpt: { hook: 'onRcpt', command: SMFIC.RCPT },
} as const satisfies Record<EarlyMoment, { readonly hook: keyof MilterHandler; readonly command: number }>;

/** One conversation. Feed it packets strictly in order, none while a `Pending` is open. */
export class Dialogue {
  /** The SMTP connection spoken of, once the MTA has told. */
  connection: Connection | null = null;

  readonly #context: DialogueContext;
  readonly #silence: Silence;
  readonly #macros = new Macros();
  #agreement: Agreement | null = null;
  /** Stands for the SMTP session; null before and after one. */
  #session: object | null = null;
  #state: State = 'INIT';
  #mailFrom: Argument | null = null;
  #rcptTo: Argument[] = [];
  /** The addresses of `#rcptTo`. */
  #accepted: EnvelopeAddress[] = [];
  #tooManyRecipients = false;
  #content: Content | null = null;
  #judgedBytes = 0;
  #abort: AbortController | null = null;

  constructor(context: DialogueContext, silence: Silence) {
    this.#context = context;
    this.#silence = silence;
  }

  get state(): State {
    return this.#state;
  }

  /** Between MAIL and the end of its message. */
  get inTransaction(): boolean {
    return this.#mailFrom !== null;
  }

  /** Content has begun and is not complete. */
  get inContent(): boolean {
    return this.#content !== null;
  }

  /** Bytes of the message held, being gathered or being judged. */
  get keptBytes(): number {
    return this.#content === null ? this.#judgedBytes : this.#content.keptBytes;
  }

  /** Handles one packet. `data` is not kept unless copied. */
  receive(command: number, data: Buffer): Step {
    if (!isLegal(this.#state, command)) return new Close(`${commandName(command)} in state ${this.#state}`);
    switch (command) {
      case SMFIC.MACRO:
        this.#macros.receive(data);
        return null;
      case SMFIC.HEADER:
        return this.#onHeader(data);
      case SMFIC.BODY:
        return this.#onBody(data);
      case SMFIC.EOH:
        this.#contentSoFar().endOfHeader();
        return this.#onward(SMFIC.EOH, 'EOH');
      case SMFIC.BODYEOB:
        return this.#onEndOfMessage(data);
      case SMFIC.RCPT:
        return this.#onRcpt(data);
      case SMFIC.MAIL:
        return this.#onMail(data);
      case SMFIC.DATA:
        return this.#onward(SMFIC.DATA, 'DATA');
      case SMFIC.ABORT:
        this.#endTransaction();
        return null;
      case SMFIC.HELO:
        return this.#onHelo(data);
      case SMFIC.CONNECT:
        return this.#onConnect(data);
      case SMFIC.UNKNOWN:
        return this.#onward(SMFIC.UNKNOWN, this.#state);
      case SMFIC.OPTNEG:
        return this.#onNegotiate(data);
      case SMFIC.QUIT_NC:
        this.#endSession();
        return null;
      default:
        return new Close(null);
    }
  }

  /** The peer is gone: stops a running handler and drops what was gathered. */
  cancel(): void {
    this.#tellEnd();
    this.#abort?.abort();
    this.#abort = null;
    this.#content = null;
    this.#judgedBytes = 0;
  }

  #onNegotiate(data: Buffer): Step {
    const { handler } = this.#context;
    const verdictAt = EARLY_MOMENTS.filter(
      (moment) => handler[VERDICTS[moment].hook] !== undefined && (handler.hears?.(moment) ?? true),
    );
    this.#agreement = this.#context.negotiator.negotiate(data, { silence: this.#silence, verdictAt });
    if (this.#agreement === null) return new Close('SMFIC_OPTNEG too short or of an unknown version');
    this.#state = 'OPTS';
    return this.#agreement.reply;
  }

  #onConnect(data: Buffer): Step {
    const event = parseConnect(data);
    if (event === null) return new Close('malformed SMFIC_CONNECT');
    const connection = describeConnection(event, this.#macros.session(), this.#context.clock.now());
    this.connection = connection;
    this.#session = {};
    this.#state = 'CONN';
    return this.#ask('connect', (handler, signal) => handler.onConnect?.(this.#event(connection), signal));
  }

  #onHelo(data: Buffer): Step {
    if (this.connection === null) return new Close('SMFIC_HELO before SMFIC_CONNECT');
    const name = strings(data, 1)[0];
    const connection = withHelo(this.connection, name === undefined ? '' : decodeText(name), this.#macros.session());
    this.connection = connection;
    this.#state = 'HELO';
    return this.#ask('helo', (handler, signal) => handler.onHelo?.(this.#event(connection), signal));
  }

  #onMail(data: Buffer): Step {
    const { connection } = this;
    const mailFrom = parseArgument(data);
    if (mailFrom === null || connection === null) return new Close('malformed SMFIC_MAIL');
    this.#macros.beginTransaction();
    this.#mailFrom = mailFrom;
    this.#state = 'MAIL';
    return this.#ask(
      'mail',
      (handler, signal) =>
        handler.onMail?.({ ...this.#event(connection), login: this.#login(), mailFrom: mailFrom.address }, signal),
      (accepted) => {
        if (!accepted) this.#endTransaction();
      },
    );
  }

  #onRcpt(data: Buffer): Step {
    const { connection } = this;
    const rcptTo = parseArgument(data);
    const mailFrom = this.#mailFrom;
    if (rcptTo === null || mailFrom === null || connection === null) return new Close('malformed SMFIC_RCPT');
    this.#state = 'RCPT';
    const event = (): RecipientEvent => ({
      ...this.#event(connection),
      login: this.#login(),
      mailFrom: mailFrom.address,
      rcptTo: rcptTo.address,
      accepted: this.#accepted,
    });
    const macros = this.#macros.stage(SMFIC.RCPT);
    if (macros.get('rcpt_mailer') === 'error') return this.#onRefusedRcpt(event, macros.get('rcpt_host') ?? '');
    if (this.#rcptTo.length >= this.#context.settings.recipientCountMax) return this.#refuseRecipient();
    return this.#ask(
      'rcpt',
      (handler, signal) => handler.onRcpt?.(event(), signal),
      (accepted) => {
        if (!accepted) return;
        this.#rcptTo.push(rcptTo);
        this.#accepted.push(rcptTo.address);
      },
    );
  }

  /** Refused by the MTA itself and told to us only because of RCPT_REJ: our answer is ignored. */
  #onRefusedRcpt(event: () => RecipientEvent, status: string): Step {
    const { handler } = this.#context;
    if (handler.onRefusedRcpt === undefined) return this.#goOn(SMFIC.RCPT);
    const abort = (this.#abort ??= new AbortController());
    const told = { status: ENHANCED_STATUS.test(status) ? status : '' };
    return ask({
      call: () => handler.onRefusedRcpt?.({ ...event(), ...told }, abort.signal),
      finish: () => this.#goOn(SMFIC.RCPT),
      failed: (error) => this.#context.handlerFailed(this.connection, error),
      giveUp: () => this.#giveUp(abort),
    });
  }

  #event(connection: Connection): EnvelopeEvent {
    return { session: (this.#session ??= {}), connection };
  }

  #login(): string | null {
    return this.#macros.stage(SMFIC.MAIL).get('auth_authen') || null;
  }

  /** Where silence was agreed a recipient cannot be refused by itself: the whole message will be. */
  #refuseRecipient(): Step {
    if (this.#agreement?.silent.has(SMFIC.RCPT) !== true) return encodeSmtpReply(TOO_MANY_RECIPIENTS, 'tempfail');
    this.#tooManyRecipients = true;
    return null;
  }

  #onHeader(data: Buffer): Step {
    this.#contentSoFar().header(data);
    return this.#onward(SMFIC.HEADER, 'HDRS');
  }

  #onBody(data: Buffer): Step {
    const content = this.#contentSoFar();
    content.body(data);
    this.#state = 'BODY';
    return content.truncated && this.#agreement?.skip === true ? SKIP_PACKET : this.#goOn(SMFIC.BODY);
  }

  #onEndOfMessage(data: Buffer): Step {
    const content = this.#contentSoFar();
    if (data.length > 0) content.body(data);
    if (this.#tooManyRecipients) return this.#refuseMessage(TOO_MANY_RECIPIENTS, 'tempfail');
    if (this.#rcptTo.length === 0) return this.#refuseMessage(NO_RECIPIENTS, 'reject');
    const transaction = this.#transaction(content);
    if (transaction === null) return new Close('SMFIC_BODYEOB without a transaction');
    this.#content = null;
    this.#judgedBytes = transaction.content.length;
    const abort = new AbortController();
    this.#abort = abort;
    return new Pending('message', this.#judge(transaction, abort.signal, this.#session), () => {
      abort.abort();
      return this.#refuseMessage(UNAVAILABLE, 'tempfail');
    });
  }

  #transaction(content: Content): Transaction | null {
    if (this.connection === null || this.#mailFrom === null) return null;
    const macros = this.#macros.transaction();
    return {
      connection: this.connection,
      queueId: macros.get('i') ?? null,
      mailFrom: this.#mailFrom.address,
      rcptTo: this.#accepted,
      login: macros.get('auth_authen') || null,
      content: content.take(),
      truncated: content.truncated,
      sizeBytes: content.sizeBytes,
      macros,
      receivedAt: this.#context.clock.now(),
    };
  }

  /** Runs the handler. A handler that fails gives a temporary failure, never an accept. */
  async #judge(transaction: Transaction, signal: AbortSignal, session: object | null): Promise<Conclusion> {
    try {
      const verdict = await this.#context.handler.onMessage(transaction, signal, session ?? undefined);
      const tell = verdict.settled === undefined ? null : this.#guarded((fate) => verdict.settled?.(fate));
      return { reply: () => this.#conclude(verdict.answer, tell), lost: () => tell?.('lost') };
    } catch (error) {
      this.#context.handlerFailed(transaction.connection, error);
      return { reply: () => onePacket(this.#refuseMessage(UNAVAILABLE, 'tempfail')), lost: () => undefined };
    }
  }

  /** The listener of `settled` is the handler's code: what it throws must not end the connection's own work. */
  #guarded(settled: (fate: AnswerFate) => void): (fate: AnswerFate) => void {
    const { connection } = this;
    return (fate) => {
      try {
        settled(fate);
      } catch (error) {
        this.#context.handlerFailed(connection, error);
      }
    };
  }

  #conclude(answer: Answer, settled: ((fate: AnswerFate) => void) | null): Reply {
    const { connection } = this;
    switch (answer.kind) {
      case 'reject':
      case 'tempfail':
        return { packets: [this.#refuseMessage(answer.reply, answer.kind)], settled };
      case 'discard':
        this.#endTransaction();
        return { packets: [DISCARD_PACKET], settled };
      case 'accept': {
        const edits = this.#encodeEdits(answer);
        for (const edit of edits.leftOut) this.#context.handler.onProtocolError?.(connection, `edit left out: ${edit}`);
        if (edits.impossible !== null) {
          this.#context.handlerFailed(connection, new Error(`impossible edit: ${edits.impossible}`));
          settled?.('lost');
          return onePacket(this.#refuseMessage(UNAVAILABLE, 'tempfail'));
        }
        this.#endTransaction();
        return { packets: [...edits.packets, ACCEPT_PACKET], settled };
      }
    }
  }

  #encodeEdits(answer: Extract<Answer, { kind: 'accept' }>): ReturnType<typeof encodeEdits> {
    const recipients = this.#rcptTo;
    return encodeEdits(answer.edits, {
      actions: this.#agreement?.actions ?? 0,
      leadingSpace: this.#agreement?.leadingSpace === true,
      recipientBytes: (given) => recipients.find((argument) => argument.address.given === given)?.bytes,
    });
  }

  #refuseMessage(reply: { code: number; enhanced: string; text: string }, kind: 'reject' | 'tempfail'): Buffer {
    this.#endTransaction();
    return encodeSmtpReply(reply, kind);
  }

  /**
   * Asks the handler at an envelope event; `conclude` is told whether it goes on. Where silence was agreed nothing could be
   * answered: the handler is not asked, and makes up for it at the next event that it hears of.
   */
  #ask(
    moment: EarlyMoment,
    call: (handler: MilterHandler, signal: AbortSignal) => Promise<EnvelopeAnswer> | EnvelopeAnswer | undefined,
    conclude: (accepted: boolean) => void = () => undefined,
  ): Step {
    const { hook, command } = VERDICTS[moment];
    const { handler } = this.#context;
    if (handler[hook] === undefined || this.#agreement?.silent.has(command) === true) {
      conclude(true);
      return this.#goOn(command);
    }
    const abort = (this.#abort ??= new AbortController());
    return ask({
      call: () => call(handler, abort.signal),
      finish: (answer) => {
        conclude(answer.kind === 'continue');
        return answer.kind === 'continue' ? this.#goOn(command) : encodeSmtpReply(answer.reply, answer.kind);
      },
      failed: (error) => this.#context.handlerFailed(this.connection, error),
      giveUp: () => this.#giveUp(abort),
    });
  }

  #giveUp(abort: AbortController): void {
    abort.abort();
    this.#abort = null;
  }

  #onward(command: number, state: State): Buffer | null {
    this.#state = state;
    return this.#goOn(command);
  }

  #goOn(command: number): Buffer | null {
    return this.#agreement?.silent.has(command) === true ? null : CONTINUE_PACKET;
  }

  #contentSoFar(): Content {
    this.#content ??= new Content(this.#context.settings, this.#agreement?.leadingSpace === true);
    return this.#content;
  }

  /** Back to where a next MAIL may come. Harmless when there is no transaction. */
  #endTransaction(): void {
    if (this.#state !== 'OPTS' && this.#state !== 'CONN') this.#state = 'HELO';
    this.#mailFrom = null;
    this.#rcptTo = [];
    this.#accepted = [];
    this.#tooManyRecipients = false;
    this.#content = null;
    this.#judgedBytes = 0;
    this.#abort = null;
    this.#macros.endTransaction();
  }

  #endSession(): void {
    this.#tellEnd();
    this.#endTransaction();
    this.#macros.endSession();
    this.connection = null;
    this.#state = 'OPTS';
  }

  #tellEnd(): void {
    const { connection } = this;
    if (connection === null || this.#session === null) return;
    const event = this.#event(connection);
    this.#session = null;
    try {
      this.#context.handler.onEnd?.(event);
    } catch (error) {
      this.#context.handlerFailed(connection, error);
    }
  }
}
