// The dummy engine on a socket: what the client says goes to the dialogue, what the dialogue says to the client, under
// TLS once the client asked for it. Owns the reading of the socket while it lasts; never its end.
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { Dialogue, type DialogueHost, type DialogueOptions } from './dialogue.js';

/** What the owner of the connection hears of. */
export interface ConversationHost extends Pick<DialogueHost, 'failed' | 'passed' | 'refused' | 'limited'> {
  /** A whole command came, or TLS is up. */
  heard(): void;
  /** The last words are out; the connection is to be closed. */
  left(): void;
  /** The client has ended its side, or TLS failed. */
  hungUp(): void;
}

export class Conversation {
  readonly dialogue: Dialogue;
  #wire: Socket;

  constructor(
    private readonly socket: Socket,
    private readonly secure: SecureContext | null,
    options: Omit<DialogueOptions, 'offersTls'>,
    refusal: string | null,
    private readonly host: ConversationHost,
  ) {
    this.#wire = socket;
    const own: Pick<DialogueHost, 'say' | 'leave' | 'startTls'> = {
      say: (text) => void this.#wire.write(text),
      leave: (text) => this.leave(text),
      startTls: () => this.#startTls(),
    };
    const told: Pick<DialogueHost, 'failed' | 'passed' | 'refused' | 'limited'> = {
      failed: (test, action, text) => host.failed(test, action, text),
      passed: (tests) => host.passed(tests),
      refused: (at, reply, rcptTo) => host.refused(at, reply, rcptTo),
      limited: (limit, reply) => host.limited(limit, reply),
    };
    this.dialogue = new Dialogue({ ...options, offersTls: secure !== null }, { ...own, ...told }, refusal);
  }

  /** What was said before comes first. */
  feed(bytes: Buffer): void {
    const before = this.dialogue.commands;
    this.dialogue.feed(bytes);
    if (this.dialogue.commands > before) this.host.heard();
  }

  /** Says the last words and ends our side; what still comes is read and thrown away. */
  leave(text: string): void {
    this.#wire.end(text);
    this.host.left();
  }

  /**
   * The bytes of the socket belong to TLS from here on. The engine is told when the handshake is over, and its owner when
   * there is none.
   */
  #startTls(): void {
    this.socket.removeAllListeners('data');
    this.socket.removeAllListeners('end');
    const tls = new TLSSocket(this.socket, {
      isServer: true,
      ...(this.secure === null ? {} : { secureContext: this.secure }),
    });
    this.#wire = tls;
    tls.once('secure', () => {
      this.dialogue.secured();
      this.host.heard();
    });
    tls.on('data', (bytes: Buffer) => this.feed(bytes));
    tls.once('end', () => this.host.hungUp());
    tls.once('close', () => this.socket.destroy());
    tls.on('error', () => this.host.hungUp());
  }
}
