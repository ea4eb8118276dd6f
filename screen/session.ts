// One connection from its first byte to its last: which phase follows which. Each phase has a deadline, looked at by the
// listener's sweep; every way out ends the phase it left and gives back what was counted.
import type { Socket } from 'node:net';
import { isIPv4 } from 'node:net';
import { publicAddress } from '../lists/question.js';
import type { ProxyEnds } from '../outside/proxy-header.js';
import { DialoguePhase } from './dialogue-phase.js';
import type { Charge } from './early.js';
import type { LimitName } from './event.js';
import { GreetingPhase } from './greeting-phase.js';
import type { Hall } from './hall.js';
import { HandoffPhase } from './handoff-phase.js';
import { HeaderPhase } from './header-phase.js';
import { testsDue } from './passes.js';
import { DEEP_TESTS } from './settings.js';
import { SplicedPhase } from './spliced-phase.js';
import { Visit, type Phase, type Ways } from './visit.js';

/** Longest a connection lasts after our last words, ms: time to read them. */
export const LINGER_MS = 5_000;
/** Longest wait for the store of passes, ms; it has a limit of its own. */
const PASSES_WAIT_MS = 30_000;

export class Session implements Ways {
  readonly #visit: Visit;
  #phase: Phase | null = null;
  #isCounted = false;
  #isScreened = false;
  #isClosed = false;

  constructor(
    private readonly socket: Socket,
    hall: Hall,
    private readonly closed: (session: Session) => void,
  ) {
    this.#visit = new Visit(hall, hall.terms, socket, endsOf(socket));
    this.#visit.terms.enter();
    hall.crowd.accept();
    hall.tally.accepted += 1;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#close());
  }

  /** Takes the connection up; nothing was read of it. `isProxied`: it must begin with a PROXY header. */
  begin(isProxied: boolean): void {
    if (isProxied) this.#enter(new HeaderPhase(this.#visit, this));
    else this.receive();
  }

