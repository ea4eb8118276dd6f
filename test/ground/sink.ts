// An SMTP server that takes every mail and remembers it: envelope, parameters and the exact bytes, dots unstuffed. It
// ends a message only at CRLF.CRLF, so that whatever a mail smuggles stays inside it and can be seen there.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { waitUntil } from './place.js';

/** One mail as it arrived. */
export interface SunkMail {
  readonly mailFrom: string;
  /** What followed the address in MAIL FROM, e.g. `SIZE=300 BODY=8BITMIME`. */
  readonly mailParams: string;
  readonly rcptTo: readonly string[];
  readonly content: Buffer;
  readonly helo: string;
  readonly time: number;
}

export interface Sink {
  readonly port: number;
  /** Everything taken so far, oldest first. */
  readonly mails: readonly SunkMail[];
  /** Mails for that recipient. */
  mailsFor(recipient: string): readonly SunkMail[];
  /** The first mail for that recipient, waited for. */
  mailFor(recipient: string, timeoutMs?: number): Promise<SunkMail>;
  clear(): void;
  stop(): Promise<void>;
}

export interface SinkOptions {
  readonly port?: number;
  readonly host?: string;
  /** A reply line other than 250 for a recipient, or null. */
  readonly answerRcpt?: (address: string) => string | null;
  /** A reply line other than 250 for the whole mail (it is then not kept), or null. */
  readonly answerData?: (mail: SunkMail) => string | null;
}

const WAIT_MS = 20_000;
const LINE_MAX_BYTES = 4096;
const MAIL_MAX_BYTES = 100 * 1024 * 1024;
const END_OF_DATA = Buffer.from('\r\n.\r\n');

/** Starts a sink on loopback. */
export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const mails: SunkMail[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    new SinkSession(socket, options, (mail) => mails.push(mail));
  });
  await listen(server, options);
  const mailsFor = (recipient: string): readonly SunkMail[] => mails.filter((mail) => mail.rcptTo.includes(recipient));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    mailsFor,
    mailFor: (recipient, timeoutMs = WAIT_MS) =>
      waitUntil(`mail for ${recipient} at the sink`, timeoutMs, () => mailsFor(recipient)[0]),
    clear: () => mails.splice(0),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function listen(server: Server, options: SinkOptions): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => done());
  });
}

/** One client. Commands line by line, content as one block. */
class SinkSession {
  private held = Buffer.alloc(0);
  private pieces: Buffer[] | null = null;
  private tail = Buffer.alloc(0);
  private sizeBytes = 0;
  private helo = '';
  private mailFrom = '';
  private mailParams = '';
  private rcptTo: string[] = [];

  constructor(
    private readonly socket: Socket,
    private readonly options: SinkOptions,
    private readonly keep: (mail: SunkMail) => void,
  ) {
    this.say('220 sink.test ESMTP');
    socket.on('data', (chunk) => this.take(chunk));
  }

  private say(line: string): void {
    this.socket.write(`${line}\r\n`);
  }

  private take(chunk: Buffer): void {
    if (this.pieces !== null) {
      this.takeContent(chunk);
      return;
    }
    this.held = Buffer.concat([this.held, chunk]);
    for (let end = this.held.indexOf('\r\n'); end >= 0; end = this.held.indexOf('\r\n')) {
      const line = this.held.toString('utf8', 0, end);
      this.held = this.held.subarray(end + 2);
      this.obey(line);
      if (this.pieces !== null) {
        const rest = this.held;
        this.held = Buffer.alloc(0);
        if (rest.length > 0) this.takeContent(rest);
        return;
      }
    }
    if (this.held.length > LINE_MAX_BYTES) this.socket.destroy();
  }

  private obey(line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO' || verb === 'HELO') this.greet(line.slice(5).trim());
    else if (verb === 'MAIL') this.mail(line);
    else if (verb === 'RCPT') this.rcpt(line);
    else if (verb === 'DATA') this.data();
    else if (verb === 'RSET') this.reset('250 2.0.0 reset');
    else if (verb === 'NOOP') this.say('250 2.0.0 fine');
    else if (verb === 'QUIT') this.socket.end('221 2.0.0 bye\r\n');
    else this.say('502 5.5.2 unknown command');
  }

  private greet(name: string): void {
    this.helo = name;
    this.say(
      '250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES',
    );
  }

  private mail(line: string): void {
    const open = line.indexOf('<');
    const close = line.indexOf('>', open);
    this.reset('250 2.1.0 sender taken');
    this.mailFrom = line.slice(open + 1, close);
    this.mailParams = line.slice(close + 1).trim();
  }

  private rcpt(line: string): void {
    const open = line.indexOf('<');
    const address = line.slice(open + 1, line.indexOf('>', open));
    const refusal = this.options.answerRcpt?.(address) ?? null;
    if (refusal === null) this.rcptTo.push(address);
    this.say(refusal ?? '250 2.1.5 recipient taken');
  }

  private data(): void {
    if (this.rcptTo.length === 0) {
      this.say('554 5.5.1 no valid recipients');
      return;
    }
    this.say('354 go on');
    // The line end of DATA itself may be the first half of CRLF.CRLF.
    this.tail = Buffer.from('\r\n');
    this.pieces = [this.tail];
    this.sizeBytes = 0;
  }

  private takeContent(chunk: Buffer): void {
    const pieces = this.pieces ?? [];
    const seam = Buffer.concat([this.tail, chunk]);
    pieces.push(chunk);
    this.sizeBytes += chunk.length;
    if (this.sizeBytes > MAIL_MAX_BYTES) {
      this.socket.destroy();
      return;
    }
    this.tail = seam.subarray(-(END_OF_DATA.length - 1));
    if (!seam.includes(END_OF_DATA)) return;
    const whole = Buffer.concat(pieces);
    const end = whole.indexOf(END_OF_DATA);
    this.pieces = null;
    this.finish(unstuff(whole.subarray(2, end + 2)));
    this.take(Buffer.from(whole.subarray(end + END_OF_DATA.length)));
  }

  private finish(content: Buffer): void {
    const { mailFrom, mailParams, rcptTo, helo } = this;
    const mail: SunkMail = { mailFrom, mailParams, rcptTo, helo, content, time: Date.now() };
    const refusal = this.options.answerData?.(mail) ?? null;
    if (refusal === null) this.keep(mail);
    this.reset(refusal ?? '250 2.0.0 kept');
  }

  private reset(reply: string): void {
    this.mailFrom = '';
    this.mailParams = '';
    this.rcptTo = [];
    this.say(reply);
  }
}

/** Takes the extra dot off lines that begin with one (RFC 5321 §4.5.2); only CRLF ends a line here. */
export function unstuff(content: Buffer): Buffer {
  const text = content.toString('latin1');
  const body = text.startsWith('.') ? text.slice(1) : text;
  return Buffer.from(body.replaceAll('\r\n.', '\r\n'), 'latin1');
}
