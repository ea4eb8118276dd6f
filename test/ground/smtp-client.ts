// A raw SMTP client for sessions that no library would hold: every byte is the test's own. Takes a port, gives replies;
// adds nothing but dot-stuffing where `content` is asked for.
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** One reply, all its lines without their line ends. */
export interface ClientReply {
  readonly code: number;
  readonly lines: readonly string[];
  readonly text: string;
}

const REPLY_TIMEOUT_MS = 60_000;
const REPLY_MAX_BYTES = 64 * 1024;

export interface ClientOptions {
  readonly host?: string;
  readonly localAddress?: string;
  readonly helo?: string;
}

/** What a whole mail needs. `content` is sent dot-stuffed and ended; everything else as given. */
export interface ClientMail {
  readonly mailFrom: string;
  readonly mailParams?: string;
  readonly rcptTo: readonly string[];
  readonly content: Buffer | string;
}

/** Replies of a whole mail: `last` is the reply that decided it. */
export interface ClientOutcome {
  readonly mail: ClientReply;
  readonly rcpts: readonly ClientReply[];
  readonly last: ClientReply;
}

/** One SMTP session. */
export class SmtpClient {
  private held = '';
  private closed = false;
  private wake: (() => void) | null = null;

  private constructor(private socket: Socket | TLSSocket) {
    this.attach();
  }

  /** Connects, reads the greeting and says EHLO. */
  static async open(port: number, options: ClientOptions = {}): Promise<SmtpClient> {
    const socket = connect({
      port,
      host: options.host ?? '127.0.0.1',
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
    const client = new SmtpClient(socket);
    await client.reply();
    await client.command(`EHLO ${options.helo ?? 'client.test'}`);
    return client;
  }

  private attach(): void {
    this.socket.on('data', (chunk: Buffer) => {
      this.held += chunk.toString('utf8');
      this.wake?.();
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.wake?.();
    });
    // The close that follows is what a waiting reply sees.
    this.socket.on('error', () => this.socket.destroy());
  }

  /** Sends bytes exactly as they are. */
  send(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Sends one command line and waits for its reply. */
  async command(line: string): Promise<ClientReply> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** The next reply; rejects when the server hangs up or stays silent. */
  async reply(): Promise<ClientReply> {
    const deadline = performance.now() + REPLY_TIMEOUT_MS;
    for (;;) {
      const found = this.cutReply();
      if (found !== null) return found;
      if (this.closed) throw new Error(`the server hung up; held: ${this.held}`);
      if (performance.now() > deadline || this.held.length > REPLY_MAX_BYTES)
        throw new Error(`no reply; held: ${this.held}`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, REPLY_TIMEOUT_MS);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  private cutReply(): ClientReply | null {
    const lines: string[] = [];
    for (let at = 0; ;) {
      const end = this.held.indexOf('\r\n', at);
      if (end < 0) return null;
      const line = this.held.slice(at, end);
      lines.push(line);
      at = end + 2;
      if (line[3] !== '-') {
        this.held = this.held.slice(at);
        return { code: Number(line.slice(0, 3)), lines, text: lines.join('\n') };
      }
    }
  }

  /** STARTTLS and EHLO again; the certificate is not checked. */
  async startTls(helo = 'client.test'): Promise<void> {
    await this.command('STARTTLS');
    this.socket.removeAllListeners();
    const secured = connectTls({ socket: this.socket, rejectUnauthorized: false });
    await new Promise<void>((done, failed) => {
      secured.once('secureConnect', done);
      secured.once('error', failed);
    });
    this.socket = secured;
    this.attach();
    await this.command(`EHLO ${helo}`);
  }

  /** AUTH PLAIN (RFC 4616). */
  login(user: string, password: string): Promise<ClientReply> {
    return this.command(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
  }

  /** One whole mail; stops at the first step that is refused for everybody. */
  async deliver(mail: ClientMail): Promise<ClientOutcome> {
    const params = mail.mailParams === undefined ? '' : ` ${mail.mailParams}`;
    const from = await this.command(`MAIL FROM:<${mail.mailFrom}>${params}`);
    if (from.code !== 250) return { mail: from, rcpts: [], last: from };
    const rcpts: ClientReply[] = [];
    for (const address of mail.rcptTo) rcpts.push(await this.command(`RCPT TO:<${address}>`));
    const refused = rcpts.find((reply) => reply.code !== 250);
    if (refused !== undefined && rcpts.every((reply) => reply.code !== 250))
      return { mail: from, rcpts, last: refused };
    const data = await this.command('DATA');
    if (data.code !== 354) return { mail: from, rcpts, last: data };
    this.send(stuff(Buffer.from(mail.content)));
    return { mail: from, rcpts, last: await this.reply() };
  }

  async quit(): Promise<void> {
    if (!this.closed) await this.command('QUIT');
    this.socket.destroy();
  }

  /** Hangs up without a word. */
  abort(): void {
    this.socket.destroy();
  }
}

/** Opens a session, delivers one mail, quits. */
export async function deliverMail(port: number, mail: ClientMail, options: ClientOptions = {}): Promise<ClientOutcome> {
  const client = await SmtpClient.open(port, options);
  const outcome = await client.deliver(mail);
  await client.quit();
  return outcome;
}

/** Dot-stuffs and ends a content whose lines end in CRLF (RFC 5321 §4.5.2). */
export function stuff(content: Buffer): Buffer {
  const text = content.toString('latin1');
  const stuffed = (text.startsWith('.') ? `.${text}` : text).replaceAll('\r\n.', '\r\n..');
  return Buffer.from(`${stuffed}${stuffed.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1');
}
