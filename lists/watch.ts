// The health of all lists, and the two alerts about them. Takes the lists of one version of the settings; says of each
// alert what holds now, naming every list concerned. Raising twice is harmless, so each process does it for itself.
import type { Clock } from '../outside/clock.js';
import type { Resolver } from '../outside/resolver.js';
import { ListHealth } from './health.js';
import type { List } from './list.js';

/** A list of the stage is suspended: dead, lists everything, or refuses us. */
export const ALERT_DEAD = 'dns-list-dead';
/** A list of the stage answered with an error. */
export const ALERT_ERROR = 'dns-list-error';

/** What the watch needs of the world. */
export interface WatchWorld {
  readonly clock: Clock;
  /** Raises or clears an alert of the catalogue. */
  alert(code: string, raised: boolean, detail: string): void;
}

export interface WatchOptions {
  /** Codes of the two alerts, of whoever asks the lists. */
  readonly alerts?: { readonly dead: string; readonly error: string };
  readonly testEveryMs: number;
  readonly retestMs: number;
}

export class ListWatch {
  readonly healths: readonly ListHealth[];
  readonly #suspended = new Map<string, string>();
  readonly #erring = new Map<string, string>();
  readonly #untold: Set<List>;
  readonly #codes: { readonly dead: string; readonly error: string };

  constructor(
    lists: readonly List[],
    resolver: Resolver,
    private readonly outside: WatchWorld,
    options: WatchOptions,
  ) {
    this.#untold = new Set(lists);
    this.#codes = options.alerts ?? { dead: ALERT_DEAD, error: ALERT_ERROR };
    const common = {
      resolver,
      clock: outside.clock,
      testEveryMs: options.testEveryMs,
      retestMs: options.retestMs,
      onBelief: (list: List, suspended: string | null) => this.#onBelief(list, suspended),
      onError: (list: List, error: string | null) => this.#onError(list, error),
    };
    this.healths = lists.map((list) => new ListHealth(list, common));
    if (lists.length > 0) return;
    // What was raised before the last list was taken off.
    outside.alert(this.#codes.dead, false, '');
    outside.alert(this.#codes.error, false, '');
  }

  /** Says again what is raised: for whoever keeps alerts and takes a new detail only after a while. */
  repeat(): void {
    if (this.#suspended.size > 0) this.outside.alert(this.#codes.dead, true, describe(this.#suspended));
    if (this.#erring.size > 0) this.outside.alert(this.#codes.error, true, describe(this.#erring));
  }

  close(): void {
    for (const health of this.healths) health.close();
  }

  #onBelief(list: List, suspended: string | null): void {
    this.#untold.delete(list);
    mark(this.#suspended, list, suspended);
    if (this.#suspended.size > 0) this.outside.alert(this.#codes.dead, true, describe(this.#suspended));
    // Cleared only when every list has been looked at: an alert of the run before may speak of one that has not.
    else if (this.#untold.size === 0) this.outside.alert(this.#codes.dead, false, '');
  }

  #onError(list: List, error: string | null): void {
    mark(this.#erring, list, error);
    this.outside.alert(this.#codes.error, this.#erring.size > 0, describe(this.#erring));
  }
}

function mark(map: Map<string, string>, { name }: List, text: string | null): void {
  if (text === null) map.delete(name);
  else map.set(name, text);
}

function describe(map: ReadonlyMap<string, string>): string {
  return [...map].map(([name, text]) => `${name}: ${text}`).join('; ');
}
