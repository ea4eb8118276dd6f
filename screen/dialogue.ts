// The dummy SMTP engine: speaks with a client that is refused, or that has deep tests to pass, and never takes a mail.
// Takes bytes, gives replies and findings to its host; owns no socket and no clock.
import { clean, isForeign, readCommand, readPath, type CommandLine } from './command-line.js';
import { DEEP_TESTS, type DeepTest, type TestAction } from './settings.js';

/** What the engine asks of whoever owns the connection. */
export interface DialogueHost {
  say(text: string): void;
  /** The last words; nothing is fed afterwards. */
  leave(text: string): void;
  /** The reply to STARTTLS is out: what comes next is TLS. */
  startTls(): void;
  /** A test was failed. `text`: what gave it away. Called once per test. */
  failed(test: DeepTest, action: TestAction, text: Buffer): void;
  /** RCPT came: whatever test is left is passed. Called once. */
  passed(tests: readonly DeepTest[]): void;
  /** A recipient, VRFY or the whole client is turned away; `last` when nothing follows. */
  refused(at: 'rcpt' | 'vrfy' | 'command', reply: string, rcptTo: string | null): void;
  /** A bound was met; the reply follows. */
  limited(limit: 'commands' | 'line', reply: string): void;
}

export interface DialogueOptions {
  readonly hostName: string;
  /** Deep tests that run here, and what follows for each. */
  readonly tests: ReadonlyMap<DeepTest, TestAction>;
  readonly offersTls: boolean;
  readonly foreignVerbs: readonly string[];
  readonly commandsMax: number;
  readonly lineMaxBytes: number;
  readonly sizeOfferedMaxBytes: number;
}

export const COME_AGAIN = '450 4.3.2 Service currently unavailable';
const PROTOCOL_ERROR = 'Protocol error';
const RULE_BREAKER = '521 5.7.0 Error: I can break rules, too. Goodbye.';
const NO_RECIPIENTS = '554 5.5.1 Error: no valid recipients';
/** Replies whose text is fixed. */
const FIXED: ReadonlyMap<string, string> = new Map([
  ['NOOP', '250 2.0.0 Ok'],
  ['ETRN', '458 4.3.0 Unable to queue messages'],
]);
const LF = 0x0a;
const CR = 0x0d;

/** Codes and texts by test, of a refusal without and with the end of the connection. */
const DEEP_REPLIES: Readonly<Record<DeepTest, { readonly enforce: string; readonly drop: string }>> = {
  pipelining: { enforce: `550 5.5.1 ${PROTOCOL_ERROR}`, drop: `521 5.5.1 ${PROTOCOL_ERROR}` },
  nonSmtp: { enforce: `550 5.5.1 ${PROTOCOL_ERROR}`, drop: RULE_BREAKER },
  bareNewline: { enforce: `550 5.5.1 ${PROTOCOL_ERROR}`, drop: `521 5.5.1 ${PROTOCOL_ERROR}` },
};

export class Dialogue {
  #held: Buffer = Buffer.alloc(0);
  #commands = 0;
  #isOver = false;
  #isTls = false;
  #helo: string | null = null;
  #isExtended = false;
  #mailFrom: string | null = null;
  #refusal: string | null;
  #hasPassed = false;
  readonly #pending: Set<DeepTest>;

  /** `refusal`: the reply to every recipient, or null while nothing speaks against the client. */
  constructor(
    private readonly options: DialogueOptions,
    private readonly host: DialogueHost,
    refusal: string | null,
  ) {
    this.#refusal = refusal;
    this.#pending = new Set(DEEP_TESTS.filter((test) => options.tests.has(test)));
  }

  get helo(): string | null {
    return this.#helo;
  }

  get protocol(): 'SMTP' | 'ESMTP' {
    return this.#isExtended ? 'ESMTP' : 'SMTP';
  }

  get mailFrom(): string | null {
    return this.#mailFrom;
  }

  get isTls(): boolean {
    return this.#isTls;
  }

  /** Whole commands so far. */
  get commands(): number {
    return this.#commands;
  }

  /** TLS is up: the session begins again (RFC 3207 §4.2). */
  secured(): void {
    this.#isTls = true;
    this.#helo = null;
    this.#mailFrom = null;
  }

