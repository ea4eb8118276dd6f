// What the front listener needs of the world, and what it offers: the contract with the program that runs it.
import type { AttachedFiles } from '../config/attached.js';
import type { Clock } from '../outside/clock.js';
import type { Resolver } from '../outside/resolver.js';
import type { State } from '../state/state.js';
import type { ScreenEvent } from './event.js';
import type { ScreenSettings, TestAction } from './settings.js';

/** What an access list says of an address; null = nothing. */
export type AccessWord = 'permit' | { readonly deny: TestAction } | null;

export interface ScreenDeps {
  readonly clock: Clock;
  readonly resolver: Resolver;
  /** Where passes are remembered; null, or failing: every client is tested each time. */
  readonly state: State | null;
  /** Texts of the files that settings name. */
  readonly files: AttachedFiles;
  /** Asked before the lists of the settings. Must not throw or wait. */
  access(address: string): AccessWord;
  log(event: ScreenEvent): void;
  /** Raises or clears an alert of the catalogue. */
  alert(code: string, raised: boolean, detail: string): void;
}

/** Counters since the start, and the state now. */
export interface ScreenStats {
  /** Connections taken. */
  readonly accepted: number;
  /** Refused by a test or a list of networks, at once or at RCPT; each connection once. */
  readonly refused: number;
  /** Turned away by a bound. */
  readonly limited: number;
  /** Handed to the MTA. */
  readonly handedOn: number;
  readonly passedNew: number;
  readonly passedOld: number;
  /** Open now: all, under test, waiting for the MTA, joined to the MTA. */
  readonly connections: number;
  readonly screened: number;
  readonly handoffs: number;
  readonly spliced: number;
  /** Whether stress mode is on. */
  readonly stress: boolean;
}

export interface Screen {
  /** Opens all listeners; rejects when one cannot be opened (those already open are closed again). */
  listen(): Promise<void>;
  /** The addresses really listened on, in the form of the `listen` setting, those for balancers last. */
  readonly addresses: readonly string[];
  /** New settings for connections from now on, but for the listeners and limits of descriptors. Throws for a bad file. */
  take(settings: ScreenSettings, files: AttachedFiles): void;
  /** No new connections; whatever is left after `graceMs` is cut off, clients under test with 421. */
  close(graceMs: number): Promise<void>;
  stats(): ScreenStats;
}
