// The supervisor: holds the listening sockets, keeps the scan workers and the admin process alive, replaces what dies,
// remembers which messages were in hand then, and passes new settings on. It touches no mail and opens no store.
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import type { TextLog } from '../logs/text-log.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { Child, type Death } from './child.js';
import { serveControl, type ControlServer } from './control.js';
import { readLife } from './in-flight.js';
import { openListeners, type Listener } from './listeners.js';
import { becomeIdentity, findIdentity, makePrivateDirectory } from './privileges.js';
import type { ReloadResult, Report, ServerStatus } from './process-messages.js';
import { processesSection, workerCount, type ProcessesSettings } from './processes-settings.js';
import { findFixedChanges, needsNewProcesses, Rollout } from './reload.js';
import { loadSettings } from './settings.js';
import { ROW_MAX, Slot, type SlotHooks } from './slot.js';
import { storageSection } from './storage-settings.js';
import { Suspects } from './suspects.js';
import { VERSION } from './version.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

const MS_PER_HOUR = 3_600_000;
/** Alerts kept for an admin process that is not there just now. */
const ALERTS_MAX = 100;

interface PendingAlert {
  readonly code: string;
  readonly raised: boolean;
  readonly detail: string;
}

export class Supervisor {
  private readonly startedAt = Date.now();
  private readonly runDir: string;
  private readonly suspects: Suspects;
  private readonly rollout = new Rollout();
  private readonly admin: Slot;
  private workers: Slot[] = [];
  /** Slots given up by a reload, until their processes are gone. */
  private readonly retired = new Set<Slot>();
  private listeners: readonly Listener[] = [];
  private lock: ControlServer | null = null;
  private watchdog: Watchdog | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly alerts = new Map<string, PendingAlert>();
  private lives = 0;
  private crashes = 0;
  private lastReload: ReloadResult | null = null;
  private stopped: Promise<void> | null = null;

  /** `file` is the configuration file as it was asked for, for reading it again. */
  constructor(
    private configuration: Configuration,
    private readonly file: string | undefined,
    private readonly log: TextLog,
  ) {
    const { dir } = configuration.section(storageSection);
    this.runDir = join(dir, 'run');
    this.suspects = new Suspects(join(this.runDir, 'suspects.json'), this.suspectLimits());
    this.admin = new Slot('admin', 0, this.slotHooks());
  }

