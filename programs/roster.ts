// The places under the supervisor: one for the admin process, as many for scan workers as the settings want, one for the
// front listener where it is on. Opens them, replaces what is in them one after the other, ends them. What a process says
// or dies of is no matter here.
import type { Configuration } from '../config/load.js';
import type { Child } from './child.js';
import { SCREEN_SECTION } from '../screen/settings.js';
import { processesSection, workerCount } from './processes-settings.js';
import { Slot, type SlotHooks } from './slot.js';

/** What sessions handed to the MTA may still take at a stop once the workers have answered all they had in hand, ms. */
export const SPLICE_END_MS = 1_000;

export class Roster {
  readonly admin: Slot;
  /** The front listener; null where it is off. */
  readonly screen: Slot | null;
  private current: Slot[] = [];
  /** Slots given up by a smaller number of workers, until their processes are gone. */
  private readonly retired = new Set<Slot>();
  private closing = false;

  /** `configuration` gives what is in force. */
  constructor(
    private readonly configuration: () => Configuration,
    private readonly hooks: SlotHooks,
  ) {
    this.admin = new Slot('admin', 0, hooks);
    this.screen = configuration().section(SCREEN_SECTION).enabled ? new Slot('screen', 1, hooks) : null;
  }

  get workers(): readonly Slot[] {
    return this.current;
  }

  /** Admin process, workers, those that are given up, the front listener. */
  slots(): readonly Slot[] {
    return [this.admin, ...this.current, ...this.retired, ...this.front()];
  }

  children(): readonly Child[] {
    return this.slots().flatMap((slot) => slot.children());
  }

  /** Starts the admin process, then all workers, then what lets mail in; rejects with the reason of one that is never ready. */
  async open(): Promise<void> {
    await this.admin.open();
    this.current = this.newWorkers(0, workerCount(this.settings()));
    await Promise.all(this.current.map((slot) => slot.open()));
    await this.screen?.open();
  }

  /** Ends all processes, the admin process last; nothing starts any more. */
  async close(graceMs: number): Promise<void> {
    this.closing = true;
    void this.screen?.close('stop', graceMs);
    await Promise.all([...this.current, ...this.retired].map((slot) => slot.close('stop', graceMs)));
    await this.screen?.close('stop', Math.min(graceMs, SPLICE_END_MS));
    await this.admin.close('stop', graceMs);
  }

  /** Kills every process at once. */
  abandon(): void {
    for (const slot of this.slots()) {
      void slot.close('stop', 0);
      for (const child of slot.children()) child.kill('stopped without grace');
    }
  }

  /** Replaces every process, one after the other, new workers ready before old ones go. Gives what did not succeed. */
  async replaceAll(): Promise<readonly string[]> {
    const failures = [...(await this.resize())];
    const { graceMs } = this.settings();
    for (const slot of [...this.current, ...this.front(), this.admin]) {
      if (this.closing) break;
      const done = slot === this.admin ? slot.exchange(graceMs) : slot.replace(graceMs);
      await done.catch((error: Error) => {
        failures.push(`${slot.role} ${slot.number} was not replaced: ${error.message}`);
      });
    }
    return failures;
  }

  /** As many workers as the settings want. Gives what did not start. */
  async resize(): Promise<readonly string[]> {
    const failures: string[] = [];
    const wanted = workerCount(this.settings());
    if (wanted === this.current.length || this.closing) return failures;
    const { graceMs } = this.settings();
    for (const slot of this.current.slice(wanted)) {
      this.retired.add(slot);
      void slot.close('drain', graceMs).then(() => this.retired.delete(slot));
    }
    const added = this.newWorkers(this.current.length, wanted);
    this.current = [...this.current.slice(0, wanted), ...added];
    for (const slot of added) {
      // A worker that does not start is tried again by its slot, which tells of it.
      await slot.open().catch((error: Error) => failures.push(`worker ${slot.number} did not start: ${error.message}`));
    }
    return failures;
  }

  private front(): readonly Slot[] {
    return this.screen === null ? [] : [this.screen];
  }

  private settings() {
    return this.configuration().section(processesSection);
  }

  private newWorkers(from: number, to: number): Slot[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, index) => {
      return new Slot('worker', from + index + 1, this.hooks);
    });
  }
}
