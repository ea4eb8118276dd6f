// One question to one server: over UDP from a fresh socket, and over TCP when the answer does not fit. Only what comes from
// that server, under the id sent, about the question asked is heard; every socket is closed when the question is done with.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { encodeQuestion, readReply, REPLY_MAX_BYTES, type Question, type Reply } from './dns-message.js';

/** Datagrams that are no answer to the question, after which no more are read: somebody is guessing. */
const STRAY_MAX = 100;
const PORT_IDS = 65_536;

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What one exchange came to. `unreachable`: the network or the kernel said that nobody listens. */
export type Heard =
  | Exclude<Reply, { readonly kind: 'other' } | { readonly kind: 'truncated' } | { readonly kind: 'plain' }>
  | { readonly kind: 'unreachable'; readonly detail: string };

/** Calls `hear` at most once, and never after the function it gives was called, which ends the exchange. */
export function ask(server: ServerAddress, question: Question, hear: (heard: Heard) => void): () => void {
  const exchange = new Exchange(server, question, hear);
  exchange.overUdp(true);
  return () => exchange.end();
}

class Exchange {
  private close: () => void = () => undefined;
  private isOver = false;
  private stray = 0;

  constructor(
    private readonly server: ServerAddress,
    private readonly question: Question,
    private readonly hear: (heard: Heard) => void,
  ) {}

  end(): void {
    this.isOver = true;
    this.close();
    this.close = () => undefined;
  }

  overUdp(withEdns: boolean): void {
    const { host, port } = this.server;
    const id = randomInt(PORT_IDS);
    // A socket of its own has a source port of its own; being connected, it hears that server only.
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', lookup: asGiven });
    this.close = () => socket.close();
    socket.on('error', (error) => this.finish({ kind: 'unreachable', detail: error.message }));
    socket.on('message', (bytes) => {
      const reply = readReply(bytes, id, this.question, withEdns);
      if (reply.kind === 'other') this.countStray();
      else this.take(reply, withEdns);
    });
    socket.connect(port, host, (error?: Error) => {
      if (this.isOver) return;
      if (error) return this.finish({ kind: 'unreachable', detail: error.message });
      // What cannot be sent is told by `error`.
      socket.send(encodeQuestion(id, this.question, withEdns));
    });
  }

  private overTcp(withEdns: boolean): void {
    const { host, port } = this.server;
    const id = randomInt(PORT_IDS);
    const socket = connect({ host, port });
    this.close = () => socket.destroy();
    const bytes = encodeQuestion(id, this.question, withEdns);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    let held = Buffer.alloc(0);
    socket.on('connect', () => socket.write(Buffer.concat([length, bytes])));
    socket.on('error', (error) => this.finish({ kind: 'unreachable', detail: error.message }));
    socket.on('end', () => this.finish({ kind: 'malformed', detail: 'the connection ended within the answer' }));
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      if (held.length < 2) return;
      const size = held.readUInt16BE(0);
      if (size > REPLY_MAX_BYTES) return this.finish({ kind: 'malformed', detail: 'answer too long' });
      if (held.length < 2 + size) return;
      const reply = readReply(held.subarray(2, 2 + size), id, this.question, withEdns);
      if (reply.kind === 'other') this.finish({ kind: 'malformed', detail: 'answer to another question' });
      else if (reply.kind === 'truncated') this.finish({ kind: 'malformed', detail: 'cut short over TCP' });
      else this.take(reply, withEdns);
    });
  }

  private take(reply: Exclude<Reply, { readonly kind: 'other' }>, withEdns: boolean): void {
    if (this.isOver) return;
    if (reply.kind !== 'truncated' && reply.kind !== 'plain') return this.finish(reply);
    this.close();
    if (reply.kind === 'truncated') this.overTcp(withEdns);
    else this.overUdp(false);
  }

  private countStray(): void {
    this.stray += 1;
    if (this.stray > STRAY_MAX) this.finish({ kind: 'malformed', detail: 'a flood of answers to other questions' });
  }

  private finish(heard: Heard): void {
    if (this.isOver) return;
    this.end();
    this.hear(heard);
  }
}

/** Addresses are numbers already: nothing is looked up to look something up. */
function asGiven(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, isIPv6(host) ? 6 : 4);
}
