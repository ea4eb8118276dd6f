// The supervisor: holds the listening sockets and the settings in force, has a fleet of processes kept alive on them, and
// remembers which messages were in hand when one died. It touches no mail and opens no store.
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import type { NamedFile } from '../config/attached.js';
import { directionsSection } from '../gateway/settings.js';
import type { TextLog } from '../logs/text-log.js';
import { serveControl, type ControlServer } from './control.js';
import { countriesSection } from './countries-settings.js';
import { FileWatch, type FileChange } from './file-watch.js';
import { Fleet } from './fleet.js';
import { takeLives } from './in-flight.js';
import { listenersFor, listenRequests } from './listening.js';
import { openListeners, type Listener } from './listeners.js';
import { becomeIdentity, findIdentity, makePrivateDirectory } from './privileges.js';
import type { ReloadResult, ServerStatus } from './process-messages.js';
import { processesSection, workerCount, type ProcessesSettings } from './processes-settings.js';
import { needsNewProcesses, readNext, type ReadNext } from './reload.js';
import { storageSection } from './storage-settings.js';
import { Suspects } from './suspects.js';
import { VERSION } from './version.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

const MS_PER_HOUR = 3_600_000;

export class Supervisor {
  private readonly startedAt = Date.now();
  private readonly runDir: string;
  private readonly suspects: Suspects;
  private readonly fleet: Fleet;
  private listeners: readonly Listener[] = [];
  private lock: ControlServer | null = null;
  private watchdog: Watchdog | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  private lastReload: ReloadResult | null = null;
  /** Files named by settings that were refused: a change there may make them good. */
  private refused: readonly NamedFile[] = [];
  private readonly watch = new FileWatch({
    paths: () => this.watchedPaths(),
    onChange: (change) => this.filesChanged(change),
  });
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
    this.fleet = this.makeFleet();
  }

  /** Starts everything; resolves when all processes are ready. Rejects, with everything closed again, when one cannot start. */
  async start(): Promise<void> {
    try {
      await this.prepareGround();
      await this.fleet.roster.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.watch.start();
    this.watchdog = startWatchdog(
      () => this.fleet.roster.children(),
      () => this.settings().watchdogMs,
    );
  }

  /** Reads the configuration and the files it names again; never rejects. */
  reload(): Promise<ReloadResult> {
    return this.inTurn(async () => {
      // Before they are read: what changes meanwhile is seen afterwards.
      await this.watch.note();
      return this.conclude(await this.reloadNow(readNext(this.file, this.configuration)));
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
    this.fleet.roster.abandon();
  }

  status(): ServerStatus {
    return {
      pid: process.pid,
      program: VERSION,
      startedAt: this.startedAt,
      file: this.configuration.file,
      version: this.configuration.version,
      listen: this.listeners.map(({ address }) => address),
      workersWanted: workerCount(this.settings()),
      processes: this.fleet.statuses(),
      crashes: this.fleet.crashes,
      suspects: this.suspects.current(Date.now()).length,
      reload: this.lastReload,
    };
  }

  private makeFleet(): Fleet {
    return new Fleet({
      runDir: this.runDir,
      log: this.log,
      configuration: () => this.configuration,
      listeners: (role) => listenersFor(role, this.listeners),
      suspects: () => this.suspects.current(Date.now()),
      onSuspects: (identities) => this.makeSuspect(identities),
      onCleared: (identity) => this.clearSuspect(identity),
      onAsk: (what) => (what === 'status' ? Promise.resolve(this.status()) : this.reload()),
    });
  }

  private settings(): ProcessesSettings {
    return this.configuration.section(processesSection);
  }

  private suspectLimits() {
    const { suspectsMax, suspectHours } = this.configuration.section(processesSection);
    return { countMax: suspectsMax, keepMs: suspectHours * MS_PER_HOUR };
  }

  private conclude(result: ReloadResult): ReloadResult {
    this.lastReload = result;
    if (result.taken) this.log.info({ version: result.version, notes: result.lines }, 'settings in force');
    else this.log.error({ version: result.version, problems: result.lines }, 'new settings refused, the old stay');
    this.fleet.alert('settings-refused', !result.taken, result.lines.join('; '));
    return result;
  }

  private watchedPaths(): readonly NamedFile[] {
    const { configuration } = this;
    if (!this.settings().watchFiles) return [];
    const plain = [
      this.file ?? '',
      configuration.section(directionsSection).ownDomainsFile,
      configuration.section(countriesSection).file,
    ];
    const own = plain.filter((path) => path !== '').map((path) => ({ path, suffix: '' }));
    return [...own, ...configuration.named, ...this.refused];
  }

  /** Files that are watched for the first time were read a moment ago: only if they have changed since is there news. */
  private filesChanged({ changed }: FileChange): Promise<unknown> {
    return this.inTurn(async () => {
      if (this.stopped !== null) return;
      const read = readNext(this.file, this.configuration);
      const isKnown = this.lastReload?.taken !== false && read.ok && read.next.version === this.configuration.version;
      if (changed.length === 0 && isKnown) return;
      this.log.info({ files: changed }, 'files have changed, settings are read again');
      this.conclude(await this.reloadNow(read));
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    // Its caller sees the failure; those behind it take their turn all the same.
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async stopNow(): Promise<void> {
    this.watch.close();
    this.watchdog?.close();
    const { graceMs } = this.settings();
    // At once: a connection that nobody will take is better refused than left waiting.
    for (const listener of this.listeners) listener.close();
    await this.fleet.roster.close(graceMs);
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
    this.listeners = await openListeners(listenRequests(this.configuration));
    if (identity !== null) becomeIdentity(identity);
    else if (process.getuid?.() === 0) this.log.warn('runs as root: set processes.user');
    const complaint = this.suspects.load(Date.now());
    if (complaint !== null) this.log.error(complaint);
    this.takeOldLives();
  }

  /** A run that ended without burying its processes (power, kill of all): what they had in hand is suspect. */
  private takeOldLives(): void {
    const identities = takeLives(this.runDir);
    if (identities.length === 0) return;
    this.log.warn({ suspects: identities.length }, 'an earlier run ended with messages in hand');
    this.makeSuspect(identities);
  }

  private makeSuspect(identities: readonly string[]): void {
    try {
      this.suspects.add(identities, Date.now());
    } catch (error) {
      this.log.error({ err: error }, 'suspects could not be written: they hold until the supervisor ends');
    }
    this.fleet.tellSuspects();
  }

  private clearSuspect(identity: string): void {
    try {
      this.suspects.clear(identity);
    } catch (error) {
      this.log.error({ err: error }, 'suspects could not be written: a cleared one may be tried alone again');
    }
    this.fleet.tellSuspects();
  }

  private async reloadNow(read: ReadNext): Promise<ReloadResult> {
    const refuse = (lines: readonly string[]): ReloadResult => {
      return { time: Date.now(), taken: false, version: this.configuration.version, lines };
    };
    if (this.stopped !== null) return refuse(['weir is stopping']);
    this.refused = read.ok ? [] : read.named;
    if (!read.ok) return refuse(read.lines);
    const { next } = read;
    const objections = await this.fleet.take(next);
    if (objections.length > 0) {
      this.refused = next.named;
      return refuse(objections);
    }
    const needsRestart = needsNewProcesses(this.configuration, next);
    this.configuration = next;
    this.suspects.limit(this.suspectLimits());
    // Whoever asked is answered before the process that carries the answer is replaced.
    if (needsRestart) setImmediate(() => void this.restart());
    else setImmediate(() => void this.inTurn(() => this.fleet.roster.resize()));
    const lines = needsRestart ? ['processes are being replaced, one after the other'] : [];
    return { time: Date.now(), taken: true, version: next.version, lines };
  }

  private async restartNow(): Promise<readonly string[]> {
    const failures = await this.fleet.roster.replaceAll();
    if (failures.length > 0) this.log.error({ failures }, 'restart incomplete');
    else this.log.info('all processes restarted');
    return failures;
  }
}
