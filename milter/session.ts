// One milter connection on its socket: reads packets, feeds the dialogue, writes what it says, and keeps time. Stops
// reading while a verdict is worked out or memory is short; closes on any breach. Must never reply twice to an event.
import type { Socket } from 'node:net';
import type { Connection } from '../message/envelope.js';
import { Dialogue, type DialogueContext } from './dialogue.js';
import type { InFlight, Share } from './in-flight.js';
import type { Silence } from './negotiate.js';
import { PacketReader } from './packet.js';
import { PROGRESS_PACKET } from './reply.js';
import { Close, Pending, type Conclusion, type Reply, type Step } from './step.js';

/** What may queue up behind a verdict before reading stops: an honest MTA sends at most macros then. */
export const QUEUED_MAX_BYTES = 65_536;
export const QUEUED_CHUNKS_MAX = 64;

/** What a session needs of its server. */
export interface SessionContext extends DialogueContext {
  readonly inFlight: InFlight;
  /** Said once, when the socket is closed. */
  closed(session: Session): void;
  /** A connection is ended for a breach of protocol or a limit; `reason` is safe to log. */
  protocolError(connection: Connection | null, reason: string): void;
  /** One more message was answered. */
  answered(): void;
}

/** Runs one socket until it closes. */
export class Session {
  readonly #socket: Socket;
  readonly #context: SessionContext;
  readonly #dialogue: Dialogue;
  readonly #reader = new PacketReader();
  readonly #share: Share;
  /** Replies of one burst, written together. */
  #out: Buffer[] = [];
  #pending: Pending | null = null;
  #ended = false;
  #leaving = false;
  #cutOff = false;
  // Times on the monotonic clock, ms; 0 where nothing is going on.
  readonly #startedAt: number;
  #lastPacketAt: number;
  #packetSince = 0;
  #contentSince = 0;
  #pendingSince = 0;
  #progressAt = 0;
  #waitingSince = 0;
  #blockedSince = 0;

