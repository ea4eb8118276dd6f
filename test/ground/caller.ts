// A client at the door: raw bytes, a source address of its own, and what it saw in short words that can be compared
// between two servers. Takes what to send, gives one phrase per answer; waits no longer than it is told.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A listener that is called on. */
export interface Door {
  readonly host: string;
  readonly port: number;
  /** How long it makes strangers wait, ms. */
  readonly waitMs: number;
  /** It takes connections from a balancer: a client's address then goes before it in a PROXY header. */
  readonly isProxied?: boolean;
}

/** Where a balancer of the test's connects from. */
export const BALANCER = '127.0.0.9';
/** What clients of a balancer connect to, as its header says. */
const SERVER_ADDRESS = '192.0.2.25';
const FIRST_PORT = 20_000;
let lastPort = FIRST_PORT;

/** Beyond the wait nobody takes so long unless something is wrong, ms. */
const PATIENCE_MS = 20_000;
/** Less than this share of the wait is no wait; postscreen counts in whole seconds and may be one early. */
const WAITED_SHARE = 0.5;
const HELD_MAX_BYTES = 256 * 1024;

export class Caller {
  /** Everything that came. */
  transcript = '';
  private at = 0;
  private ended = false;
  private wake: (() => void) | null = null;
  private readonly begunAt = performance.now();

  private constructor(
    private socket: Socket,
    private readonly door: Door,
  ) {
    this.attach(socket);
  }

  private attach(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.transcript += chunk.toString('latin1');
      if (this.transcript.length > HELD_MAX_BYTES) socket.destroy();
      this.wake?.();
    });
    const end = (): void => {
      this.ended = true;
      this.wake?.();
    };
    socket.on('end', end);
    socket.on('close', end);
    // The end that follows is what a waiting reply sees.
    socket.on('error', () => socket.destroy());
  }

  /** Connects from that address; half-closes are its own to make. */
  static async open(door: Door, from: string): Promise<Caller> {
    const localAddress = door.isProxied === true ? BALANCER : from;
    const socket = connect({ host: door.host, port: door.port, localAddress, allowHalfOpen: true });
    const caller = new Caller(socket, door);
    await new Promise<void>((done, failed) => {
      socket.once('connect', done);
      socket.once('error', failed);
    });
    if (door.isProxied === true) caller.send(`PROXY TCP4 ${from} ${SERVER_ADDRESS} ${(lastPort += 1)} 25\r\n`);
    return caller;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** What the server says before it is asked: the teaser, and the greeting with whether it made the client wait. */
  async greeting(): Promise<string> {
    const first = await this.line();
    if (!first.startsWith('220-')) return `${phrase(first)}${this.lateness()}`;
    const second = await this.line();
    return `teaser, then ${phrase(second)}${this.lateness()}`;
  }

  /** The next reply as `250 2.1.0`; `closed` when the server hung up, `silent` when nothing came. */
  async reply(withinMs = PATIENCE_MS): Promise<string> {
    for (;;) {
      const line = await this.line(withinMs);
      if (line.length < 4 || line[3] !== '-') return phrase(line);
    }
  }

  async command(text: string): Promise<string> {
    this.send(`${text}\r\n`);
    return this.reply();
  }

  /** Commands one after the other: `EHLO 250`, and so on, until the server hangs up. */
  async talk(...commands: readonly string[]): Promise<string[]> {
    const said: string[] = [];
    for (const command of commands) {
      const reply = await this.command(command);
      said.push(`${command.split(/[ :]/)[0] ?? ''} ${reply}`);
      if (reply === 'closed') break;
    }
    return said;
  }

  /** Asks for TLS, with further bytes in the same segment where told; gives the reply, or why there is no TLS. */
  async startTls(smuggled = ''): Promise<string> {
    this.send(`STARTTLS\r\n${smuggled}`);
    const reply = await this.reply();
    if (!reply.startsWith('220')) return reply;
    const plain = this.socket;
    plain.removeAllListeners('data');
    const socket = connectTls({ socket: plain, rejectUnauthorized: false });
    const why = await new Promise<string | null>((done) => {
      socket.once('secureConnect', () => done(null));
      socket.once('error', (error: Error) => done(error.message));
      socket.once('close', () => done('closed'));
    });
    if (why !== null) return `${reply} and no TLS`;
    this.socket = socket;
    this.attach(socket);
    return `${reply} and ${socket.getProtocol() ?? 'TLS'}`;
  }

  /** Whether the server ends the connection by itself. */
  async closed(withinMs = 2_000): Promise<string> {
    const deadline = performance.now() + withinMs;
    while (!this.ended && performance.now() < deadline) await this.news(deadline);
    return this.ended ? 'closed' : 'open';
  }

  /** ms since it connected. */
  get ageMs(): number {
    return performance.now() - this.begunAt;
  }

  /** Says that nothing more will come, and goes on listening. */
  halfClose(): void {
    this.socket.end();
  }

  hangUp(): void {
    this.socket.destroy();
  }

  /** Hangs up with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private lateness(): string {
    return this.ageMs < this.door.waitMs * WAITED_SHARE ? ' at once' : ' after the wait';
  }

  private async line(withinMs = PATIENCE_MS): Promise<string> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const end = this.transcript.indexOf('\r\n', this.at);
      if (end >= 0) {
        const line = this.transcript.slice(this.at, end);
        this.at = end + 2;
        return line;
      }
      if (this.ended) return 'closed';
      if (performance.now() > deadline) return 'silent';
      await this.news(deadline);
    }
  }

  private news(deadline: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, Math.max(1, deadline - performance.now()));
      this.wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

/** Code and enhanced status of a line; other lines as they are. */
function phrase(line: string): string {
  const [found = line] = /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?(?= |$)/.exec(line) ?? [];
  return found;
}
