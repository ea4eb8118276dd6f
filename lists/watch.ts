// The health of all lists, and the two alerts about them. Takes the lists of one version of the settings; says of each
// alert what holds now, naming every list concerned. Raising twice is harmless, so each process does it for itself.
import type { Clock } from '../outside/clock.js';
import type { Resolver } from '../outside/resolver.js';
import { ListHealth } from './health.js';
import type { List } from './list.js';

/** A list is suspended: dead, lists everything, or refuses us. */
export const ALERT_DEAD = 'dns-list-dead';
/** A list answered a question about a message with an error. */
export const ALERT_ERROR = 'dns-list-error';

/** What the watch needs of the world. */
export interface WatchWorld {
  readonly clock: Clock;
  /** Raises or clears an alert of the catalogue. */
  alert(code: string, raised: boolean, detail: string): void;
}

export interface WatchOptions {
  readonly testEveryMs: number;
  readonly retestMs: number;
}

export class ListWatch {
  readonly healths: readonly ListHealth[];
  readonly #suspended = new Map<string, string>();
  readonly #erring = new Map<string, string>();
  readonly #untold: Set<List>;

  constructor(
    lists: readonly List[],
    resolver: Resolver,
    private readonly outside: WatchWorld,
    options: WatchOptions,
  ) {
    this.#untold = new Set(lists);
    const common = {
      resolver,
      clock: outside.clock,
      ...options,
      onBelief: (list: List, suspended: string | null) => this.#onBelief(list, suspended),
      onError: (list: List, error: string | null) => this.#onError(list, error),
    };
    this.healths = lists.map((list) => new ListHealth(list, common));
    if (lists.length > 0) return;
    // What was raised before the last list was taken off.
    outside.alert(ALERT_DEAD, false, '');
    outside.alert(ALERT_ERROR, false, '');
  }

  /** Says again what is raised: for whoever keeps alerts and takes a new detail only after a while. */
  repeat(): void {
    if (this.#suspended.size > 0) this.outside.alert(ALERT_DEAD, true, describe(this.#suspended));
    if (this.#erring.size > 0) this.outside.alert(ALERT_ERROR, true, describe(this.#erring));
  }

  close(): void {
    for (const health of this.healths) health.close();
  }

  #onBelief(list: List, suspended: string | null): void {
    this.#untold.delete(list);
    mark(this.#suspended, list, suspended);
    if (this.#suspended.size > 0) this.outside.alert(ALERT_DEAD, true, describe(this.#suspended));
    // Cleared only when every list has been looked at: an alert of the run before may speak of one that has not.
    else if (this.#untold.size === 0) this.outside.alert(ALERT_DEAD, false, '');
  }

  #onError(list: List, error: string | null): void {
    mark(this.#erring, list, error);
    this.outside.alert(ALERT_ERROR, this.#erring.size > 0, describe(this.#erring));
  }
}

function mark(map: Map<string, string>, { name }: List, text: string | null): void {
  if (text === null) map.delete(name);
  else map.set(name, text);
}

function describe(map: ReadonlyMap<string, string>): string {
  return [...map].map(([name, text]) => `${name}: ${text}`).join('; ');
}