  constructor(socket: Socket, context: SessionContext, silence: Silence) {
    this.#socket = socket;
    this.#context = context;
    this.#dialogue = new Dialogue(context, silence);
    this.#startedAt = context.clock.monotonicMs();
    this.#lastPacketAt = this.#startedAt;
    this.#share = context.inFlight.open(
      () => setImmediate(() => this.#onRoom()),
      () => this.#waitForRoom(),
    );
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#onEnd());
    socket.on('close', () => this.#onClosed());
  }

  /** Looks at the deadlines; called by the server's sweep with the monotonic time. */
  tick(now: number): void {
    if (this.#blockedSince > 0 && now - this.#blockedSince >= this.#context.settings.writeTimeoutMs) {
      this.#breakOff('answer not taken within the write deadline');
    } else if (this.#ended) {
      return;
    } else if (this.#pending !== null) {
      this.#tickPending(this.#pending, now);
    } else {
      const overrun = this.#overrun(now);
      if (overrun !== null) this.#breakOff(`${overrun} in state ${this.#dialogue.state}`);
    }
  }

  /** The server is going: ends now when between messages, else after the answer to the one on its way. */
  leave(): void {
    this.#leaving = true;
    this.#leaveIfIdle();
  }

  /** Closes at once, whatever is on its way. */
  destroy(): void {
    this.#breakOff(null);
  }

  get #busy(): boolean {
    return this.#pending !== null || this.#blockedSince > 0 || this.#waitingSince > 0;
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#reader.push(chunk);
    if (!this.#busy) this.#run();
    else if (this.#reader.bufferedBytes > QUEUED_MAX_BYTES || this.#reader.queuedChunks > QUEUED_CHUNKS_MAX) {
      this.#socket.pause();
    }
  }

  /** Handles what is there, in order, until it runs dry or something must be waited for. */
  #run(): void {
    let handled = false;
    while (!this.#ended && !this.#busy && this.#reader.next()) {
      if (!handled && this.#dialogue.state === 'INIT') this.#reader.limitTo(this.#context.settings.packetSizeMaxBytes);
      handled = true;
      this.#take(this.#dialogue.receive(this.#reader.command, this.#reader.data));
    }
    if (this.#ended) return;
    this.#flush(null);
    if (this.#reader.fault !== null) return this.#breakOff(this.#reader.fault);
    this.#keepTime(handled);
    this.#keepAccount();
    this.#leaveIfIdle();
  }

  #take(step: Step): void {
    if (step === null) return;
    if (step instanceof Close) this.#close(step);
    else if (step instanceof Pending) this.#await(step);
    else {
      this.#out.push(step);
      // A burst of events is answered in one write, but not without bound.
      if (this.#out.length >= QUEUED_CHUNKS_MAX) this.#flush(null);
    }
  }

  #await(pending: Pending): void {
    const now = this.#context.clock.monotonicMs();
    this.#pending = pending;
    this.#pendingSince = now;
    this.#progressAt = now + this.#context.settings.progressIntervalMs;
    void pending.conclusion.then((conclusion) => this.#onConclusion(pending, conclusion));
  }

  #onConclusion(pending: Pending, conclusion: Conclusion): void {
    if (this.#pending !== pending || this.#ended) return conclusion.lost();
    this.#pending = null;
    const reply = conclusion.reply();
    if (reply instanceof Close) return this.#close(reply);
    this.#out.push(...reply.packets);
    this.#flush(reply.settled);
    if (pending.stage === 'message') this.#context.answered();
    this.#goOn();
  }

  #tickPending(pending: Pending, now: number): void {
    const { settings } = this.#context;
    const limitMs = pending.stage === 'message' ? settings.verdictTimeoutMs : settings.envelopeTimeoutMs;
    if (now - this.#pendingSince >= limitMs) {
      this.#pending = null;
      this.#context.handlerFailed(this.#dialogue.connection, new Error(`no verdict within ${limitMs} ms`));
      this.#take(pending.expire());
      this.#flush(null);
      if (pending.stage === 'message') this.#context.answered();
      this.#goOn();
    } else if (pending.stage === 'message' && now >= this.#progressAt && this.#blockedSince === 0) {
      this.#progressAt = now + settings.progressIntervalMs;
      this.#out.push(PROGRESS_PACKET);
      this.#flush(null);
    }
  }

  /** After a wait: leaves if it is time to, else takes up reading again. */
  #goOn(): void {
    this.#leaveIfIdle();
    if (this.#ended || this.#busy) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#run();
  }

  #leaveIfIdle(): void {
    if (this.#leaving && !this.#ended && this.#pending === null && !this.#dialogue.inTransaction) this.#end();
  }

  /** Writes what has gathered. `settled` hears what became of it. */
  #flush(settled: Reply['settled']): void {
    const packets = this.#out;
    if (packets.length === 0) return settled?.('sent');
    this.#out = [];
    const socket = this.#socket;
    const bytes = joined(packets);
    // A socket destroyed amid a write calls back without an error, so whether we cut it off counts too.
    const done = (error?: Error | null): void => tell?.(error || this.#cutOff ? 'lost' : 'sent');
    let tell = settled;
    let taken = true;
    if (bytes.length > 1) socket.cork();
    bytes.forEach(
      (buffer, i) => (taken = socket.write(buffer, i === bytes.length - 1 && settled !== null ? done : undefined)),
    );
    if (bytes.length > 1) socket.uncork();
    if (tell !== null && socket.writableLength === 0 && socket.errored === null && !socket.destroyed) {
      // The kernel has it all: the MTA will read it whatever happens here next.
      tell = null;
      settled?.('sent');
    }
    if (!taken && this.#blockedSince === 0) this.#blockedSince = this.#context.clock.monotonicMs();
  }

  #onDrain(): void {
    this.#blockedSince = 0;
    if (!this.#ended) this.#goOn();
  }

  #close(close: Close): void {
    if (close.reason !== null) this.#context.protocolError(this.#dialogue.connection, close.reason);
    // A peer that says goodbye reads nothing more: where nothing is on its way, no half-closed socket is waited for.
    else if (this.#out.length === 0 && this.#socket.writableLength === 0) return this.#breakOff(null);
    this.#end();
  }

  /** Sends what is still to be sent, then closes. */
  #end(): void {
    if (this.#ended) return;
    this.#flush(null);
    this.#ended = true;
    this.#dialogue.cancel();
    // From here on only the write deadline counts.
    if (this.#blockedSince === 0) this.#blockedSince = this.#context.clock.monotonicMs();
    this.#socket.end(() => this.#socket.destroy());
  }

  #breakOff(reason: string | null): void {
    if (reason !== null) this.#context.protocolError(this.#dialogue.connection, reason);
    this.#ended = true;
    this.#cutOff = true;
    this.#dialogue.cancel();
    this.#socket.destroy();
  }

  /** The peer is gone. Between messages that is the usual end; in the middle of content it is worth a line. */
  #onEnd(): void {
    if (this.#ended) return;
    const inMiddle = this.#dialogue.inContent || this.#reader.midPacket || this.#pending !== null;
    this.#breakOff(inMiddle ? `connection lost in state ${this.#dialogue.state}` : null);
  }

  #onClosed(): void {
    this.#ended = true;
    this.#pending = null;
    this.#blockedSince = 0;
    this.#dialogue.cancel();
    this.#reader.clear();
    this.#share.hold(0);
    this.#context.closed(this);
  }

  #keepTime(handled: boolean): void {
    const now = this.#context.clock.monotonicMs();
    if (handled) this.#lastPacketAt = now;
    if (!this.#reader.midPacket) this.#packetSince = 0;
    else if (handled || this.#packetSince === 0) this.#packetSince = now;
    if (!this.#dialogue.inContent) this.#contentSince = 0;
    else if (this.#contentSince === 0) this.#contentSince = now;
  }

  /** Which deadline has passed, in words, or null. */
  #overrun(now: number): string | null {
    const { settings } = this.#context;
    const over = (since: number, limitMs: number): boolean => since > 0 && now - since >= limitMs;
    if (this.#waitingSince > 0)
      return over(this.#waitingSince, settings.waitTimeoutMs) ? 'no room in memory in time' : null;
    if (this.#dialogue.state === 'INIT' && over(this.#startedAt, settings.negotiationTimeoutMs))
      return 'no negotiation in time';
    if (over(this.#packetSince, settings.packetTimeoutMs)) return 'packet not complete in time';
    if (over(this.#contentSince, settings.contentTimeoutMs)) return 'content not complete in time';
    return over(this.#lastPacketAt, settings.idleTimeoutMs) ? 'idle for too long' : null;
  }

  #keepAccount(): void {
    this.#share.hold(this.#dialogue.keptBytes + this.#reader.bufferedBytes);
    if (this.#pending === null && !this.#share.mayGrow()) this.#waitForRoom();
  }

  #waitForRoom(): void {
    if (this.#ended || this.#pending !== null || this.#waitingSince > 0) return;
    this.#waitingSince = this.#context.clock.monotonicMs();
    this.#socket.pause();
  }

  #onRoom(): void {
    if (this.#waitingSince === 0) return;
    this.#waitingSince = 0;
    // The wait was ours, so the peer's deadlines start anew.
    this.#packetSince = 0;
    this.#contentSince = 0;
    this.#lastPacketAt = this.#context.clock.monotonicMs();
    if (!this.#ended) this.#goOn();
  }
}

/** Small packets are joined into one buffer; large ones are left alone, since a copy would cost more than a vector. */
function joined(packets: readonly Buffer[]): readonly Buffer[] {
  if (packets.length === 1) return packets;
  let total = 0;
  for (const one of packets) total += one.length;
  return total <= JOINED_MAX_BYTES ? [Buffer.concat(packets, total)] : packets;
}

const JOINED_MAX_BYTES = 65_536;
