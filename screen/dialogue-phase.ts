// The dialogue of those who do not go on: the refused, so that sender and recipients are logged, and those who have deep
// tests to pass and must come again. Turns what the engine finds into charges, passes and events.
import { Conversation } from './conversation.js';
import { COME_AGAIN } from './dialogue.js';
import { showBytes } from './event.js';
import { ignoredPassMs, passLengthMs, type PassedTest } from './passes.js';
import { DEEP_TESTS, type DeepTest, type TestAction } from './settings.js';
import type { Phase, Visit, Ways } from './visit.js';

export class DialoguePhase implements Phase {
  readonly name = 'dialogue';
  readonly #conversation: Conversation;
  readonly #ignored = new Set<DeepTest>();
  readonly #hear = (bytes: Buffer): void => this.#conversation.feed(bytes);
  readonly #leave = (): void => this.#hangUp();
  readonly #tests: ReadonlyMap<DeepTest, TestAction>;
  #heardAt: number;

  constructor(
    private readonly visit: Visit,
    private readonly ways: Ways,
  ) {
    const { terms, socket, hall } = visit;
    const { settings, hostName } = terms;
    this.#heardAt = hall.now();
    this.#tests = testsOf(visit);
    const options = {
      hostName,
      tests: this.#tests,
      foreignVerbs: settings.nonSmtpCommands.map((word) => word.toUpperCase()),
      commandsMax: settings.commandsMax,
      lineMaxBytes: settings.lineMaxBytes,
      sizeOfferedMaxBytes: settings.sizeOfferedMaxBytes,
    };
    this.#conversation = new Conversation(socket, terms.secure, options, visit.refusal, {
      heard: () => void (this.#heardAt = hall.now()),
      left: () => ways.linger(),
      hungUp: () => this.#hangUp(),
      failed: (test, action, text) => this.#fail(test, action, text),
      passed: (tests) => this.#pass(tests),
      refused: (at, reply, rcptTo) => this.#tellRefused(at, reply, rcptTo),
      limited: (limit, reply) => this.#tellLimit(limit, reply),
    });
  }

  deadline(): number {
    const { commandTimeoutMs, commandTimeoutStressMs } = this.visit.terms.settings;
    return this.#heardAt + (this.visit.hall.crowd.isStressed ? commandTimeoutStressMs : commandTimeoutMs);
  }

  start(): void {
    const { socket, terms, held } = this.visit;
    socket.on('data', this.#hear);
    socket.once('end', this.#leave);
    this.visit.held = Buffer.alloc(0);
    // Whoever talked too early listens to no greeting: answering what was said tells more of them.
    if (held.length === 0) socket.write(`220 ${terms.hostName} ${terms.settings.banner}\r\n`);
    else this.#conversation.feed(held);
    socket.resume();
  }

  late(): void {
    const reply = `421 4.4.2 ${this.visit.terms.hostName} Error: timeout exceeded`;
    this.#tellLimit('time', reply);
    this.#conversation.leave(`${reply}\r\n`);
  }

  cutOff(): void {
    this.#conversation.leave(`421 4.3.2 ${this.visit.terms.hostName} Service shutting down\r\n`);
  }

  end(): void {
    this.visit.socket.off('data', this.#hear);
    this.visit.socket.off('end', this.#leave);
  }

  #hangUp(): void {
    this.visit.tell({ kind: 'hangup', afterMs: this.visit.ageMs, during: 'dialogue' });
    this.ways.destroy();
  }

  #fail(test: DeepTest, action: TestAction, found: Buffer): void {
    const { visit } = this;
    const text = showBytes(found);
    visit.tell({ kind: 'protocol', test, afterMs: visit.ageMs, text });
    if (action === 'ignore') this.#ignored.add(test);
    else visit.charges.push({ test, action, detail: text });
  }

  /** At the first RCPT: what was not failed is passed; what was failed and ignored is not asked again for a while. */
  #pass(tests: readonly DeepTest[]): void {
    const { visit } = this;
    const { settings, deep } = visit.terms;
    const earned = tests.filter((test) => deep.has(test));
    const passes = new Map<PassedTest, number>(earned.map((test) => [test, passLengthMs(settings, test)]));
    for (const test of this.#ignored) if (deep.has(test)) passes.set(test, ignoredPassMs(settings));
    visit.remember(passes);
    if (visit.charges.length > 0 || this.#ignored.size > 0 || this.#tests.size === 0) return;
    visit.hall.tally.passedNew += 1;
    visit.tell({ kind: 'pass', how: 'new', mustReturn: true });
  }

  #tellRefused(at: 'rcpt' | 'vrfy' | 'command', reply: string, rcptTo: string | null): void {
    const { visit } = this;
    const { helo, protocol, isTls, mailFrom } = this.#conversation.dialogue;
    const reasons = reply === COME_AGAIN ? [] : [...visit.charges];
    if (reasons.length > 0) visit.countRefused();
    visit.tell({ kind: 'refused', at, reply, reasons, helo, protocol, tls: isTls, mailFrom, rcptTo });
  }

  #tellLimit(limit: 'commands' | 'line' | 'time', reply: string): void {
    this.visit.hall.tally.limited += 1;
    this.visit.tell({ kind: 'limit', limit, reply });
  }
}

/** A client that is refused anyway is watched for everything; others for what they have to pass; balancers for nothing. */
function testsOf({ refusal, isBalancer, terms, due }: Visit): ReadonlyMap<DeepTest, TestAction> {
  if (refusal !== null) return terms.deepForRefused;
  if (isBalancer) return new Map();
  return new Map(
    DEEP_TESTS.flatMap((test) => {
      const action = terms.deep.get(test);
      return action === undefined || !due.has(test) ? [] : [[test, action] as const];
    }),
  );
}