  /** Looks whether the time of the phase is over. */
  tick(now: number): void {
    if (this.#phase !== null && now >= this.#phase.deadline()) this.#phase.late();
  }

  /** Ends it in good order, as far as its phase can. */
  cutOff(): void {
    if (this.#phase === null) this.destroy();
    else this.#phase.cutOff();
  }

  /** The order is postscreen's: bounds, lists of networks, passes, tests. */
  receive(): void {
    const { hall, terms, address, isBalancer } = this.#visit;
    if (isBalancer) return this.#enter(new DialoguePhase(this.#visit, this));
    const limit = hall.crowd.enter(address);
    if (limit !== null) return this.turnAway(limit, `421 4.7.0 ${terms.hostName} Error: too many connections`);
    this.#isCounted = true;
    if (hall.handoffs.isFull) return this.turnAway('handoffs', '421 4.3.2 All server ports are busy');
    const word = hall.access(terms, address);
    if (word === 'permit') {
      this.#visit.tell({ kind: 'permit' });
      return this.#handOn();
    }
    if (word === null) return void this.#lookForPasses();
    this.#visit.tell({ kind: 'deny', action: word.deny });
    const charge = { test: 'deny', detail: 'by list', text: '5.3.2 Service currently unavailable' } as const;
    this.#visit.charge({ ...charge, action: word.deny });
    if (word.deny === 'drop') this.#drop(`521 ${charge.text}`);
    else void this.#lookForPasses();
  }

  greet(): void {
    this.#enter(new GreetingPhase(this.#visit, this));
  }

  conclude(charges: readonly Charge[]): void {
    for (const charge of charges) this.#visit.charge(charge);
    const dropped = charges.find(({ action }) => action === 'drop');
    if (dropped !== undefined) return this.#drop(`521 ${dropped.text}`);
    const isDeep = DEEP_TESTS.some((test) => this.#visit.due.has(test));
    const mustTalk = this.#visit.refusal !== null || isDeep || !this.#visit.isPrimary();
    if (mustTalk) this.#enter(new DialoguePhase(this.#visit, this));
    else if (this.#visit.charges.length === 0) this.pass('new');
    else this.#handOn();
  }

  pass(how: 'new' | 'old' | 'allowed'): void {
    const { tally } = this.#visit.hall;
    if (how === 'old') tally.passedOld += 1;
    else tally.passedNew += 1;
    this.#visit.tell({ kind: 'pass', how, mustReturn: false });
    this.#handOn();
  }

  turnAway(limit: LimitName, reply: string): void {
    this.#visit.hall.tally.limited += 1;
    this.#visit.tell({ kind: 'limit', limit, reply });
    this.farewell(reply);
  }

  farewell(reply: string): void {
    this.socket.end(`${reply}\r\n`);
    this.linger();
  }

  linger(): void {
    this.#enter(new FarewellPhase(this.#visit, this));
  }

  joined(mta: Socket, greeting: Buffer): void {
    this.#visit.hall.tally.handedOn += 1;
    this.#enter(new SplicedPhase(this.#visit, this, mta, greeting));
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #lookForPasses(): Promise<void> {
    const { hall, terms, address, charges } = this.#visit;
    this.#enter(new PassesPhase(this.#visit, this));
    const asked = this.#phase;
    // A session beside one under test would be measured by a pass that is not earned yet.
    const record = hall.crowd.screenedOf(address) === 0 ? await hall.passOf(address) : null;
    // The connection may have ended meanwhile.
    if (this.#phase !== asked || this.#isClosed) return;
    // Lists know nothing of private addresses.
    const inForce = publicAddress(address) === null ? terms.inForce.filter((test) => test !== 'dnsbl') : terms.inForce;
    this.#visit.due = testsDue(record, inForce, hall.deps.clock.now());
    const isRefused = this.#visit.refusal !== null;
    if (this.#visit.due.size === 0 && !isRefused) return charges.length === 0 ? this.pass('old') : this.#handOn();
    if (!hall.crowd.hasScreenRoom()) return this.turnAway('screened', '421 4.3.2 All screening ports are busy');
    this.#isScreened = true;
    hall.crowd.beginScreening(address);
    if (isRefused || this.#visit.due.has('pregreet') || this.#visit.due.has('dnsbl')) this.greet();
    else this.conclude([]);
  }

  #handOn(): void {
    this.#endScreening();
    this.#enter(new HandoffPhase(this.#visit, this));
  }

  #drop(reply: string): void {
    this.#visit.countRefused();
    const nothing = { helo: null, protocol: 'SMTP', tls: false, mailFrom: null, rcptTo: null } as const;
    this.#visit.tell({ kind: 'refused', at: 'connect', reply, reasons: [...this.#visit.charges], ...nothing });
    this.farewell(reply);
  }

  /** The phase before is over before the next begins. */
  #enter(phase: Phase): void {
    this.#phase?.end();
    this.#phase = phase;
    if (phase.name === 'farewell') this.#endScreening();
    phase.start();
  }

  #endScreening(): void {
    if (!this.#isScreened) return;
    this.#isScreened = false;
    this.#visit.hall.crowd.endScreening(this.#visit.address);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endScreening();
    this.#phase?.end();
    this.#phase = null;
    const { hall, terms, address } = this.#visit;
    if (this.#isCounted) hall.crowd.leave(address);
    hall.crowd.close();
    terms.leave();
    this.closed(this);
  }
}

/** The store is asked; the client waits, unread. */
class PassesPhase implements Phase {
  readonly name = 'passes';
  readonly #until: number;

  constructor(
    visit: Visit,
    private readonly ways: Ways,
  ) {
    this.#until = visit.hall.now() + PASSES_WAIT_MS;
  }

  deadline(): number {
    return this.#until;
  }

  start(): void {
    // The answer leads on.
  }

  late(): void {
    this.ways.destroy();
  }

  cutOff(): void {
    this.ways.destroy();
  }

  end(): void {
    // Nothing was taken.
  }
}

/** The last words are out: what still comes is read and thrown away, so that they arrive, but not for long. */
class FarewellPhase implements Phase {
  readonly name = 'farewell';
  readonly #until: number;

  constructor(
    private readonly visit: Visit,
    private readonly ways: Ways,
  ) {
    this.#until = visit.hall.now() + LINGER_MS;
  }

  deadline(): number {
    return this.#until;
  }

  start(): void {
    this.visit.socket.resume();
  }

  late(): void {
    this.ways.destroy();
  }

  cutOff(): void {
    this.ways.destroy();
  }

  end(): void {
    // The socket is closed, or about to be.
  }
}

/** Both ends of a socket in their usual form; port 0 and `::` where it is gone already. */
function endsOf(socket: Socket): ProxyEnds {
  return {
    clientAddress: usualAddress(socket.remoteAddress),
    clientPort: socket.remotePort ?? 0,
    serverAddress: usualAddress(socket.localAddress),
    serverPort: socket.localPort ?? 0,
  };
}

/** Without a zone; IPv4 that came by an IPv6 socket as IPv4. */
function usualAddress(text = '::'): string {
  const address = text.split('%')[0] ?? '::';
  const inside = address.startsWith('::ffff:') ? address.slice(7) : address;
  return isIPv4(inside) ? inside : address;
}
