// New settings for running processes, in two steps: every process prepares them, and only when all can, all take them.
// One that cannot, or does not answer in time, leaves the old settings in force everywhere.
import { STAGES } from '../filters/index.js';
import { forwardingSection } from '../gateway/forward-settings.js';
import { encapsulationSection, marksSection } from '../gateway/mark-settings.js';
import { noticesSection } from '../gateway/notice-settings.js';
import { sealingSection } from '../gateway/sealing-settings.js';
import { directionsSection } from '../gateway/settings.js';
import { pipelineSection, verdictSection } from '../pipeline/settings.js';
import type { Configuration } from '../config/load.js';
import type { NamedFile } from '../config/attached.js';
import { formatProblem, type Problem } from '../config/problem.js';
import type { Section } from '../config/section.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { POLICY_SECTION } from '../policy/settings.js';
import { SCREEN_SECTION } from '../screen/settings.js';
import type { Child } from './child.js';
import { processesSection } from './processes-settings.js';
import { resolverSection } from './resolver-settings.js';
import { countriesSection } from './countries-settings.js';
import { stateOf } from './process-stores.js';
import type { Report, SettingsText } from './process-messages.js';
import { SECTIONS } from './sections.js';
import { loadSettings, settingsText } from './settings.js';
import { storageSection } from './storage-settings.js';

/** How long the processes may take to prepare, ms. */
export const PREPARE_MS = 30_000;

/** Sections that running processes take; every other one is read at the start of a process. */
const LIVE_SECTIONS: ReadonlySet<string> = new Set([
  ...[
    countriesSection,
    directionsSection,
    pipelineSection,
    processesSection,
    resolverSection,
    SCREEN_SECTION,
    verdictSection,
  ].map(({ name }) => name),
  ...[marksSection, encapsulationSection, sealingSection, noticesSection, forwardingSection].map(({ name }) => name),
  ...STAGES.map(({ spec }) => spec.name),
]);

/** Keys that hold from start to stop, since sockets, rights and files are made by them once. */
const FIXED_KEYS: readonly { readonly section: Section; readonly keys: readonly string[] }[] = [
  { section: storageSection, keys: ['dir'] },
  { section: MILTER_SECTION, keys: ['listen', 'socketMode', 'socketGroup'] },
  { section: POLICY_SECTION, keys: ['enabled', 'listen', 'socketMode', 'socketGroup'] },
  { section: SCREEN_SECTION, keys: ['enabled', 'listen', 'listenProxied'] },
  { section: processesSection, keys: ['user', 'group'] },
];

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Not ok: what speaks against it, and the files whose change may make it good. */
export type ReadNext =
  | { readonly ok: true; readonly next: Configuration }
  | { readonly ok: false; readonly lines: readonly string[]; readonly named: readonly NamedFile[] };

/** Reads the configuration file again. Not ok: what speaks against taking it while the server runs, a line each. */
export function readNext(file: string | undefined, current: Configuration): ReadNext {
  const loaded = loadSettings(file);
  if (!loaded.ok) return { ok: false, lines: loaded.problems.map(formatProblem), named: loaded.named };
  const next = loaded.configuration;
  const lines = [...findFixedChanges(current, next), ...findNewComplaints(current, next).map(formatProblem)];
  return lines.length > 0 ? { ok: false, lines, named: next.named } : { ok: true, next };
}

/** What is wrong in the files now and was not before: a rule file that got worse is not taken while a better one runs. */
function findNewComplaints(current: Configuration, next: Configuration): readonly Problem[] {
  if (next.version === current.version) return [];
  const keyOf = ({ file, message }: Problem): string => JSON.stringify([file, message]);
  const known = new Set(current.complaints().map(keyOf));
  return next.complaints().filter((complaint) => !known.has(keyOf(complaint)));
}

/** What the new settings would change that cannot change while the server runs, a line each. */
function findFixedChanges(current: Configuration, next: Configuration): readonly string[] {
  return FIXED_KEYS.flatMap(({ section, keys }) => {
    const before: Readonly<Record<string, unknown>> = current.section(section);
    const after: Readonly<Record<string, unknown>> = next.section(section);
    const changed = keys.filter((key) => !isSame(before[key], after[key]));
    return changed.map((key) => `${section.name}.${key} can only change with a full stop and start`);
  });
}

/** Whether a section changed that a process reads at its start only. */
export function needsNewProcesses(current: Configuration, next: Configuration): boolean {
  const hasChanged = SECTIONS.some(
    (section) => !LIVE_SECTIONS.has(section.name) && !isSame(current.section(section), next.section(section)),
  );
  return hasChanged || !isSame(stateOf(current), stateOf(next));
}

/** Speaks to the processes and collects what they answer. */
export class Rollout {
  private lastId = 0;
  private readonly waiting = new Map<string, (objection: string | null) => void>();

  /** Gives every objection; none means that all have taken the settings. */
  async run(children: readonly Child[], settings: Configuration): Promise<readonly string[]> {
    this.lastId += 1;
    const id = this.lastId;
    const text = settingsText(settings);
    const answers = await Promise.all(children.map((child) => this.prepare(child, id, text)));
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
      child.tell({ kind: 'prepare', id, ...settings });
    });
  }

  private answer(child: Child, id: number, objection: string | null): void {
    const key = `${child.pid} ${id}`;
    this.waiting.get(key)?.(objection);
    this.waiting.delete(key);
  }
}
