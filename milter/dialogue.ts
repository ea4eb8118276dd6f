// The conversation of one milter connection without its socket: packets in, steps out. Holds the state machine, the
// envelope and the content so far; calls the handler. Never throws on what a peer sends and never answers an event for
// which silence was agreed, since a stale answer would be read as the answer to a later one.
import type { Connection, Transaction } from '../message/envelope.js';
import type { Clock } from '../outside/clock.js';
import { CONTINUE, type Answer, type EnvelopeAnswer } from '../pipeline/answer.js';
import { SMFIC, SMFIR, commandName } from './codes.js';
import { describeConnection, parseConnect, withHelo } from './connect.js';
import { Content } from './content.js';
import { encodeEdits } from './edits.js';
import { parseArgument, type Argument } from './envelope-argument.js';
import type { AnswerFate, MilterHandler } from './handler.js';
import { Macros } from './macros.js';
import type { Agreement, Negotiator, Silence } from './negotiate.js';
import { packet, strings } from './packet.js';
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
import { Close, Pending, type Reply, type Step } from './step.js';
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

const FAILED: EnvelopeAnswer = { kind: 'tempfail', reply: UNAVAILABLE };
const ACCEPT_PACKET = packet(SMFIR.ACCEPT);

/** One conversation. Feed it packets strictly in order, none while a `Pending` is open. */
export class Dialogue {
  /** The SMTP connection spoken of, once the MTA has told. */
  connection: Connection | null = null;

  readonly #context: DialogueContext;
  readonly #silence: Silence;
  readonly #macros = new Macros();
  #agreement: Agreement | null = null;
  #state: State = 'INIT';
  #mailFrom: Argument | null = null;
  #rcptTo: Argument[] = [];
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
    this.#abort?.abort();
    this.#abort = null;
    this.#content = null;
    this.#judgedBytes = 0;
  }

  #onNegotiate(data: Buffer): Step {
    const { handler } = this.#context;
    const verdictAt = {
      connect: handler.onConnect !== undefined,
      helo: handler.onHelo !== undefined,
      mail: handler.onMail !== undefined,
      rcpt: handler.onRcpt !== undefined,
    };
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
    this.#state = 'CONN';
    const { handler } = this.#context;
    if (handler.onConnect === undefined) return this.#goOn(SMFIC.CONNECT);
    return this.#ask(SMFIC.CONNECT, (signal) => handler.onConnect?.(connection, signal), ignoreVerdict);
  }

  #onHelo(data: Buffer): Step {
    if (this.connection === null) return new Close('SMFIC_HELO before SMFIC_CONNECT');
    const name = strings(data, 1)[0];
    const connection = withHelo(this.connection, name === undefined ? '' : decodeText(name), this.#macros.session());
    this.connection = connection;
    this.#state = 'HELO';
    const { handler } = this.#context;
    if (handler.onHelo === undefined) return this.#goOn(SMFIC.HELO);
    return this.#ask(SMFIC.HELO, (signal) => handler.onHelo?.(connection, signal), ignoreVerdict);
  }

  #onMail(data: Buffer): Step {
    const { connection } = this;
    const mailFrom = parseArgument(data);
    if (mailFrom === null || connection === null) return new Close('malformed SMFIC_MAIL');
    this.#macros.beginTransaction();
    this.#mailFrom = mailFrom;
    this.#state = 'MAIL';
    const { handler } = this.#context;
    if (handler.onMail === undefined) return this.#goOn(SMFIC.MAIL);
    return this.#ask(
      SMFIC.MAIL,
      (signal) => handler.onMail?.(connection, mailFrom.address, signal),
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
    // Refused by the MTA itself and told to us only because of RCPT_REJ: our answer is ignored.
    if (this.#macros.stage(SMFIC.RCPT).get('rcpt_mailer') === 'error') return this.#goOn(SMFIC.RCPT);
    if (this.#rcptTo.length >= this.#context.settings.recipientCountMax) return this.#refuseRecipient();
    const { handler } = this.#context;
    if (handler.onRcpt === undefined) {
      this.#rcptTo.push(rcptTo);
      return this.#goOn(SMFIC.RCPT);
    }
    return this.#ask(
      SMFIC.RCPT,
      (signal) => handler.onRcpt?.(connection, mailFrom.address, rcptTo.address, signal),
      (accepted) => {
        if (accepted) this.#rcptTo.push(rcptTo);
      },
    );
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
    return new Pending('message', this.#judge(transaction, abort.signal), () => {
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
      rcptTo: this.#rcptTo.map((argument) => argument.address),
      login: macros.get('auth_authen') || null,
      content: content.take(),
      truncated: content.truncated,
      sizeBytes: content.sizeBytes,
      macros,
      receivedAt: this.#context.clock.now(),
    };
  }

  /** Runs the handler. A handler that fails gives a temporary failure, never an accept. */
  async #judge(transaction: Transaction, signal: AbortSignal): Promise<Awaited<Pending['conclusion']>> {
    try {
      const verdict = await this.#context.handler.onMessage(transaction, signal);
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

  /** Asks the handler at an envelope event; `conclude` is told whether it goes on. */
  #ask(
    command: number,
    call: (signal: AbortSignal) => Promise<EnvelopeAnswer> | EnvelopeAnswer | undefined,
    conclude: (accepted: boolean) => void,
  ): Step {
    const finish = (answer: EnvelopeAnswer): Buffer | null | Close => {
      conclude(answer.kind === 'continue');
      if (answer.kind === 'continue') return this.#goOn(command);
      if (this.#agreement?.silent.has(command) === true)
        return new Close(`verdict at ${commandName(command)} unforeseen`);
      return encodeSmtpReply(answer.reply, answer.kind);
    };
    this.#abort ??= new AbortController();
    const abort = this.#abort;
    let answer;
    try {
      answer = call(abort.signal) ?? CONTINUE;
    } catch (error) {
      this.#context.handlerFailed(this.connection, error);
      return finish(FAILED);
    }
    if (!(answer instanceof Promise)) return finish(answer);
    return new Pending('envelope', this.#awaitAnswer(answer, finish), () => {
      abort.abort();
      this.#abort = null;
      return finish(FAILED);
    });
  }

  async #awaitAnswer(
    answer: Promise<EnvelopeAnswer>,
    finish: (answer: EnvelopeAnswer) => Buffer | null | Close,
  ): Promise<Awaited<Pending['conclusion']>> {
    let given = FAILED;
    try {
      given = await answer;
    } catch (error) {
      this.#context.handlerFailed(this.connection, error);
    }
    return {
      reply: () => {
        const step = finish(given);
        return step instanceof Close ? step : onePacket(step);
      },
      lost: () => undefined,
    };
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
    this.#tooManyRecipients = false;
    this.#content = null;
    this.#judgedBytes = 0;
    this.#abort = null;
    this.#macros.endTransaction();
  }

  #endSession(): void {
    this.#endTransaction();
    this.#macros.endSession();
    this.connection = null;
    this.#state = 'OPTS';
  }
}

function ignoreVerdict(): void {
  // The MTA keeps a verdict on connect or helo for the session; nothing here depends on it.
}

function onePacket(bytes: Buffer | null): Reply {
  return { packets: bytes === null ? [] : [bytes], settled: null };
}
