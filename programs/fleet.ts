// Life and death of the processes under the supervisor: starts each, hears what it reports, tells it what has changed,
// buries it. What follows from a death for mail (its suspects) and what is in force are for the supervisor.
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import type { AlertCode } from '../logs/alerts.js';
import type { TextLog } from '../logs/text-log.js';
import { AlertPost } from './alert-post.js';
import { Child, type Death } from './child.js';
import type { HandedListener, Order, ProcessStatus, Report, Role } from './process-messages.js';
import { processesSection } from './processes-settings.js';
import { Rollout } from './reload.js';
import { Roster } from './roster.js';
import { settingsText } from './settings.js';
import { ROW_MAX, type Slot, type SlotHooks } from './slot.js';
import { UNPROCESSABLE_ALERT } from './unprocessable-alert.js';

/** Raised when a process of the role died, cleared when the next one has lived long enough. */
const DEATH_ALERTS: Readonly<Record<Role, AlertCode>> = {
  worker: 'worker-died',
  admin: 'admin-died',
  screen: 'screen-died',
};

export interface FleetDeps {
  /** Where life files go. */
  readonly runDir: string;
  readonly log: TextLog;
  /** What is in force: new processes start on it. */
  readonly configuration: () => Configuration;
  /** The listening sockets of a role. */
  readonly listeners: (role: Role) => readonly HandedListener[];
  readonly suspects: () => readonly string[];
  /** A process died with these messages in hand. */
  readonly onSuspects: (identities: readonly string[]) => void;
  /** A suspect was scanned alone and survived. */
  readonly onCleared: (identity: string) => void;
  /** A process asks; what this gives is its answer. */
  readonly onAsk: (what: 'status' | 'reload') => Promise<unknown>;
}

export class Fleet {
  readonly roster: Roster;
  private readonly rollout = new Rollout();
  private readonly post: AlertPost;
  private lives = 0;
  private deaths = 0;

  constructor(private readonly deps: FleetDeps) {
    this.roster = new Roster(deps.configuration, this.slotHooks());
    this.post = new AlertPost(() => this.roster.admin.active);
  }

  /** Processes that ended unasked since the start. */
  get crashes(): number {
    return this.deaths;
  }

  statuses(): readonly ProcessStatus[] {
    const now = performance.now();
    return this.roster.slots().flatMap((slot) => slot.statuses(now));
  }

  /** Raises or clears an alert through the admin process. */
  alert(code: string, raised: boolean, detail: string): void {
    this.post.send(code, raised, detail);
  }

  /** Tells all workers which messages are suspect now. */
  tellSuspects(): void {
    const order: Order = { kind: 'suspects', identities: this.deps.suspects() };
    for (const child of this.roster.workers.flatMap((slot) => slot.children())) child.tell(order);
  }

  /** New settings for all processes that are ready; gives their objections, and with any, none takes them. */
  take(settings: Configuration): Promise<readonly string[]> {
    const active = this.roster.slots().flatMap((slot) => slot.active ?? []);
    return this.rollout.run(active, settings);
  }

  private slotHooks(): SlotHooks {
    return {
      launch: (slot) => this.launch(slot),
      onLoss: (slot, death, row, waitMs) => this.mourn(slot, death, row, waitMs),
      onSteady: (slot) => {
        if (slot.role !== 'worker') this.alert(DEATH_ALERTS[slot.role], false, '');
        else if (this.roster.workers.every((other) => !other.isUnsteady)) {
          this.alert('worker-died', false, '');
          this.alert('worker-restarting', false, '');
        }
      },
    };
  }

  private launch(slot: Slot): Child {
    this.lives += 1;
    const life = join(this.deps.runDir, `${slot.role}-${slot.number}-${this.lives}.life`);
    const configuration = this.deps.configuration();
    const { readyMs } = configuration.section(processesSection);
    const start = { number: slot.number, life, suspects: this.deps.suspects(), ...settingsText(configuration) };
    return new Child(slot.role, start, this.deps.listeners(slot.role), readyMs, {
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
    else if (report.kind === 'cleared') this.deps.onCleared(report.identity);
    // Through the admin process, which clears it too: an alert is raised and cleared by one and the same process.
    else if (report.kind === 'condemned') this.alert(UNPROCESSABLE_ALERT, true, report.detail);
    else if (report.kind === 'ask') {
      void this.deps.onAsk(report.what).then((result) => child.tell({ kind: 'answer', id: report.id, result }));
    }
  }

  /** A process that started while settings changed is brought up to date; a new admin process gets what was to be told. */
  private welcome(child: Child): void {
    const configuration = this.deps.configuration();
    this.deps.log.info(
      { role: child.role, number: child.number, child: child.pid, version: child.version },
      'process ready',
    );
    if (child.version !== configuration.version) void this.rollout.run([child], configuration);
    if (child.role === 'admin') this.post.deliver(child);
  }

  private bury(child: Child, death: Death): void {
    this.rollout.lost(child);
    const facts = { role: child.role, number: child.number, child: child.pid, reason: death.reason };
    if (death.orderly) this.deps.log.info(facts, 'process ended');
    else this.deps.log.error({ ...facts, inHand: death.identities.length }, 'process died');
    if (death.identities.length > 0) this.deps.onSuspects(death.identities);
  }

  private mourn(slot: Slot, death: Death, row: number, waitMs: number): void {
    if (!death.orderly) this.deaths += 1;
    this.deps.log.warn({ role: slot.role, number: slot.number, row, waitMs }, 'process will be replaced');
    if (death.orderly) return;
    this.alert(DEATH_ALERTS[slot.role], true, death.reason);
    if (row >= ROW_MAX && slot.role === 'worker') {
      this.alert('worker-restarting', true, `${row} deaths in a row, next start in ${waitMs} ms: ${death.reason}`);
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
