// The settings in force, and the way to others: reads the file again on request, asks those who must be able to live
// with the new settings, then tells everybody. A file that is bad, or that somebody cannot take, changes nothing.
import type { Configuration, Loaded } from './load.js';
import { formatProblem, type Problem } from './problem.js';

/** Runs before a change; throwing refuses the new settings (a rule file that does not parse, a port that is taken). */
export type Preparation = (next: Configuration, current: Configuration) => Promise<void> | void;
/**
 * Runs after every good reload, also when no key changed: files that settings name (rules, lists) may have. Compare
 * `version` to tell. One that throws is reported in the outcome; the others are told all the same.
 */
export type Listener = (next: Configuration, previous: Configuration) => Promise<void> | void;

/** What became of one request to reload. */
export type ReloadOutcome =
  | {
      readonly kind: 'loaded';
      readonly version: string;
      readonly previous: string;
      readonly failures: readonly string[];
    }
  /** The old settings stay in force. */
  | { readonly kind: 'refused'; readonly version: string; readonly problems: readonly Problem[] };

/** Holds the settings in force. Requests are served one after another. */
export class ConfigurationHolder {
  private readonly preparations = new Set<Preparation>();
  private readonly listeners = new Set<Listener>();
  private queue: Promise<unknown> = Promise.resolve();

  /** `load` gives what the file says now; it must not throw. */
  constructor(
    private configuration: Configuration,
    private readonly load: () => Loaded,
  ) {}

  get current(): Configuration {
    return this.configuration;
  }

  /** Both return the way to take it back. */
  prepare(preparation: Preparation): () => void {
    this.preparations.add(preparation);
    return () => this.preparations.delete(preparation);
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Never rejects. */
  reload(): Promise<ReloadOutcome> {
    const outcome = this.queue.then(() => this.reloadNow());
    this.queue = outcome;
    return outcome;
  }

  private async reloadNow(): Promise<ReloadOutcome> {
    const previous = this.configuration;
    const loaded = this.load();
    if (!loaded.ok) return { kind: 'refused', version: previous.version, problems: loaded.problems };
    const next = loaded.configuration;
    const objections = await runAll(this.preparations, next, previous);
    if (objections.length > 0) {
      const file = next.file ?? 'embedded defaults';
      const problems = objections.map((message) => ({ file, line: 0, column: 0, message }));
      return { kind: 'refused', version: previous.version, problems };
    }
    this.configuration = next;
    const failures = await runAll(this.listeners, next, previous);
    return { kind: 'loaded', version: next.version, previous: previous.version, failures };
  }
}

/** Runs each in the order of its registration; gives the messages of those that threw. */
async function runAll(
  steps: ReadonlySet<Preparation>,
  next: Configuration,
  current: Configuration,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const step of [...steps]) {
    try {
      await step(next, current);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  return faults;
}

/** One or more lines for a log or a terminal: what happened, and which settings are in force now. */
export function describeOutcome(outcome: ReloadOutcome): readonly string[] {
  if (outcome.kind === 'refused') {
    const first = `new settings refused, version ${outcome.version} stays in force:`;
    return [first, ...outcome.problems.map(formatProblem)];
  }
  const same = outcome.version === outcome.previous;
  const first = same
    ? `settings read again: no key changed, version ${outcome.version}`
    : `settings changed: version ${outcome.version} in force, before ${outcome.previous}`;
  return [first, ...outcome.failures.map((failure) => `after the reload: ${failure}`)];
}