  /** The next bytes of the client. */
  feed(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    while (!this.#isOver) {
      const end = this.#held.indexOf(LF);
      if (end === -1 ? this.#held.length >= this.options.lineMaxBytes : end >= this.options.lineMaxBytes)
        return this.#endAt('line', `421 4.3.0 ${this.options.hostName} Error: line too long`);
      if (end === -1) break;
      const line = this.#held.subarray(0, end + 1);
      this.#held = this.#held.subarray(end + 1);
      this.#take(line);
    }
    // What is held must not hold the chunk it lies in.
    this.#held = this.#isOver ? Buffer.alloc(0) : Buffer.from(this.#held);
  }

  #take(lineWithEnd: Buffer): void {
    this.#commands += 1;
    if (this.#commands > this.options.commandsMax)
      return this.#endAt('commands', `421 4.7.0 ${this.options.hostName} Error: too many commands`);
    const isBare = lineWithEnd[lineWithEnd.length - 2] !== CR;
    const line = lineWithEnd.subarray(0, lineWithEnd.length - (isBare ? 1 : 2));
    const command = readCommand(line);
    if (isBare && this.#fail('bareNewline', lineWithEnd)) return;
    if (this.#pending.has('nonSmtp') && isForeign(line, command, this.options.foreignVerbs)) {
      if (this.#fail('nonSmtp', line)) return;
    }
    if (this.#held.length > 0 && this.#fail('pipelining', this.#held)) return;
    this.#obey(command);
  }

  /** Whether the connection ends over it. */
  #fail(test: DeepTest, found: Buffer): boolean {
    const action = this.options.tests.get(test);
    if (action === undefined || !this.#pending.delete(test)) return false;
    this.host.failed(test, action, found);
    if (action === 'ignore') return false;
    const reply = DEEP_REPLIES[test][action];
    if (action === 'enforce') {
      this.#refusal = reply;
      return false;
    }
    this.host.refused('command', reply, null);
    this.#leave(reply);
    return true;
  }

  #obey({ verb, rest }: CommandLine): void {
    const fixed = FIXED.get(verb);
    if (fixed !== undefined) return this.#say(fixed);
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        return this.#greet(verb, rest);
      case 'STARTTLS':
        return this.#startTls(rest);
      case 'MAIL':
        return this.#mail(rest);
      case 'RCPT':
        return this.#rcpt(rest);
      case 'VRFY':
        return rest === '' ? this.#say('501 5.5.4 Syntax: VRFY address') : this.#refuse('vrfy', clean(rest));
      case 'DATA':
      case 'BDAT':
        return this.#leave(NO_RECIPIENTS);
      case 'RSET':
        this.#mailFrom = null;
        return this.#say('250 2.0.0 Ok');
      case 'QUIT':
        return this.#leave('221 2.0.0 Bye');
      default:
        return this.#say('502 5.5.2 Error: command not recognized');
    }
  }

  #greet(verb: string, name: string): void {
    if (name === '') return this.#say(`501 Syntax: ${verb} hostname`);
    this.#helo = clean(name);
    this.#mailFrom = null;
    this.#isExtended = verb === 'EHLO';
    const { hostName, sizeOfferedMaxBytes, offersTls } = this.options;
    if (!this.#isExtended) return this.#say(`250 ${hostName}`);
    const size = sizeOfferedMaxBytes === 0 ? 'SIZE' : `SIZE ${sizeOfferedMaxBytes}`;
    const tls = offersTls && !this.#isTls ? ['STARTTLS'] : [];
    // Neither PIPELINING nor AUTH: whoever uses what is not offered has not listened.
    const words = [
      hostName,
      size,
      'VRFY',
      'ETRN',
      ...tls,
      'ENHANCEDSTATUSCODES',
      '8BITMIME',
      'DSN',
      'SMTPUTF8',
      'CHUNKING',
    ];
    this.#say(words.map((word, index) => `250${index === words.length - 1 ? ' ' : '-'}${word}`).join('\r\n'));
  }

  #startTls(rest: string): void {
    if (rest !== '') return this.#say('501 5.5.4 Syntax: STARTTLS');
    if (this.#isTls) return this.#say('554 5.5.1 Error: TLS already active');
    if (!this.options.offersTls) return this.#say('502 5.5.1 Error: command not implemented');
    this.#say('220 2.0.0 Ready to start TLS');
    // Whatever was sent in the clear behind the command would otherwise count as sent under TLS (CVE-2011-0411).
    this.#held = Buffer.alloc(0);
    this.host.startTls();
  }

  #mail(rest: string): void {
    if (this.#mailFrom !== null) return this.#say('503 5.5.1 Error: nested MAIL command');
    const address = readPath(rest, 'FROM');
    if (address === null) return this.#say('501 5.5.4 Syntax: MAIL FROM:<address>');
    this.#mailFrom = address;
    this.#say('250 2.1.0 Ok');
  }

  #rcpt(rest: string): void {
    if (this.#mailFrom === null) return this.#say('503 5.5.1 Error: need MAIL command');
    const address = readPath(rest, 'TO');
    if (address === null) return this.#say('501 5.5.4 Syntax: RCPT TO:<address>');
    if (!this.#hasPassed) this.host.passed([...this.#pending]);
    this.#hasPassed = true;
    this.#refuse('rcpt', address);
  }

  #refuse(at: 'rcpt' | 'vrfy', address: string): void {
    const reply = this.#refusal ?? COME_AGAIN;
    this.host.refused(at, reply, address);
    this.#say(reply);
  }

  #endAt(limit: 'commands' | 'line', reply: string): void {
    this.host.limited(limit, reply);
    this.#leave(reply);
  }

  #say(reply: string): void {
    this.host.say(`${reply}\r\n`);
  }

  #leave(reply: string): void {
    this.#isOver = true;
    this.host.leave(`${reply}\r\n`);
  }
}
