// The MTA's side of a milter socket for tests: builds packets, sends them as told (whole, torn, byte by byte), reads
// replies with a time limit. Knows nothing of the server's code, so that a mistake there cannot hide here.
import { connect, type Socket } from 'node:net';

export const V6_ACTIONS = 0x1ff;
export const V6_PROTOCOL = 0x1fffff;
export const NO_REPLY_BITS = 0x80 | 0xff000;

export interface ReplyPacket {
  readonly code: string;
  readonly data: Buffer;
}

export function pack(code: string, ...parts: (Buffer | string)[]): Buffer {
  const data = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(data.length + 1, 0);
  head.write(code, 4, 'latin1');
  return Buffer.concat([head, data]);
}

export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, i * 4));
  return bytes;
}

export const optneg = (version = 6, actions = V6_ACTIONS, protocol = V6_PROTOCOL): Buffer =>
  pack('O', words(version, actions, protocol));
export const macro = (stage: string, ...pairs: string[]): Buffer =>
  pack('D', stage, ...pairs.map((text) => `${text}\0`));
export function conn(hostname: string, family: string, port: number, address: string): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(port);
  return pack('C', `${hostname}\0`, family, bytes, `${address}\0`);
}
export const helo = (name: string): Buffer => pack('H', `${name}\0`);
export const mail = (...argv: string[]): Buffer => pack('M', Buffer.from(argv.map((text) => `${text}\0`).join('')));
export const rcpt = (...argv: string[]): Buffer => pack('R', Buffer.from(argv.map((text) => `${text}\0`).join('')));
export const header = (name: string, value: string): Buffer => pack('L', `${name}\0${value}\0`);
export const body = (bytes: Buffer | string): Buffer => pack('B', bytes);
export const DATA = pack('T');
export const EOH = pack('N');
export const EOM = pack('E');
export const ABORT = pack('A');
export const QUIT = pack('Q');
export const QUIT_NC = pack('K');

/** Connect, HELO and envelope of a plain session. */
export const OPENING: readonly Buffer[] = [
  macro('C', 'j', 'mx.test.example', '{daemon_name}', 'smtpd'),
  conn('client.example', '4', 40000, '192.0.2.1'),
  macro('H'),
  helo('client.example'),
];
export const ENVELOPE: readonly Buffer[] = [
  macro('M', '{mail_addr}', 'alice@example.org'),
  mail('<alice@example.org>'),
  macro('R', '{rcpt_mailer}', 'local'),
  rcpt('<bob@test.example>'),
];
export const CONTENT: readonly Buffer[] = [
  macro('T', 'i', 'QUEUEID1'),
  DATA,
  macro('L', 'i', 'QUEUEID1'),
  header('From', ' alice@example.org'),
  macro('L', 'i', 'QUEUEID1'),
  header('Subject', ' hello'),
  macro('N', 'i', 'QUEUEID1'),
  EOH,
  macro('B', 'i', 'QUEUEID1'),
  body('one line\r\n'),
  macro('E', 'i', 'QUEUEID1'),
  EOM,
];

/** Address in the server's own form. */
export function dial(address: string): Socket {
  if (address.startsWith('unix:')) return connect(address.slice(5));
  const [, host, port] = /^inet:(.+):(\d+)$/.exec(address) ?? [];
  return connect({ port: Number(port), host: (host ?? '').replace(/^\[|\]$/g, ''), noDelay: true });
}

export class Mta {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => this.#end());
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
  }

  static async to(address: string): Promise<Mta> {
    const socket = dial(address);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Mta(socket);
  }

  /** All reply bytes that came and were not read. */
  get unread(): Buffer {
    return this.#bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(...packets: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(packets));
  }

  /** Sends a packet, reads one reply. */
  async ask(...packets: readonly Buffer[]): Promise<ReplyPacket> {
    this.send(...packets);
    return this.reply();
  }

  /** Sends each packet and reads its reply; gives the codes. */
  async askEach(packets: readonly Buffer[], answered: (packet: Buffer) => boolean = hasReply): Promise<string> {
    let codes = '';
    for (const packet of packets) {
      this.send(packet);
      if (answered(packet)) codes += (await this.reply()).code;
    }
    return codes;
  }

  async reply(timeoutMs = 5_000): Promise<ReplyPacket> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.#bytes.length >= 4) {
        const length = this.#bytes.readUInt32BE(0);
        if (this.#bytes.length >= 4 + length) {
          const packet = this.#bytes.subarray(4, 4 + length);
          this.#bytes = this.#bytes.subarray(4 + length);
          return { code: packet.toString('latin1', 0, 1), data: packet.subarray(1) };
        }
      }
      if (this.#closed) throw new Error('connection closed while a reply was awaited');
      await this.#more(deadline);
    }
  }

  /** Everything up to and with the final reply of a message (progress left out). */
  async finalReplies(timeoutMs = 5_000): Promise<ReplyPacket[]> {
    const replies: ReplyPacket[] = [];
    for (;;) {
      const reply = await this.reply(timeoutMs);
      if (reply.code === 'p') continue;
      replies.push(reply);
      if ('cartdy'.includes(reply.code)) return replies;
    }
  }

  /** Resolves when the server closed; throws when it does not in time. */
  async closing(timeoutMs = 5_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#closed) await this.#more(deadline);
  }

  /** True when nothing came within the time. */
  async silent(waitMs: number): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return this.#bytes.length === 0 && !this.#closed;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #end(): void {
    this.#closed = true;
    this.#wake?.();
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#wake = null;
          reject(new Error('nothing came from the server in time'));
        },
        Math.max(0, deadline - Date.now()),
      );
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}

/** Whether an MTA without no-reply flags waits for an answer to this packet. */
export function hasReply(packet: Buffer): boolean {
  return !'DAQK'.includes(packet.toString('latin1', 4, 5));
}
