// New settings for running processes, in two steps: every process prepares them, and only when all can, all take them.
// One that cannot, or does not answer in time, leaves the old settings in force everywhere.
import { STAGES } from '../filters/index.js';
import { directionsSection, noticesSection } from '../gateway/settings.js';
import { pipelineSection, verdictSection } from '../pipeline/settings.js';
import type { Configuration } from '../config/load.js';
import type { Child } from './child.js';
import { processesSection } from './processes-settings.js';
import type { Report, SettingsText } from './process-messages.js';

/** How long the processes may take to prepare, ms. */
export const PREPARE_MS = 30_000;

/** Sections that running processes take; every other one is read at the start of a process. */
const LIVE_SECTIONS: ReadonlySet<string> = new Set([
  ...[directionsSection, noticesSection, pipelineSection, processesSection, verdictSection].map(({ name }) => name),
  ...STAGES.map(({ spec }) => spec.name),
]);

export function isLive(section: string): boolean {
  return LIVE_SECTIONS.has(section);
}

/** Speaks to the processes and collects what they answer. */
export class Rollout {
  private lastId = 0;
  private readonly waiting = new Map<string, (objection: string | null) => void>();

  /** Gives every objection; none means that all have taken the settings. */
  async run(children: readonly Child[], settings: Configuration): Promise<readonly string[]> {
    this.lastId += 1;
    const id = this.lastId;
    const answers = await Promise.all(children.map((child) => this.prepare(child, id, settings)));
    const objections = [...new Set(answers.filter((answer) => answer !== null))];
    const kind = objections.length === 0 ? 'commit' : 'cancel';
    for (const child of children) {
      child.tell({ kind, id });
      if (kind === 'commit') child.version = settings.version;
    }
    return objections;
  }

  /** To be called with every report of a process. */
  hear(child: Child, report: Report): void {
    if (report.kind === 'prepared') this.answer(child, report.id, report.objection);
  }

  /** A process that died has no objection: its successor starts on what is in force then. */
  lost(child: Child): void {
    this.answer(child, this.lastId, null);
  }

  private prepare(child: Child, id: number, settings: SettingsText): Promise<string | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.answer(child, id, `process ${child.pid} did not prepare within ${PREPARE_MS} ms`),
        PREPARE_MS,
      );
      this.waiting.set(`${child.pid} ${id}`, (objection) => {
        clearTimeout(timer);
        resolve(objection);
      });
      child.tell({ kind: 'prepare', id, text: settings.text, file: settings.file });
    });
  }

  private answer(child: Child, id: number, objection: string | null): void {
    const key = `${child.pid} ${id}`;
    this.waiting.get(key)?.(objection);
    this.waiting.delete(key);
  }
}