  /** Starts everything; resolves when all processes are ready. Rejects, with everything closed again, when one cannot start. */
  async start(): Promise<void> {
    try {
      await this.prepareGround();
      await this.admin.open();
      this.workers = this.newWorkers(0, workerCount(this.settings()));
      await Promise.all(this.workers.map((slot) => slot.open()));
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.watchdog = startWatchdog(
      () => this.slots().flatMap((slot) => slot.children()),
      () => this.settings().watchdogMs,
    );
  }

  /** Reads the configuration again; never rejects. */
  reload(): Promise<ReloadResult> {
    return this.inTurn(async () => {
      const result = await this.reloadNow();
      this.lastReload = result;
      if (result.taken) this.log.info({ version: result.version, notes: result.lines }, 'settings in force');
      else this.log.error({ version: result.version, problems: result.lines }, 'new settings refused, the old stay');
      this.alert('settings-refused', !result.taken, result.lines.join('; '));
      return result;
    });
  }

  /** Replaces every process, one after the other, new ones ready before old ones go. Gives what did not succeed. */
  restart(): Promise<readonly string[]> {
    return this.inTurn(() => this.restartNow());
  }

  /** Ends everything in order: workers answer what they have in hand, then the admin process, then the sockets. */
  stop(): Promise<void> {
    this.stopped ??= this.stopNow();
    return this.stopped;
  }

  /** Kills every process at once. */
  abandon(): void {
    for (const slot of this.slots()) {
      void slot.close('stop', 0);
      for (const child of slot.children()) child.kill('stopped without grace');
    }
  }

  status(): ServerStatus {
    const now = performance.now();
    return {
      pid: process.pid,
      program: VERSION,
      startedAt: this.startedAt,
      file: this.configuration.file,
      version: this.configuration.version,
      listen: this.listeners.map(({ address }) => address),
      workersWanted: workerCount(this.settings()),
      processes: this.slots().flatMap((slot) => slot.statuses(now)),
      crashes: this.crashes,
      suspects: this.suspects.current(Date.now()).length,
      reload: this.lastReload,
    };
  }

  private settings(): ProcessesSettings {
    return this.configuration.section(processesSection);
  }

  private suspectLimits() {
    const { suspectsMax, suspectHours } = this.configuration.section(processesSection);
    return { countMax: suspectsMax, keepMs: suspectHours * MS_PER_HOUR };
  }

  private slots(): readonly Slot[] {
    return [this.admin, ...this.workers, ...this.retired];
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async stopNow(): Promise<void> {
    this.watchdog?.close();
    const { graceMs } = this.settings();
    // At once: a connection that nobody will take is better refused than left waiting.
    for (const listener of this.listeners) listener.close();
    await Promise.all([...this.workers, ...this.retired].map((slot) => slot.close('stop', graceMs)));
    await this.admin.close('stop', graceMs);
    await this.lock?.close();
  }

  /** Directories, the lock against a second supervisor, the sockets, other rights, what an earlier run left. */
  private async prepareGround(): Promise<void> {
    const identity = findIdentity(this.settings());
    makePrivateDirectory(this.configuration.section(storageSection).dir, identity);
    makePrivateDirectory(this.runDir, identity);
    const lockPath = join(this.runDir, 'supervisor.sock');
    this.lock = await serveControl(lockPath, { status: async () => this.status() }).catch((error: Error) => {
      throw new Error(`is weir running already? ${error.message}`, { cause: error });
    });
    this.listeners = await openListeners(this.configuration.section(MILTER_SECTION));
    if (identity !== null) becomeIdentity(identity);
    else if (process.getuid?.() === 0) this.log.warn('runs as root: set processes.user');
    const complaint = this.suspects.load(Date.now());
    if (complaint !== null) this.log.error(complaint);
    this.takeOldLives();
  }

  /** A run that ended without burying its processes (power, kill of all): what they had in hand is suspect. */
  private takeOldLives(): void {
    const found = readdirSync(this.runDir).filter((name) => name.endsWith('.life'));
    const identities = found.flatMap((name) => readLife(join(this.runDir, name))?.identities ?? []);
    for (const name of found) unlinkSync(join(this.runDir, name));
    if (identities.length === 0) return;
    this.log.warn({ suspects: identities.length }, 'an earlier run ended with messages in hand');
    this.makeSuspect(identities);
  }

  private newWorkers(from: number, to: number): Slot[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, index) => {
      return new Slot('worker', from + index + 1, this.slotHooks());
    });
  }

  private slotHooks(): SlotHooks {
    return {
      launch: (slot) => this.launch(slot),
      onLoss: (slot, death, row, waitMs) => this.mourn(slot, death, row, waitMs),
      onSteady: (slot) => {
        if (slot.role === 'admin') this.alert('admin-died', false, '');
        else if (this.workers.every((other) => !other.isUnsteady)) {
          this.alert('worker-died', false, '');
          this.alert('worker-restarting', false, '');
        }
      },
    };
  }

  private launch(slot: Slot): Child {
    this.lives += 1;
    const life = join(this.runDir, `${slot.role}-${slot.number}-${this.lives}.life`);
    const { text, file } = this.configuration;
    const start = { number: slot.number, life, suspects: this.suspects.current(Date.now()), text, file };
    const descriptors = slot.role === 'worker' ? this.listeners.map(({ descriptor }) => descriptor) : [];
    return new Child(slot.role, start, descriptors, this.settings().readyMs, {
      onReport: (child, report) => this.hear(child, report),
      onDeath: (child, death) => {
        this.bury(child, death);
        slot.lost(child, death);
        removeFile(life);
      },
    });
  }

  private hear(child: Child, report: Report): void {
    this.rollout.hear(child, report);
    if (report.kind === 'ready') this.welcome(child);
    else if (report.kind === 'cleared') this.clearSuspect(report.identity);
    else if (report.kind === 'ask') {
      const answer = report.what === 'status' ? Promise.resolve(this.status()) : this.reload();
      void answer.then((result) => child.tell({ kind: 'answer', id: report.id, result }));
    }
  }

  /** A process that started while settings changed is brought up to date; a new admin process gets what was to be told. */
  private welcome(child: Child): void {
    this.log.info(
      { role: child.role, number: child.number, child: child.pid, version: child.version },
      'process ready',
    );
    if (child.version !== this.configuration.version) void this.rollout.run([child], this.configuration);
    if (child.role !== 'admin') return;
    for (const alert of this.alerts.values()) child.tell({ kind: 'alert', ...alert });
    this.alerts.clear();
  }

  private bury(child: Child, death: Death): void {
    this.rollout.lost(child);
    const facts = { role: child.role, number: child.number, child: child.pid, reason: death.reason };
    if (death.orderly) this.log.info(facts, 'process ended');
    else this.log.error({ ...facts, inHand: death.identities.length }, 'process died');
    if (death.identities.length > 0) this.makeSuspect(death.identities);
  }

