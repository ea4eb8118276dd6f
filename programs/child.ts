// One process under the supervisor: started with its listening descriptors, ready or given up in time, spoken to over
// Node's channel, and buried with the messages it had in hand. It never outlives the supervisor's order to end.
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readLife, readHeartbeat, type Life } from './in-flight.js';
import type { HandedListener, Order, ProcessStatus, Report, Role, StartOrder } from './process-messages.js';

/** First descriptor after standard input, output, error and the channel. */
const FIRST_DESCRIPTOR = 4;
/** What a process may take beyond its grace to end, ms; then it is killed. */
const ENDING_MS = 5_000;

const ENTRY: Readonly<Record<Role, string>> = { worker: './worker.js', admin: './admin.js', screen: './screen.js' };

/** How a process ended. */
export interface Death {
  /** In words, for logs and alerts. */
  readonly reason: string;
  /** It ended by itself and in order, or at the end of its grace when told to go. */
  readonly orderly: boolean;
  /** Messages it had in hand, by identity. */
  readonly identities: readonly string[];
}

export interface ChildHooks {
  onReport(child: Child, report: Report): void;
  /** Called once, after which the child does nothing any more. */
  onDeath(child: Child, death: Death): void;
}

/** What a new process is given, beside its number, life file and listeners. */
export type Start = Omit<StartOrder, 'kind' | 'listeners'>;

export class Child {
  readonly startedAt = Date.now();
  /** Resolves when it says it is ready; rejects when it ends or takes too long before that. */
  readonly ready: Promise<void>;
  /** Version of the settings it runs on; '' while it starts. */
  version = '';
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  private state: ProcessStatus['state'] = 'starting';
  private readonly process: ChildProcess;
  private readonly becomeReady: () => void;
  private readonly failReady: (error: Error) => void;
  private readonly sayEnded: () => void;
  private readonly readyTimer: NodeJS.Timeout;
  private endTimer: NodeJS.Timeout | null = null;
  private dead = false;
  private lastBeat = -1;
  private beatMovedAt = performance.now();
  /** Why the supervisor killed it, when it did. */
  private killedFor: string | null = null;
  private failure: string | null = null;

  constructor(
    readonly role: Role,
    private readonly start: Start,
    listeners: readonly HandedListener[],
    readyMs: number,
    private readonly hooks: ChildHooks,
  ) {
    let become!: () => void;
    let fail!: (error: Error) => void;
    let gone!: () => void;
    this.ended = new Promise((resolve) => (gone = resolve));
    this.sayEnded = gone;
    this.ready = new Promise((resolve, reject) => {
      become = resolve;
      fail = reject;
    });
    // Whoever waits sees the rejection; when nobody does, the death is told by the hook.
    this.ready.catch(() => undefined);
    this.becomeReady = become;
    this.failReady = fail;
    this.process = fork(fileURLToPath(new URL(ENTRY[role], import.meta.url)), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...listeners.map(({ descriptor }) => descriptor)],
      execArgv: [],
    });
    this.process.on('message', (message) => this.hear(message as Report));
    this.process.once('error', (error) => this.bury(`could not be started: ${error.message}`, false));
    this.process.once('exit', (code, signal) => this.exited(code, signal));
    this.readyTimer = setTimeout(() => this.kill(`was not ready within ${readyMs} ms`), readyMs);
    const inherited = listeners.map(({ protocol }, index) => ({ protocol, descriptor: FIRST_DESCRIPTOR + index }));
    this.tell({ kind: 'start', ...start, listeners: inherited });
  }

  get number(): number {
    return this.start.number;
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isReady(): boolean {
    return this.state === 'ready' && !this.dead;
  }

  /** Sends an order; nothing happens when the process is gone. */
  tell(order: Order): void {
    if (!this.process.connected) return;
    // A channel that breaks meanwhile is told by the exit of the process.
    this.process.send(order, () => undefined);
  }

  /** Orders it to end within `graceMs`, and kills it when it does not. */
  dismiss(kind: 'drain' | 'stop', graceMs: number): void {
    if (this.dead) return;
    this.state = 'leaving';
    clearTimeout(this.readyTimer);
    this.tell({ kind, graceMs });
    if (this.endTimer !== null) clearTimeout(this.endTimer);
    this.endTimer = setTimeout(() => this.kill('did not end within its grace'), graceMs + ENDING_MS);
  }

  kill(reason: string): void {
    if (this.dead) return;
    this.killedFor ??= reason;
    this.process.kill('SIGKILL');
  }

  /** Looks at the heartbeat; gives how long it has stood still, ms. */
  beatAge(now: number): number {
    const life = this.state === 'starting' ? null : readHeartbeat(this.start.life);
    if (life === null || life.beat !== this.lastBeat) {
      this.lastBeat = life?.beat ?? -1;
      this.beatMovedAt = now;
    }
    return now - this.beatMovedAt;
  }

  /** Takes the heartbeat as seen just now: the supervisor itself was away. */
  forgiveBeat(now: number): void {
    this.beatMovedAt = now;
  }

  status(now: number): ProcessStatus {
    const life: Life | null = readLife(this.start.life);
    return {
      role: this.role,
      number: this.number,
      pid: this.pid,
      state: this.state,
      startedAt: this.startedAt,
      version: this.version,
      beatAgeMs: Math.round(now - this.beatMovedAt),
      connections: life?.connections ?? 0,
      messages: life?.messages ?? 0,
      inFlight: life?.identities.length ?? 0,
    };
  }

  private hear(report: Report): void {
    if (this.dead) return;
    if (report.kind === 'ready') {
      clearTimeout(this.readyTimer);
      if (this.state === 'starting') this.state = 'ready';
      this.version = report.version;
      this.becomeReady();
    } else if (report.kind === 'failed') this.failure = report.reason;
    this.hooks.onReport(this, report);
  }

  private exited(code: number | null, signal: NodeJS.Signals | null): void {
    const how = signal === null ? `ended with code ${code ?? 0}` : `was ended by ${signal}`;
    const asked = this.state === 'leaving' && this.killedFor === 'did not end within its grace';
    this.bury(this.failure ?? this.killedFor ?? how, code === 0 || asked);
  }

  private bury(reason: string, orderly: boolean): void {
    if (this.dead) return;
    this.dead = true;
    clearTimeout(this.readyTimer);
    if (this.endTimer !== null) clearTimeout(this.endTimer);
    this.failReady(new Error(reason));
    const identities = orderly ? [] : (readLife(this.start.life)?.identities ?? []);
    this.hooks.onDeath(this, { reason, orderly, identities });
    this.sayEnded();
  }
}