  private mourn(slot: Slot, death: Death, row: number, waitMs: number): void {
    if (!death.orderly) this.crashes += 1;
    this.log.warn({ role: slot.role, number: slot.number, row, waitMs }, 'process will be replaced');
    if (death.orderly) return;
    this.alert(slot.role === 'admin' ? 'admin-died' : 'worker-died', true, death.reason);
    if (row >= ROW_MAX && slot.role === 'worker') {
      this.alert('worker-restarting', true, `${row} deaths in a row, next start in ${waitMs} ms: ${death.reason}`);
    }
  }

  private makeSuspect(identities: readonly string[]): void {
    try {
      this.suspects.add(identities, Date.now());
    } catch (error) {
      this.log.error({ err: error }, 'suspects could not be written: they hold until the supervisor ends');
    }
    this.tellSuspects();
  }

  private clearSuspect(identity: string): void {
    try {
      this.suspects.clear(identity);
    } catch (error) {
      this.log.error({ err: error }, 'suspects could not be written: a cleared one may be tried alone again');
    }
    this.tellSuspects();
  }

  private tellSuspects(): void {
    const identities = this.suspects.current(Date.now());
    for (const child of this.workers.flatMap((slot) => slot.children())) child.tell({ kind: 'suspects', identities });
  }

  /** Raises or clears an alert through the admin process, which keeps the store. */
  private alert(code: string, raised: boolean, detail: string): void {
    const admin = this.admin.active;
    if (admin !== null) {
      admin.tell({ kind: 'alert', code, raised, detail });
      return;
    }
    this.alerts.delete(code);
    if (this.alerts.size < ALERTS_MAX) this.alerts.set(code, { code, raised, detail });
  }

  private async reloadNow(): Promise<ReloadResult> {
    const refuse = (lines: readonly string[]): ReloadResult => {
      return { time: Date.now(), taken: false, version: this.configuration.version, lines };
    };
    if (this.stopped !== null) return refuse(['weir is stopping']);
    const loaded = loadSettings(this.file);
    if (!loaded.ok) return refuse(loaded.problems.map(formatProblem));
    const next = loaded.configuration;
    const fixed = findFixedChanges(this.configuration, next);
    if (fixed.length > 0) return refuse(fixed);
    const active = this.slots().flatMap((slot) => slot.active ?? []);
    const objections = await this.rollout.run(active, next);
    if (objections.length > 0) return refuse(objections);
    const needsRestart = needsNewProcesses(this.configuration, next);
    this.configuration = next;
    this.suspects.limit(this.suspectLimits());
    // Whoever asked is answered before the process that carries the answer is replaced.
    if (needsRestart) setImmediate(() => void this.restart());
    else setImmediate(() => void this.inTurn(() => this.resizeWorkers([])));
    const lines = needsRestart ? ['processes are being replaced, one after the other'] : [];
    return { time: Date.now(), taken: true, version: next.version, lines };
  }

  private async restartNow(): Promise<readonly string[]> {
    const failures: string[] = [];
    await this.resizeWorkers(failures);
    const { graceMs } = this.settings();
    for (const slot of [...this.workers, this.admin]) {
      if (this.stopped !== null) break;
      const done = slot === this.admin ? slot.exchange(graceMs) : slot.replace(graceMs);
      await done.catch((error: Error) => {
        failures.push(`${slot.role} ${slot.number} was not replaced: ${error.message}`);
      });
    }
    if (failures.length > 0) this.log.error({ failures }, 'restart incomplete');
    else this.log.info('all processes restarted');
    return failures;
  }

  /** As many workers as the settings want; what did not start is added to `failures` and told. */
  private async resizeWorkers(failures: string[]): Promise<void> {
    const wanted = workerCount(this.settings());
    if (wanted === this.workers.length || this.stopped !== null) return;
    const { graceMs } = this.settings();
    for (const slot of this.workers.slice(wanted)) {
      this.retired.add(slot);
      void slot.close('drain', graceMs).then(() => this.retired.delete(slot));
    }
    const added = this.newWorkers(this.workers.length, wanted);
    this.workers = [...this.workers.slice(0, wanted), ...added];
    for (const slot of added) {
      // A worker that does not start is tried again by its slot, which tells of it.
      await slot.open().catch((error: Error) => failures.push(`worker ${slot.number} did not start: ${error.message}`));
    }
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // A process that died before it wrote its life file leaves none.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
